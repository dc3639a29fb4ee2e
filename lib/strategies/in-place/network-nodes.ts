import { sortedUnique } from "../../core/order.ts";
import type { Inventory, Node } from "../../inventory/inventory.ts";

/** Names of the nodes that get Cilium's agent, sorted: Linux, with a network of their own. The same as the scripts ask for. */
export function networkNodes(inventory: Inventory): readonly string[] {
  return sortedUnique(inventory.nodes.filter((node) => hasNetwork(node)).map((node) => node.name));
}

/** The other nodes, with the reason. */
export function otherNodes(inventory: Inventory): readonly { readonly node: string; readonly why: string }[] {
  return inventory.nodes
    .filter((node) => !hasNetwork(node))
    .map((node) => ({ node: node.name, why: "Cilium has no agent for it: it is no Linux node, or no machine" }));
}

function hasNetwork(node: Node): boolean {
  const isLinux = (node.labels["kubernetes.io/os"] ?? node.nodeInfo.operatingSystem ?? "linux") === "linux";
  return (
    isLinux && node.labels["type"] !== "virtual-kubelet" && node.labels["eks.amazonaws.com/compute-type"] !== "fargate"
  );
}
