import { type AddressFamily, addressFamily, covers, normaliseCIDR, overlaps, prefixLength } from "../core/cidr.ts";
import type { Checked, Finding } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { SourceFacts } from "../source/source.ts";
import { findingOf } from "./findings.ts";
import { maxBlockBitsIPv6, meansOutside, type PodPool, separates } from "./pod-cidrs.ts";
import { bitsFor, blockBits, maxPodsPerNode, ownAddresses, usableAddresses } from "./pool-size.ts";
import { policyNets, type ReservedRange, reservedRanges } from "./reserved-ranges.ts";

/** A pool that a person named. */
export interface GivenPool {
  readonly podCIDRs: readonly string[];
  readonly maskSize?: number;
  readonly maskSizeIPv6?: number;
}

const unroutable = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
const shownOwners = 3;

/**
 * The given pool with its block lengths filled in, and everything that is wrong with it.
 *
 * Shape: `nodeCount` is the number of nodes today. `replacesInPlace` allows the source's own pool: with the strategy
 * `in-place` every old pod is gone before the first new one.
 * Findings: every `target/pod-cidr-…` of the table but `-proposed` and `-none-free`. Prefixes that are wrong stay in
 * the value, so that what follows from them can be shown; entries that are no prefix are left out.
 */
export function checkPodCIDRs(
  given: GivenPool,
  inventory: Inventory,
  facts: SourceFacts,
  reserved: readonly string[],
  nodeCount: number,
  replacesInPlace: boolean,
): Checked<PodPool> {
  const findings: Finding[] = [];
  const cidrs = given.podCIDRs.flatMap((text) => {
    const cidr = normaliseCIDR(text);
    if (cidr === undefined || !text.includes("/")) {
      findings.push(
        findingOf("target/pod-cidr-invalid", {
          message: `${text} is no prefix`,
          remedy: "write spec.target.podCIDRs as prefixes, for example 10.245.0.0/16",
        }),
      );
      return [];
    }
    return [cidr];
  });
  if (cidrs.length === 0) return { value: { cidrs, maskSize: {} }, findings };
  const maxPods = maxPodsPerNode(inventory);
  const masks = {
    4: given.maskSize ?? blockLength(4, cidrs, maxPods, nodeCount),
    6: given.maskSizeIPv6 ?? blockLength(6, cidrs, maxPods, nodeCount),
  };
  const ranges = reservedRanges(inventory, facts, reserved).filter(
    (range) => !(replacesInPlace && range.kind === "source-pods"),
  );

  findings.push(...familyFindings(cidrs, facts));
  for (const cidr of cidrs) {
    const family = addressFamily(cidr) ?? 4;
    findings.push(
      ...overlapFindings(cidr, ranges),
      ...policyFindings(cidr, inventory, facts),
      ...placeFindings(cidr),
      ...blockFindings(cidr, family, masks[family], maxPods),
    );
  }
  for (const family of [4, 6] as const) findings.push(...roomFindings(family, cidrs, masks[family], nodeCount));
  return {
    value: {
      cidrs: [...cidrs].sort((a, b) => (addressFamily(a) ?? 4) - (addressFamily(b) ?? 4)),
      maskSize: {
        ...(cidrs.some((cidr) => addressFamily(cidr) === 4) && { ipv4: masks[4] }),
        ...(cidrs.some((cidr) => addressFamily(cidr) === 6) && { ipv6: masks[6] }),
      },
    },
    findings,
  };
}

/** The usual block where the pool has enough of them, the smallest that holds a node's pods otherwise. */
function blockLength(family: AddressFamily, cidrs: readonly string[], maxPods: number, nodeCount: number): number {
  const tight = (family === 4 ? 32 : 128) - blockBits(maxPods);
  const usual = Math.min(family === 4 ? 24 : 120, tight);
  const largest = Math.min(...cidrs.filter((cidr) => addressFamily(cidr) === family).map(prefixLength));
  return Number.isFinite(largest) && usual - largest < bitsFor(2 * nodeCount) ? tight : usual;
}

function familyFindings(cidrs: readonly string[], facts: SourceFacts): Finding[] {
  return ([4, 6] as const).flatMap((family) => {
    const named = cidrs.filter((cidr) => addressFamily(cidr) === family);
    if (named.length === 0 || facts.families.includes(family)) return [];
    return [
      findingOf("target/pod-cidr-family", {
        message: `${named.join(", ")} is IPv${family}, but no pod of the source has an IPv${family} address`,
        reason: "the families of the pods stay as they are while both networks run",
        remedy: "take it out of spec.target.podCIDRs; add the family after the migration",
        data: { family, cidrs: named },
      }),
    ];
  });
}

function overlapFindings(cidr: string, ranges: readonly ReservedRange[]): Finding[] {
  const all = ranges.filter((range) => overlaps(range.cidr, cidr));
  const certain = all.filter((range) => range.certainty === "certain");
  // A guess about the subnet around an address adds nothing where the address itself is touched.
  const guesses = all.filter(
    (guess) => guess.certainty === "likely" && !certain.some(({ kind }) => kind === guess.kind),
  );
  const touched = [...certain, ...guesses];
  const groups = new Map<string, ReservedRange[]>();
  for (const range of touched) {
    const key = `${range.certainty} ${range.kind}`;
    groups.set(key, [...(groups.get(key) ?? []), range]);
  }
  return [...groups.values()].map((group) => {
    const first = group[0];
    const isCertain = first?.certainty === "certain";
    const shown = group.slice(0, shownOwners).map((range) => `${range.cidr} (${range.owner})`);
    const more = group.length > shownOwners ? ` and ${group.length - shownOwners} more` : "";
    return findingOf(isCertain ? "target/pod-cidr-overlaps" : "target/pod-cidr-may-overlap", {
      message: `the new pool ${cidr} overlaps ${shown.join(", ")}${more}`,
      reason: isCertain
        ? "a node routes the whole pool into the overlay, so whoever has these addresses is cut off"
        : "this is where such addresses usually are; the inventory does not tell the subnet's size",
      remedy: "choose another prefix in spec.target.podCIDRs, or leave it empty for a proposal",
      data: { podCIDR: cidr, overlaps: group.slice(0, 20).map(({ cidr: other, owner }) => ({ cidr: other, owner })) },
    });
  });
}

