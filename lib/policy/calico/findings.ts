import type { FindingKind } from "../../core/finding.ts";

const calicoApi = "projectcalico/calico v3.32.1 api/pkg/apis/projectcalico/v3";
const calicoValidator = "projectcalico/calico v3.32.1 libcalico-go/lib/validator/v3/validator.go";

/** Every code of this room: what it means and where the rule comes from. */
export const calicoFindings = {
  POL001: {
    severity: "error",
    meaning:
      "a field that decides cannot be read: wrong type, a template variable without a value, or a gap left to fill in",
    source: calicoApi,
  },
  POL002: {
    severity: "error",
    meaning: "the object is invalid: Calico ignores it, and so do we",
    source: calicoValidator,
  },
  POL003: {
    severity: "warning",
    meaning: "a field that Calico does not know and silently ignores",
    source: calicoApi,
  },
  POL004: {
    severity: "error",
    meaning: "ports without a protocol that has ports: refused by Calico's API, decided differently by its data planes",
    source: calicoValidator,
  },
  POL005: {
    severity: "info",
    meaning: "a prefix with host bits: Calico reads the network it lies in",
    source: "projectcalico/calico v3.32.1 libcalico-go/lib/net/ipnet.go",
  },
  POL006: {
    severity: "warning",
    meaning: "a valid value that probably means something else than it says",
    source: "projectcalico/calico v3.32.1 api/pkg/lib/numorstring",
  },
  POL008: {
    severity: "warning",
    meaning: "a policy of another API: recognised, and neither translated nor part of the evaluation",
    source: "kubernetes-sigs/network-policy-api; Calico 3.30 maps it into tiers of its own",
  },
  POL009: {
    severity: "warning",
    meaning: "the same object twice in the input: the first is read",
    source: "Kubernetes: one object for each kind, namespace and name",
  },
  POL010: {
    severity: "warning",
    meaning: "a stored object without types: it governs ingress and egress",
    source: "projectcalico/calico v3.32.1 felix/calc/policy_sorter.go ExtractPolicyMetadata",
  },
  POL011: {
    severity: "warning",
    meaning: "a policy in a tier that does not exist: evaluated after all others, and it ends in drop",
    source: "projectcalico/calico v3.32.1 felix/calc/policy_sorter.go TierLess",
  },
  POL038: {
    severity: "error",
    meaning: "a field of Calico Enterprise that open-source Calico does not have",
    source: "Calico Enterprise network policy reference",
  },
} as const satisfies Record<string, FindingKind>;

/** A code of this room. */
export type CalicoFindingCode = keyof typeof calicoFindings;
