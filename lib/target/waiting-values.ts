import type { CiliumValues, ReasonedValue } from "./target.ts";
import { treeOf } from "./value-tree.ts";
import { valuesText } from "./values-text.ts";

/** Label of nodes that may start an agent, while the agents of an in-place migration wait for their node's turn. */
export const agentLabel = "metachron.dev/cilium";

const waiting: readonly ReasonedValue[] = [
  {
    path: ["nodeSelector", agentLabel],
    value: "yes",
    why: "no node has this label yet: the operator and the policies are there before the outage, agents start in it",
  },
  {
    path: ["operator", "setNodeTaints"],
    value: false,
    why: "nodes must take pods while their agents start, or the outage lasts longer",
  },
  {
    path: ["operator", "unmanagedPodWatcher", "restart"],
    value: false,
    why: "no pod is Cilium's before the outage: the operator would delete DNS pods one after the other",
  },
  {
    path: ["rollOutCiliumPods"],
    value: false,
    why: "a value that changes during the outage must not restart agents",
  },
];

/**
 * The final values of an in-place migration with the agents waiting: everything of Cilium is installed but the agents, which
 * start on a node as soon as it carries `agentLabel`.
 *
 * Source: cilium/cilium v1.20.2 install/kubernetes/cilium/templates/cilium-agent/daemonset.yaml (`nodeSelector`); policies are
 * validated by the operator alone, operator/pkg/networkpolicy/validator.go.
 */
export function waitingValues(final: CiliumValues, planName: string): CiliumValues {
  const isOurs = (value: ReasonedValue): boolean =>
    waiting.some((ours) => ours.path.every((step, at) => value.path[at] === step));
  const kept = final.reasons.filter((value) => !isOurs(value));
  const blocks = [...new Set([...kept, ...waiting].map((value) => value.path[0] ?? ""))];
  const reasons = blocks.flatMap((block) => [...kept, ...waiting].filter((value) => value.path[0] === block));
  return {
    phase: "final",
    version: final.version,
    values: treeOf(reasons),
    reasons,
    text: valuesText(reasons, [
      `Helm values of Cilium ${final.version} for ${planName}, before the outage: the final values, and agents that wait.`,
      "Written by metachron from the inventory and the plan; change the plan, not this file.",
    ]),
  };
}
