import type { ExactBridge } from "../policy/bridge/exact-bridge.ts";
import type { Wave } from "../waves/waves.ts";
import { cleanStage, finaliseStage, removeStage, type SourceEnd, validateStage } from "./closing-stages.ts";
import { goldpingerStage } from "./goldpinger-stage.ts";
import { bridgeStage, ciliumStage, policiesStage, prepareStage } from "./install-stages.ts";
import { nodeSelectorsStage } from "./node-selectors-stage.ts";
import type { PlannedMigration } from "./planned-migration.ts";
import { probeStage } from "./probe-stage.ts";
import type { RenderedStages } from "./rendered-stages.ts";
import { type SealedStage, type StageBuilder, sealStages } from "./seal-stages.ts";
import { stageContext } from "./stage-context.ts";
import { newNodesStage, waveStage } from "./wave-stage.ts";

/**
 * The stages of a live migration, in their order, each with its objects, gate, way back and digest.
 *
 * Prepare, install dormant, bridge the nodes (exact continuity only), apply every policy, try it, the waves, final values,
 * validation, removal of the source, cleaning of nodes. Source: order measured in the pilot.
 */
export function planStages(
  migration: Omit<PlannedMigration, "stages">,
  bridge: ExactBridge,
  end: SourceEnd,
  opened: RenderedStages["opened"],
): readonly SealedStage[] {
  const context = stageContext(migration, bridge);
  const hasPolicies =
    migration.translation.policies.some((policy) => policy.outputs.length > 0) ||
    migration.continuity === "exact" ||
    migration.continuity === "bridge";
  const [canary, ...waves] = migration.waves.waves;
  const waveOf = (wave: Wave | undefined) => (wave === undefined ? undefined : waveStage(context, wave));
  const newNodes = migration.plan.spec.newNodes === "cilium" ? newNodesStage(context, newNodesId(canary)) : undefined;
  const selectors = nodeSelectorsStage(context);
  const selectorsAfter = (id: string | undefined): StageBuilder | undefined =>
    selectors?.after === (id === undefined ? undefined : /^\d+/u.exec(id)?.[0]) ? selectors?.stage : undefined;
  const builders: (StageBuilder | undefined)[] = [
    prepareStage(context, end.preparation),
    goldpingerStage(context),
    ciliumStage(context),
    migration.continuity === "exact" ? bridgeStage(context) : undefined,
    selectorsAfter(undefined),
    hasPolicies ? policiesStage(context) : undefined,
    selectorsAfter("030"),
    probeStage(context),
    selectorsAfter("040"),
    ...(canary?.mode === "replace"
      ? [newNodes, selectorsAfter("095"), waveOf(canary), selectorsAfter(canary.id)]
      : [waveOf(canary), selectorsAfter(canary?.id ?? "100"), newNodes, selectorsAfter(newNodesId(canary))]),
    ...waves.flatMap((wave) => [waveStage(context, wave), selectorsAfter(wave.id)]),
    finaliseStage(context),
    validateStage(context),
    removeStage(context, end),
    cleanStage(context, end),
  ];
  return sealStages(
    builders.filter((builder) => builder !== undefined),
    opened,
  );
}

/**
 * Right after the canary, as text: `100-canary` is followed by `105-new-nodes`. Where the canary is a machine that is replaced, the
 * new one has to come up on Cilium: then right before it, `095-new-nodes`.
 */
function newNodesId(canary: Wave | undefined): string {
  if (canary?.mode === "replace") return "095-new-nodes";
  const digits = /^\d+/u.exec(canary?.id ?? "")?.[0] ?? "100";
  return `${digits.slice(0, -1)}5-new-nodes`;
}
