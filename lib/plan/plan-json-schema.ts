import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { FieldPath } from "./plan-finding.ts";
import { PlanFileSchema } from "./plan-schema.ts";

/**
 * The JSON Schema (draft 7) of the plan file for editors and validators: what users write, so defaulted keys are optional;
 * every field has a description, which editors show beside the cursor. Rules across fields are not in it.
 * Source: zod 4 `z.toJSONSchema` with `io: "input"`.
 */
export function exportPlanSchema(): JsonObject {
  return z.toJSONSchema(PlanFileSchema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "throw",
  }) as unknown as JsonObject;
}

/** The keys that a schema knows in the object at a path; empty where any key is allowed or the path leads nowhere. */
export function findKnownKeys(root: JsonObject, path: FieldPath): readonly string[] {
  let node: JsonObject | undefined = root;
  for (const step of path) {
    if (node === undefined) return [];
    node = stepInto(root, node, step);
  }
  const properties = node === undefined ? undefined : resolve(root, node)["properties"];
  return isJsonObject(properties) ? Object.keys(properties) : [];
}

/** Every path of a schema that ends in a key, as printed in findings; lists are written `[]`. */
export function findPathsOfKey(root: JsonObject, key: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: JsonObject, path: string): void => {
    const schema = resolve(root, node);
    for (const [name, child] of Object.entries(asObject(schema["properties"]))) {
      const at = path === "" ? name : `${path}.${name}`;
      if (name === key) found.push(at);
      if (isJsonObject(child)) visit(child, at);
    }
    if (isJsonObject(schema["items"])) visit(schema["items"], `${path}[]`);
    if (isJsonObject(schema["additionalProperties"])) visit(schema["additionalProperties"], `${path}.*`);
  };
  visit(root, "");
  return found;
}

function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function stepInto(root: JsonObject, node: JsonObject, step: string | number): JsonObject | undefined {
  const schema = resolve(root, node);
  const next =
    typeof step === "number"
      ? schema["items"]
      : (asObject(schema["properties"])[step] ?? schema["additionalProperties"]);
  return isJsonObject(next) ? next : undefined;
}

/** Follows `$ref` and the one-element `allOf` that zod writes around it when a default stands beside it. */
function resolve(root: JsonObject, node: JsonObject): JsonObject {
  const wrapped = Array.isArray(node["allOf"]) ? node["allOf"][0] : undefined;
  const reference = isJsonObject(wrapped) ? wrapped["$ref"] : node["$ref"];
  if (typeof reference !== "string") return node;
  const name = reference.slice(reference.lastIndexOf("/") + 1);
  const target = asObject(root["definitions"])[name];
  return isJsonObject(target) ? resolve(root, target) : node;
}
