import type { JsonValue } from "../core/json.ts";
import { findClosingQuote, fold, readQuoted } from "./read-quoted.ts";
import { resolveKey, resolveScalar } from "./resolve-scalar.ts";
import { depthLimit, resolveAlias, type YamlContext } from "./yaml-context.ts";

/** What `parseBlockYaml` gives for a text that it leaves to the general parser. */
export const notPlain: unique symbol = Symbol("not plain block YAML");

const space = 32;
const dash = 45;
const colon = 58;
const hash = 35;

/**
 * A fast reader for the YAML that kubectl and most people write: block maps and lists, scalars on one or more lines,
 * quoted scalars, literal blocks, `{}` and `[]`, comments, anchors and aliases.
 *
 * Shape: `text` is one document or one item of a list with its own indentation, line feeds only. Gives `notPlain` for
 * everything else (flow collections, folded blocks, tags, merge keys, duplicate keys, any error): `parseYaml` reads that
 * or says what is wrong. Where it gives a value, that value is what `parseYaml` gives; a test holds the two together.
 * Cost: 50,000 pods in a tenth of the time of the yaml package (0.6 MB/s there; no package measured is above 8 MB/s).
 * Source: YAML 1.1 as goyaml v2 reads it, see `resolveScalar`.
 */
export function parseBlockYaml(text: string, context: YamlContext): JsonValue | typeof notPlain {
  const cursor = createCursor(text);
  if (!nextLine(cursor)) return null;
  const value = parseBlock(cursor, context, 0);
  return value === notPlain || !cursor.isAtEnd ? notPlain : value;
}

/** A place in the text: the present line, of which `content` is the first sign that counts. */
interface Cursor {
  readonly text: string;
  /** Where the present line starts, its content starts, and it ends (its line feed or the end of the text). */
  lineStart: number;
  content: number;
  lineEnd: number;
  isAtEnd: boolean;
}

type Parsed = JsonValue | typeof notPlain;
type MutableObject = Record<string, JsonValue>;

function createCursor(text: string): Cursor {
  return { text, lineStart: -1, content: -1, lineEnd: -1, isAtEnd: false };
}

/** Moves to the next line that is neither blank nor a comment; false at the end. */
function nextLine(cursor: Cursor): boolean {
  const { text } = cursor;
  let start = cursor.lineEnd + 1;
  while (start < text.length) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    let at = start;
    while (text.charCodeAt(at) === space) at += 1;
    if (at < end && text.charCodeAt(at) !== hash) {
      cursor.lineStart = start;
      cursor.content = at;
      cursor.lineEnd = end;
      return true;
    }
    start = end + 1;
  }
  cursor.isAtEnd = true;
  return false;
}

function indentOf(cursor: Cursor): number {
  return cursor.isAtEnd ? -1 : cursor.content - cursor.lineStart;
}

function isDashAt(cursor: Cursor, at: number): boolean {
  if (cursor.text.charCodeAt(at) !== dash) return false;
  return at + 1 === cursor.lineEnd || cursor.text.charCodeAt(at + 1) === space;
}

function parseBlock(cursor: Cursor, context: YamlContext, depth: number): Parsed {
  if (depth > depthLimit) return notPlain;
  if (isDashAt(cursor, cursor.content)) return parseList(cursor, context, depth);
  return findKeyEnd(cursor, cursor.content) < 0 ? notPlain : parseMap(cursor, context, depth);
}

function parseList(cursor: Cursor, context: YamlContext, depth: number): Parsed {
  const indent = indentOf(cursor);
  const list: JsonValue[] = [];
  while (indentOf(cursor) === indent && isDashAt(cursor, cursor.content)) {
    const item = parseListItem(cursor, context, depth);
    if (item === notPlain) return notPlain;
    list.push(item);
  }
  return indentOf(cursor) > indent ? notPlain : list;
}

function parseListItem(cursor: Cursor, context: YamlContext, depth: number): Parsed {
  const indent = indentOf(cursor);
  const at = skipSpaces(cursor, cursor.content + 1);
  if (isRestEmpty(cursor, at)) return parseBelow(cursor, context, { indent, depth, isMapValue: false });
  if (isDashAt(cursor, at) || findKeyEnd(cursor, at) >= 0) {
    // "- name: x": what follows the dash is a block of its own that starts in this line.
    cursor.content = at;
    return parseBlock(cursor, context, depth + 1);
  }
  return parseInline(cursor, context, { at, indent, depth, isMapValue: false });
}

