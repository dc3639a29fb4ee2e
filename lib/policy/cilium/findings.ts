import type { FindingKind } from "../../core/finding.ts";

const validation = "cilium 1.20.2 pkg/policy/api/rule_validation.go";

/** Codes of this room. A finding of severity `error` names a form that Cilium refuses or that means something else than it says. */
export const ciliumFindings = {
  "cilium/no-direction": {
    severity: "error",
    meaning: "A rule has no element in ingress, ingressDeny, egress or egressDeny (S1)",
    source: validation,
  },
  "cilium/subject": {
    severity: "error",
    meaning: "A rule has no subject, two subjects, or a nodeSelector in a namespaced policy (S2)",
    source: `${validation}; pkg/k8s/apis/cilium.io/v2/cnp_types.go`,
  },
  "cilium/two-peer-kinds": {
    severity: "error",
    meaning: "One rule names its peers in two ways (S3)",
    source: validation,
  },
  "cilium/icmp": {
    severity: "error",
    meaning: "An icmps block that Cilium refuses: beside toPorts, wrong family, more than 40 fields, unknown type (S4)",
    source: `${validation}; pkg/policy/api/icmp.go`,
  },
  "cilium/port": {
    severity: "error",
    meaning: "A port or protocol that Cilium refuses (S5)",
    source: `${validation}; pkg/policy/api/l4.go`,
  },
  "cilium/node-selector-labels-off": {
    severity: "error",
    meaning: "fromNodes or toNodes without enable-node-selector-labels (S6)",
    source: validation,
  },
  "cilium/unknown-entity": {
    severity: "error",
    meaning: "An entity that the API does not know (S7)",
    source: "cilium 1.20.2 pkg/policy/api/entity.go",
  },
  "cilium/label-selector": {
    severity: "error",
    meaning: "A label selector that Cilium refuses (S8)",
    source: "cilium 1.20.2 pkg/labels/validation.go",
  },
  "cilium/cidr": {
    severity: "error",
    meaning: "A prefix, CIDR set or CIDR group that Cilium refuses (S9)",
    source: validation,
  },
  "cilium/l7": {
    severity: "error",
    meaning: "Layer 7 rules in a place where Cilium refuses them (S10)",
    source: validation,
  },
  "cilium/tls": {
    severity: "error",
    meaning: "serverNames or a listener in a form that Cilium refuses (S11)",
    source: validation,
  },
  "cilium/deny-field": {
    severity: "error",
    meaning: "A field that deny rules do not have (S12)",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml",
  },
  "cilium/no-spec": {
    severity: "error",
    meaning: "A policy without a name, or with neither spec nor specs (S13)",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/v2/cnp_types.go",
  },
  "cilium/removed-field": {
    severity: "error",
    meaning: "fromRequires or toRequires: refused or without meaning since 1.19, deprecated before (S14)",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/client/crds/v2 (maxItems 0)",
  },
  "cilium/type": {
    severity: "error",
    meaning: "A field has another type than the API wants; YAML reads an unquoted y, n, on, off, yes, no as a boolean",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/client/crds/v2",
  },
  "cilium/unknown-field": {
    severity: "error",
    meaning: "A field that the API does not have: it is dropped in silence, so the policy means something else",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/client/crds/v2",
  },
  "cilium/host-firewall-off": {
    severity: "warning",
    meaning: "A nodeSelector policy is inert without the host firewall",
    source: "cilium 1.20.2 Documentation/security/policy/language.rst (host policies)",
  },
  "cilium/empty-rule": {
    severity: "warning",
    meaning: "A rule without peers and ports selects nobody; alone in its list it only switches default deny on",
    source: "cilium 1.20.2 pkg/policy/rule.go mergeL4Filter",
  },
  "cilium/empty-peers": {
    severity: "warning",
    meaning: "A peer list that is present and empty selects nobody",
    source: "cilium 1.20.2 pkg/policy/utils/parserules.go",
  },
  "cilium/empty-ports": {
    severity: "warning",
    meaning: "A toPorts or icmps item without ports or fields matches no packet",
    source: "cilium 1.20.2 pkg/policy/rule.go mergeL4Filter",
  },
  "cilium/reversed-range": {
    severity: "warning",
    meaning: "endPort below port is ignored: only port matches",
    source: "cilium 1.20.2 pkg/policy/l4.go keysForRange",
  },
  "cilium/icmp-type-zero": {
    severity: "warning",
    meaning: "ICMP type 0 is the wildcard: it matches every ICMP type of the family",
    source: "cilium issue 41304, seen in 1.20.2",
  },
  "cilium/foreign-namespace": {
    severity: "warning",
    meaning: "A namespaced policy names another namespace as its subject: it is overwritten with its own",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/utils/utils.go ParseToCiliumRule",
  },
  "cilium/open-negation": {
    severity: "warning",
    meaning: "A negative namespace term without a positive one also matches the outside world and the health endpoints",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/utils/utils.go getEndpointSelector",
  },
  "cilium/subject-without-namespace": {
    severity: "warning",
    meaning: "The subject of a clusterwide policy also selects the health and ingress endpoints",
    source: "cilium 1.20.2 pkg/k8s/apis/cilium.io/utils/utils.go ParseToCiliumRule",
  },
  "cilium/label-filtered": {
    severity: "warning",
    meaning: "A selector names a pod label that the label filter keeps from Cilium",
    source: "cilium 1.20.2 pkg/labelsfilter/filter.go",
  },
  "cilium/not-compared": {
    severity: "warning",
    meaning: "A field that narrows traffic further than addresses, ports and HTTP, which the proof does not compare",
    source: "cilium 1.20.2 pkg/policy/api/l4.go, egress.go",
  },
  "cilium/not-resolved": {
    severity: "warning",
    meaning: "Peers that only the running agent can resolve, taken for nobody",
    source: "cilium 1.20.2 pkg/policy/api/groups.go",
  },
  "cilium/unknown-group": {
    severity: "warning",
    meaning: "A CIDR group that is not among the objects: the reference matches nothing",
    source: "cilium 1.20.2 pkg/policy/k8s/cilium_cidr_group.go",
  },
  "cilium/duplicate-object": {
    severity: "error",
    meaning: "One object is in the input twice; the first is read",
    source: "Kubernetes API: one object for a group, kind, namespace and name",
  },
  "cilium/cluster-network-policy": {
    severity: "error",
    meaning: "A ClusterNetworkPolicy, whose tiers stand before and after all other policy, is not evaluated",
    source: "cilium 1.20.2 pkg/policy/k8s/cluster_network_policy.go",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** A code of this room. */
export type CiliumFindingCode = keyof typeof ciliumFindings;
