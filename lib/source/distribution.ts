import { compareText } from "../core/order.ts";
import { type Inventory, type Node, objectsOf } from "../inventory/inventory.ts";

/** The product that runs the cluster, as far as the network's ownership and directories depend on it. */
export type Distribution =
  | "openshift"
  | "gke"
  | "aks"
  | "eks"
  | "gardener"
  | "rke2"
  | "k3s"
  | "microk8s"
  | "k0s"
  | "talos"
  | "kops"
  | "rancher-desktop"
  | "plain";

/** Where the container runtime looks for CNI configuration and plugins, on the host. */
export interface CniDirectories {
  readonly configuration: string;
  readonly binaries: string;
}

interface DistributionMark {
  readonly name: Exclude<Distribution, "plain">;
  readonly isNode: (node: Node) => boolean;
}

const hasLabel = (node: Node, prefix: string): boolean =>
  Object.keys(node.labels).some((key) => key.startsWith(prefix));
const kubelet = (node: Node): string => node.nodeInfo.kubeletVersion ?? "";

// The first mark that any node carries decides; more special products stand first.
const marks: readonly DistributionMark[] = [
  { name: "openshift", isNode: (node) => hasLabel(node, "node.openshift.io/") },
  { name: "gke", isNode: (node) => hasLabel(node, "cloud.google.com/gke-") || kubelet(node).includes("-gke.") },
  { name: "aks", isNode: (node) => hasLabel(node, "kubernetes.azure.com/") },
  { name: "gardener", isNode: (node) => hasLabel(node, "worker.gardener.cloud/") },
  { name: "eks", isNode: (node) => hasLabel(node, "eks.amazonaws.com/") || kubelet(node).includes("-eks-") },
  { name: "rancher-desktop", isNode: (node) => node.name === "lima-rancher-desktop" },
  { name: "rke2", isNode: (node) => kubelet(node).includes("+rke2") },
  { name: "k3s", isNode: (node) => kubelet(node).includes("+k3s") },
  {
    name: "microk8s",
    isNode: (node) => hasLabel(node, "microk8s.io/") || hasLabel(node, "node.kubernetes.io/microk8s-"),
  },
  { name: "k0s", isNode: (node) => kubelet(node).includes("+k0s") },
  { name: "talos", isNode: (node) => (node.nodeInfo.osImage ?? "").startsWith("Talos") },
  { name: "kops", isNode: (node) => hasLabel(node, "kops.k8s.io/") },
];

/** The distribution by the marks that its nodes and API groups carry; `plain` (kubeadm, kubespray, kind, …) when there is none. */
export function detectDistribution(inventory: Inventory): Distribution {
  if (objectsOf(inventory, "Network", "operator.openshift.io").length > 0) return "openshift";
  if (objectsOf(inventory, "Network", "config.openshift.io").length > 0) return "openshift";
  return marks.find((mark) => inventory.nodes.some(mark.isNode))?.name ?? "plain";
}

const usual: CniDirectories = { configuration: "/etc/cni/net.d", binaries: "/opt/cni/bin" };

/**
 * The directories that the distribution's own runtime reads while its bundled network runs.
 *
 * Source: k3s `pkg/agent/containerd` and pull request 10868 (static plugin directory, October 2024), Cilium 1.20
 * Documentation/installation/k3s.rst, MicroK8s snap layout, GKE node images, OpenShift cluster-network-operator.
 */
export function distributionDirectories(inventory: Inventory, distribution: Distribution): CniDirectories {
  switch (distribution) {
    case "k3s":
      return { configuration: "/var/lib/rancher/k3s/agent/etc/cni/net.d", binaries: k3sBinaries(inventory) };
    case "rancher-desktop":
      return { configuration: "/var/lib/rancher/k3s/agent/etc/cni/net.d", binaries: "/usr/libexec/cni" };
    case "microk8s":
      return {
        configuration: "/var/snap/microk8s/current/args/cni-network",
        binaries: "/var/snap/microk8s/current/opt/cni/bin",
      };
    case "gke":
      return { ...usual, binaries: "/home/kubernetes/bin" };
    case "openshift":
      return { ...usual, binaries: "/var/lib/cni/bin" };
    default:
      return usual;
  }
}

// First patch release of each minor that links the plugins under data/cni (k3s issues 10869, 10928 to 10931).
const firstStatic: Readonly<Record<number, number>> = { 28: 15, 29: 10, 30: 6, 31: 2 };

function k3sBinaries(inventory: Inventory): string {
  const versions = inventory.nodes.map(kubelet).sort(compareText);
  const isStatic = versions.every((version) => {
    const [, minor, patch] = /^v1\.(\d+)\.(\d+)/u.exec(version) ?? [];
    if (minor === undefined || patch === undefined) return true;
    const first = firstStatic[Number(minor)];
    return first === undefined ? Number(minor) > 31 : Number(patch) >= first;
  });
  return isStatic ? "/var/lib/rancher/k3s/data/cni" : "/var/lib/rancher/k3s/data/current/bin";
}