function parseMap(cursor: Cursor, context: YamlContext, depth: number): Parsed {
  const indent = indentOf(cursor);
  const map: MutableObject = {};
  while (indentOf(cursor) === indent && !isDashAt(cursor, cursor.content)) {
    const keyEnd = findKeyEnd(cursor, cursor.content);
    if (keyEnd < 0) return notPlain;
    const key = readKey(cursor, context, keyEnd);
    if (key === undefined || Object.hasOwn(map, key)) return notPlain;
    const at = skipSpaces(cursor, keyEnd + 1);
    const value = isRestEmpty(cursor, at)
      ? parseBelow(cursor, context, { indent, depth, isMapValue: true })
      : parseInline(cursor, context, { at, indent, depth, isMapValue: true });
    if (value === notPlain) return notPlain;
    map[key] = value;
  }
  return indentOf(cursor) > indent ? notPlain : map;
}

interface Place {
  readonly indent: number;
  readonly depth: number;
  /** A list below a key may stand at the key's own indentation; below a dash it may not. */
  readonly isMapValue: boolean;
}

function parseBelow(cursor: Cursor, context: YamlContext, place: Place): Parsed {
  if (!nextLine(cursor)) return null;
  const indent = indentOf(cursor);
  const isListHere = place.isMapValue && indent === place.indent && isDashAt(cursor, cursor.content);
  return indent > place.indent || isListHere ? parseBlock(cursor, context, place.depth + 1) : null;
}

/** The offset of the colon that ends the key at `at`, or -1 where the line holds no key that this parser takes. */
function findKeyEnd(cursor: Cursor, at: number): number {
  const { text, lineEnd } = cursor;
  const first = text.charCodeAt(at);
  if (first === 34 || first === 39) {
    const closing = findClosingQuote(text, at);
    const isKey = closing > 0 && closing < lineEnd && text.charCodeAt(closing + 1) === colon;
    return isKey && isEndOrSpace(cursor, closing + 2) ? closing + 1 : -1;
  }
  if (isIndicator(first)) return -1;
  for (let end = at; end < lineEnd; end += 1) {
    const code = text.charCodeAt(end);
    if (code === colon && isEndOrSpace(cursor, end + 1)) return end;
    if ((code === hash && isBlank(text.charCodeAt(end - 1))) || (code === colon && text.charCodeAt(end + 1) === 9))
      return -1;
  }
  return -1;
}

/** Signs that start something other than a plain scalar: ! " # % & ' * , > @ [ ] ` { | } and a tab. */
const indicators: ReadonlySet<number> = new Set([..."!\"#%&'*,>@[]`{|}\t"].map((sign) => sign.charCodeAt(0)));

function isIndicator(code: number): boolean {
  return code < 128 && indicators.has(code);
}

function readKey(cursor: Cursor, context: YamlContext, keyEnd: number): string | undefined {
  const { text, content } = cursor;
  const first = text.charCodeAt(content);
  // "? " starts a complex key, "<<" merges maps: both are for the general parser, as is the key that poisons objects.
  if (first === 63 && text.charCodeAt(content + 1) === space) return undefined;
  const isQuoted = first === 34 || first === 39;
  const key = isQuoted
    ? readQuoted(text.slice(content + 1, keyEnd - 1), text.charAt(content))
    : text.slice(content, keyEnd).trimEnd();
  if (key === undefined || key === "<<" || key === "__proto__") return undefined;
  if (isQuoted) return key;
  const resolved = resolveKey(key);
  if (resolved.isAmbiguous) context.ambiguous.push({ text: key, value: resolved.key ?? null, offset: content });
  return resolved.key;
}

interface InlinePlace extends Place {
  readonly at: number;
}

function parseInline(cursor: Cursor, context: YamlContext, place: InlinePlace): Parsed {
  const { text } = cursor;
  const { at } = place;
  switch (text.charAt(at)) {
    case '"':
    case "'":
      return parseQuoted(cursor, place);
    case "|":
      return parseLiteral(cursor, place);
    case "{":
      return text.charAt(at + 1) === "}" && endLine(cursor, at + 2) ? {} : notPlain;
    case "[":
      return text.charAt(at + 1) === "]" && endLine(cursor, at + 2) ? [] : notPlain;
    case "&":
      return parseAnchored(cursor, context, place);
    case "*":
      return parseAlias(cursor, context, at);
    default:
      return parsePlain(cursor, context, place);
  }
}

