import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";
import type { Position } from "./inventory.ts";

/** A step into an object: a key of a map, or the index of a list. */
export type FieldStep = string | number;

const token = /\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]|\.?([^.[\]]+)/gu;

/**
 * The steps of a field path as `kubectl explain` and JSONPath write it: `spec.ingress[2].nets[0]`,
 * `metadata.labels["app.kubernetes.io/name"]`, `metadata.labels['a.b']`. A key with dots outside brackets gives several
 * steps; `findFieldPosition` joins them again where the object has such a key.
 */
export function parseFieldPath(field: string): FieldStep[] {
  return [...field.matchAll(token)].map((match) => {
    if (match[1] !== undefined) return Number(match[1]);
    return (match[2] ?? match[3])?.replace(/\\(.)/gu, "$1") ?? match[4] ?? "";
  });
}

/** Finds fields in one text; made once for an object, because parsing is the costly part. */
export type FieldFinder = (field: string) => Position;

/**
 * A finder of fields in the text of one YAML or JSON object.
 *
 * Shape: `text` is the object alone; `start` is where its first character stands in the file (line and column 1-based),
 * and the text's own indentation is as in the file. The result has `start.file`.
 * For a field of a map the place of its key, for an item of a list the place of the item; a field that is not there
 * gives the place of its nearest parent. The text is parsed at the first call and kept parsed.
 */
export function createFieldFinder(text: string, start: Position): FieldFinder {
  let parsed: { readonly contents: Node | null; readonly lines: LineCounter } | undefined;
  return (field) => {
    if (parsed === undefined) {
      const lines = new LineCounter();
      const document = parseDocument(text, {
        schema: "failsafe",
        lineCounter: lines,
        logLevel: "silent",
        version: "1.1",
      });
      parsed = { contents: document.contents, lines };
    }
    const offset = offsetOf(parsed.contents, parseFieldPath(field));
    return offset === undefined ? start : shift(parsed.lines.linePos(offset), start);
  };
}

/**
 * Where a field stands in the text of one YAML or JSON object; line 1, column 1 is the text's first character unless
 * `start` says otherwise. See `createFieldFinder`, which is the one to use for several fields of one object.
 */
export function findFieldPosition(text: string, field: string, start: Position = { line: 1, column: 1 }): Position {
  return createFieldFinder(text, start)(field);
}

function shift(found: { readonly line: number; readonly col: number }, start: Position): Position {
  const line = (start.line ?? 1) + found.line - 1;
  const column = found.line === 1 ? (start.column ?? 1) + found.col - 1 : found.col;
  return { ...start, line, column };
}

function offsetOf(root: Node | null, steps: readonly FieldStep[]): number | undefined {
  let node: Node | null | undefined = root;
  let found = root?.range?.[0];
  let at = 0;
  while (at < steps.length) {
    const next = stepInto(node, steps, at);
    if (next === undefined) return found;
    found = next.offset ?? found;
    node = next.node;
    at += next.taken;
  }
  return found;
}

interface Taken {
  readonly node: Node | null | undefined;
  readonly offset: number | undefined;
  readonly taken: number;
}

function stepInto(node: Node | null | undefined, steps: readonly FieldStep[], at: number): Taken | undefined {
  const step = steps[at];
  if (isAlias(node)) return undefined;
  if (isSeq(node) && typeof step === "number") {
    const item = node.items[step] as Node | null | undefined;
    return item === undefined ? undefined : { node: item, offset: item?.range?.[0], taken: 1 };
  }
  return isMap(node) ? stepIntoMap(node, steps, at) : undefined;
}

function stepIntoMap(map: YAMLMap, steps: readonly FieldStep[], at: number): Taken | undefined {
  // The longest key that the remaining steps can spell wins, so that `labels.app.kubernetes.io/name` finds its label.
  for (let length = steps.length - at; length > 0; length -= 1) {
    const key = steps.slice(at, at + length).join(".");
    const pair = map.items.find((candidate) => keyText(candidate) === key);
    if (pair === undefined) continue;
    const keyNode = pair.key as Node | null;
    return { node: pair.value as Node | null, offset: keyNode?.range?.[0], taken: length };
  }
  return undefined;
}

function keyText(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}
