import { printIdentity } from "../core/identity.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { RawObject } from "../inventory/inventory.ts";
import { findTemplate, substituteVariables } from "../policy/calico/template-text.ts";

/** Values by the name of their variable. */
export type Variables = Readonly<Record<string, string>>;

/** The words behind `--substitute`; the message to print where one is not `NAME=VALUE`. */
export function readVariables(texts: readonly string[]): Variables | string {
  const entries = texts.map((text) => /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/su.exec(text));
  const wrong = texts.find((_, index) => entries[index] === null);
  if (wrong !== undefined) return `--substitute takes NAME=VALUE, not ${wrong}`;
  return Object.fromEntries(entries.flatMap((entry) => (entry === null ? [] : [[entry[1] ?? "", entry[2] ?? ""]])));
}

/** The object with every variable replaced that has a value, wherever it stands. */
export function fillIn(raw: RawObject, variables: Variables): RawObject {
  return { ...raw, object: fillInValue(raw.object, variables) as JsonObject };
}

function fillInValue(value: JsonValue, variables: Variables): JsonValue {
  if (typeof value === "string") return substituteVariables(value, variables);
  if (Array.isArray(value)) return value.map((item) => fillInValue(item, variables));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillInValue(item, variables)]));
}

/** Names of the objects whose `spec` still holds a variable or a template. */
export function namesWithTemplates(objects: readonly RawObject[]): readonly string[] {
  return objects
    .filter(
      ({ object }) => findTemplate(JSON.stringify([object["spec"] ?? null, object["specs"] ?? null])) !== undefined,
    )
    .map(printIdentity);
}
