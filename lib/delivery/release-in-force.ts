import type { Plan } from "../plan/plan.ts";
import type { HelmRelease, Stage } from "../stages/stage.ts";
import { positionOf } from "./transitions.ts";

/** The Helm release that the engines have to hold in the cluster now. */
export interface ReleaseInForce {
  readonly release: HelmRelease;
  /** The stage whose values these are. */
  readonly stageId: string;
  /** Whether the stage that installed it is rolling back: the engine must let go of it before the stage's Job removes it. */
  readonly isSuspended: boolean;
}

/**
 * Which release the stages' states ask for: that of the last stage with a release that is open or done.
 *
 * A stage with a release that rolls back, or is held again, falls back to the release before it; where there is none, its
 * own release stays, suspended. `undefined` while no stage with a release was ever opened.
 * `releases` is keyed by stage id.
 */
export function releaseInForce(
  plan: Plan,
  stages: readonly Stage[],
  releases: ReadonlyMap<string, HelmRelease>,
): ReleaseInForce | undefined {
  let found: ReleaseInForce | undefined;
  for (const stage of stages) {
    const release = releases.get(stage.id);
    const { state, wasOpened } = positionOf(plan, stage.id);
    if (release === undefined || !wasOpened) continue;
    if (state === "open" || state === "done") found = { release, stageId: stage.id, isSuspended: false };
    else found ??= { release, stageId: stage.id, isSuspended: true };
  }
  return found;
}
