import type { CalicoPolicySet } from "../calico/model.ts";
import type { CiliumPolicySet } from "../cilium/model.ts";

/**
 * One side of a comparison: policies and the engine that enforces them. Kubernetes NetworkPolicies are part of either
 * set, as that engine reads them; `none` is a network without policy (Flannel).
 */
export type PolicySide =
  | { readonly engine: "calico"; readonly policies: CalicoPolicySet }
  | { readonly engine: "cilium"; readonly policies: CiliumPolicySet }
  | { readonly engine: "none" };

/** Which half of a flow: `ingress` is decided at the destination, `egress` at the source. */
export type Half = "ingress" | "egress";
