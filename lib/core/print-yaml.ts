import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/** Writes a map of one entry, or a list of one item, in full: for keys and texts that need care. */
type WriteWithCare = (part: JsonObject | readonly JsonValue[]) => string;

/**
 * Block YAML of a map or list, byte for byte as the yaml package writes it with `indentSeq` and without folding.
 *
 * Own code because nearly all that we write is plain words in maps and lists: four thousand files took the package two
 * seconds and take this a tenth of that. What is not plain goes to the package, entry by entry (`withCare`).
 */
export function printYaml(value: JsonObject | readonly JsonValue[], withCare: WriteWithCare): string {
  return Array.isArray(value) ? printList(value, "", "", withCare) : printMap(value as JsonObject, "", "", withCare);
}

/** `lead` stands before the first line, `indent` before every other. */
function printMap(map: JsonObject, indent: string, lead: string, withCare: WriteWithCare): string {
  let text = "";
  for (const [key, value] of Object.entries(map)) {
    const start = text === "" ? lead : indent;
    const inner = isPlain(key) ? printInner(value, `${indent}  `, withCare) : undefined;
    text += inner === undefined ? start + indented(withCare({ [key]: value }), indent) : `${start}${key}:${inner}`;
  }
  return text;
}

/** What follows a key's colon; `undefined` for a scalar that needs care. */
function printInner(value: JsonValue, indent: string, withCare: WriteWithCare): string | undefined {
  if (Array.isArray(value)) return value.length === 0 ? " []\n" : `\n${printList(value, indent, indent, withCare)}`;
  if (isJsonObject(value)) return isEmpty(value) ? " {}\n" : `\n${printMap(value, indent, indent, withCare)}`;
  if (typeof value === "string" && isPlainBlock(value)) return printBlock(value, indent);
  const scalar = printScalar(value as string | number | boolean | null);
  return scalar === undefined ? undefined : ` ${scalar}\n`;
}

function printList(list: readonly JsonValue[], indent: string, lead: string, withCare: WriteWithCare): string {
  let text = "";
  for (const item of list) text += printItem(item, indent, text === "" ? lead : indent, withCare);
  return text;
}

function printItem(item: JsonValue, indent: string, start: string, withCare: WriteWithCare): string {
  if (Array.isArray(item) && item.length > 0) return printList(item, `${indent}  `, `${start}- `, withCare);
  if (isJsonObject(item) && !isEmpty(item)) return printMap(item, `${indent}  `, `${start}- `, withCare);
  const inner = printInner(item, `${indent}  `, withCare);
  return inner === undefined ? start + indented(withCare([item]), indent) : `${start}-${inner}`;
}

function isEmpty(map: JsonObject): boolean {
  for (const _key in map) return false;
  return true;
}

/** The same lines deeper; the first has its place already, and lines without a sign get none. */
function indented(text: string, indent: string): string {
  return indent === "" ? text : text.replace(/\n(?=[^\n])/gu, `\n${indent}`);
}

/** Lines of ASCII, the first with a sign at its start, the last with one at its end and one line feed or none after it. */
const plainBlock = /^[!-~](?:[ -~\n]*[!-~])?\n?$/u;

/** Whether a literal block of the text needs no mark of its depth and keeps no blanks at its end. */
function isPlainBlock(text: string): boolean {
  return text.includes("\n") && plainBlock.test(text);
}

/** A script or a page as it stands, deeper; lines without a sign get no indentation. */
function printBlock(text: string, indent: string): string {
  const isEnded = text.endsWith("\n");
  const lines = (isEnded ? text.slice(0, -1) : text).replace(/\n+/gu, (feeds) => feeds + indent);
  return ` ${isEnded ? "|" : "|-"}\n${indent}${lines}\n`;
}

function printScalar(value: string | number | boolean | null): string | undefined {
  if (typeof value === "string") return isPlain(value) ? value : undefined;
  if (typeof value === "number")
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : undefined;
  return value === null ? undefined : String(value);
}

/** Words of letters, digits and a few signs that start with a letter or slash, between single blanks or colons. */
const plain = /^[A-Za-z/][\w./@(),]*(?:[ :-]+[\w./@(),]+)*$/u;
/** Words that some YAML reader takes for something else than a text. */
const taken = /^(?:y|n|yes|no|on|off|true|false|null|e-?\d+)$/iu;
const longestPlain = 200;

/** Whether every reader takes the text, unquoted, for itself, as a key and as a value. */
function isPlain(text: string): boolean {
  return text.length <= longestPlain && plain.test(text) && !text.includes(": ") && !taken.test(text);
}
