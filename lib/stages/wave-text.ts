import type { ExecutorName, Plan, RollMode } from "../plan/plan.ts";
import { signalNames } from "../roll/signals.ts";
import type { Wave } from "../waves/waves.ts";
import type { StageGate } from "./stage.ts";
import type { StageContext } from "./stage-context.ts";

/** What the Job does with a node, for the modes in which it moves the pods itself. */
const byJob: Readonly<Record<"evict" | "recycle", string>> = {
  evict:
    "cordons it, lets its pods go through the Eviction API, restarts its Cilium agent so that new pods get Cilium's network, restarts what had to stay, checks both directions between old and new pods, and uncordons it",
  recycle:
    "restarts its Cilium agent so that new sandboxes get Cilium's network, restarts every pod's sandbox in place, and checks both directions between old and new pods",
};

/** Who does what with a node, for everybody but the Job. */
const byOthers: Readonly<Record<Exclude<ExecutorName, "job">, (mode: RollMode) => string>> = {
  manual: (mode) =>
    mode === "replace"
      ? "A person replaces each machine as CHECKLIST.md says; the gate Job waits until the old ones are gone and as many new ones are on Cilium, and lets each pass the gates of a rolled node"
      : "A person moves each node as CHECKLIST.md says; the gate Job waits, and lets each node pass the gates of a rolled one",
  "system-upgrade-controller": (mode) =>
    `The controller takes one node at a time, drains it, restarts its Cilium agent there${mode === "reboot" ? " and reboots it" : " and restarts the pods of DaemonSets"}; the gate Job lets each node pass the gates of a rolled one`,
  kured: () =>
    "For each node the Job restarts its Cilium agent, passes the canary's gate, and asks kured for a reboot; every pod starts on Cilium's network when the node is back, and the Job checks both directions",
  "cluster-api": () =>
    "Cluster API replaces the machines as CHECKLIST.md says; the gate Job waits until the old ones are gone and as many new ones are on Cilium, and lets each pass the gates of a rolled node",
};

/** What a wave does, for a reviewer who never saw the tool. */
export function wavePurpose(plan: Plan, wave: Wave): string {
  const { executor } = plan.spec.roll;
  const nodes = wave.nodes.length === 1 ? "one node" : `${wave.nodes.length} nodes, one after the other,`;
  const how =
    executor === "job"
      ? `For each node the Job ${byJob[wave.mode === "recycle" ? "recycle" : "evict"]}`
      : byOthers[executor](wave.mode);
  return `Moves ${nodes} to Cilium. ${how}. ${wave.mode === "replace" ? "" : "A node that was cordoned before stays cordoned."}`.trimEnd();
}

/** What holds before a wave is begun and before it counts as done; the same for every executor but for nodes that are replaced. */
export function waveGate(context: StageContext, wave: Wave): StageGate {
  const { plan, continuity } = context.migration;
  const names = signalNames(plan);
  const signals = names.length === 0 ? [] : [`the plan's own signals say yes: ${names.join(", ")}`];
  const bridge = continuity === "exact" ? ["the bridge is ready on every node"] : [];
  const isReplaced = wave.mode === "replace";
  return {
    before: [
      "the stage before is done at the digest that this stage names",
      ...(isReplaced
        ? []
        : [
            "every node of the wave is ready, and nobody else cordoned it",
            "the CiliumNodeConfig in the cluster carries this stage's digest and selects exactly these nodes",
            "every agent of the cluster is ready",
            ...bridge,
          ]),
      ...signals,
    ],
    after: [
      ...(isReplaced ? ["the nodes of the wave are gone, and as many new ones are on Cilium"] : []),
      "Cilium's CNI file is first on each node, and the agent has read its CiliumNodeConfig",
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
