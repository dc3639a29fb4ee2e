import { addressFamily, normaliseCIDR } from "../core/cidr.ts";
import type { Checked, Finding } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import type { SourceDetection } from "../source/source.ts";
import { checkPodCIDRs, type GivenPool } from "./check-pod-cidrs.ts";
import { findingOf } from "./findings.ts";
import { type InstalledCilium, readInstalledCilium } from "./installed-cilium.ts";
import { type PodPool, proposePodCIDRs } from "./pod-cidrs.ts";

/**
 * The pool of pod addresses that the plan leads to.
 *
 * The plan's prefixes are checked; a family that it names none for takes the installed Cilium's, otherwise a proposal.
 * Findings: those of `checkPodCIDRs` and `proposePodCIDRs`, `target/pod-cidr-installed`, `target/pod-cidr-changed`.
 */
export function choosePool(plan: Plan, inventory: Inventory, source: SourceDetection): Checked<PodPool> {
  const nodeCount = inventory.nodes.length;
  const installed = source.source === "cilium" ? undefined : readInstalledCilium(inventory);
  const given = givenPool(plan, installed, source.facts.families);
  const checkedPool = checkPodCIDRs(
    given,
    inventory,
    source.facts,
    plan.spec.reservedCIDRs,
    nodeCount,
    plan.spec.strategy === "in-place",
  );
  const named = new Set((checkedPool.value?.cidrs ?? []).map(addressFamily));
  const families = source.facts.families.filter((family) => !named.has(family));
  const proposal = proposePodCIDRs(inventory, { ...source.facts, families }, plan.spec.reservedCIDRs, nodeCount);
  return {
    value: {
      cidrs: [...(checkedPool.value?.cidrs ?? []), ...(proposal.value?.cidrs ?? [])].sort(
        (a, b) => (addressFamily(a) ?? 4) - (addressFamily(b) ?? 4),
      ),
      maskSize: { ...proposal.value?.maskSize, ...checkedPool.value?.maskSize },
    },
    findings: [...checkedPool.findings, ...proposal.findings, ...installedFindings(plan, installed)],
  };
}

function givenPool(plan: Plan, installed: InstalledCilium | undefined, families: readonly (4 | 6)[]): GivenPool {
  const { podCIDRs, podCIDRMaskSize, podCIDRMaskSizeIPv6 } = plan.spec.target;
  const named = new Set(podCIDRs.map(addressFamily));
  const kept = (installed?.podCIDRs ?? []).filter((cidr) => {
    const family = addressFamily(cidr);
    return family !== undefined && families.includes(family) && !named.has(family);
  });
  const ipv4 = podCIDRMaskSize ?? installed?.maskSize.ipv4;
  const ipv6 = podCIDRMaskSizeIPv6 ?? installed?.maskSize.ipv6;
  return {
    podCIDRs: [...podCIDRs, ...kept],
    ...(ipv4 !== undefined && { maskSize: ipv4 }),
    ...(ipv6 !== undefined && { maskSizeIPv6: ipv6 }),
  };
}

function installedFindings(plan: Plan, installed: InstalledCilium | undefined): Finding[] {
  if (installed === undefined) return [];
  const { podCIDRs, podCIDRMaskSize, podCIDRMaskSizeIPv6 } = plan.spec.target;
  const had = installed.podCIDRs.join(", ");
  const given = podCIDRs.map((cidr) => normaliseCIDR(cidr));
  const isKept =
    podCIDRs.length === 0 ||
    installed.podCIDRs.every((cidr) => given.includes(cidr) || !podCIDRs.some((own) => isSameFamily(own, cidr)));
  const isMaskKept =
    isUnchanged(podCIDRMaskSize, installed.maskSize.ipv4) && isUnchanged(podCIDRMaskSizeIPv6, installed.maskSize.ipv6);
  const where = { file: plan.file, field: "spec.target.podCIDRs" };
  if (isKept && isMaskKept)
    return podCIDRs.length > 0
      ? []
      : [
          findingOf("target/pod-cidr-installed", {
            message: `Cilium is installed with the pool ${had}; the plan goes on with it`,
            where,
            remedy: `write spec.target.podCIDRs: [${had}] into the plan`,
            data: { podCIDRs: [...installed.podCIDRs] },
          }),
        ];
  return [
    findingOf("target/pod-cidr-changed", {
      message: `the plan's pool ${podCIDRs.join(", ") || had} is not the installed Cilium's ${had}${isMaskKept ? "" : " with its block length"}`,
      where,
      reason:
        "prefixes of a pool may be added and never changed, and the block length not at all: running pods have these addresses",
      remedy: `write spec.target.podCIDRs: [${had}] and leave the mask sizes as installed; further prefixes may follow`,
      data: { installed: [...installed.podCIDRs], given: [...podCIDRs] },
    }),
  ];
}

function isSameFamily(a: string, b: string): boolean {
  return addressFamily(a) === addressFamily(b);
}

function isUnchanged(given: number | undefined, installed: number | undefined): boolean {
  return given === undefined || installed === undefined || given === installed;
}
