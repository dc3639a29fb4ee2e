import { type Finding, whereOf } from "../../core/finding.ts";
import type { ObjectIdentity } from "../../core/identity.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { type Position, positionOf, type RawObject } from "../../inventory/inventory.ts";
import type { CiliumSettings } from "../space/world.ts";
import { type CiliumFindingCode, ciliumFindings } from "./findings.ts";

/** One object while it is read: what is known about it and what has been said about it. */
export interface Reading {
  readonly identity: ObjectIdentity;
  readonly position: Position;
  readonly raw: RawObject;
  readonly settings: CiliumSettings;
  /** Whether the label filter of the agents keeps a pod label key. */
  readonly keepsLabel: (key: string) => boolean;
  readonly findings: Finding[];
  /** Set once Cilium would refuse the object: it is stored then and not enforced. */
  isRejected: boolean;
}

const rejection =
  "Cilium stores the object, marks it Valid=False and enforces none of its rules; one bad rule refuses the whole object";

/** Notes that Cilium refuses the object because of a field. `why` is the rule in words. */
export function reject(
  reading: Reading,
  code: CiliumFindingCode,
  field: string,
  message: string,
  remedy: string,
): void {
  reading.isRejected = true;
  reading.findings.push({
    code,
    severity: "error",
    message,
    where: whereOf(reading.identity, positionOf(reading.raw, field), field),
    reason: rejection,
    remedy,
  });
}

/** Notes something that Cilium accepts and that a person has to know. */
export function note(reading: Reading, code: CiliumFindingCode, field: string, message: string, remedy: string): void {
  reading.findings.push({
    code,
    severity: ciliumFindings[code].severity,
    message,
    where: whereOf(reading.identity, positionOf(reading.raw, field), field),
    reason: ciliumFindings[code].meaning,
    remedy,
  });
}

/** The list at a field; absent when the field is; empty, with a finding, when it is no list. */
export function readList(
  reading: Reading,
  object: JsonObject,
  key: string,
  path: string,
): readonly JsonValue[] | undefined {
  if (!Object.hasOwn(object, key)) return undefined;
  const value = object[key];
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value;
  reject(reading, "cilium/type", `${path}.${key}`, `${path}.${key} is no list`, "write a list");
  return [];
}

/** The object at a field or list place; `undefined`, with a finding, when it is something else. */
export function readObject(reading: Reading, value: JsonValue | undefined, path: string): JsonObject | undefined {
  if (isJsonObject(value)) return value;
  reject(reading, "cilium/type", path, `${path} is no object`, "write an object");
  return undefined;
}

/** The text at a place; `undefined`, with a finding, when it is something else. */
export function readText(reading: Reading, value: JsonValue | undefined, path: string): string | undefined {
  if (typeof value === "string") return value;
  reject(
    reading,
    "cilium/type",
    path,
    `${path} is ${value === null ? "null" : typeof value === "object" ? "no text" : `the ${typeof value} ${String(value)}`}, not text`,
    "quote the value",
  );
  return undefined;
}

/** Names every key of an object that the API does not have. */
export function rejectUnknownKeys(reading: Reading, object: JsonObject, known: readonly string[], path: string): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    note(
      reading,
      "cilium/unknown-field",
      `${path}.${key}`,
      `${path}.${key} is no field of the API`,
      "remove the field, or write the one that was meant",
    );
  }
}
