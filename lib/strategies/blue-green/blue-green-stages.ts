import type { ExactBridge } from "../../policy/bridge/exact-bridge.ts";
import { gateObjects } from "../../roll/gate-objects.ts";
import { preparationObjects } from "../../roll/preparation.ts";
import { validateStage } from "../../stages/closing-stages.ts";
import { goldpingerStage } from "../../stages/goldpinger-stage.ts";
import { policiesStage } from "../../stages/install-stages.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import type { RenderedStages } from "../../stages/rendered-stages.ts";
import { type SealedStage, type StageBuilder, sealStages } from "../../stages/seal-stages.ts";
import type { StageFile } from "../../stages/stage.ts";
import { draftOf, type StageContext, stageContext, stageRef } from "../../stages/stage-context.ts";
import { matrixPage } from "./matrix-page.ts";
import { movesPage } from "./moves-page.ts";
import { trafficPage } from "./traffic-page.ts";

/**
 * The stages of the second cluster: the chart with its final values, the policies, validation. They are applied there; nothing
 * is applied to the first cluster.
 */
export function planBlueGreenStages(
  migration: Omit<PlannedMigration, "stages">,
  bridge: ExactBridge,
  opened: RenderedStages["opened"],
): readonly SealedStage[] {
  // Pods of the probe pack would lie in namespaces whose applications are not there yet.
  const { probes: _, ...rest } = migration;
  const context = stageContext(rest, bridge);
  const hasPolicies = migration.translation.policies.some((policy) => policy.outputs.length > 0);
  const builders: (StageBuilder | undefined)[] = [
    installStage(context),
    goldpingerStage(context),
    hasPolicies ? secondPoliciesStage(context) : undefined,
    validateStage(context, []),
  ];
  return sealStages(
    builders.filter((builder) => builder !== undefined),
    opened,
  );
}

/** The pages beside the stages: what people do. */
export function blueGreenPages(
  migration: Pick<PlannedMigration, "plan" | "inventory" | "source" | "translation">,
): readonly StageFile[] {
  return [
    { file: "MOVES.md", text: movesPage(migration) },
    { file: "TRAFFIC.md", text: trafficPage(migration) },
    { file: "MATRIX.md", text: matrixPage(migration) },
  ];
}

function installStage(context: StageContext): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = "000-cilium";
    const { target, plan } = migration;
    return draftOf(context, {
      id,
      kind: "cilium",
      title: `Cilium ${plan.spec.target.version} in the second cluster, with its final values`,
      purpose: `Applied to the second cluster, whose nodes come up without a network of their own: the Cilium chart ${plan.spec.target.version} with the values in values.yaml, the namespace metachron with its scripts, and probe pods on every node.`,
      gate: {
        before: ["the second cluster is there, without a CNI and with the same families of addresses"],
        after: ["an agent is ready on every node and has a block of the pool", "probe pods are ready on every node"],
      },
      caveats: [
        "Argo CD and Flux cannot run before there is a network: a person installs the chart with helm and this values.yaml first; the engine takes the release over under the same name",
        "The pool overlaps nothing of the first cluster, so that both can be meshed or peered",
        "`k8sServiceHost` and `devices` are those of the second cluster where the plan names them",
      ],
      wayBack: "Uninstall the chart, or delete the second cluster: nothing of the first depends on it yet.",
      objects: gateObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        checks: ["agents", "echo"],
        objects: preparationObjects(roll, id),
      }),
      files: [{ file: "values.yaml", text: target.final.text }],
      estimateSeconds: 300,
    });
  };
}

/** 030-policies, as in a live migration, with what is different in a cluster that has no application yet. */
function secondPoliciesStage(context: StageContext): StageBuilder {
  const build = policiesStage(context);
  return (previous) => {
    const draft = build(previous);
    return {
      ...draft,
      title: draft.title.replace("valid before the first pod moves", "valid before the first application comes"),
      caveats: [
        ...draft.caveats,
        "The namespaces have to be there first, with their labels: MOVES.md lists them",
        "Addresses of nodes and pods of the first cluster in a policy mean nothing in the second: policies.md names the policies that hold prefixes",
      ],
    };
  };
}
