import { addressFamily, isCIDR, normaliseCIDR, overlaps, prefixLength } from "../core/cidr.ts";
import type { Plan } from "./plan.ts";
import type { Report } from "./plan-finding.ts";

/** Smallest block that Cilium's cluster pool gives a node, as a prefix length: /30 for IPv4, /126 for IPv6. */
const longestMask = { 4: 30, 6: 126 } as const;

/** The prefixes of a plan as the user wrote them, before they were put into canonical form. */
export interface WrittenPrefixes {
  readonly podCIDRs: readonly string[];
  readonly reservedCIDRs: readonly string[];
}

/** Checks the prefixes of a plan: form, families, the node's block, and that the new pool touches nothing reserved. */
export function checkAddresses(plan: Plan, written: WrittenPrefixes, report: Report): void {
  const pools = checkForm(written.podCIDRs, "spec.target.podCIDRs", report);
  const reserved = checkForm(written.reservedCIDRs, "spec.reservedCIDRs", report);
  for (const family of [4, 6] as const) {
    const same = pools.filter((pool) => addressFamily(pool.cidr) === family);
    for (const extra of same.slice(1))
      report("plan/two-pools-of-one-family", extra.field, {
        message: `${extra.cidr} is a second IPv${family} pool beside ${same[0]?.cidr}`,
        reason: "The exact bridge tells old from new by one prefix per address family",
        remedy: "Keep one prefix that is large enough",
      });
    checkMask(plan, family, same[0]?.cidr, report);
  }
  for (const pool of pools)
    for (const other of reserved)
      if (overlaps(pool.cidr, other.cidr))
        report("plan/conflicting-settings", pool.field, {
          message: `The new pool ${pool.cidr} overlaps the reserved prefix ${other.cidr}`,
          reason: "Pods would take addresses that are in use elsewhere, and traffic to those would stay in the cluster",
          remedy: "Choose a pool outside every reserved prefix, or leave podCIDRs empty to have one proposed",
          data: { podCIDR: pool.cidr, reservedCIDR: other.cidr },
        });
}

interface Prefix {
  readonly cidr: string;
  readonly field: string;
}

function checkForm(cidrs: readonly string[], field: string, report: Report): readonly Prefix[] {
  return cidrs.flatMap((cidr, at) => {
    const place = `${field}[${at}]`;
    const canonical = isCIDR(cidr) ? normaliseCIDR(cidr) : undefined;
    if (canonical !== undefined) {
      if (!isBase(cidr, canonical)) reportHostBits(cidr, canonical, place, report);
      return [{ cidr: canonical, field: place }];
    }
    report("plan/invalid-cidr", place, {
      message: `${JSON.stringify(cidr)} is no prefix`,
      remedy: "Write an address with its length, for example 10.245.0.0/16 or fd00:10:245::/56",
      data: { cidr },
    });
    return [];
  });
}

/** Whether the address of a prefix is the first of its network, however it is spelt. */
function isBase(cidr: string, canonical: string): boolean {
  const address = normaliseCIDR(cidr.slice(0, cidr.indexOf("/")));
  return address?.split("/")[0] === canonical.split("/")[0];
}

function reportHostBits(cidr: string, canonical: string, field: string, report: Report): void {
  report("plan/host-bits", field, {
    message: `${cidr} has bits set beyond its length; ${canonical} is taken`,
    remedy: `Write ${canonical}`,
    data: { cidr, canonical },
  });
}

function checkMask(plan: Plan, family: 4 | 6, pool: string | undefined, report: Report): void {
  const field = family === 4 ? "podCIDRMaskSize" : "podCIDRMaskSizeIPv6";
  const mask = plan.spec.target[field];
  if (mask === undefined || pool === undefined) return;
  const length = prefixLength(pool);
  if (mask > length && mask <= longestMask[family]) return;
  report("plan/mask-size", `spec.target.${field}`, {
    message: `A block of /${mask} for each node does not fit the pool ${pool}`,
    reason: `It must be longer than /${length}, and Cilium gives no block smaller than /${longestMask[family]}`,
    remedy: `Choose a length between ${length + 1} and ${longestMask[family]}; it cannot be changed later`,
    data: { podCIDR: pool, maskSize: mask },
  });
}
