import type { Plan } from "../plan/plan.ts";
import { positionOf } from "./transitions.ts";

/** What the engines' objects for one stage say. */
export interface EngineMode {
  /** Whether there is an object at all. */
  readonly isPresent: boolean;
  /** Whether Argo CD applies the stage by itself. */
  readonly argocdApplies: boolean;
  /** Whether Flux applies the stage; otherwise its Kustomization is suspended. */
  readonly fluxApplies: boolean;
  /** Whether Flux waits for the stage before. A rollback waits for nothing. */
  readonly fluxWaits: boolean;
  /** Whether they point at `undo/` instead of the stage. */
  readonly usesUndo: boolean;
}

/**
 * What a stage's state asks of the engines.
 *
 * | state | Argo CD | Flux |
 * |---|---|---|
 * | held, never opened | no object | no object |
 * | open | applies | applies when the stage before is ready |
 * | done | switched off | applies while the stage after is held or open, otherwise suspended |
 * | rollback | applies `undo/` | applies `undo/` at once |
 * | held again | switched off, at `undo/` | suspended, at `undo/` |
 *
 * An object that was there once stays: nothing prunes, so a file that went would leave its object in the cluster, at work. A
 * done stage is suspended in Flux when nobody waits for it any more, because later stages remove what earlier ones brought
 * (node configs, the bridge), and Flux would bring it back at the next commit. The last wave is suspended as soon as the
 * stage after it is opened, which deletes the waves' node configs.
 */
export function engineMode(plan: Plan, stageId: string, nextStageId: string | undefined): EngineMode {
  const { state, wasOpened } = positionOf(plan, stageId);
  const isActive = state === "open" || state === "rollback";
  const next = nextStageId === undefined ? undefined : positionOf(plan, nextStageId).state;
  const isAwaited = next === "held" || (next === "open" && !deletesFromPrevious(nextStageId));
  return {
    isPresent: wasOpened,
    argocdApplies: isActive,
    fluxApplies: isActive || (state === "done" && isAwaited),
    fluxWaits: state === "open",
    usesUndo: state === "rollback" || state === "held",
  };
}

/** Whether a stage deletes objects of the stage right before it: 800-finalise deletes the last wave's CiliumNodeConfig. */
function deletesFromPrevious(stageId: string | undefined): boolean {
  return stageId?.endsWith("-finalise") === true;
}