function policyFindings(cidr: string, inventory: Inventory, facts: SourceFacts): Finding[] {
  const old = facts.podCIDRs.filter((other) => addressFamily(other) === addressFamily(cidr));
  return policyNets(inventory).flatMap((net) => {
    const where = { ...net.position, object: net.object };
    const data = { podCIDR: cidr, net: net.cidr };
    if (meansOutside(net.cidr, cidr, old))
      return [
        findingOf("target/pod-cidr-in-policy", {
          message: `${net.object} names ${net.cidr}, which overlaps the new pool ${cidr}`,
          where,
          reason: "a rule about addresses outside the cluster would match new pods",
          remedy: "choose a pool that no policy names",
          data,
        }),
      ];
    if (separates(net.cidr, cidr, old))
      return [
        findingOf("target/pod-cidr-separated", {
          message: `${net.object} names ${net.cidr}, which covers the old pods and not the new pool ${cidr}`,
          where,
          reason: "a migrated pod would no longer be meant by this rule",
          remedy: `add ${cidr} beside it before the first wave, or speak of the pods by label`,
          data,
        }),
      ];
    return [];
  });
}

function placeFindings(cidr: string): Finding[] {
  if (cidr === "10.0.0.0/8")
    return [
      findingOf("target/pod-cidr-default", {
        message: "the new pool is the chart's default 10.0.0.0/8",
        reason: "it swallows every node and Service network in 10.0.0.0/8: nodes would lose each other",
        remedy: "choose a /16 that nobody has, or leave spec.target.podCIDRs empty for a proposal",
        data: { podCIDR: cidr },
      }),
    ];
  if (unroutable.some((outer) => covers(outer, cidr))) return [];
  return [
    findingOf("target/pod-cidr-public", {
      message: `the new pool ${cidr} lies outside the private ranges`,
      reason: "pods could not reach the hosts that have these addresses on the Internet",
      remedy:
        "choose a prefix in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fc00::/7 unless these addresses are yours",
      data: { podCIDR: cidr },
    }),
  ];
}

function blockFindings(cidr: string, family: AddressFamily, mask: number, maxPods: number): Finding[] {
  const findings: Finding[] = [];
  const usable = usableAddresses((family === 4 ? 32 : 128) - mask);
  const field = family === 4 ? "podCIDRMaskSize" : "podCIDRMaskSizeIPv6";
  if (usable < maxPods + ownAddresses)
    findings.push(
      findingOf("target/pod-cidr-per-node-too-small", {
        message: `a /${mask} block has ${usable} addresses, but a node may run ${maxPods} pods`,
        reason: `Cilium itself and a pod that is being replaced take ${ownAddresses} more; the block length cannot be changed later`,
        remedy: `set spec.target.${field} to ${(family === 4 ? 32 : 128) - blockBits(maxPods)} or less`,
        data: { podCIDR: cidr, maskSize: mask, usable, maxPods },
      }),
    );
  if (family === 6 && mask - prefixLength(cidr) > maxBlockBitsIPv6)
    findings.push(
      findingOf("target/pod-cidr-mask-too-far", {
        message: `${cidr} in /${mask} blocks makes more than 65536 blocks`,
        reason: "the operator refuses an IPv6 pool that is more than 16 bits shorter than its blocks",
        remedy: `use a pool of /${mask - maxBlockBitsIPv6} or longer, or set spec.target.${field} to ${prefixLength(cidr) + maxBlockBitsIPv6} or less`,
        data: { podCIDR: cidr, maskSize: mask },
      }),
    );
  return findings;
}

function roomFindings(family: AddressFamily, cidrs: readonly string[], mask: number, nodeCount: number): Finding[] {
  const own = cidrs.filter((cidr) => addressFamily(cidr) === family);
  if (own.length === 0) return [];
  const blocks = own.reduce((sum, cidr) => sum + Math.floor(2 ** (mask - prefixLength(cidr))), 0);
  const data = { podCIDRs: own, maskSize: mask, blocks, nodes: nodeCount };
  if (blocks < nodeCount)
    return [
      findingOf("target/pod-cidr-too-small", {
        message: `${own.join(", ")} in /${mask} blocks is enough for ${blocks} of ${nodeCount} nodes`,
        reason: "a node without a block gets no pods on Cilium",
        remedy: "choose a shorter prefix in spec.target.podCIDRs",
        data,
      }),
    ];
  if (blocks >= Math.ceil(nodeCount * 1.25)) return [];
  return [
    findingOf("target/pod-cidr-tight", {
      message: `${own.join(", ")} in /${mask} blocks is enough for ${blocks} nodes, the cluster has ${nodeCount}`,
      reason: "a pool grows only by a further prefix; an autoscaler can use up the rest",
      remedy: "choose a shorter prefix in spec.target.podCIDRs",
      data,
    }),
  ];
}
