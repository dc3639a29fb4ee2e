import { Document, parse, Scalar, visit } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { compareText } from "./order.ts";
import { printYaml } from "./print-yaml.ts";

const leadingKeys = ["apiVersion", "kind", "metadata", "spec"];

/** The order of keys in every object we write: apiVersion, kind, metadata, spec, then by code unit. */
function compareKeys(a: string, b: string): number {
  const rankA = leadingKeys.indexOf(a);
  const rankB = leadingKeys.indexOf(b);
  if (rankA >= 0 || rankB >= 0)
    return (rankA < 0 ? leadingKeys.length : rankA) - (rankB < 0 ? leadingKeys.length : rankB);
  return compareText(a, b);
}

/** A deep copy with every object's keys in the order of `compareKeys`; arrays keep theirs. */
export function sortKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => compareKeys(a, b));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

/** Plain scalars that YAML 1.1 mode leaves unquoted and that a reader of 1.1 or 1.2 takes for something else. */
const ambiguous = /^(?:[-+]?0o[0-7_]+|=|<<)$/u;

/** A first line of blanks decides how deep a literal block is taken to be: yaml 2.9.1 writes one that reads as another text. */
const startsWithBlanks = /^[ \t\n\r]*[ \t][ \t\n\r]*\n/u;

/**
 * A YAML document that every reader understands alike: scalars that YAML 1.1 or 1.2 would take for something else are
 * quoted, no anchors, no folded lines, long texts as literal blocks. Ends with a line feed.
 *
 * `comment` is written above the document, one `#` line for each of its lines, then a blank line.
 * Source: yaml 2.9.1 `stringify`; go-yaml v2 and PyYAML read YAML 1.1, others 1.2.
 */
export function renderYaml(
  value: JsonValue,
  options: { readonly comment?: string; readonly keepKeyOrder?: boolean } = {},
): string {
  const ordered = options.keepKeyOrder === true ? value : sortKeys(value);
  const isFull = typeof ordered === "object" && ordered !== null && Object.keys(ordered).length > 0;
  const text = isFull ? printYaml(ordered, renderWithCare) : renderWithCare(ordered);
  return options.comment === undefined ? text : `${renderComment(options.comment)}\n${text}`;
}

/** The same by the yaml package alone: for what is not plain, and to judge the rest by. */
export function renderWithCare(value: JsonValue): string {
  const document = new Document(value, { version: "1.1", aliasDuplicateObjects: false, merge: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== "string") return;
      if (ambiguous.test(node.value) || startsWithBlanks.test(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0, indentSeq: true });
}

function renderComment(comment: string): string {
  return comment
    .split("\n")
    .map((line) => `${`# ${line}`.trimEnd()}\n`)
    .join("");
}

/** Parses one YAML document that we wrote ourselves; throws on anything else. Users' files go through the inventory reader. */
export function parseOwnYaml(text: string): JsonObject {
  return parse(text, { version: "1.1" }) as JsonObject;
}
