import type { Finding, Where } from "../core/finding.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { findJsonError } from "./find-json-error.ts";
import { type InventoryFindingCode, inventoryFinding } from "./findings.ts";
import { parseAnyYaml, parseYaml } from "./parse-yaml.ts";
import type { TextPiece } from "./text-piece.ts";
import { createYamlContext, depthLimit, startText, type TextProblem, type YamlContext } from "./yaml-context.ts";

/** One part of a file as a value, and where the value starts. */
export interface ParsedPiece {
  /** `undefined` when nothing can be made of the text; the findings say why. */
  readonly value: JsonValue | undefined;
  readonly where: Where;
  readonly findings: readonly Finding[];
}

/** Turns parts of files into values. `startDocument` forgets the YAML anchors. */
export interface PieceParser {
  readonly parse: (file: string, piece: TextPiece) => ParsedPiece;
  readonly startDocument: () => void;
}

/** The longest text that is tried as YAML after it has failed as JSON. */
const retryLimit = 1024 * 1024;

/**
 * A parser of parts. A text that starts with `{` or `[` is read as JSON first (the faster by far, and never ambiguous),
 * then as YAML unless the file's name says JSON; all others as YAML.
 * Findings: `inventory/syntax`, `inventory/helm-template`, `inventory/duplicate-key`, `inventory/unsafe-key`,
 * `inventory/alias-bomb`, `inventory/too-deep`, `inventory/unknown-tag`, `inventory/ambiguous-scalar`.
 */
export function createPieceParser(): PieceParser {
  let context = createYamlContext();
  return {
    parse: (file, piece) => {
      startText(context);
      const value = parseText(file, piece, context);
      const findings = [
        ...context.problems.map((problem) => toFinding(problem, file, piece)),
        ...ambiguousFindings(context, file, piece),
      ];
      return { value, where: { file, ...placeOf(piece, firstSign(piece.text)) }, findings };
    },
    startDocument: () => {
      context = createYamlContext();
    },
  };
}

function parseText(file: string, piece: TextPiece, context: YamlContext): JsonValue | undefined {
  const { text } = piece;
  const first = text.charAt(firstSign(text));
  if (first !== "{" && first !== "[") return parseYaml(text, context);
  const json = tryParseJson(text);
  if (json !== undefined) return checkJson(piece, json.value, context);
  const mayBeYaml = text.length <= retryLimit && !/\.(?:json|ndjson|jsonl)(?:\.gz)?$/iu.test(file);
  const value = mayBeYaml ? parseAnyYaml(text, context) : undefined;
  if (value !== undefined) return value;
  startText(context);
  context.problems.push({ kind: "syntax", ...findJsonError(text) });
  return undefined;
}

/** The value of a JSON text, or `undefined` where the text is none. */
function tryParseJson(text: string): { readonly value: JsonValue } | undefined {
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/**
 * Notes what `JSON.parse` lets pass: `__proto__` keys (taken out), keys that stand twice, and bottomless nesting.
 * A key that stands twice shows in the number of colons outside strings: one for each key.
 */
function checkJson(piece: TextPiece, value: JsonValue, context: YamlContext): JsonValue | undefined {
  const { text } = piece;
  const seen = { keys: 0, isTooDeep: false, isUnsafe: false };
  walk(value, seen, 0);
  if (seen.isTooDeep) {
    const message = `lists and maps are nested more than ${depthLimit} deep`;
    context.problems.push({ kind: "too-deep", message, offset: firstSign(text) });
    return undefined;
  }
  if (seen.isUnsafe) {
    const offset = Math.max(text.indexOf("__proto__") - 1, 0);
    context.problems.push({ kind: "unsafe-key", message: "the key __proto__ is left out", offset });
  } else if ((piece.colons ?? countColons(text)) !== seen.keys) {
    // The general parser is slow, and knows where the second one stands.
    const again = createYamlContext();
    parseAnyYaml(text, again);
    const found = again.problems.filter((problem) => problem.kind === "duplicate-key");
    const unknown = { kind: "duplicate-key", message: "a key stands twice in the same map", offset: 0 } as const;
    context.problems.push(...(found.length > 0 ? found : [unknown]));
  }
  return seen.isUnsafe ? withoutUnsafeKeys(value) : value;
}

function walk(value: JsonValue, seen: { keys: number; isTooDeep: boolean; isUnsafe: boolean }, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > depthLimit) {
    seen.isTooDeep = true;
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) walk(item, seen, depth + 1);
    return;
  }
  const object = value as JsonObject;
  // Plain objects straight from JSON.parse inherit nothing that this loop could meet; entries() would copy each.
  for (const key in object) {
    seen.keys += 1;
    if (key === "__proto__") seen.isUnsafe = true;
    const inner = object[key];
    if (inner !== undefined) walk(inner, seen, depth + 1);
  }
}

