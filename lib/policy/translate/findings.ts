import type { FindingKind } from "../../core/finding.ts";

const cilium = "cilium/cilium v1.20.2";
const calico = "projectcalico/calico v3.32.1";

/** Every code of this room: what it means and where the rule comes from. */
export const translationFindings = {
  POL007: {
    severity: "info",
    meaning: "a policy that selects no pod of the inventory",
    source: "metachron",
  },
  POL012: {
    severity: "error",
    meaning: "two policies of equal order decide the same flows differently",
    source: `${calico} felix/calc/policy_sorter.go; the tie-break differs between 3.28 and 3.32`,
  },
  POL013: {
    severity: "warning",
    meaning: "two source policies would have the same name in Cilium; one is renamed",
    source: "Kubernetes: one name for each kind and namespace",
  },
  POL014: {
    severity: "info",
    meaning: "a rule that can never decide: earlier rules decide all that it matches",
    source: `${calico}: the first matching rule decides`,
  },
  POL015: {
    severity: "info",
    meaning: "a rule is written smaller than its source, because rule order means nothing in Cilium",
    source: `${cilium}: a deny beats every allow`,
  },
  POL020: {
    severity: "error",
    meaning: "a selector uses a label that Cilium does not give to identities",
    source: `${cilium} pkg/labelsfilter/filter.go`,
  },
  POL022: {
    severity: "error",
    meaning: "a selector has too many alternatives to write out",
    source: `${cilium}: label selectors have no "or"`,
  },
  POL023: {
    severity: "warning",
    meaning: "a text operator is replaced by the values that pods or namespaces have today",
    source: `${cilium}: selectors know In, NotIn, Exists and DoesNotExist only`,
  },
  POL024: {
    severity: "info",
    meaning: "a term that no pod can ever satisfy is left out",
    source: "Kubernetes: syntax of label keys, label values and port names",
  },
  POL025: {
    severity: "warning",
    meaning: "labels of service accounts are replaced by the names of the accounts that have them today",
    source: `${cilium}: identities carry the account's name, not its labels`,
  },
  POL026: {
    severity: "info",
    meaning: "the prefixes of a network set are written into the policy",
    source: `${cilium}: policies name addresses, or CIDR groups`,
  },
  POL027: {
    severity: "warning",
    meaning: "a peer selector matches host endpoints; their nodes are written instead",
    source: `${cilium}: nodes are entities`,
  },
  POL028: {
    severity: "error",
    meaning: "a rule asks for labels and addresses together, and the prefix holds some pods only",
    source: `${cilium}: a CIDR never matches a pod`,
  },
  POL029: {
    severity: "error",
    meaning: "a rule matches source ports, which Cilium cannot",
    source: `${cilium} pkg/policy/api/rule.go`,
  },
  POL030: {
    severity: "warning",
    meaning: "a rule means every protocol but some; only TCP, UDP, SCTP and ICMP can be listed",
    source: `${cilium} pkg/policy/api/l4.go`,
  },
  POL031: {
    severity: "error",
    meaning: "an ipBlock of a Kubernetes NetworkPolicy holds pods or nodes: Cilium will not match them by address",
    source: `${cilium} Documentation/network/kubernetes/policy.rst`,
  },
  POL032: {
    severity: "warning",
    meaning: "ICMP type 0 (echo reply) is left out: Cilium reads 0 as every type",
    source: "cilium/cilium issue 41304",
  },
  POL033: {
    severity: "error",
    meaning: "a rule matches an ICMP code, which Cilium cannot",
    source: `${cilium} pkg/policy/api/icmp.go`,
  },
  POL034: {
    severity: "error",
    meaning: "a rule matches an IP protocol that Cilium cannot",
    source: `${cilium} pkg/policy/api/l4.go`,
  },
  POL035: {
    severity: "error",
    meaning: "a rule holds for one IP version, and its peers are pods or nodes that have both",
    source: `${cilium}: endpoint selectors have no IP version`,
  },
  POL036: {
    severity: "warning",
    meaning: "a Service is replaced by the pods and ports that it selects today",
    source: `${cilium}: toServices does not mean the same`,
  },
  POL037: {
    severity: "warning",
    meaning: "an HTTP match is written as an L7 rule: the flows go through Cilium's proxy",
    source: `${cilium} Documentation/security/policy/language.rst`,
  },
  POL039: {
    severity: "info",
    meaning: "Log rules are replaced by Hubble",
    source: `${cilium} Documentation/observability/hubble`,
  },
  POL040: {
    severity: "warning",
    meaning: "a policy needs a large part of an endpoint's policy map, or is too large an object for kubectl apply",
    source: `${cilium} bpf.policyMapMax, default 16384; Kubernetes: 256 KiB of annotations`,
  },
  POL041: {
    severity: "error",
    meaning: "rule order cannot be written out without it in a policy that a person can read",
    source: "metachron: at most 200 rules for one source policy",
  },
  POL042: {
    severity: "error",
    meaning: "a prefix holds some pods, or nobody knows whether it does",
    source: `${cilium}: a CIDR never matches a pod`,
  },
  POL043: {
    severity: "warning",
    meaning: "a prefix holds some nodes; they are selected by their names",
    source: `${cilium} fromNodes, toNodes: need nodeSelectorLabels`,
  },
  POL045: {
    severity: "info",
    meaning: "a deny for everybody is written without the pod's own node",
    source: `${calico}: traffic from a node to its own pods is not policed`,
  },
  POL046: {
    severity: "info",
    meaning: "prefixes are taken to hold all pods and nodes, because they hold all private ranges",
    source: "RFC 1918",
  },
  POL047: {
    severity: "warning",
    meaning:
      "a Calico policy allows everything behind the Kubernetes NetworkPolicies of its pods, which then restrict nothing",
    source: `${calico}: Kubernetes policies have order 1000, and only allow`,
  },
  POL049: {
    severity: "info",
    meaning: "Kubernetes NetworkPolicies stay as they are: Cilium enforces them",
    source: `${cilium} Documentation/network/kubernetes/policy.rst`,
  },
  POL050: {
    severity: "info",
    meaning: "a staged policy is not enforced, before or after",
    source: `${calico} staged policies`,
  },
  POL060: {
    severity: "error",
    meaning: "a policy also applies to host endpoints",
    source: `${cilium} Documentation/security/host-firewall.rst`,
  },
  POL061: {
    severity: "error",
    meaning: "preDNAT has no counterpart",
    source: `${cilium}: policy is after service translation`,
  },
  POL062: {
    severity: "error",
    meaning: "doNotTrack has no counterpart",
    source: `${cilium}: policy needs connection tracking`,
  },
  POL063: {
    severity: "error",
    meaning: "applyOnForward has no counterpart",
    source: `${cilium}: host policies see the host only`,
  },
  POL064: {
    severity: "info",
    meaning: "policies would also apply to host endpoints, of which nobody knows whether there are any",
    source: "calico 3.32 reference, HostEndpoint",
  },
} as const satisfies Record<string, FindingKind>;

/** A code of this room. */
export type TranslationFindingCode = keyof typeof translationFindings;
