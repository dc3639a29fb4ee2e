import type { Finding } from "../core/finding.ts";
import { getString } from "../core/json.ts";
import { executors } from "../roll/executors.ts";
import { gateObjects } from "../roll/gate-objects.ts";
import { hostnamesOf, nodeConfigObject } from "../roll/wave-objects.ts";
import { newNodesConfig, newNodesConfigName, nodeBatch, nodeBatchUndo } from "../target/node-config.ts";
import type { Wave } from "../waves/waves.ts";
import type { StageBuilder } from "./seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "./stage-context.ts";
import { waveGate, wavePurpose } from "./wave-text.ts";

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
    const executor = executors[roll.plan.spec.roll.executor];
    const names = wave.nodes.map((node) => node.name);
    return draftOf(context, {
      id: wave.id,
      kind: "wave",
      title: wave.title,
      purpose: wavePurpose(roll.plan, wave),
      nodes: names,
      gate: waveGate(context, wave),
      wayBack: executor.wayBack,
      objects: executor.objects(input),
      undo: executor.undo({ ...input, nodeConfig: nodeBatchUndo(wave.id, hostnames, target.namespace) }),
      files: executor.files(input),
      health: executor.health,
      caveats: executor.caveats,
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
    const config = newNodesConfig(
      migration.newNodes.knownHostnames,
      migration.target.nodeConfigDefaults,
      migration.target.namespace,
    );
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
      wayBack: `Delete the CiliumNodeConfig ${newNodesConfigName}: nodes that join later come up on the source again.`,
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
