import { addressFamily, covers, overlaps } from "../../core/cidr.ts";
import type { Finding } from "../../core/finding.ts";
import { whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { CalicoPolicySet } from "../calico/model.ts";
import type { World } from "../space/world.ts";
import { bridgePolicy } from "./bridge-policy.ts";
import { type BridgeObject, type CalicoGroup, mirrorPolicyObject, mirrorTierObject } from "./mirror-objects.ts";
import type { MirrorRule } from "./mirror-rule.ts";
import { type TransposedPipeline, transposePipeline } from "./transpose-pipeline.ts";
import { wideBridge } from "./wide-bridge.ts";

/** The policy half of the exact bridge: what is added on Cilium's side and on the source's. */
export interface ExactBridge {
  /** The Cilium policy that admits pods of the source. */
  readonly cilium: readonly BridgeObject[];
  /** The tier and the two mirrors; empty when the source enforces no policy. */
  readonly mirrors: readonly BridgeObject[];
  /** What replaces the two where the bridge cannot be exact: wider, and printed as exposure. */
  readonly wide: { readonly cilium: readonly BridgeObject[]; readonly source: readonly BridgeObject[] };
  /** API group for objects of Calico. */
  readonly group: CalicoGroup;
  /** The first tier there is and the lowest order in it: what has to come before every policy goes before these. */
  readonly first: { readonly tier: string | undefined; readonly order: number };
  /** An error here means that the mixed phase is not exact: the next best continuity is taken. */
  readonly findings: readonly Finding[];
}

/** What the bridge is made for. */
export interface ExactBridgeOptions {
  readonly group: CalicoGroup;
  /** Whether the source enforces Calico's own kinds, so that objects of Calico may be written at all. */
  readonly hasCalico: boolean;
  /** Whether Calico's Tier resource is served; without it mirrors cannot be transparent and are refused. */
  readonly hasTiers: boolean;
}

/**
 * The exact bridge's policies: the Cilium policy that admits the source's pods, and the mirrors that make the source's own
 * engine enforce, at the end that has not moved, what the moved end's policy says.
 *
 * Findings: `bridge/no-tiers`, `bridge/rule-has-no-mirror`, `bridge/net-splits-pool`, `bridge/net-separates-pools`,
 * `bridge/network-set-over-pods`.
 */
export function planExactBridge(set: CalicoPolicySet, world: World, options: ExactBridgeOptions): ExactBridge {
  const enforced = set.policies.filter((policy) => !policy.isStaged);
  const common = {
    cilium: [bridgePolicy(world.podCIDRs.source)],
    wide: wideBridge(set, world, options),
    group: options.group,
    first: firstPlace(set, options.hasTiers),
  };
  if (enforced.length === 0) return { ...common, mirrors: [], findings: [] };
  const ingress = transposePipeline(set, world, "ingress");
  const egress = transposePipeline(set, world, "egress");
  const findings = [
    ...(options.hasTiers ? [] : [noTiers(enforced.length)]),
    ...ingress.findings,
    ...egress.findings,
    ...netFindings(set, world),
    ...networkSetFindings(set, world, [ingress, egress]),
  ];
  if (!options.hasTiers) return { ...common, mirrors: [], findings };
  const mirrors = [
    mirrorTierObject(set, options.group),
    mirrorPolicyObject(ingress.rules, "ingress", world.podCIDRs.target, options.group),
    mirrorPolicyObject(egress.rules, "egress", world.podCIDRs.target, options.group),
  ];
  return { ...common, mirrors, findings };
}

function firstPlace(set: CalicoPolicySet, hasTiers: boolean): ExactBridge["first"] {
  const [tier] = set.tiers.filter((entry) => entry.exists && set.policies.some((policy) => policy.tier === entry.name));
  const name = tier?.name ?? "default";
  const orders = set.policies
    .filter((policy) => policy.tier === name && Number.isFinite(policy.order))
    .map((policy) => policy.order);
  return { tier: hasTiers ? name : undefined, order: Math.min(0, ...orders) };
}

function noTiers(policies: number): Finding {
  return {
    code: "bridge/no-tiers",
    severity: "error",
    message: `this Calico has no Tier resource, so the mirrors of ${policies === 1 ? "1 policy" : `${policies} policies`} cannot stand before them`,
    reason:
      "without a tier of its own a mirror would end the evaluation for pods that have no policy in that direction",
    remedy:
      "upgrade the source to Calico 3.29 or newer, or set spec.policies.continuity to bridge and read what it exposes",
  };
}

/** Policies and network sets that speak of pods by address mean another pod once it has moved. */
function netFindings(set: CalicoPolicySet, world: World): readonly Finding[] {
  const ofPolicies = set.policies.flatMap((policy) =>
    (["ingress", "egress"] as const).flatMap((direction) =>
      policy[direction].flatMap((rule) =>
        (["source", "destination"] as const).flatMap((end) =>
          (["nets", "notNets"] as const).flatMap((field) => {
            const where = whereOf(policy.identity, rule.position, `spec.${direction}[${rule.index}].${end}.${field}`);
            return listFindings(rule[end][field] ?? [], world, printIdentity(policy.identity), where);
          }),
        ),
      ),
    ),
  );
  const ofSets = set.networkSets.flatMap((entry) =>
    listFindings(
      entry.nets,
      world,
      printIdentity(entry.identity),
      whereOf(entry.identity, entry.position, "spec.nets"),
    ),
  );
  return [...ofPolicies, ...ofSets];
}

/** Nets of one list mean something together: a pool is inside when any of them covers it. */
function listFindings(
  nets: readonly string[],
  world: World,
  owner: string,
  where: Finding["where"],
): readonly Finding[] {
  const { source, target } = world.podCIDRs;
  const isInside = (pool: string): boolean => nets.some((net) => covers(net, pool));
  const pools = [...source, ...target];
  const splits = nets.flatMap((net) => {
    const split = pools.filter((pool) => overlaps(net, pool) && !isInside(pool));
    return split.length === 0 ? [] : [splitsPool(net, split, owner, where)];
  });
  const separated = ([4, 6] as const).flatMap((family) => {
    const own = pools.filter((pool) => addressFamily(pool) === family);
    const inside = own.filter(isInside);
    const missing = own.filter((pool) => !isInside(pool));
    if (inside.length === 0 || missing.length === 0) return [];
    const around = nets.filter((net) => inside.some((pool) => covers(net, pool)));
    return [separatesPools(around, inside, missing, owner, where)];
  });
  return [...splits, ...separated];
}

function splitsPool(net: string, pools: readonly string[], owner: string, where: Finding["where"]): Finding {
  return {
    code: "bridge/net-splits-pool",
    severity: "error",
    message: `${owner} names ${net}, which is a part of the pod pool ${pools.join(", ")}`,
    ...(where !== undefined && { where }),
    reason: "a pod that moves gets another address, so the rule no longer means the same pod",
    remedy: "name those pods by labels instead; Cilium needs that anyway, its CIDR rules never match pods",
  };
}

function separatesPools(
  nets: readonly string[],
  inside: readonly string[],
  missing: readonly string[],
  owner: string,
  where: Finding["where"],
): Finding {
  return {
    code: "bridge/net-separates-pools",
    severity: "error",
    message: `${owner} names ${nets.join(", ")}, which covers ${inside.join(", ")} but not ${missing.join(", ")}`,
    ...(where !== undefined && { where }),
    reason: "a pod that moves leaves the net or enters it: allow rules close, deny rules open",
    remedy: `add ${missing.join(", ")} beside ${nets.join(", ")} before the first wave (nothing has such an address yet), or choose spec.target.podCIDRs that no net separates from the old pool`,
    data: { nets, missing },
  };
}

/** An address that is a pod and inside a set satisfies one selector as the pod and another as the set; one rule asks one object for both. */
function networkSetFindings(
  set: CalicoPolicySet,
  world: World,
  pipelines: readonly TransposedPipeline[],
): readonly Finding[] {
  const pools = [...world.podCIDRs.source, ...world.podCIDRs.target];
  const over = set.networkSets.filter((entry) => entry.nets.some((net) => pools.some((pool) => overlaps(net, pool))));
  if (over.length === 0 || !pipelines.some((pipeline) => pipeline.rules.some(asksTwice))) return [];
  return over.map((entry) => ({
    code: "bridge/network-set-over-pods",
    severity: "error",
    message: `${printIdentity(entry.identity)} holds addresses of pods, and rules that name two selectors for one end cannot be mirrored beside it`,
    where: whereOf(entry.identity, entry.position, "spec.nets"),
    reason: "an address that is a pod and in a set satisfies one selector as the pod and the other as the set",
    remedy: `take ${pools.join(" and ")} out of the set's nets`,
  }));
}

function asksTwice(rule: MirrorRule): boolean {
  const own = (end: MirrorRule["source"]): number =>
    end.selectors.filter((selector) => selector.kind !== "in" || selector.key !== "meta:orchestrator").length;
  return own(rule.source) > 1 || own(rule.destination) > 1;
}
