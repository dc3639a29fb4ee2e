import { compareText } from "../core/order.ts";
import type { Node } from "../inventory/inventory.ts";

/** Labels that name a node's pool, the most telling first. */
const poolLabels: readonly string[] = [
  "metachron.dev/pool",
  "eks.amazonaws.com/nodegroup",
  "alpha.eksctl.io/nodegroup-name",
  "cloud.google.com/gke-nodepool",
  "kubernetes.azure.com/agentpool",
  "agentpool",
  "karpenter.sh/nodepool",
  "kops.k8s.io/instancegroup",
  "node.kubernetes.io/instancegroup",
  "doks.digitalocean.com/node-pool",
  "k8s.scaleway.com/pool-name",
  "lke.linode.com/pool-id",
  "yandex.cloud/node-group-id",
  "nodepool",
];

/** Last parts of label keys that people use for pools of their own, such as `example.com/pool`. */
const poolKey = /(^|\/)(node-?pool|pool|node-?group|worker-?pool)(-name)?$/;

const machineOwnerKind = "cluster.x-k8s.io/owner-kind";
const machineOwnerName = "cluster.x-k8s.io/owner-name";

/**
 * The pool that a node belongs to: a pool label of metachron, a cloud or a distribution; Cluster API's MachineSet without
 * its hash; any label whose key ends in `pool` or `nodegroup`; the node's role; else `general`.
 * Control plane nodes without a pool label are `control-plane`.
 */
export function poolOf(node: Node): string {
  for (const key of poolLabels) {
    const value = node.labels[key];
    if (value !== undefined && value !== "") return value;
  }
  if (node.isControlPlane) return "control-plane";
  return tryMachinePool(node) ?? tryOwnLabel(node) ?? tryRole(node) ?? "general";
}

/** Source: Cluster API `OwnerKindAnnotation`, `OwnerNameAnnotation` on the Node; a MachineSet is `<MachineDeployment>-<hash>`. */
function tryMachinePool(node: Node): string | undefined {
  const name = node.annotations[machineOwnerName];
  if (node.annotations[machineOwnerKind] !== "MachineSet" || name === undefined) return undefined;
  const dash = name.lastIndexOf("-");
  return dash > 0 ? name.slice(0, dash) : name;
}

function tryOwnLabel(node: Node): string | undefined {
  const keys = Object.keys(node.labels)
    .filter((key) => poolKey.test(key) && node.labels[key] !== "")
    .sort(compareText);
  return keys[0] === undefined ? undefined : node.labels[keys[0]];
}

function tryRole(node: Node): string | undefined {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(node.labels)
    .filter((key) => key.startsWith(prefix) && key.length > prefix.length)
    .map((key) => key.slice(prefix.length))
    .sort(compareText);
  return roles.find((role) => role !== "worker") ?? roles[0];
}
