import { isMap, isScalar, type Pair, parseDocument, stringify, type YAMLMap } from "yaml";
import { InvariantError } from "../core/invariant.ts";
import { compareText } from "../core/order.ts";
import type { StageEntry } from "./plan.ts";

/** Replaces `text.slice(start, end)`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const fields = ["state", "attempt", "commit", "digest"] as const;

/**
 * The text of a plan file with one stage's entry set to exactly `entry`; every other byte stays as it was: comments, layout,
 * order, line ends. A stage that has no entry yet gets a line of its own, in the order of the ids.
 *
 * The text must be a plan that `readPlan` accepts; anything else is a bug of the caller and throws InvariantError.
 */
export function setStageState(text: string, stageId: string, entry: StageEntry): string {
  const document = parseDocument(text, { keepSourceTokens: false });
  const root = document.contents;
  if (document.errors.length > 0 || !isMap(root)) throw new InvariantError("the text is no plan", { stageId });
  const edits = editsOf(text, root, stageId, entry).sort((a, b) => b.start - a.start || b.end - a.end);
  return edits.reduce((result, edit) => result.slice(0, edit.start) + edit.text + result.slice(edit.end), text);
}

function editsOf(text: string, root: YAMLMap, stageId: string, entry: StageEntry): Edit[] {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const line = `${stageId}: ${printFlow(entry)}`;
  const stages = findPair(root, "stages");
  if (stages === undefined) {
    const gap = text.endsWith("\n") ? "" : newline;
    return [{ start: text.length, end: text.length, text: `${gap}stages:${newline}  ${line}${newline}` }];
  }
  if (!isMap(stages.value) || stages.value.items.length === 0) return [replaceEmpty(stages, line, newline)];
  const pair = findPair(stages.value, stageId);
  if (pair === undefined) return [insertEntry(text, stages.value, stageId, line, newline)];
  if (isMap(pair.value)) return editFields(text, pair.value, entry, newline);
  const [start, end] = rangeOf(pair.value) ?? afterKey(pair);
  return [{ start, end, text: start === end ? ` ${printFlow(entry)}` : printFlow(entry) }];
}

function printFlow(entry: StageEntry): string {
  const words = fields.flatMap((field) =>
    entry[field] === undefined ? [] : [`${field}: ${printScalar(entry[field])}`],
  );
  return `{ ${words.join(", ")} }`;
}

/** A value as YAML reads it back: a commit of digits only is quoted. */
function printScalar(value: string | number | undefined): string {
  return stringify(value).trimEnd();
}

function findPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
}

/** `stages:` with nothing, `{}` or null behind it becomes a block with one line. */
function replaceEmpty(stages: Pair, line: string, newline: string): Edit {
  const [start, end] = rangeOf(stages.value) ?? afterKey(stages);
  const [, keyEnd] = afterKey(stages);
  return { start: Math.min(start, keyEnd), end, text: `${newline}  ${line}` };
}

/** A new line before the first stage with a larger id, else after the last; in a flow map the same with commas. */
function insertEntry(text: string, map: YAMLMap, stageId: string, line: string, newline: string): Edit {
  const next = map.items.find((pair) => compareText(keyText(pair), stageId) > 0);
  if (map.flow === true) {
    if (next !== undefined) {
      const [start] = rangeOf(next.key) ?? [0, 0];
      return { start, end: start, text: `${line}, ` };
    }
    const end = endOf(map.items.at(-1));
    return { start: end, end, text: `, ${line}` };
  }
  const [firstKey] = rangeOf(map.items[0]?.key) ?? [0, 0];
  const indent = " ".repeat(firstKey - lineStart(text, firstKey));
  if (next !== undefined) {
    const [key] = rangeOf(next.key) ?? [0, 0];
    const start = lineStart(text, key);
    return { start, end: start, text: `${indent}${line}${newline}` };
  }
  const end = lineEnd(text, endOf(map.items.at(-1)));
  return { start: end, end, text: `${newline}${indent}${line}` };
}

/** Changes the fields of an entry one by one, so that comments beside them stay. */
function editFields(text: string, map: YAMLMap, entry: StageEntry, newline: string): Edit[] {
  const edits: Edit[] = [];
  const added: string[] = [];
  for (const field of fields) {
    const pair = findPair(map, field);
    const value = entry[field];
    if (pair === undefined && value !== undefined) added.push(`${field}: ${printScalar(value)}`);
    else if (pair !== undefined && value === undefined) edits.push(removeField(text, map, pair));
    else if (pair !== undefined && value !== undefined && !isSame(pair, value)) {
      const [start, end] = rangeOf(pair.value) ?? afterKey(pair);
      edits.push({ start, end, text: start === end ? ` ${printScalar(value)}` : printScalar(value) });
    }
  }
  if (added.length === 0) return edits;
  // New fields follow the last that stays, or the state, which always does.
  const stays = map.items.filter((pair) =>
    fields.some((field) => field === keyText(pair) && entry[field] !== undefined),
  );
  const end = endOf(stays.at(-1) ?? map.items.at(-1));
  const [firstKey] = rangeOf(map.items[0]?.key) ?? [0, 0];
  const indent = " ".repeat(firstKey - lineStart(text, firstKey));
  const isFlow = map.flow === true;
  const at = isFlow ? end : lineEnd(text, end);
  const joined = isFlow ? added.map((word) => `, ${word}`) : added.map((word) => `${newline}${indent}${word}`);
  return [...edits, { start: at, end: at, text: joined.join("") }];
}

function isSame(pair: Pair, value: string | number): boolean {
  return isScalar(pair.value) && pair.value.value === value;
}

function removeField(text: string, map: YAMLMap, pair: Pair): Edit {
  const [key] = rangeOf(pair.key) ?? [0, 0];
  const end = endOf(pair);
  if (map.flow !== true) {
    const after = lineEnd(text, end);
    return { start: lineStart(text, key), end: Math.min(text.length, after + newlineLength(text, after)), text: "" };
  }
  const at = map.items.indexOf(pair);
  const before = map.items[at - 1];
  if (before !== undefined) return { start: endOf(before), end, text: "" };
  const next = map.items[at + 1];
  const [nextKey] = rangeOf(next?.key) ?? [end, end];
  return { start: key, end: nextKey, text: "" };
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  if (!Array.isArray(range)) return undefined;
  const [start, end] = range as number[];
  return start === undefined || end === undefined || start === end ? undefined : [start, end];
}

/** The empty place right after a key's colon. */
function afterKey(pair: Pair): readonly [number, number] {
  const [, end] = rangeOf(pair.key) ?? [0, 0];
  return [end + 1, end + 1];
}

function endOf(pair: Pair | undefined): number {
  if (pair === undefined) return 0;
  const [, end] = rangeOf(pair.value) ?? afterKey(pair);
  return end;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** The end of the line that holds the last sign before `offset`, without its line break. */
function lineEnd(text: string, offset: number): number {
  const last = text[offset - 1] === "\n" ? offset - 1 : offset;
  const end = text.indexOf("\n", last);
  const stop = end < 0 ? text.length : end;
  return text[stop - 1] === "\r" ? stop - 1 : stop;
}

function newlineLength(text: string, offset: number): number {
  return text.startsWith("\r\n", offset) ? 2 : text.startsWith("\n", offset) ? 1 : 0;
}
