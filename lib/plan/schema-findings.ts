import { closest, distance } from "fastest-levenshtein";
import type { z } from "zod";
import type { Finding } from "../core/finding.ts";
import type { JsonObject } from "../core/json.ts";
import { findKeyPosition, findValuePosition, type PlanDocument } from "./plan-document.ts";
import { type FieldPath, planFinding, printPath } from "./plan-finding.ts";
import { exportPlanSchema, findKnownKeys, findPathsOfKey } from "./plan-json-schema.ts";

type Issue = z.core.$ZodIssue;

/** Where a plan came from: a file's name, and its YAML where it has one. */
export interface PlanOrigin {
  readonly file: string;
  readonly parsed?: PlanDocument;
}

/** What the schema refused, as findings with the place of the key or value and the nearest key that exists. */
export function findingsOfIssues(issues: readonly Issue[], origin: PlanOrigin): readonly Finding[] {
  // Made only when it is needed: it takes some milliseconds.
  const schema = issues.some((issue) => issue.code === "unrecognized_keys") ? exportPlanSchema() : {};
  return issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey(key, issue.path as FieldPath, origin, schema))
      : findingsOfIssue(issue, issue.path as FieldPath, origin),
  );
}

function findingsOfIssue(issue: Issue, path: FieldPath, origin: PlanOrigin): readonly Finding[] {
  if (issue.code === "invalid_key")
    return [invalidKey(issue.issues[0]?.message ?? "this key is not allowed", path, origin)];
  if (isMissing(issue)) return [missingKey(path, origin)];
  return [
    planFinding("plan/invalid-value", origin.file, {
      message: `${printPath(path) || "The plan"} ${describeIssue(issue)}`,
      field: printPath(path),
      position: origin.parsed && findValuePosition(origin.parsed, path),
    }),
  ];
}

function isMissing(issue: Issue): boolean {
  if (issue.input !== undefined) return false;
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

function unknownKey(key: string, path: FieldPath, origin: PlanOrigin, schema: JsonObject): Finding {
  const parent = printPath(path);
  const known = findKnownKeys(schema, path);
  const nearest = known.length > 0 ? closest(key, known) : undefined;
  const isNear =
    nearest !== undefined && distance(key.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, key.length / 3);
  const elsewhere = findPathsOfKey(schema, key).filter((at) => !at.includes("*"));
  const hint = isNear
    ? `Did you mean ${nearest}?`
    : elsewhere.length > 0
      ? `Move it: it belongs at ${elsewhere.join(" or ")}`
      : `Remove it; ${parent === "" ? "a plan" : parent} has ${known.join(", ")}`;
  return planFinding("plan/unknown-key", origin.file, {
    message: `${parent === "" ? "The plan" : parent} has no key ${JSON.stringify(key)}`,
    field: printPath([...path, key]),
    position: origin.parsed && findKeyPosition(origin.parsed, [...path, key]),
    reason: "An unknown key would be ignored in silence, so it is refused",
    remedy: hint,
    data: { key, ...(nearest !== undefined && { nearest }) },
  });
}

function invalidKey(message: string, path: FieldPath, origin: PlanOrigin): Finding {
  return planFinding("plan/invalid-value", origin.file, {
    message: `The key ${JSON.stringify(String(path.at(-1)))} of ${printPath(path.slice(0, -1))} is not allowed: ${message}`,
    field: printPath(path),
    position: origin.parsed && findKeyPosition(origin.parsed, path),
  });
}

function missingKey(path: FieldPath, origin: PlanOrigin): Finding {
  const parent = printPath(path.slice(0, -1));
  return planFinding("plan/missing-key", origin.file, {
    message: `${parent === "" ? "The plan" : parent} has no key ${JSON.stringify(String(path.at(-1)))}`,
    field: printPath(path),
    position: origin.parsed && findKeyPosition(origin.parsed, path),
    remedy: `Add ${printPath(path)}`,
  });
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  int: "a whole number",
  number: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function describeIssue(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${typeNames[issue.expected] ?? issue.expected}, not ${describeValue(issue.input)}${hintForText(issue)}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(", ")}, not ${describeValue(issue.input)}${nearestValue(issue)}`;
    case "too_small":
      return `must ${issue.origin === "array" ? "have" : "be"} at least ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `must ${issue.origin === "array" ? "have" : "be"} at most ${issue.maximum}${unitOf(issue.origin)}`;
    case "invalid_format":
      return `is ${describeValue(issue.input)}: ${describeFormat(issue.format, issue.message)}`;
    case "invalid_union":
      return `is ${describeValue(issue.input)}: ${describeUnion(issue.errors)}`;
    default:
      return `is not allowed: ${issue.message}`;
  }
}

function describeUnion(branches: readonly (readonly Issue[])[]): string {
  // The branch whose type fits the value tells more than "none fits".
  const fitting = branches.find((branch) => branch.every((issue) => issue.code !== "invalid_type")) ?? branches[0];
  return (fitting ?? []).map((issue) => issue.message).join("; ");
}

function describeFormat(format: string, message: string): string {
  if (format === "date") return "write a day as YYYY-MM-DD";
  if (format === "url") return "write an address that starts with http:// or https://";
  return message;
}

function unitOf(origin: string): string {
  return origin === "array" ? " elements" : origin === "string" ? " signs long" : "";
}

function describeValue(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function hintForText(issue: Issue & { code: "invalid_type" }): string {
  const isScalarNoText = typeof issue.input === "number" || typeof issue.input === "boolean";
  return issue.expected === "string" && isScalarNoText ? "; put it in quotes" : "";
}

function nearestValue(issue: Issue & { code: "invalid_value" }): string {
  const words = issue.values.map(String);
  if (typeof issue.input !== "string" || words.length < 2) return "";
  const nearest = closest(issue.input, words);
  return distance(issue.input, nearest) <= Math.max(2, issue.input.length / 3) ? `; did you mean ${nearest}?` : "";
}