function parseQuoted(cursor: Cursor, place: InlinePlace): Parsed {
  const { text } = cursor;
  const closing = findClosingQuote(text, place.at);
  if (closing < 0) return notPlain;
  const inner = text.slice(place.at + 1, closing);
  if (closing > cursor.lineEnd) {
    if (!areLinesDeeper(inner, place.indent)) return notPlain;
    cursor.lineStart = text.lastIndexOf("\n", closing) + 1;
    const end = text.indexOf("\n", closing);
    cursor.lineEnd = end < 0 ? text.length : end;
  }
  const value = readQuoted(inner, text.charAt(place.at));
  return value !== undefined && endLine(cursor, closing + 1) ? value : notPlain;
}

/**
 * Whether each line after the first is blank or indented by more than its parent, and the closing quote, too: else the
 * text is broken.
 */
function areLinesDeeper(inner: string, indent: number): boolean {
  const lines = inner.split("\n");
  const last = lines.pop() ?? "";
  const isEmpty = (line: string): boolean => /^ *$/u.test(line);
  const isDeeper = (line: string): boolean => (isEmpty(line) ? line.length : line.search(/[^ ]/u)) > indent;
  return isDeeper(last) && lines.every((line, index) => index === 0 || isEmpty(line) || isDeeper(line));
}

function parseAnchored(cursor: Cursor, context: YamlContext, place: InlinePlace): Parsed {
  const name = readAnchorName(cursor, place.at + 1);
  const at = skipSpaces(cursor, place.at + 1 + name.length);
  if (name === "") return notPlain;
  // "- &a name: x" ties the anchor to the key; rare, and the general parser knows it.
  if (!isRestEmpty(cursor, at) && findKeyEnd(cursor, at) >= 0) return notPlain;
  const value = isRestEmpty(cursor, at)
    ? parseBelow(cursor, context, place)
    : parseInline(cursor, context, { ...place, at });
  if (value !== notPlain) context.anchors.set(name, value);
  return value;
}

function parseAlias(cursor: Cursor, context: YamlContext, at: number): Parsed {
  const name = readAnchorName(cursor, at + 1);
  const value = name === "" ? undefined : resolveAlias(context, name, at);
  return value !== undefined && endLine(cursor, at + 1 + name.length) ? value : notPlain;
}

function readAnchorName(cursor: Cursor, at: number): string {
  let end = at;
  while (/[\w-]/u.test(cursor.text.charAt(end))) end += 1;
  return isEndOrSpace(cursor, end) ? cursor.text.slice(at, end) : "";
}

function parsePlain(cursor: Cursor, context: YamlContext, place: InlinePlace): Parsed {
  const { text } = cursor;
  const { at } = place;
  const first = text.charCodeAt(at);
  const isMark = (first === dash || first === 63 || first === colon) && isEndOrSpace(cursor, at + 1);
  if (isMark || isIndicator(first)) return notPlain;
  const end = findPlainEnd(cursor, at);
  if (end < 0) return notPlain;
  const isCommented = end < cursor.lineEnd && text.charCodeAt(skipSpaces(cursor, end)) === hash;
  const line = text.slice(at, end);
  const rest = readContinuation(cursor, place.indent, isCommented);
  if (rest === undefined) return notPlain;
  if (rest !== "") return fold(`${line}\n${rest}`, "as-is");
  const resolved = resolveScalar(line);
  if (resolved.isAmbiguous) context.ambiguous.push({ text: line, value: resolved.value, offset: at });
  return resolved.value;
}

/** Where the plain scalar ends in its line: before a comment and trailing spaces; -1 where it holds a key. */
function findPlainEnd(cursor: Cursor, at: number): number {
  const { text, lineEnd } = cursor;
  let end = lineEnd;
  for (let scan = at; scan < lineEnd; scan += 1) {
    const code = text.charCodeAt(scan);
    if (code === colon && (isEndOrSpace(cursor, scan + 1) || text.charCodeAt(scan + 1) === 9)) return -1;
    if (code === hash && isBlank(text.charCodeAt(scan - 1))) {
      end = scan;
      break;
    }
  }
  while (isBlank(text.charCodeAt(end - 1))) end -= 1;
  return end;
}

