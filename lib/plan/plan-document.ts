import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import type { Finding } from "../core/finding.ts";
import type { PlanPosition } from "./plan.ts";
import { type FieldPath, planFinding, printPath } from "./plan-finding.ts";

/** A plan file parsed as YAML with its positions. */
export interface PlanDocument {
  readonly document: Document.Parsed;
  readonly positionAt: (offset: number) => PlanPosition;
}

/** Parses the text of a plan; problems of YAML are findings with their place, never thrown. */
export function parsePlanDocument(
  text: string,
  file: string,
): PlanDocument & { readonly findings: readonly Finding[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    uniqueKeys: true,
    strict: true,
    merge: true,
    stringKeys: true,
    prettyErrors: false,
  });
  const positionAt = (offset: number): PlanPosition => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  const findings = document.errors.map((error) =>
    planFinding(error.code === "DUPLICATE_KEY" ? "plan/duplicate-key" : "plan/invalid-yaml", file, {
      message: printYamlError(error.code, error.message),
      position: positionAt(error.pos[0]),
      ...(error.code === "TAB_AS_INDENT" && { remedy: "Indent with spaces" }),
      ...(error.code === "DUPLICATE_KEY" && { remedy: "Keep one of the two" }),
    }),
  );
  return { document, positionAt, findings };
}

function printYamlError(code: string, message: string): string {
  if (code === "MULTIPLE_DOCS") return "The file holds several YAML documents; a plan is one document";
  const line = message.split("\n")[0] ?? message;
  return line.replace(/[.:]$/, "");
}

/** The place of the key that a path ends in, or of the list element; the nearest parent's place when the path is not written. */
export function findKeyPosition(parsed: PlanDocument, path: FieldPath): PlanPosition | undefined {
  let position = positionOf(parsed, parsed.document.contents);
  let node: unknown = parsed.document.contents;
  for (const step of path) {
    const found = stepInto(parsed.document, node, step);
    if (found === undefined) return position;
    position = positionOf(parsed, found.key ?? found.value) ?? position;
    node = found.value;
  }
  return position;
}

/** The place of the value at a path; the nearest written parent's key when it is absent. */
export function findValuePosition(parsed: PlanDocument, path: FieldPath): PlanPosition | undefined {
  let node: unknown = parsed.document.contents;
  for (const step of path) {
    const found = stepInto(parsed.document, node, step);
    if (found === undefined) return findKeyPosition(parsed, path);
    node = found.value;
  }
  return positionOf(parsed, node) ?? findKeyPosition(parsed, path);
}

/** Where every written field stands: its printed path to the place of its key, of a list element to the element. */
export function collectPositions(parsed: PlanDocument): ReadonlyMap<string, PlanPosition> {
  const positions = new Map<string, PlanPosition>();
  const collect = (value: unknown, path: FieldPath): void => {
    const node = isAlias(value) ? value.resolve(parsed.document) : value;
    for (const [step, key, child] of childrenOf(node)) {
      const at = [...path, step];
      const position = positionOf(parsed, key ?? child);
      if (position !== undefined) positions.set(printPath(at), position);
      collect(child, at);
    }
  };
  collect(parsed.document.contents, []);
  return positions;
}

/** The place of the first alias without an anchor; `undefined` when every alias has one. */
export function findUnresolvedAlias(parsed: PlanDocument): PlanPosition | undefined {
  let position: PlanPosition | undefined;
  visit(parsed.document, {
    Alias(_key, alias) {
      if (alias.resolve(parsed.document) !== undefined) return undefined;
      position = positionOf(parsed, alias);
      return visit.BREAK;
    },
  });
  return position;
}

function childrenOf(node: unknown): readonly (readonly [string | number, unknown, unknown])[] {
  if (isMap(node)) return node.items.map((pair) => [keyText(pair.key), pair.key, pair.value] as const);
  if (isSeq(node)) return node.items.map((item, at) => [at, undefined, item] as const);
  return [];
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function stepInto(
  document: Document.Parsed,
  value: unknown,
  step: string | number,
): { readonly key?: unknown; readonly value: unknown } | undefined {
  const node = isAlias(value) ? value.resolve(document) : value;
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && keyText(item.key) === String(step));
    return pair === undefined ? undefined : { key: pair.key, value: pair.value };
  }
  if (isSeq(node) && typeof step === "number") {
    const item = node.items[step];
    return item === undefined ? undefined : { value: item };
  }
  return undefined;
}

function positionOf(parsed: PlanDocument, value: unknown): PlanPosition | undefined {
  const range = isNode(value) ? (value as Node).range : undefined;
  return range === undefined || range === null ? undefined : parsed.positionAt(range[0]);
}
