import { type Inventory, objectsOf } from "../inventory/inventory.ts";
import type { SourceFacts } from "../source/source.ts";

/** Kubernetes distributions that need values of their own; `generic` needs none. */
export type Distribution = "talos" | "rke2" | "k3s" | "microk8s" | "eks" | "gke" | "aks" | "openshift" | "generic";

interface Sign {
  readonly distribution: Distribution;
  /** Matches the kubelet's version or the node's OS image. */
  readonly pattern: RegExp;
}

const signs: readonly Sign[] = [
  { distribution: "talos", pattern: /^Talos\b/u },
  { distribution: "rke2", pattern: /\+rke2r?\d*/u },
  { distribution: "k3s", pattern: /\+k3s\d*/u },
  { distribution: "eks", pattern: /-eks-/u },
  { distribution: "gke", pattern: /-gke\.\d+/u },
];

const labels: readonly (readonly [string, Distribution])[] = [
  ["microk8s.io/cluster", "microk8s"],
  ["eks.amazonaws.com/nodegroup", "eks"],
  ["cloud.google.com/gke-nodepool", "gke"],
  ["kubernetes.azure.com/cluster", "aks"],
  ["node.openshift.io/os_id", "openshift"],
];

/**
 * Which distribution the nodes run, from what the source's adapter said, kubelet versions, OS images and labels.
 * `generic` when nothing speaks for another (kubeadm, kubespray, kops, kind).
 */
export function detectDistribution(inventory: Inventory, facts: SourceFacts): Distribution {
  const named = signs.find((sign) => sign.distribution === facts.installation)?.distribution;
  if (named !== undefined) return named;
  const openShift = objectsOf(inventory, "CustomResourceDefinition").some(
    (crd) => crd.name === "networks.operator.openshift.io",
  );
  if (openShift) return "openshift";
  for (const node of inventory.nodes) {
    const texts = [node.nodeInfo.osImage ?? "", node.nodeInfo.kubeletVersion ?? ""];
    const bySign = signs.find((sign) => texts.some((text) => sign.pattern.test(text)));
    if (bySign !== undefined) return bySign.distribution;
    const byLabel = labels.find(([label]) => label in node.labels);
    if (byLabel !== undefined) return byLabel[1];
  }
  return "generic";
}
