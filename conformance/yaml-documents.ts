import { parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject } from "../lib/core/json.ts";

/** Every object of a YAML text, in order; throws where the text is no YAML. */
export function objectsIn(text: string): JsonObject[] {
  return parseAllDocuments(text, { version: "1.2" }).flatMap((document) => {
    const problem = document.errors[0];
    if (problem !== undefined) throw problem;
    const value: unknown = document.toJS();
    return isJsonObject(value as never) ? [value as JsonObject] : [];
  });
}

/** The objects of a text of which some documents may be no YAML, as real repositories have them. */
export function readableObjectsIn(text: string): {
  readonly objects: readonly JsonObject[];
  readonly unreadable: number;
} {
  const documents = text.split(/^---.*$/mu);
  const read = documents.map((document): readonly JsonObject[] | undefined => {
    try {
      return objectsIn(document);
    } catch {
      return undefined;
    }
  });
  return { objects: read.flatMap((one) => one ?? []), unreadable: read.filter((one) => one === undefined).length };
}

/** How an object is called in a message. */
export function titleOf(object: JsonObject): string {
  const metadata = object["metadata"];
  const { name, namespace } = (isJsonObject(metadata) ? metadata : {}) as { name?: unknown; namespace?: unknown };
  return `${object["kind"]} ${namespace === undefined ? "" : `${namespace}/`}${name ?? "without a name"}`;
}
