import type { Finding } from "../../core/finding.ts";
import { getString } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import type { TargetPlan } from "../../target/target.ts";
import { strategyFinding } from "../findings.ts";

/** What would carry the first cluster into the second. */
export function blueGreenFindings(plan: Plan, target: TargetPlan): readonly Finding[] {
  const host = getString(target.final.values, "k8sServiceHost");
  const isOfEveryCluster = host === undefined || /^(?:localhost|127\.\d+\.\d+\.\d+|::1|auto)$/u.test(host);
  if (isOfEveryCluster || plan.spec.target.k8sServiceHost !== undefined) return [];
  return [
    strategyFinding("strategies/second-address", {
      message: `k8sServiceHost would be ${host}, which the inventory of the first cluster tells`,
      where: { file: plan.file, field: "spec.target.k8sServiceHost" },
      reason: "the agents of the second cluster would ask the first one's API server",
      remedy: "write the address of the second cluster's API server into spec.target.k8sServiceHost and k8sServicePort",
    }),
  ];
}
