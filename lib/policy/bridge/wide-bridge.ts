import { addressFamily } from "../../core/cidr.ts";
import { sortedUnique } from "../../core/order.ts";
import type { World } from "../space/world.ts";
import { bridgePolicyName } from "./bridge-policy.ts";
import type { BridgeObject, CalicoGroup } from "./mirror-objects.ts";

/**
 * The bridge without node rules, for where the exact one cannot be had: addresses are translated on the way, so each side
 * admits what it takes for the other. What that opens is computed and printed per wave.
 *
 * Old pods reach moved pods from addresses that Cilium takes for the outside (`world`); moved pods reach old pods from
 * node addresses, tunnel devices included. Source: pilot with Cilium 1.20.2 and Canal, bridge (i).
 */
export function wideBridge(
  isPolicyEnforced: boolean,
  world: World,
  group: CalicoGroup,
): { readonly cilium: readonly BridgeObject[]; readonly source: readonly BridgeObject[] } {
  return {
    cilium: [widePolicy(world.podCIDRs.source)],
    source: isPolicyEnforced ? world.families.flatMap((family) => nodePolicy(world, family, group)) : [],
  };
}

function widePolicy(sourcePodCIDRs: readonly string[]): BridgeObject {
  return {
    object: {
      apiVersion: "cilium.io/v2",
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: bridgePolicyName },
      spec: {
        description:
          "Temporary and wide: admits pods that are still on the source, which arrive as addresses of the outside.",
        enableDefaultDeny: { egress: false, ingress: false },
        endpointSelector: { matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "Exists" }] },
        ingress: [{ fromEntities: ["world", "unmanaged"] }],
        egress: [{ toEntities: ["unmanaged"] }, { toCIDR: [...sourcePodCIDRs] }],
      },
    },
    comment: [
      "Temporary and wide: Cilium cannot tell an old pod from the outside, so moved pods admit both.",
      "What this opens while both networks run is listed in PLAN.md.",
    ].join("\n"),
  };
}

function nodePolicy(world: World, family: 4 | 6, group: CalicoGroup): readonly BridgeObject[] {
  const addresses = world.nodes
    .flatMap((node) => node.addresses)
    .filter((address) => addressFamily(address) === family);
  const nets = sortedUnique(addresses.map((address) => `${address}/${family === 4 ? 32 : 128}`));
  if (nets.length === 0) return [];
  return [
    {
      object: {
        apiVersion: group,
        kind: "GlobalNetworkPolicy",
        metadata: { name: `${bridgePolicyName}-ipv${family}` },
        spec: {
          order: -1_000_000,
          selector: "projectcalico.org/orchestrator == 'k8s'",
          types: ["Ingress"],
          ingress: [{ action: "Allow", source: { nets } }],
        },
      },
      comment: [
        "Temporary and wide: moved pods reach old pods from node addresses, so old pods admit every node.",
        "What this opens while both networks run is listed in PLAN.md.",
      ].join("\n"),
    },
  ];
}
