import { addressFamily } from "../../core/cidr.ts";
import type { JsonObject } from "../../core/json.ts";
import { sortedUnique } from "../../core/order.ts";
import type { CalicoPolicy, CalicoPolicySet } from "../calico/model.ts";
import type { Selector } from "../selector/selector.ts";
import { conjunction, disjunction, simplifySelector } from "../selector/simplify-selector.ts";
import type { World } from "../space/world.ts";
import { bridgePolicyName } from "./bridge-policy.ts";
import { type BridgeObject, type CalicoGroup, mirrorTier, mirrorTierObject } from "./mirror-objects.ts";
import { printCalicoSelector } from "./print-calico-selector.ts";

/** What the wide bridge is written for. */
export interface WideBridgeOptions {
  readonly group: CalicoGroup;
  /** Whether Calico's own policy kinds are served and enforced: a source with another engine takes no such object. */
  readonly hasCalico: boolean;
  readonly hasTiers: boolean;
}

/**
 * The bridge without node rules, for where the exact one cannot be had: addresses are translated on the way, so each side
 * admits what it takes for the other. What that opens is computed and printed per wave.
 *
 * Old pods reach moved pods from addresses that Cilium takes for the outside (`world`); moved pods reach old pods from
 * node addresses, tunnel devices included. Source: pilot with Cilium 1.20.2 and Canal, bridge (i).
 */
export function wideBridge(
  set: CalicoPolicySet,
  world: World,
  options: WideBridgeOptions,
): { readonly cilium: readonly BridgeObject[]; readonly source: readonly BridgeObject[] } {
  const subjects = set.policies.filter(isDecidingIngress).map(({ appliesTo }) => appliesTo);
  const isNeeded = options.hasCalico && subjects.length > 0;
  const policies = isNeeded ? world.families.flatMap((family) => nodePolicy(subjects, world, family, options)) : [];
  return {
    cilium: [widePolicy(world.podCIDRs.source)],
    source: options.hasTiers && policies.length > 0 ? [mirrorTierObject(set, options.group), ...policies] : policies,
  };
}

function isDecidingIngress(policy: CalicoPolicy): boolean {
  return policy.governs.ingress && !policy.isStaged && !policy.doNotTrack && !policy.preDNAT;
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

function nodePolicy(
  subjects: readonly Selector[],
  world: World,
  family: 4 | 6,
  { group, hasTiers }: WideBridgeOptions,
): readonly BridgeObject[] {
  const addresses = world.nodes
    .flatMap((node) => node.addresses)
    .filter((address) => addressFamily(address) === family);
  const nets = sortedUnique(addresses.map((address) => `${address}/${family === 4 ? 32 : 128}`));
  if (nets.length === 0) return [];
  const name = `${bridgePolicyName}-ipv${family}`;
  const admit = { action: "Allow", source: { nets } };
  // A pod without any ingress policy must stay without one: the first to select it would close it to everybody else.
  const spec: JsonObject = hasTiers
    ? { tier: mirrorTier, order: 100, selector: pods, types: ["Ingress"], ingress: [admit, { action: "Pass" }] }
    : { order: -1_000_000, selector: governed(subjects), types: ["Ingress"], ingress: [admit] };
  return [
    {
      object: {
        apiVersion: group,
        kind: "GlobalNetworkPolicy",
        metadata: { name: hasTiers ? `${mirrorTier}.${name}` : name },
        spec,
      },
      comment: [
        "Temporary and wide: moved pods reach old pods from node addresses, so old pods admit every node.",
        "Pods without an ingress policy stay as open as they are. What this opens is listed in PLAN.md.",
      ].join("\n"),
    },
  ];
}

const pods = "projectcalico.org/orchestrator == 'k8s'";

/** Pods that some policy of this direction selects already. */
function governed(subjects: readonly Selector[]): string {
  const isPod: Selector = { kind: "in", key: "meta:orchestrator", values: ["k8s"] };
  return printCalicoSelector(simplifySelector(conjunction([isPod, disjunction([...subjects])])));
}
