import { normaliseCIDR, overlaps } from "../../core/cidr.ts";
import type { Finding } from "../../core/finding.ts";
import type { Inventory, Pod } from "../../inventory/inventory.ts";
import type { Plan } from "../../plan/plan.ts";
import type { SourceDetection } from "../../source/source.ts";
import type { TargetPlan } from "../../target/target.ts";
import { estimateOutage, type Outage } from "../../waves/outage.ts";
import { strategyFinding } from "../findings.ts";
import { networkNodes } from "./network-nodes.ts";

/** The outage of the cluster in the inventory. */
export function outageOf(inventory: Inventory): Outage {
  const nodes = networkNodes(inventory);
  const pods = networkPods(inventory);
  const byNode = new Map<string, number>();
  for (const pod of pods) if (pod.nodeName !== undefined) byNode.set(pod.nodeName, (byNode.get(pod.nodeName) ?? 0) + 1);
  return estimateOutage(nodes.length, pods.length, Math.max(0, ...byNode.values()));
}

function networkPods(inventory: Inventory): readonly Pod[] {
  return inventory.pods.filter((pod) => !pod.isHostNetwork && pod.phase !== "Succeeded" && pod.phase !== "Failed");
}

/** What the switch cannot do, or a person has to know of it. */
export function inPlaceFindings(
  plan: Plan,
  inventory: Inventory,
  source: SourceDetection,
  target: TargetPlan,
): readonly Finding[] {
  return [...unsureFindings(plan, source), ...poolFindings(plan, source, target), ...neverFindings(inventory)];
}

function unsureFindings(plan: Plan, source: SourceDetection): readonly Finding[] {
  // A network that is not recognised at all is told as such, and refused.
  if (source.confidence !== "unsure" || plan.spec.source !== "auto" || source.source === "unknown") return [];
  return [
    strategyFinding("strategies/unsure-source", {
      message: `the source looks like ${source.source}, and the inventory is not sure`,
      where: { file: plan.file, field: "spec.source" },
      reason: "what is not recognised is not removed, and brings its network back in the middle of the outage",
      remedy: `take a complete inventory; if it is ${source.source}, write source: ${source.source}`,
    }),
  ];
}

function poolFindings(plan: Plan, source: SourceDetection, target: TargetPlan): readonly Finding[] {
  const shared = target.podCIDRs.filter((cidr) => source.facts.podCIDRs.some((old) => isSame(cidr, old)));
  if (shared.length === 0) return [];
  return [
    strategyFinding("strategies/same-pool", {
      message: `${shared.join(", ")} is a pool of ${source.source} and the new pool at once`,
      where: { file: plan.file, field: "spec.target.podCIDRs" },
      reason:
        "the Job and every gate after it tell by a pod's address whether it has moved; with one pool they would take every pod for moved",
      remedy: "give Cilium a pool of its own, or leave podCIDRs empty to have one proposed",
    }),
  ];
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [normaliseCIDR(a), normaliseCIDR(b)];
  return one !== undefined && other !== undefined && overlaps(one, other);
}

function neverFindings(inventory: Inventory): readonly Finding[] {
  const never = networkPods(inventory).filter((pod) => pod.restartPolicy === "Never");
  const [first] = never;
  if (first === undefined) return [];
  const named = never.slice(0, 5).map((pod) => `${pod.namespace}/${pod.name}`);
  return [
    strategyFinding("strategies/never-pods", {
      message: `${never.length} running pods of restartPolicy Never lose their network for good: ${named.join(", ")}${never.length > 5 ? " and more" : ""}`,
      where: { object: `Pod/${first.namespace}/${first.name}` },
      reason: "the kubelet starts such a pod no second time, so its sandbox is left as it is",
      remedy: "let Jobs end and suspend CronJobs before the outage, or delete these pods in it",
      data: { pods: never.map((pod) => `${pod.namespace}/${pod.name}`) },
    }),
  ];
}
