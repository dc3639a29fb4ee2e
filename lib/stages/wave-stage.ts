import type { Finding } from "../core/finding.ts";
import { getString } from "../core/json.ts";
import { gateObjects } from "../roll/gate-objects.ts";
import { undoObjects } from "../roll/undo-objects.ts";
import { hostnamesOf, nodeConfigObject, waveObjects } from "../roll/wave-objects.ts";
import { newNodesConfig, nodeBatch, nodeBatchUndo } from "../target/node-config.ts";
import type { Wave } from "../waves/waves.ts";
import type { StageBuilder } from "./seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "./stage-context.ts";

/** Annotations on a wave's CiliumNodeConfig from which the next synth reads the wave back. */
export const waveRuleAnnotation = "metachron.dev/wave-rule";
/** Hostname to node name, as JSON, for the nodes where they differ. */
export const nodeNamesAnnotation = "metachron.dev/node-names";

/** One wave: its node batch, the Job that rolls it, and the way back. */
export function waveStage(context: StageContext, wave: Wave): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const { target } = migration;
    const hostnames = hostnamesOf(wave);
    const stage = stageRef(context, wave.id, previous);
    const config = annotated(nodeBatch(wave.id, hostnames, target.nodeConfigDefaults, target.namespace), wave);
    const input = { context: roll, stage, wave, nodeConfig: config };
    const names = wave.nodes.map((node) => node.name);
    return draftOf(context, {
      id: wave.id,
      kind: "wave",
      title: wave.title,
      purpose: purposeOf(wave),
      nodes: names,
      gate: gateOf(context, wave),
      wayBack:
        "undo/ returns the nodes to the source one by one: the agent lets go of the CNI files, the source's file is put back, the pods are moved again, and their addresses are checked.",
      objects: waveObjects(input),
      undo: undoObjects({ ...input, nodeConfig: nodeBatchUndo(wave.id, hostnames, target.namespace) }),
      estimateSeconds: wave.estimateSeconds,
      findings: findingsOf(context, wave),
    });
  };
}

function annotated(config: ReturnType<typeof nodeBatch>, wave: Wave): ReturnType<typeof nodeBatch> {
  const differing = wave.nodes.filter((node) => node.name !== node.hostname);
  const names = Object.fromEntries(differing.map((node) => [node.hostname, node.name]));
  const metadata = {
    name: getString(config, "metadata", "name") ?? "",
    namespace: getString(config, "metadata", "namespace") ?? "",
  };
  const annotations = {
    [waveRuleAnnotation]: wave.rule,
    ...(differing.length > 0 && { [nodeNamesAnnotation]: JSON.stringify(names) }),
  };
  return { ...config, metadata: { ...metadata, annotations } };
}

function purposeOf(wave: Wave): string {
  const how =
    wave.mode === "evict"
      ? "cordons it, lets its pods go through the Eviction API, restarts its Cilium agent so that new pods get Cilium's network, restarts what had to stay, checks both directions between old and new pods, and uncordons it"
      : "restarts its Cilium agent so that new sandboxes get Cilium's network, restarts every pod's sandbox in place, and checks both directions between old and new pods";
  return `Moves ${wave.nodes.length === 1 ? "one node" : `${wave.nodes.length} nodes, one after the other,`} to Cilium. For each node the Job ${how}. A node that was cordoned before stays cordoned.`;
}

function gateOf(
  context: StageContext,
  wave: Wave,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const { plan, continuity } = context.migration;
  const signals =
    plan.spec.roll.goldpinger === undefined && plan.spec.roll.serviceLevelGates.length === 0
      ? []
      : ["the plan's own signals are healthy"];
  const bridge = continuity === "exact" ? ["the bridge is ready on every node"] : [];
  return {
    before: [
      "the stage before is done at the digest that this stage names",
      "every node of the wave is ready, and nobody else cordoned it",
      "the CiliumNodeConfig in the cluster carries this stage's digest and selects exactly these nodes",
      "every agent of the cluster is ready",
      ...bridge,
      ...signals,
    ],
    after: [
      "Cilium's CNI file is first on each node, and the agent has read this wave's CiliumNodeConfig",
      `every pod of ${wave.nodes.length === 1 ? "the node" : "the nodes"} that uses the pod network has an address of the new pool`,
      "a canary pod reaches old and new pods, the API server and DNS, and is reached",
      "every endpoint is ready and enforces, at two readings",
      ...signals,
      ...(plan.spec.waves.soakSeconds > 0
        ? [`${plan.spec.waves.soakSeconds} seconds have passed without an alarm`]
        : []),
    ],
  };
}

function findingsOf(context: StageContext, wave: Wave): readonly Finding[] {
  const names = new Set(wave.nodes.map((node) => node.name));
  return context.migration.findings.filter((finding) => {
    const object = finding.where?.object;
    const isNode = object?.startsWith("Node/") === true && names.has(object.slice("Node/".length));
    return finding.data?.["wave"] === wave.id || finding.data?.["stage"] === wave.id || isNode;
  });
}

/** 105-new-nodes: nodes that join from now on come up on Cilium; only where the plan says so. */
export function newNodesStage(context: StageContext, id: string): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const known = migration.inventory.nodes.flatMap((node) => (node.hostname === undefined ? [] : [node.hostname]));
    const config = newNodesConfig(known, migration.target.nodeConfigDefaults, migration.target.namespace);
    return draftOf(context, {
      id,
      kind: "prepare",
      title: "nodes that join from now on come up on Cilium",
      purpose:
        "A CiliumNodeConfig for every node whose hostname the inventory does not know: autoscaled and replaced nodes start on Cilium instead of waiting for a late wave. Their pool must give them the start-up taint node.cilium.io/agent-not-ready=true:NoExecute, which the operator takes away when the agent is ready.",
      gate: {
        before: [
          "the canary is done at the digest that this stage names",
          "node pools give new nodes the start-up taint",
        ],
        after: ["every agent of the cluster is ready"],
      },
      wayBack: "Delete the CiliumNodeConfig metachron-zz-new-nodes: nodes that join later come up on the source again.",
      objects: gateObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        checks: ["agents"],
        objects: [nodeConfigObject(config, id)],
      }),
      estimateSeconds: 60,
    });
  };
}
