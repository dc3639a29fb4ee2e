import { type AddressFamily, addressFamily, overlaps, prefixAt, rangeOf } from "../core/cidr.ts";
import type { Checked, Finding } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Continuity, Plan } from "../plan/plan.ts";
import type { SourceDetection, SourceFacts } from "../source/source.ts";
import { findingOf } from "./findings.ts";
import type { ContinuityChoice, ContinuityCondition } from "./target.ts";

/** Sources whose policy engine also decides, at the old end, what the new end's policy says. */
const mirrorable = ["calico", "canal"];

/**
 * How policy can hold while both networks run.
 *
 * `exact` needs: a source whose engine takes mirrored denies (Calico, Canal) or one that enforces no policy at all;
 * the Kubernetes datastore, so that the engine learns migrated pods from their status; the iptables dataplane; a way to
 * the old pods that carries addresses of the new pool; and one prefix per family for the old and for the new pods. Where one fails the next best is `bridge`, with its exposure
 * printed. Strategies that never have two networks in one cluster need no bridge and keep what was asked for.
 *
 * Shape: `podCIDRs` is the new pool. The value is always present.
 * Findings: `target/continuity-downgraded`, `target/continuity-not-measured`.
 * Source: lab pilot of metachron, "Conditions".
 */
export function chooseContinuity(
  plan: Plan,
  inventory: Inventory,
  source: SourceDetection,
  podCIDRs: readonly string[],
): Checked<ContinuityChoice> {
  const requested = plan.spec.policies.continuity;
  const needsMirrors = source.facts.enforcedPolicyKinds.length > 0;
  const sourcePrefixes = onePrefixEach(inventory, source.facts, podCIDRs);
  if (requested !== "exact" || plan.spec.strategy !== "live")
    return {
      value: { requested, effective: requested, needsMirrors, sourcePrefixes: sourcePrefixes ?? [], conditions: [] },
      findings: [],
    };
  const conditions = conditionsOf(source, podCIDRs, sourcePrefixes);
  const failed = conditions.filter((condition) => !condition.holds);
  const effective: Continuity = failed.length > 0 ? "bridge" : "exact";
  const choice = { requested, effective, needsMirrors, sourcePrefixes: sourcePrefixes ?? [], conditions };
  return { value: choice, findings: findingsOf(failed, effective, source.facts) };
}

function conditionsOf(
  source: SourceDetection,
  podCIDRs: readonly string[],
  sourcePrefixes: readonly string[] | undefined,
): ContinuityCondition[] {
  const { facts } = source;
  const enforces = facts.enforcedPolicyKinds.length > 0;
  const isMirrorable = mirrorable.includes(source.source) || isFlannelWithCalico(source);
  const dataplane = facts.dataplane ?? "unknown";
  const many = ([4, 6] as const).filter((family) => countOf(podCIDRs, family) > 1);
  return [
    {
      id: "source",
      holds: isMirrorable || !enforces,
      why: isMirrorable
        ? `${source.source} can enforce at the old end what the new end's policy says`
        : enforces
          ? `${source.source} enforces ${facts.enforcedPolicyKinds.join(", ")}, where mirrored denies cannot be written`
          : `${source.source} enforces no policy, so there is nothing to mirror`,
    },
    {
      id: "datastore",
      holds: !isMirrorable || facts.datastore === "kubernetes",
      why: isMirrorable
        ? `the datastore is ${facts.datastore ?? "not shown by the inventory"}; only with kubernetes the old engine learns migrated pods from their status`
        : "no policy engine of the source takes part",
    },
    {
      id: "dataplane",
      holds: dataplane === "iptables" || (!enforces && dataplane === "none"),
      why: `the source's dataplane is ${dataplane}; the rules that keep pod addresses are iptables rules`,
    },
    pathCondition(source),
    {
      id: "source-prefixes",
      holds: sourcePrefixes !== undefined,
      why:
        sourcePrefixes === undefined
          ? `the old pods live in ${facts.podCIDRs.join(", ") || "no known prefix"}, which no single prefix per family covers without touching others`
          : `${sourcePrefixes.join(" and ")} covers every old pod`,
    },
    {
      id: "target-prefixes",
      holds: many.length === 0 && podCIDRs.length > 0,
      why:
        podCIDRs.length === 0
          ? "the new pool is not known"
          : many.length > 0
            ? `the new pool has several IPv${many.join(" and IPv")} prefixes: ${podCIDRs.join(", ")}`
            : `${podCIDRs.join(" and ")} covers every new pod`,
    },
  ];
}

