import type { ExactBridge } from "../../policy/bridge/exact-bridge.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import { validateStage } from "../../stages/closing-stages.ts";
import { goldpingerStage } from "../../stages/goldpinger-stage.ts";
import { policiesStage, prepareStage } from "../../stages/install-stages.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { probeStage } from "../../stages/probe-stage.ts";
import type { RenderedStages } from "../../stages/rendered-stages.ts";
import { type SealedStage, type StageBuilder, sealStages } from "../../stages/seal-stages.ts";
import { stageContext } from "../../stages/stage-context.ts";
import { finaliseInPlaceStage, removeRestStage } from "./after-stages.ts";
import { freezeStage, waitingStage } from "./before-stages.ts";
import { networkNodes } from "./network-nodes.ts";
import { switchStage } from "./switch-stage.ts";

/**
 * The stages of an in-place migration: everything that can be there before the outage is, the outage is one Job, and what may
 * wait until after it does.
 *
 * Prepare, Cilium with agents that wait, policies (valid before any agent runs), the probe pack, the freeze, the switch, the
 * values without waiting, validation, and what is left of the source. Source: metachron's reference of strategies; the policies'
 * condition `Valid` is set by Cilium's operator, which needs no agent.
 */
export function planInPlaceStages(
  migration: Omit<PlannedMigration, "stages">,
  bridge: ExactBridge,
  end: SourceEnd,
  opened: RenderedStages["opened"],
): readonly SealedStage[] {
  const context = stageContext(migration, bridge);
  const nodes = networkNodes(migration.inventory);
  const hasPolicies = migration.translation.policies.some((policy) => policy.outputs.length > 0);
  const builders: (StageBuilder | undefined)[] = [
    prepareStage(context, []),
    goldpingerStage(context),
    waitingStage(context),
    hasPolicies ? policiesStage(context) : undefined,
    probeStage(context),
    freezeStage(context, end, nodes),
    switchStage(context, end, nodes),
    finaliseInPlaceStage(context, nodes),
    validateStage(context, nodes),
    removeRestStage(context, end, nodes),
  ];
  return sealStages(
    builders.filter((builder) => builder !== undefined),
    opened,
  );
}
