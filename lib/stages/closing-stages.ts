import { identityOf } from "../core/identity.ts";
import type { JsonObject } from "../core/json.ts";
import { agentObjects } from "../roll/agent-objects.ts";
import { type GateCheck, gateObjects } from "../roll/gate-objects.ts";
import {
  cleanObjects,
  noWayBackFromCleaning,
  noWayBackFromRemoval,
  type ObjectRef,
  removalObjects,
} from "../roll/removal-objects.ts";
import type { NodeLeftovers, RemovalObject, SourcePreparation } from "../source/source.ts";
import { newNodesConfigName } from "../target/node-config.ts";
import { probePolicyOf } from "./install-stages.ts";
import { preparationText } from "./preparation-text.ts";
import { packCaveat, packOn } from "./probe-stage.ts";
import type { StageBuilder } from "./seal-stages.ts";
import { draftOf, movedNodes, type StageContext, stageRef } from "./stage-context.ts";

/** 800-finalise: the final values, every agent restarted on them, the node configurations gone. */
export function finaliseStage(context: StageContext): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = "800-finalise";
    const nodes = movedNodes(context);
    const defaults = migration.target.nodeConfigDefaults;
    const expected = (["write-cni-conf-when-ready", "cni-exclusive"] as const).flatMap((key) =>
      defaults[key] === undefined ? [] : [[key, defaults[key]] as const],
    );
    const waves = migration.waves.waves.map((wave) => `metachron-${wave.id}`);
    const nodeConfigs = [...waves, ...(migration.plan.spec.newNodes === "cilium" ? [newNodesConfigName] : [])];
    const stage = stageRef(context, id, previous);
    const common = { context: roll, stage, nodes };
    return draftOf(context, {
      id,
      kind: "finalise",
      title: "final values, agents restarted one by one",
      purpose:
        "The chart gets its final values (values.yaml): Cilium now owns the CNI configuration of every node by itself. The Job restarts the agents, the first alone, and deletes the CiliumNodeConfigs, whose keys are part of the values now. It refuses while a node is there that no wave took.",
      nodes,
      gate: {
        before: [
          "the last wave is done at the digest that this stage names",
          "no node is outside the waves that are done, and no pod has an address of the old pool",
          "the final values are in the agents' ConfigMap",
        ],
        after: ["every agent runs on the final values and its endpoints are ready", "probe pods reach each other"],
      },
      wayBack:
        "undo/ restarts the agents on the migration values, which the engine applies again; then waves can be rolled back.",
      objects: agentObjects({ ...common, kind: "finalise", expectedConfig: Object.fromEntries(expected), nodeConfigs }),
      undo: agentObjects({
        ...common,
        kind: "undo",
        expectedConfig: { "write-cni-conf-when-ready": "" },
        nodeConfigs: [],
      }),
      files: [{ file: "values.yaml", text: migration.target.final.text }],
      estimateSeconds: 60 * nodes.length,
    });
  };
}

/** 820-validate: everything is asked once more before anything becomes final, with the probe pack. */
export function validateStage(context: StageContext, nodes: readonly string[] = movedNodes(context)): StageBuilder {
  return (previous) => {
    const { roll, migration } = context;
    const id = "820-validate";
    const policies = migration.translation.policies.flatMap((policy) => policy.outputs).length;
    const [first] = nodes;
    const pack = packOn(context, "after");
    const checks: readonly GateCheck[] = [
      "agents",
      ...(policies > 0 ? (["policies"] as const) : []),
      "echo",
      ...(pack === undefined ? [] : (["probes"] as const)),
      "signals",
    ];
    return draftOf(context, {
      id,
      kind: "validate",
      title: "agents, policies and connections asked once more",
      purpose: [
        "Nothing of yours is changed. The Job asks every agent, every policy and the probe pods on every node, and the plan's own signals, before the source is removed.",
        ...(pack === undefined
          ? []
          : [
              `The probe pack runs again, on Cilium: ${pack.probes.length} connections between pods of ours that policy takes for your own, see policies.md.`,
            ]),
      ].join(" "),
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: [
          "every agent is ready, every policy is Valid, every probe pod answers",
          ...(pack === undefined ? [] : ["every connection of the probe pack is decided as expected"]),
          "the plan's own signals are healthy",
        ],
      },
      caveats: pack === undefined ? [] : [packCaveat(pack)],
      wayBack: "Nothing to take back: this stage changes nothing.",
      objects: gateObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        checks,
        policies: policies + (migration.continuity === "off" ? 0 : ciliumExtras(context)),
        kind: "validate",
        ...(pack !== undefined && { pack }),
        ...(first !== undefined && { probeNode: first }),
      }),
      estimateSeconds: pack === undefined ? 300 : 480,
    });
  };
}

