import type { JsonObject, JsonValue } from "../lib/core/json.ts";

/** How a list is written: kubectl's two layouts for machines. */
export type ListFormat = "yaml" | "json";

/** The text of a `kind: List` as kubectl prints it, in pieces of one item each, so that no list is ever one string. */
export function* printList(items: Iterable<JsonObject>, format: ListFormat): Generator<string> {
  let count = 0;
  if (format === "json") {
    yield '{\n    "apiVersion": "v1",\n    "items": [';
    for (const item of items) {
      yield `${count === 0 ? "" : ","}\n        ${JSON.stringify(item, null, 4).replaceAll("\n", "\n        ")}`;
      count += 1;
    }
    yield `${count === 0 ? "" : "\n    "}],\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n    }\n}\n`;
    return;
  }
  yield "apiVersion: v1\n";
  for (const item of items) {
    if (count === 0) yield "items:\n";
    yield printBlock([item], "");
    count += 1;
  }
  yield `${count === 0 ? "items: []\n" : ""}kind: List\nmetadata:\n  resourceVersion: ""\n`;
}

/**
 * Block YAML in kubectl's layout: lists at the indentation of their key, texts quoted where another reader could take
 * them for something else. The yaml package writes the same and needs half an hour for fifty thousand pods.
 */
function printBlock(value: JsonValue, indent: string): string {
  if (Array.isArray(value))
    return value.map((item) => `${indent}- ${printNested(item, `${indent}  `).trimStart()}`).join("");
  return Object.entries(value as JsonObject)
    .map(([key, inner]) => `${indent}${printScalar(key)}:${printInner(inner, indent)}`)
    .join("");
}

function printNested(value: JsonValue, indent: string): string {
  return isFull(value) ? printBlock(value, indent) : `${printScalar(value)}\n`;
}

function printInner(value: JsonValue, indent: string): string {
  if (!isFull(value)) return ` ${printScalar(value)}\n`;
  return `\n${printBlock(value, Array.isArray(value) ? indent : `${indent}  `)}`;
}

function isFull(value: JsonValue): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

const plain = /^[A-Za-z_/][\w./@%+=-]*(?:[ :][\w./@%+=-]+)*$/u;
const taken = /^(?:y|n|yes|no|true|false|on|off|null|~)$/iu;

function printScalar(value: JsonValue): string {
  if (typeof value !== "string")
    return Array.isArray(value) ? "[]" : typeof value === "object" && value !== null ? "{}" : String(value);
  return plain.test(value) && !taken.test(value) ? value : JSON.stringify(value);
}
