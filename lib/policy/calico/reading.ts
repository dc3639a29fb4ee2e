import { type Finding, whereOf } from "../../core/finding.ts";
import type { ObjectIdentity } from "../../core/identity.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { type Position, positionOf, type RawObject } from "../../inventory/inventory.ts";
import type { SelectorParse } from "../selector/parse-calico-selector.ts";
import { type CalicoFindingCode, calicoFindings } from "./findings.ts";
import { findTemplate, substituteVariables } from "./template-text.ts";

/** What one call of the reader shares between its objects. */
export interface ReadingSession {
  /** Values for `${NAME}` variables, as Flux substitutes them after the build. */
  readonly variables: Readonly<Record<string, string>>;
  /** Selectors parsed already: the same few texts stand in thousands of policies. */
  readonly selectors: Map<string, SelectorParse>;
}

/** One object being read, and all that was found wrong with it. */
export interface Reading {
  readonly object: RawObject;
  readonly identity: ObjectIdentity;
  /** Through which API the object was made: the Calico API server defaults and validates, the stored form does not. */
  readonly group: "v3" | "stored" | "kubernetes";
  readonly findings: Finding[];
  readonly session: ReadingSession;
}

/** Details of a finding beyond its code, message and place. */
export interface Details {
  readonly reason?: string;
  readonly remedy?: string;
  readonly data?: Readonly<Record<string, JsonValue>>;
  /** 1-based column inside the text of the field, added to the field's own column where that is known. */
  readonly column?: number;
}

/** Tells one thing about a field of the object that is being read. */
export function report(
  reading: Reading,
  code: CalicoFindingCode,
  message: string,
  field: string | undefined,
  details: Details = {},
): void {
  const { column, ...rest } = details;
  const where = whereOf(reading.identity, positionOf(reading.object, field), field);
  reading.findings.push({
    code,
    severity: calicoFindings[code].severity,
    message,
    where,
    ...rest,
    ...(column !== undefined && { data: { ...rest.data, column } }),
  });
}

/** Where a field of the object stands. */
export function positionOfField(reading: Reading, field: string): Position {
  return positionOf(reading.object, field);
}

/** Whether anything was found that keeps the object out of the evaluation. */
export function isInvalid(reading: Reading): boolean {
  return reading.findings.some((finding) => finding.severity === "error");
}

/** Tells each key of a record that Calico does not know, with the field that was probably meant. */
export function reportUnknownFields(
  reading: Reading,
  record: JsonObject,
  field: string,
  known: readonly string[],
  hints: Readonly<Record<string, string>> = {},
): void {
  for (const key of Object.keys(record)) {
    if (known.includes(key)) continue;
    const path = field === "" ? key : `${field}.${key}`;
    const meant = hints[key] ?? known.find((name) => name.toLowerCase() === key.toLowerCase());
    report(reading, "POL003", `the field ${path} does not exist, Calico ignores it`, path, {
      reason: "an unknown field is dropped when the object is stored; the rest of the object applies without it",
      remedy: meant === undefined ? `remove ${path}` : `write ${meant} instead of ${key}, or remove it`,
    });
  }
}

/** The record at a key; `undefined` when it is missing or null, and a finding when it is something else. */
export function readRecord(reading: Reading, parent: JsonObject, key: string, field: string): JsonObject | undefined {
  const value = parent[key];
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) return value;
  reportWrongType(reading, field, "a map", value);
  return undefined;
}

/** The list at a key; empty when it is missing or null, and a finding when it is something else. */
export function readList(reading: Reading, parent: JsonObject, key: string, field: string): readonly JsonValue[] {
  const value = parent[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  reportWrongType(reading, field, "a list", value as JsonValue);
  return [];
}

/** The text at a key with variables filled in; `undefined` when it is missing or null. */
export function readText(reading: Reading, parent: JsonObject, key: string, field: string): string | undefined {
  const value = parent[key];
  if (value === undefined || value === null) return undefined;
  return textOf(reading, value, field);
}

/** A value that must be a text, with variables filled in; `undefined` after a finding. */
export function textOf(reading: Reading, value: JsonValue, field: string): string | undefined {
  if (value === null) {
    report(reading, "POL001", `${field} is empty: a value is missing`, field, {
      reason: "an empty list item is a null; templates leave it for the user to fill in",
      remedy: `write the value at ${field}, or remove the line`,
    });
    return undefined;
  }
  if (typeof value !== "string") {
    reportWrongType(reading, field, "a text", value);
    return undefined;
  }
  const text = substituteVariables(value, reading.session.variables);
  const template = findTemplate(text);
  if (template === undefined) return text;
  report(
    reading,
    "POL001",
    `${field} holds the ${template.language} ${template.text}, which has no value here`,
    field,
    {
      reason: "what the policy matches depends on the value, so nothing can be said about it",
      remedy:
        template.name === undefined
          ? "render the template first, and translate the result"
          : `give the value: --substitute ${template.name}=VALUE; or render the folder first`,
      data: { variable: template.text },
    },
  );
  return undefined;
}

/** The boolean at a key, false when missing or null. */
export function readBoolean(reading: Reading, parent: JsonObject, key: string, field: string): boolean {
  const value = parent[key];
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" || textOf(reading, value, field) !== undefined)
    reportWrongType(reading, field, "true or false", value);
  return false;
}

/** The number at a key; `undefined` when it is missing or null, and after a finding. */
export function readNumber(reading: Reading, parent: JsonObject, key: string, field: string): number | undefined {
  const value = parent[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string" && textOf(reading, value, field) === undefined) return undefined;
  reportWrongType(reading, field, "a number without quotes", value);
  return undefined;
}

function reportWrongType(reading: Reading, field: string, expected: string, value: JsonValue): void {
  const shown = JSON.stringify(value);
  report(
    reading,
    "POL001",
    `${field} must be ${expected}, not ${shown.length > 60 ? `${shown.slice(0, 57)}…` : shown}`,
    field,
    { reason: "the API server refuses an object whose fields have the wrong type", remedy: `correct ${field}` },
  );
}