/**
 * Without the bridge a new pod meets old ones under an address of its node; with it under its own, which not every way lets pass.
 * Source: WireGuard's cryptokey routing (a peer's AllowedIPs are the source's blocks: flannel pkg/backend/wireguard, Felix
 * wireguard); IPsec policies likewise; EC2 user guide, source/destination checking.
 */
function pathCondition({ source, facts }: SourceDetection): ContinuityCondition {
  // Calico lays WireGuard over whichever encapsulation its pools have.
  const isSealed =
    facts.encapsulation === "wireguard" || facts.encapsulation === "ipsec" || facts.details["wireguard"] !== undefined;
  const isChecked = source === "aws-vpc-cni";
  return {
    id: "path",
    holds: !isSealed && !isChecked,
    why: isSealed
      ? `${source}'s ${facts.encapsulation === "ipsec" ? "IPsec" : "WireGuard"} tunnels take packets of its own prefixes only, so those that keep an address of the new pool are dropped`
      : isChecked
        ? "the VPC drops packets whose source is no address of the node's interfaces, as those of the new pool are"
        : "the way to the old pods carries addresses of the new pool",
  };
}

/** Flannel with Calico's policy engine beside it is Canal in two manifests. */
function isFlannelWithCalico(source: SourceDetection): boolean {
  const { policyEngines } = source.facts;
  return source.source === "flannel" && policyEngines.length > 0 && policyEngines.every((name) => name === "calico");
}

function countOf(cidrs: readonly string[], family: AddressFamily): number {
  return cidrs.filter((cidr) => addressFamily(cidr) === family).length;
}

/** One prefix per family that covers the old pods and touches no new pod, Service or node; `undefined` where there is none. */
function onePrefixEach(inventory: Inventory, facts: SourceFacts, podCIDRs: readonly string[]): string[] | undefined {
  const others = [
    ...podCIDRs,
    ...(facts.serviceCIDRs ?? []),
    ...inventory.nodes.flatMap((node) => node.addresses.map((entry) => entry.address)),
  ].filter((text) => addressFamily(text) !== undefined);
  const found: string[] = [];
  for (const family of [4, 6] as const) {
    const own = facts.podCIDRs.filter((cidr) => addressFamily(cidr) === family);
    const cover = own.length === 0 ? undefined : coveringPrefix(own, family);
    if (cover === undefined) continue;
    if (own.length > 1 && others.some((other) => overlaps(cover, other))) return undefined;
    found.push(cover);
  }
  return found.length === 0 ? undefined : found;
}

function coveringPrefix(cidrs: readonly string[], family: AddressFamily): string {
  const ranges = cidrs.map(rangeOf);
  const ends = ranges.flatMap((range) => [range.first, range.last]).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const first = ends[0] ?? 0n;
  const last = ends.at(-1) ?? first;
  const width = family === 4 ? 32 : 128;
  let hostBits = 0;
  while (first >> BigInt(hostBits) !== last >> BigInt(hostBits)) hostBits += 1;
  return prefixAt(family, (first >> BigInt(hostBits)) << BigInt(hostBits), width - hostBits);
}

function findingsOf(failed: readonly ContinuityCondition[], effective: Continuity, facts: SourceFacts): Finding[] {
  if (failed.length > 0)
    return [
      findingOf("target/continuity-downgraded", {
        message: `continuity exact cannot be had: ${failed.map((condition) => condition.why).join("; ")}`,
        reason: `the plan goes on with ${effective}: allowed flows stay, and PLAN.md prints per wave what else the mixed phase lets through`,
        remedy:
          "remove what stands in the way, or write spec.policies.continuity: bridge to say that the exposure is accepted",
        data: { requested: "exact", effective, failed: failed.map((condition) => condition.id) },
      }),
    ];
  const notMeasured: Finding[] = [];
  if (facts.encapsulation === "none")
    notMeasured.push(
      findingOf("target/continuity-not-measured", {
        message:
          "the exact bridge was measured over an overlay; here packets of new pods cross the nodes' own network under their own addresses",
        reason:
          "whatever checks source addresses between the nodes (port security of OpenStack, switches, cloud routers) drops them",
        remedy:
          "see that the nodes' network lets addresses of the new pool pass, or write spec.policies.continuity: bridge",
      }),
    );
  if (!facts.families.includes(6)) return notMeasured;
  return [
    ...notMeasured,
    findingOf("target/continuity-not-measured", {
      message: "the exact bridge was measured with IPv4 only; this cluster's pods also have IPv6 addresses",
      reason: "the rules are the same for ip6tables, but no laboratory run stands behind them",
      remedy: "run the probe pack over IPv6 after the canary, before the second wave",
    }),
  ];
}
