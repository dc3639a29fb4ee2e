import type { Checked, Finding } from "../core/finding.ts";
import { checkPlan } from "./check-plan.ts";
import type { Plan } from "./plan.ts";
import { collectPositions, findUnresolvedAlias, type PlanDocument, parsePlanDocument } from "./plan-document.ts";
import { planFinding } from "./plan-finding.ts";
import { PlanFileSchema } from "./plan-schema.ts";
import { resolvePlan, writtenPrefixes } from "./resolve-plan.ts";
import { findingsOfIssues } from "./schema-findings.ts";

/**
 * Reads a plan file: YAML 1.2, one document, anchors and merge keys allowed.
 *
 * Gives the plan with every default filled in, or no value where the text is no plan at all or breaks the schema; all
 * problems are reported at once with line and column. A plan that only breaks a rule across fields keeps its value, so
 * that later rooms can report theirs too. Stage ids are compared with the real stages later, by the stages room.
 * Findings: every code of `planFindings`.
 */
export function readPlan(text: string, file: string): Checked<Plan> {
  const parsed = parsePlanDocument(text, file);
  if (parsed.findings.length > 0) return { value: undefined, findings: parsed.findings };
  const content = toPlain(parsed, file);
  if (content.value === undefined) return { value: undefined, findings: content.findings };

  const result = PlanFileSchema.safeParse(content.value, { reportInput: true });
  if (!result.success) return { value: undefined, findings: findingsOfIssues(result.error.issues, { file, parsed }) };
  const plan = { ...resolvePlan(result.data, file), positions: collectPositions(parsed) };
  return checkPlan(plan, writtenPrefixes(result.data));
}

/** The document as plain values; a text, list or nothing at the top is a finding. */
function toPlain(parsed: PlanDocument, file: string): Checked<object> {
  const findings: Finding[] = [];
  let value: unknown;
  try {
    value = parsed.document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // yaml refuses unknown anchors and alias bombs only here, by throwing a ReferenceError.
    const message = error instanceof Error ? error.message : String(error);
    const position = findUnresolvedAlias(parsed);
    return { value: undefined, findings: [planFinding("plan/invalid-yaml", file, { message, position })] };
  }
  if (value === null || value === undefined)
    findings.push(
      planFinding("plan/empty", file, {
        message: "The file holds no plan",
        remedy: "Write one with metachron init --inventory DIR --plan FILE",
      }),
    );
  else if (typeof value !== "object" || Array.isArray(value))
    findings.push(
      planFinding("plan/invalid-value", file, {
        message: `A plan is a mapping with apiVersion, kind, metadata and spec, not ${Array.isArray(value) ? "a list" : "a text"}`,
        position: { line: 1, column: 1 },
      }),
    );
  return { value: findings.length > 0 ? undefined : (value as object), findings };
}