/** The lines that go on with a plain scalar, and the cursor behind them; `undefined` where they are no plain text. */
function readContinuation(cursor: Cursor, indent: number, isCommented: boolean): string | undefined {
  const before = cursor.lineEnd;
  let rest = "";
  let from = before + 1;
  while (nextLine(cursor) && indentOf(cursor) > indent) {
    // A comment ends a plain scalar: nothing may go on behind it.
    const isBroken = isCommented || cursor.text.slice(from, cursor.lineStart).includes("#");
    const first = cursor.text.charCodeAt(cursor.content);
    if (isBroken || isDashAt(cursor, cursor.content) || first === 9) return undefined;
    const end = findPlainEnd(cursor, cursor.content);
    if (end < 0 || skipSpaces(cursor, end) < cursor.lineEnd) return undefined;
    const blankLines = cursor.text.slice(from, cursor.lineStart).split("\n").length - 1;
    rest += `${rest === "" ? "" : "\n"}${"\n".repeat(blankLines)}${cursor.text.slice(cursor.content, end)}`;
    from = cursor.lineEnd + 1;
  }
  return rest;
}

function parseLiteral(cursor: Cursor, place: InlinePlace): Parsed {
  const { text } = cursor;
  const header = /^\|([1-9]?)([-+]?)([1-9]?)[ \t]*(?: #.*)?$/u.exec(text.slice(place.at, cursor.lineEnd));
  if (header === null) return notPlain;
  const digit = header[1] || header[3];
  const indent = digit ? Math.max(place.indent, 0) + Number(digit) : findLiteralIndent(cursor);
  if (indent <= place.indent) return notPlain;
  const lines: string[] = [];
  while (cursor.lineEnd + 1 < text.length) {
    const start = cursor.lineEnd + 1;
    const end = text.indexOf("\n", start);
    if (end < 0) return notPlain;
    let at = start;
    while (text.charCodeAt(at) === space) at += 1;
    if (at < end && at - start < indent) break;
    lines.push(text.slice(Math.min(start + indent, end), end));
    cursor.lineEnd = end;
  }
  nextLine(cursor);
  return indentOf(cursor) > place.indent ? notPlain : chomp(lines, header[2] ?? "");
}

/** The indentation of the first line of a literal block that is not blank; -1 where blank lines before it are longer. */
function findLiteralIndent(cursor: Cursor): number {
  const { text } = cursor;
  let longest = 0;
  let start = cursor.lineEnd + 1;
  while (start < text.length) {
    let at = start;
    while (text.charCodeAt(at) === space) at += 1;
    if (text.charCodeAt(at) !== 10) return at - start < longest ? -1 : at - start;
    longest = Math.max(longest, at - start);
    start = at + 1;
  }
  return -1;
}

function chomp(lines: readonly string[], mode: string): string {
  const body = lines.join("\n");
  if (mode === "+") return `${body}\n`;
  const trimmed = body.replace(/\n+$/u, "");
  return mode === "-" || trimmed === "" ? trimmed : `${trimmed}\n`;
}

function skipSpaces(cursor: Cursor, at: number): number {
  let next = at;
  while (next < cursor.lineEnd && cursor.text.charCodeAt(next) === space) next += 1;
  return next;
}

/** Whether nothing but blanks and a comment follow in the line. */
function isRestEmpty(cursor: Cursor, at: number): boolean {
  return at >= cursor.lineEnd || (cursor.text.charCodeAt(at) === hash && cursor.text.charCodeAt(at - 1) === space);
}

/** Leaves the line when nothing but blanks and a comment follow in it. */
function endLine(cursor: Cursor, at: number): boolean {
  if (!isRestEmpty(cursor, skipSpaces(cursor, at))) return false;
  nextLine(cursor);
  return true;
}

function isEndOrSpace(cursor: Cursor, at: number): boolean {
  return at >= cursor.lineEnd || cursor.text.charCodeAt(at) === space;
}

function isBlank(code: number): boolean {
  return code === space || code === 9;
}
