import { Document, isScalar, parse, Scalar, stringify, visit } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { compareText } from "./order.ts";

const leadingKeys = ["apiVersion", "kind", "metadata", "spec"];

/** The order of keys in every object we write: apiVersion, kind, metadata, spec, then by code unit. */
export function compareKeys(a: string, b: string): number {
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

const ambiguous = /^(?:0o[0-7]+|=|<<)$/u;

/**
 * A YAML document that every reader understands alike: scalars that YAML 1.1 or 1.2 would take for something else are
 * quoted, no anchors, no folded lines, long texts as literal blocks. Ends with a line feed.
 *
 * `comment` is written above the document, one `#` line for each of its lines.
 * Source: yaml 2.9.1 `stringify`; goyaml and PyYAML read YAML 1.1, browsers' readers 1.2 (shared reference cdk8s 5).
 */
export function renderYaml(
  value: JsonValue,
  options: { readonly comment?: string; readonly keepKeyOrder?: boolean } = {},
): string {
  const ordered = options.keepKeyOrder === true ? value : sortKeys(value);
  const document = new Document(ordered, { version: "1.1", aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (isScalar(node) && typeof node.value === "string" && ambiguous.test(node.value))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  if (options.comment !== undefined)
    document.commentBefore = options.comment
      .split("\n")
      .map((line) => ` ${line}`.trimEnd())
      .join("\n");
  return stringify(document, { lineWidth: 0, indentSeq: true, aliasDuplicateObjects: false });
}

/** Parses one YAML document that we wrote ourselves; throws on anything else. Users' files go through the inventory reader. */
export function parseOwnYaml(text: string): JsonObject {
  return parse(text, { version: "1.1" }) as JsonObject;
}
