import { kubectlCommands } from "../delivery/kubectl/apply-commands.ts";
import type { Command } from "../delivery/kubectl/command.ts";
import { stopCommands } from "../delivery/kubectl/stop-commands.ts";
import { watchCommands } from "../delivery/kubectl/watch-commands.ts";
import { mergeEffects } from "../delivery/merge-effects.ts";
import type { StageCommands } from "../review/stage-page.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { SealedStage } from "../stages/seal-stages.ts";
import type { HelmRelease } from "../stages/stage.ts";

/** What a stage's page says of each engine: what it does on merge, and the commands to apply, watch and stop. */
export function stageCommands(
  migration: PlannedMigration,
  stage: SealedStage,
  release: HelmRelease | undefined,
): StageCommands {
  const { plan, stages } = migration;
  const previous = stages[stages.indexOf(stage) - 1];
  // A held stage's page says what opening it will do: that is the pull request it is read for.
  const merged: SealedStage = stage.state === "held" ? { ...stage, state: "open" } : stage;
  const { engines } = plan.spec.delivery;
  return {
    onMerge: engines.flatMap((engine) =>
      mergeEffects(engine, { plan, stage: merged, previous, release }).map((effect) => `${effect}.`),
    ),
    apply: lines(kubectlCommands(plan, stage, release)),
    watch: lines(engines.flatMap((engine) => watchCommands(engine, plan, merged))),
    stop: lines(engines.flatMap((engine) => stopCommands(engine, plan, merged))),
  };
}

function lines(commands: readonly Command[]): readonly string[] {
  const seen = new Set<string>();
  return commands.flatMap(({ command, why }) => {
    if (seen.has(command)) return [];
    seen.add(command);
    return [`# ${why}`, command];
  });
}
