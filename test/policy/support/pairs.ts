import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { JsonObject } from "../../../lib/core/json.ts";

/** The objects of one side of a pair, with Flux variables filled in. */
export function readPairSide(
  pair: string,
  side: "before" | "after",
  variables: Readonly<Record<string, string>> = {},
): JsonObject[] {
  const file = join(import.meta.dirname, "../../corpus/pairs", pair, `${side}.yaml`);
  const text = readFileSync(file, "utf8").replace(
    /\$\{([A-Z_]+)\}/gu,
    (whole, name: string) => variables[name] ?? whole,
  );
  return parseAllDocuments(text, { version: "1.1" })
    .map((document) => document.toJS() as JsonObject | null)
    .filter((object): object is JsonObject => object !== null);
}
