/** A network that a cluster can run, by the name that plan files and findings use. */
export type SourceName = (typeof sourceNames)[number];

/** Every name a plan file may give, in the order of the documentation. */
export const sourceNames = [
  "calico",
  "canal",
  "flannel",
  "kube-router",
  "ovn-kubernetes",
  "weave",
  "antrea",
  "aws-vpc-cni",
  "azure-cni",
  "gke",
  "kindnet",
  "cilium",
  "openshift-sdn",
  "unknown",
] as const;
