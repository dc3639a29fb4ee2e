import { parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../lib/core/json.ts";
import type { RawObject } from "../../../lib/inventory/inventory.ts";

/** The objects of a YAML text as an inventory would hand them over; documents that are no objects are left out. */
export function rawObjects(text: string, file = "input.yaml"): RawObject[] {
  return parseAllDocuments(text, { version: "1.1", merge: false, logLevel: "silent" }).flatMap((document) => {
    if (document.errors.length > 0) return [];
    try {
      return flatten(document.toJS({ maxAliasCount: 1000 }) as JsonValue, file);
    } catch {
      return [];
    }
  });
}

/** One object written as a value. */
export function rawObject(object: JsonObject, file = "input.yaml"): RawObject {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const text = (value: JsonValue | undefined): string => (typeof value === "string" ? value : String(value ?? ""));
  const map = (value: JsonValue | undefined): Record<string, string> =>
    isJsonObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, text(inner)])) : {};
  const namespace = metadata["namespace"];
  return {
    apiVersion: text(object["apiVersion"]),
    kind: text(object["kind"]),
    ...(namespace !== undefined && namespace !== null && { namespace: text(namespace) }),
    name: text(metadata["name"]),
    labels: map(metadata["labels"]),
    annotations: map(metadata["annotations"]),
    position: { file, line: 1, column: 1 },
    object,
  };
}

function flatten(value: JsonValue, file: string): RawObject[] {
  if (!isJsonObject(value) || typeof value["kind"] !== "string") return [];
  if (Array.isArray(value["items"])) return value["items"].flatMap((item) => flatten(item, file));
  return [rawObject(value, file)];
}
