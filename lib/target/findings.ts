import type { Finding, FindingKind, Severity } from "../core/finding.ts";

const clusterPool = "cilium/cilium v1.20.2 Documentation/network/concepts/ipam/cluster-pool.rst";
const migrationGuide = "cilium/cilium v1.20.2 Documentation/installation/k8s-install-migration.rst";

/** Every finding of this room by its code. */
export const targetFindings = {
  "target/not-cilium": {
    severity: "info",
    meaning: "The plan's target is not Cilium, so no Cilium values are made.",
    source: "design of metachron",
  },
  "target/version-unsupported": {
    severity: "error",
    meaning: "The chart version is none of the minors whose keys and behaviour are known; the nearest one was used.",
    source: "cilium/cilium install/kubernetes/cilium of 1.18, 1.19 and 1.20",
  },
  "target/unknown-value": {
    severity: "warning",
    meaning: "A Helm value of the plan is not read by the chart of this version: Helm takes it without a word.",
    source: "cilium/cilium install/kubernetes/cilium/values.schema.json and templates",
  },
  "target/override-breaks-invariant": {
    severity: "error",
    meaning: "A Helm value of the plan would break the migration; the safe value was kept.",
    source: `${migrationGuide}; lab pilot of metachron`,
  },
  "target/override-waits-for-final": {
    severity: "info",
    meaning: "A Helm value of the plan must not hold while both networks run; it takes effect with the final values.",
    source: migrationGuide,
  },
  "target/pod-cidr-proposed": {
    severity: "info",
    meaning: "The plan names no pool for a family, so one was proposed.",
    source: clusterPool,
  },
  "target/pod-cidr-installed": {
    severity: "info",
    meaning: "Cilium is in the cluster already; the plan goes on with the pool that it has.",
    source: clusterPool,
  },
  "target/pod-cidr-changed": {
    severity: "error",
    meaning: "The plan's pool is not the one that the installed Cilium gives addresses out of.",
    source: clusterPool,
  },
  "target/pod-cidr-none-free": {
    severity: "error",
    meaning: "No free prefix for new pods was found in the private ranges.",
    source: clusterPool,
  },
  "target/pod-cidr-invalid": {
    severity: "error",
    meaning: "An entry of the pool is no prefix.",
    source: clusterPool,
  },
  "target/pod-cidr-family": {
    severity: "error",
    meaning:
      "The pool's IP families are not those of the running pods; a change of family during a migration is untested.",
    source: migrationGuide,
  },
  "target/pod-cidr-overlaps": {
    severity: "error",
    meaning: "The new pool shares addresses with something that has them already.",
    source: clusterPool,
  },
  "target/pod-cidr-may-overlap": {
    severity: "warning",
    meaning: "The new pool lies in a range that something probably has, by its usual size.",
    source: clusterPool,
  },
  "target/pod-cidr-in-policy": {
    severity: "warning",
    meaning: "A policy names addresses of the new pool as something outside the cluster; it would match new pods.",
    source: "projectcalico.org and networking.k8s.io NetworkPolicy: nets and ipBlock match addresses, whoever has them",
  },
  "target/pod-cidr-separated": {
    severity: "warning",
    meaning: "A policy's net means all old pods and no new one, so it has to be widened for the mixed phase.",
    source: "lab pilot of metachron (exact bridge)",
  },
  "target/pod-cidr-default": {
    severity: "error",
    meaning: "The pool is the chart's default 10.0.0.0/8, which swallows node networks.",
    source: clusterPool,
  },
  "target/pod-cidr-public": {
    severity: "warning",
    meaning: "The pool lies outside the private ranges: pods could not reach the real owner of these addresses.",
    source: "RFC 1918, RFC 6598, RFC 4193",
  },
  "target/pod-cidr-too-small": {
    severity: "error",
    meaning: "The pool has fewer blocks than the cluster has nodes.",
    source: clusterPool,
  },
  "target/pod-cidr-tight": {
    severity: "warning",
    meaning: "The pool has blocks for the nodes of today and few more.",
    source: clusterPool,
  },
  "target/pod-cidr-per-node-too-small": {
    severity: "error",
    meaning: "A node's block holds fewer addresses than the node may run pods.",
    source: clusterPool,
  },
  "target/pod-cidr-mask-too-far": {
    severity: "error",
    meaning: "An IPv6 pool would hold more than 2^16 blocks, which the operator refuses.",
    source: "cilium/cilium v1.20.2 pkg/ipam/cidrset/cidr_set.go",
  },
  "target/continuity-downgraded": {
    severity: "warning",
    meaning: "The continuity that the plan asks for cannot be had with this source; the next best is planned.",
    source: "lab pilot of metachron (conditions of the exact bridge)",
  },
  "target/continuity-not-measured": {
    severity: "info",
    meaning: "The exact bridge was not measured in a cluster like this one: IPv4 over an overlay was.",
    source: "lab pilot of metachron",
  },
  "target/devices-needed": {
    severity: "error",
    meaning: "Cilium of this version cannot exclude devices, so the uplinks have to be named.",
    source: "cilium/cilium v1.18.11 pkg/datapath/tables/device.go DeviceFilter.Match (no exclusion before 1.19)",
  },
  "target/k8s-service-host-needed": {
    severity: "error",
    meaning: "The agents must reach the API server without the kubernetes Service, and nothing tells its address.",
    source: "cilium/cilium v1.20.2 Documentation/network/kubernetes/kubeproxy-free.rst",
  },
  "target/k8s-service-host-derived": {
    severity: "info",
    meaning: "The API server's address was taken from the inventory or the distribution.",
    source: "kubeadm ClusterConfiguration controlPlaneEndpoint; Talos KubePrism; RKE2 agent load balancer",
  },
  "target/cni-directory-moves": {
    severity: "warning",
    meaning: "The distribution will look for CNI files elsewhere once its own network is switched off.",
    source: "k3s-io/k3s: --flannel-backend=none; cilium/cilium v1.20.2 Documentation/installation/k3s.rst",
  },
  "target/mtu-estimated": {
    severity: "info",
    meaning: "The device MTU was computed from the MTU that the source was told to use.",
    source: "cilium/cilium v1.20.2 pkg/mtu/mtu.go (50 bytes VXLAN over IPv4, 70 over IPv6)",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** A code of this room. */
export type TargetCode = keyof typeof targetFindings;

/** A finding of this room; its severity comes from the table. */
export function findingOf(code: TargetCode, parts: Omit<Finding, "code" | "severity">): Finding {
  const severity: Severity = targetFindings[code].severity;
  return { code, severity, ...parts };
}
