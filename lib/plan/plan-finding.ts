import type { Finding } from "../core/finding.ts";
import { type PlanFindingCode, planFindings } from "./findings.ts";
import type { PlanPosition } from "./plan.ts";

/** Steps into a plan: keys and list positions, `["spec", "waves", "groups", 1, "size"]`. */
export type FieldPath = readonly (string | number)[];

/** A path as findings print it: `spec.waves.groups[1].size`; empty for the document. */
export function printPath(path: FieldPath): string {
  return path.map((step, at) => (typeof step === "number" ? `[${step}]` : at === 0 ? step : `.${step}`)).join("");
}

/** What a finding of this room is made of. */
export interface PlanFindingParts {
  readonly message: string;
  readonly field?: string;
  readonly position?: PlanPosition | undefined;
  readonly reason?: string;
  readonly remedy?: string;
  readonly data?: Finding["data"];
}

/** A finding of this room with the severity of its code, placed in the plan file. */
export function planFinding(code: PlanFindingCode, file: string, parts: PlanFindingParts): Finding {
  return {
    code,
    severity: planFindings[code].severity,
    message: parts.message,
    where: {
      file,
      ...(parts.position !== undefined && { line: parts.position.line, column: parts.position.column }),
      ...(parts.field !== undefined && parts.field !== "" && { field: parts.field }),
    },
    ...(parts.reason !== undefined && { reason: parts.reason }),
    ...(parts.remedy !== undefined && { remedy: parts.remedy }),
    ...(parts.data !== undefined && { data: parts.data }),
  };
}

/** Adds a finding about a field, placed at its key where the plan was written in YAML. */
export type Report = (
  code: PlanFindingCode,
  field: string,
  parts: Omit<PlanFindingParts, "field" | "position">,
) => void;
