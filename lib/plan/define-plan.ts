import type { Checked } from "../core/finding.ts";
import { checkPlan } from "./check-plan.ts";
import type { Plan } from "./plan.ts";
import { PlanFileSchema, type PlanSpec } from "./plan-schema.ts";
import { resolvePlan, writtenPrefixes } from "./resolve-plan.ts";
import { findingsOfIssues } from "./schema-findings.ts";

/**
 * A plan written in TypeScript: the same fields as the YAML file, checked by the compiler as they are typed.
 *
 * @example
 * export default definePlan({
 *   apiVersion: "metachron.dev/v1alpha1",
 *   kind: "MigrationPlan",
 *   metadata: { name: "prod-eu" },
 *   spec: { inventory: "../inventory/prod-eu" },
 * });
 */
export function definePlan(spec: PlanSpec): PlanSpec {
  return spec;
}

/**
 * The plan that a value of `definePlan` (or parsed JSON) means: the same as `readPlan` gives for the same fields in YAML,
 * without positions. `file` names it in findings.
 */
export function checkPlanSpec(spec: unknown, file: string): Checked<Plan> {
  const result = PlanFileSchema.safeParse(spec, { reportInput: true });
  if (!result.success) return { value: undefined, findings: findingsOfIssues(result.error.issues, { file }) };
  return checkPlan(resolvePlan(result.data, file), writtenPrefixes(result.data));
}
