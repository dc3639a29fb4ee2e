import { kubectlCommands, kubectlUndoCommands } from "./kubectl/apply-commands.ts";
import type { Command } from "./kubectl/command.ts";
import { stopCommands } from "./kubectl/stop-commands.ts";
import { type EngineName, watchCommands } from "./kubectl/watch-commands.ts";
import { type MergedStage, mergeEffects } from "./merge-effects.ts";

/** What a stage's page says of the engines: sentences and lines for a shell, ready to print. */
export interface StageCommands {
  /** What each engine does when the pull request is merged. */
  readonly onMerge: readonly string[];
  /** How the stage is applied without an engine. */
  readonly apply: readonly string[];
  readonly watch: readonly string[];
  readonly stop: readonly string[];
  /** How the stage is taken back without an engine; empty where it has nothing in `undo/`. */
  readonly undo: readonly string[];
}

const engineTitles: Readonly<Record<EngineName, string>> = { argocd: "Argo CD", flux: "Flux", kubectl: "kubectl" };

/**
 * Effects and commands of a stage for every engine of the plan. A held stage is described as if it were being opened: that is
 * the pull request that its reader decides about.
 */
export function stageCommands(merged: MergedStage): StageCommands {
  const stage = merged.stage.state === "held" ? { ...merged.stage, state: "open" as const } : merged.stage;
  const opened = { ...merged, stage };
  const { plan } = merged;
  const { engines } = plan.spec.delivery;
  return {
    onMerge: engines.flatMap((engine) =>
      mergeEffects(engine, opened).map((effect) =>
        engines.length > 1 ? `${engineTitles[engine]}: ${effect}` : effect,
      ),
    ),
    apply: lines(kubectlCommands(plan, stage, merged.release)),
    watch: byEngine(engines, (engine) => watchCommands(engine, plan, stage)),
    stop: byEngine(engines, (engine) => stopCommands(engine, plan, stage)),
    undo: lines(kubectlUndoCommands(plan, stage)),
  };
}

/** Commands under the engine that they are for, with a heading where there are several. */
function byEngine(
  engines: readonly EngineName[],
  commandsOf: (engine: EngineName) => readonly Command[],
): readonly string[] {
  return engines.flatMap((engine) => [
    ...(engines.length > 1 ? [`# with ${engineTitles[engine]}`] : []),
    ...lines(commandsOf(engine)),
  ]);
}

function lines(commands: readonly Command[]): readonly string[] {
  return commands.flatMap(({ command, why }) => [`# ${why}`, command]);
}
