import type { JsonObject } from "../../core/json.ts";
import type { BridgeObject } from "./mirror-objects.ts";

/** Name of the Cilium policy that admits pods of the source. */
export const bridgePolicyName = "metachron-bridge";

/**
 * The one Cilium policy that admits pods which are still on the source, without switching default deny on for anybody.
 *
 * With the node rules in place old pods keep their addresses and are `unmanaged` for Cilium; from another node they are
 * addresses of the old pool. toCIDR and toEntities may not stand in one rule: Cilium accepts such an object and ignores it.
 * Source: pilot with Cilium 1.20.2; cilium/cilium v1.20.2 pkg/policy/api/rule_validation.go.
 */
export function bridgePolicy(sourcePodCIDRs: readonly string[]): BridgeObject {
  const object: JsonObject = {
    apiVersion: "cilium.io/v2",
    kind: "CiliumClusterwideNetworkPolicy",
    metadata: { name: bridgePolicyName },
    spec: {
      description: "Temporary: admits pods that are still on the source; the source's own engine decides for them.",
      enableDefaultDeny: { egress: false, ingress: false },
      endpointSelector: { matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "Exists" }] },
      ingress: [{ fromEntities: ["unmanaged"] }],
      egress: [{ toEntities: ["unmanaged"] }, { toCIDR: [...sourcePodCIDRs] }],
    },
  };
  return {
    object,
    comment: [
      "Temporary: migrated pods may hear from and speak to pods that are still on the source.",
      "What they may really say is decided at the other end, by the mirrors in the source's own engine.",
    ].join("\n"),
  };
}
