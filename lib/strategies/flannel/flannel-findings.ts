import { type Finding, whereOf } from "../../core/finding.ts";
import type { Plan } from "../../plan/plan.ts";
import type { SourceDetection } from "../../source/source.ts";
import { strategyFinding } from "../findings.ts";
import type { Loss } from "./losses.ts";

/**
 * Why there is no way to flannel from a source, and what next.
 * Source: metachron's reference of routes people tried; jetstack/cni-migration (2020): three rolls of every node for Multus.
 */
const noWay: Readonly<Record<string, readonly [why: string, next: string]>> = {
  calico: [
    "its pods have addresses out of Calico's pools and flannel gives addresses out of each Node's podCIDR, so no node can hold both; a second interface through Multus was tried and is refused: the second address is not reachable from other nodes, names do not resolve over it reliably, and every node has to be rolled three times",
    "go to Cilium live (target: { cni: cilium }), or build a second cluster with flannel and move to it by hand",
  ],
  flannel: [
    "it is flannel already",
    "take the policy controller beside it away by hand, or go to Cilium (target: { cni: cilium })",
  ],
};

const noWayAtAll: readonly [why: string, next: string] = [
  "only Canal holds flannel already, so that taking Calico's containers away leaves a network; everything else would have to be replaced under running pods, and Multus as a bridge between the two is not one",
  "go to Cilium (target: { cni: cilium }), live where it can be, in place or with a second cluster where not",
];

/** What stands in the way of flannel alone, and what is lost on the way. */
export function flannelFindings(plan: Plan, source: SourceDetection, losses: readonly Loss[]): readonly Finding[] {
  const { strategy } = plan.spec;
  const field = "spec.target.cni";
  if (source.source !== "canal") {
    const [why, next] = noWay[source.source] ?? noWayAtAll;
    return [
      strategyFinding("strategies/flannel-refused", {
        message: `there is no way from ${source.source} to flannel: ${why}`,
        where: { file: plan.file, field },
        remedy: next,
      }),
    ];
  }
  if (strategy !== "live")
    return [
      strategyFinding("strategies/flannel-refused", {
        message: `flannel alone is reached from Canal node by node, and the plan says strategy: ${strategy}`,
        where: { file: plan.file, field: "spec.strategy" },
        remedy: "take strategy out of the plan, or set it to live",
      }),
    ];
  return losses.map((loss) =>
    strategyFinding("strategies/protection-lost", {
      message: `${loss.name} -> nothing: it selects ${loss.selects} (${loss.rules})`,
      where: whereOf(loss.policy, loss.policy.position),
      reason: "flannel enforces no policy; what this one denies today is let through afterwards",
      remedy: "go to Cilium instead, which enforces it, or accept the loss in spec.preflight.accept with who says so",
    }),
  );
}
