import { getString, type JsonObject } from "../core/json.ts";

/** Whether an object carries no namespace: stages name the namespace of every namespaced object. */
export function isClusterScoped(object: JsonObject): boolean {
  return getString(object, "metadata", "namespace") === undefined;
}
