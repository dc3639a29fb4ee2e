import type { Finding } from "../core/finding.ts";
import type { Node } from "../inventory/inventory.ts";
import { traitsOf } from "../waves/node-traits.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report, someOf } from "./catalogue-entry.ts";
import { groupBy, livePods } from "./read-cluster.ts";

/** Pools of nodes that a wave meets otherwise than an ordinary one. */
export const poolChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "spot-nodes",
    severity: "info",
    reads: "labels of nodes that providers give to spot and preemptible machines",
    condition: "nodes are spot machines, which the provider may take away in their wave",
    remedy:
      "keep their waves small; if a node goes in its wave, take the inventory again, run metachron synth, and then metachron next --retry <stage>",
    source: "Karpenter, EKS, GKE and AKS: labels of spot capacity",
    check: spotFindings,
  },
  {
    kind: "check",
    id: "daemonset-only",
    severity: "info",
    reads: "owners of pods, by node",
    condition: "worker nodes run pods of DaemonSets alone",
    remedy: "nothing to do; each of these pods is away for the time of one restart",
    source: "metachron, roll: a drain leaves DaemonSets alone, so the roll restarts their pods itself",
    check: daemonSetFindings,
  },
];

function spotFindings({ inventory }: PreflightContext, own: Check): readonly Finding[] {
  const spot = inventory.nodes.filter((node) => traitsOf(node, new Set()).includes("spot"));
  return told(own, spot, (names) => ({
    message: `${spot.length} of ${inventory.nodes.length} nodes are spot machines: ${names}`,
    reason:
      "a machine that is taken away ends its roll half way, and the one that comes instead is in no wave: where spec.newNodes is cilium it starts on Cilium",
  }));
}

function daemonSetFindings({ inventory, plan }: PreflightContext, own: Check): readonly Finding[] {
  if (plan.spec.strategy !== "live") return [];
  const onPodNetwork = livePods(inventory).filter((pod) => !pod.isHostNetwork && !pod.isMirror);
  const podsOf = groupBy(onPodNetwork, (pod) => pod.nodeName ?? "");
  const nodes = inventory.nodes.filter((node) => {
    // Of a control plane nobody expects anything else.
    if (node.isControlPlane) return false;
    const pods = podsOf.get(node.name) ?? [];
    return pods.length > 0 && pods.every((pod) => pod.owner?.kind === "DaemonSet");
  });
  return told(own, nodes, (names) => ({
    message: `${nodes.length} of ${inventory.nodes.length} nodes run pods of DaemonSets alone: ${names}`,
    reason: "there is nothing to drain; the roll deletes these pods, and they come back on the node with new addresses",
  }));
}

/** Several nodes are one finding without an object: an exception for it names `*`. */
function told(
  own: Check,
  nodes: readonly Node[],
  tell: (names: string) => Pick<Finding, "message" | "reason">,
): readonly Finding[] {
  const [first] = nodes;
  if (first === undefined) return [];
  const names = nodes.map(({ name }) => name);
  return [
    report(own, {
      ...tell(someOf(names)),
      where: { ...first.position, ...(nodes.length === 1 && { object: `Node/${first.name}` }) },
      data: { nodes: names },
    }),
  ];
}
