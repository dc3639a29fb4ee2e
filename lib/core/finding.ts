import { printIdentity } from "./identity.ts";
import type { JsonValue } from "./json.ts";
import { byAll, compareText } from "./order.ts";

/** `error` blocks the plan, `warning` asks a person to look, `info` is good to know. */
export type Severity = "error" | "warning" | "info";

/** Where a finding comes from, in the user's own files. Lines and columns are 1-based. */
export interface Where {
  /** As the user named it, relative where they were relative. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** `Kind/namespace/name`, or `Kind/name` for a cluster-scoped object. */
  readonly object?: string;
  /** Path of the field inside the object, as kubectl explain writes it: `spec.ingress[2].source.nets`. */
  readonly field?: string;
}

/** One fact worth telling: the only way a problem travels between rooms. */
export interface Finding {
  /** `room/what-is-wrong`, stable for ever and never reused: `inventory/duplicate-object`. */
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong, in one sentence with the names in it and no full stop. */
  readonly message: string;
  readonly where?: Where;
  /** Why it matters: the rule of Kubernetes, Calico or Cilium behind it. */
  readonly reason?: string;
  /** What to do, as an order, with the exact key or command. */
  readonly remedy?: string;
  /** The other places that take part. */
  readonly related?: readonly { readonly message: string; readonly where: Where }[];
  /** The numbers and names in the message, for machines; a policy finding carries its witness here. */
  readonly data?: Readonly<Record<string, JsonValue>>;
}

/** What a step could make of its input, and all that it has to say about it. `value` is absent only if nothing useful can be made. */
export interface Checked<T> {
  readonly value: T | undefined;
  readonly findings: readonly Finding[];
}

/** A code's entry in a room's table; the manual's page of findings is written from these. */
export interface FindingKind {
  readonly severity: Severity;
  /** What the code means, one line. */
  readonly meaning: string;
  /** Project, version and document the rule comes from. */
  readonly source: string;
}

const severityRank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Orders findings by severity, code, place and message: the order in which every command prints them. */
export const compareFindings: (a: Finding, b: Finding) => number = byAll<Finding>(
  (a, b) => severityRank[a.severity] - severityRank[b.severity],
  (a, b) => compareText(a.code, b.code),
  (a, b) => compareText(a.where?.file ?? "", b.where?.file ?? ""),
  (a, b) => (a.where?.line ?? 0) - (b.where?.line ?? 0),
  (a, b) => (a.where?.column ?? 0) - (b.where?.column ?? 0),
  (a, b) => compareText(a.where?.object ?? "", b.where?.object ?? ""),
  (a, b) => compareText(a.where?.field ?? "", b.where?.field ?? ""),
  (a, b) => compareText(a.message, b.message),
);

/** Whether any finding blocks. */
export function hasError(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === "error");
}

/** How many findings of each severity. */
export function countFindings(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const finding of findings) counts[finding.severity] += 1;
  return counts;
}

/** A place made of an object's identity and, where known, its position in a file. */
export function whereOf(
  identity: { readonly kind: string; readonly namespace?: string; readonly name: string },
  position: Pick<Where, "file" | "line" | "column"> = {},
  field?: string,
): Where {
  return { ...position, object: printIdentity(identity), ...(field !== undefined && { field }) };
}