function withoutUnsafeKeys(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value), function (this: unknown, key, inner) {
    return key === "__proto__" ? undefined : inner;
  }) as JsonValue;
}

function countColons(text: string): number {
  let count = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    at += 1;
    if (code === 58) count += 1;
    else if (code === 34) {
      while (at < text.length && text.charCodeAt(at) !== 34) at += text.charCodeAt(at) === 92 ? 2 : 1;
      at += 1;
    }
  }
  return count;
}

function firstSign(text: string): number {
  let offset = 0;
  for (;;) {
    const found = /[^\s]/u.exec(text.slice(offset, offset + 200));
    if (found === null) {
      if (offset + 200 >= text.length) return 0;
      offset += 200;
    } else if (found[0] === "#") {
      const newline = text.indexOf("\n", offset + found.index);
      if (newline < 0) return 0;
      offset = newline + 1;
    } else return offset + found.index;
  }
}

/** Line and column of an offset in a part, counted in the file. */
function placeOf(piece: TextPiece, offset: number): { readonly line: number; readonly column: number } {
  const before = piece.text.slice(0, offset);
  const newline = before.lastIndexOf("\n");
  const left = piece.gap !== undefined && offset >= piece.gap.offset ? piece.gap.lines : 0;
  if (newline < 0) return { line: piece.line + left, column: piece.column + offset };
  return { line: piece.line + left + before.split("\n").length - 1, column: offset - newline };
}

const codes: Readonly<Record<TextProblem["kind"], InventoryFindingCode>> = {
  syntax: "inventory/syntax",
  "duplicate-key": "inventory/duplicate-key",
  "unsafe-key": "inventory/unsafe-key",
  "alias-bomb": "inventory/alias-bomb",
  "too-deep": "inventory/too-deep",
  tag: "inventory/unknown-tag",
};

const remedies: Readonly<Record<TextProblem["kind"], string>> = {
  syntax: "mend the text, or write the dump again with `kubectl get … -o yaml`",
  "duplicate-key": "take one of the two out",
  "unsafe-key": "take the key out",
  "alias-bomb": "write the object without aliases",
  "too-deep": "take the object out: the API server would not store it",
  tag: "take the tag out",
};

function toFinding(problem: TextProblem, file: string, piece: TextPiece): Finding {
  const where = { file, ...placeOf(piece, problem.offset) };
  const template = /\{\{-?\s/u.exec(piece.text);
  if (problem.kind === "syntax" && template !== null)
    return inventoryFinding("inventory/helm-template", {
      message: "the text holds template directives {{ … }} and is not YAML until they are rendered",
      where: { file, ...placeOf(piece, template.index) },
      reason: "what the template will be once rendered is not known here, so its objects are not in the inventory",
      remedy: "render it first (`helm template …`), or take the file out",
    });
  return inventoryFinding(codes[problem.kind], { message: problem.message, where, remedy: remedies[problem.kind] });
}

/** How many ambiguous scalars of one object are shown; the rest are counted in the last one. */
const shownScalars = 5;

function ambiguousFindings(context: YamlContext, file: string, piece: TextPiece): Finding[] {
  const rest = context.ambiguous.length - shownScalars;
  return context.ambiguous.slice(0, shownScalars).map((scalar, index) => {
    const more = index === shownScalars - 1 && rest > 0 ? ` (and ${rest} more in this object)` : "";
    return inventoryFinding("inventory/ambiguous-scalar", {
      message: `the unquoted value ${scalar.text} is read as ${JSON.stringify(scalar.value)}, as kubectl does${more}`,
      where: { file, ...placeOf(piece, scalar.offset) },
      reason: "YAML 1.1 (kubectl, Argo CD, Flux) and YAML 1.2 (many editors and linters) read it differently",
      remedy: `write "${scalar.text}" in quotes if a text is meant`,
    });
  });
}
