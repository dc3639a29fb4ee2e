import type { Finding, FindingKind } from "../core/finding.ts";

/** Every code of this room: what it means and where the rule comes from. The manual's page is written from this table. */
export const sourceFindings = {
  "source/unknown": {
    severity: "error",
    meaning: "no network that we know is recognised in the inventory",
    source: "metachron, detection contract",
  },
  "source/unsure": {
    severity: "warning",
    meaning: "the source is named by configuration or leftovers only; nothing in the inventory shows that it runs",
    source: "metachron, detection contract",
  },
  "source/ambiguous": {
    severity: "error",
    meaning: "two networks look active, and neither is known to stand in front of or beside the other",
    source: "metachron, detection contract",
  },
  "source/plan-contradicts-inventory": {
    severity: "error",
    meaning: "the plan names another source than the inventory shows",
    source: "metachron, plan file",
  },
  "source/half-migrated": {
    severity: "warning",
    meaning: "Cilium runs beside the source: the migration has begun, or Cilium waits dormant",
    source: "Cilium 1.20 Documentation/installation/k8s-install-migration.rst",
  },
  "source/cilium-chained": {
    severity: "error",
    meaning: "Cilium runs chained on the source; a move out of chained mode is not tested by anyone",
    source: "Cilium 1.20 Documentation/installation/k8s-install-migration.rst",
  },
  "source/already-cilium": {
    severity: "error",
    meaning: "the cluster runs Cilium and nothing else: there is nothing to migrate",
    source: "Cilium 1.20 Documentation/operations/upgrade.rst",
  },
  "source/migration-under-way": {
    severity: "error",
    meaning: "another migration between two networks is under way",
    source: "Calico v3.31 manifests/flannel-migration/migration-job.yaml",
  },
  "source/agent-missing": {
    severity: "error",
    meaning: "pods still have addresses of the source, and nothing that runs it is left",
    source: "metachron, detection contract",
  },
  "source/earlier-leftovers": {
    severity: "warning",
    meaning: "traces of a network that does not run any more are still in the cluster",
    source: "tigera/docs pull request 2768, projectcalico/calico pull request 12920",
  },
  "source/unreadable-configuration": {
    severity: "error",
    meaning: "a configuration inside an object is broken, so facts of the source are missing",
    source: "metachron, detection contract",
  },
  "source/not-checked": {
    severity: "info",
    meaning: "a kind is missing in the inventory, so something about the source cannot be told",
    source: "metachron, detection contract",
  },
  "source/ebpf-dataplane": {
    severity: "error",
    meaning: "Calico's eBPF dataplane decides packets before Cilium sees them; no live migration beside it",
    source: "Calico v3.34 felix/bpf, docs networking/ebpf/disable-ebpf",
  },
  "source/vpp-dataplane": {
    severity: "error",
    meaning: "Calico's VPP dataplane owns the uplinks in user space; no live migration beside it",
    source: "projectcalico/vpp-dataplane, overview",
  },
  "source/etcd-datastore": {
    severity: "warning",
    meaning: "Calico keeps its objects in etcd: kubectl does not dump them, and migrated pods stay unknown to it",
    source: "Calico v3.31 manifests/calico-etcd.yaml; lab pilot, condition 4 of the exact bridge",
  },
  "source/autodetection": {
    severity: "error",
    meaning: "Calico's address autodetection can pick cilium_host, and its nodes turn NotReady",
    source: "cilium/cilium issue 31273 and pull request 27666; Calico node/pkg/lifecycle/startup",
  },
  "source/shared-gateway": {
    severity: "error",
    meaning: "OVN-Kubernetes in shared gateway mode: pod traffic never reaches the host's routing table",
    source: "ovn-kubernetes docs/design/gateway-modes.md",
  },
  "source/openshift": {
    severity: "error",
    meaning: "the cluster network operator of OpenShift owns the network",
    source: "openshift/cluster-network-operator; Cilium 1.20 Documentation/installation/k8s-install-openshift-okd.rst",
  },
  "source/provider-managed": {
    severity: "error",
    meaning: "the provider installs and reconciles the network",
    source: "providers' documentation, named in the finding",
  },
  "source/multus": {
    severity: "warning",
    meaning: "Multus stands in front of the network and owns the first CNI file",
    source: "Multus v4.3 docs/how-to-use.md",
  },
  "source/mesh-cni": {
    severity: "warning",
    meaning: "a service mesh writes itself into the CNI configuration",
    source: "Cilium 1.20 Documentation/network/servicemesh/istio.rst",
  },
  "source/companion": {
    severity: "info",
    meaning: "a product beside the network stays when the network goes",
    source: "kube-router v2.5 docs/user-guide.md",
  },
  "source/daemonset-unhealthy": {
    severity: "error",
    meaning: "the source is not healthy on every node",
    source: "Kubernetes DaemonSet status",
  },
  "source/gitops-owner": {
    severity: "warning",
    meaning: "another engine applies the source's objects and will bring them back",
    source: "Argo CD tracking, Flux ownership labels, Helm release annotations",
  },
  "source/operator-reconcile": {
    severity: "warning",
    meaning: "an operator or the distribution reverts edits of the source's objects",
    source: "tigera/operator; kOps channels; RKE2 and k3s Helm controller; addon-manager",
  },
  "source/pod-cidr-mismatch": {
    severity: "warning",
    meaning: "pods or nodes have addresses outside the prefixes that the source is configured with",
    source: "metachron, detection contract",
  },
  "source/policy-engine": {
    severity: "info",
    meaning: "policy is enforced by another product than the one that connects the pods",
    source: "Calico v3.31 manifests/calico-policy-only.yaml; kube-router daemonset/kube-router-firewall-daemonset.yaml",
  },
  "source/service-proxy": {
    severity: "warning",
    meaning: "the source also answers for Services; something has to take over before it goes",
    source: "kube-router v2.5 docs/user-guide.md; Antrea v2.6 docs/antrea-proxy.md; Cilium 1.20 kubeproxy-free.rst",
  },
  "source/policy-controller": {
    severity: "warning",
    meaning: "the distribution embeds a policy controller that filters Cilium's pods too",
    source: "k3s-io/k3s pkg/agent/netpol",
  },
  "source/external-snat": {
    severity: "error",
    meaning: "AWS VPC CNI runs with external SNAT: pods on secondary interfaces cannot reach the new pool",
    source: "aws/amazon-vpc-cni-k8s v1.22 pkg/networkutils/network.go",
  },
  "source/ended-project": {
    severity: "warning",
    meaning: "the source is no longer maintained",
    source: "weaveworks/weave, last commit November 2022",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** A code of this room. */
export type SourceFindingCode = keyof typeof sourceFindings;

/** A finding of this room with the severity of the table, or another one where the case is milder or harder. */
export function sourceFinding(
  code: SourceFindingCode,
  rest: Omit<Finding, "code" | "severity"> & { readonly severity?: Finding["severity"] },
): Finding {
  return { code, ...rest, severity: rest.severity ?? sourceFindings[code].severity };
}