function ciliumExtras({ migration, bridge }: StageContext): number {
  return migration.continuity === "exact"
    ? bridge.cilium.length
    : migration.continuity === "bridge"
      ? bridge.wide.cilium.length
      : 0;
}

/** What is known of the source's end. */
export interface SourceEnd {
  readonly removal: readonly RemovalObject[];
  readonly leftovers: NodeLeftovers;
  readonly preparation: readonly SourcePreparation[];
}

/** 900-remove-<source>: the bridge, the mirrors and every object of the source, by name and in order. */
export function removeStage(context: StageContext, end: SourceEnd): StageBuilder {
  return (previous) => {
    const { migration, roll, bridge } = context;
    const { source } = migration.source;
    const id = `900-remove-${source}`;
    const before = end.preparation.filter((step) => step.before === "removal");
    const refs = (objects: readonly { readonly object: JsonObject }[]): ObjectRef[] =>
      objects.map((entry) => identityOf(entry.object));
    const bridgePolicies =
      migration.continuity === "exact" ? bridge.cilium : migration.continuity === "bridge" ? bridge.wide.cilium : [];
    // The tier was made first, so it goes last: no policy is left in it then.
    const mirrors =
      migration.continuity === "exact" ? bridge.mirrors : migration.continuity === "bridge" ? bridge.wide.source : [];
    const probes = probePolicyOf(context);
    return draftOf(context, {
      id,
      kind: "remove",
      title: `the bridge and ${source} go`,
      purpose: `The Job proves first that no pod has an address of ${source}, then deletes the bridge's policies, the mirrors, and ${end.removal.length} objects of ${source}, each by name and in an order that cannot hang. It may delete nothing else. No engine prunes anything.`,
      gate: {
        before: [
          "the stage before is done at the digest that this stage names",
          "no pod has an address of the old pool, pending and terminating ones included",
          ...before.map((step) => `${step.title} (${step.necessity})`),
        ],
        after: ["every object of the list is gone", "probe pods on new addresses reach each other"],
      },
      wayBack: noWayBackFromRemoval,
      objects: removalObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        nodes: movedNodes(context),
        bridgePolicies: refs(bridgePolicies),
        mirrors: [...(probes === undefined ? [] : refs([probes])), ...refs([...mirrors].reverse())],
        removal: end.removal,
      }),
      files: before.length === 0 ? [] : [{ file: "source-settings.md", text: preparationText(before) }],
      estimateSeconds: 300,
    });
  };
}

/** 910-clean-nodes: what the source left on each node, live and without a reboot. */
export function cleanStage(context: StageContext, end: SourceEnd): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = "910-clean-nodes";
    const nodes = movedNodes(context);
    const { leftovers } = end;
    return draftOf(context, {
      id,
      kind: "clean-nodes",
      title: `what ${migration.source.source} left on each node goes`,
      purpose: `On each node, the first alone, a helper pod deletes the chains ${leftovers.iptablesChainPrefixes.join(", ") || "(none)"}, the devices ${leftovers.devices.join(", ") || "(none)"} and the files of the source, one transaction per table; nothing else is touched, and nothing restarts.`,
      nodes,
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: ["nothing of the list is left on any node", "endpoints are ready and probe pods reach each other"],
      },
      wayBack: noWayBackFromCleaning,
      objects: cleanObjects({ context: roll, stage: stageRef(context, id, previous), nodes, leftovers }),
      estimateSeconds: 30 * nodes.length,
    });
  };
}
