import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { notPlain, parseBlockYaml } from "./parse-block-yaml.ts";
import { resolveKey, resolveScalar } from "./resolve-scalar.ts";
import { depthLimit, resolveAlias, startText, type TextProblem, type YamlContext } from "./yaml-context.ts";

/**
 * The value of one YAML document, or of one item of a list, as kubectl reads it.
 *
 * Shape: the text has line feeds only. `undefined` when nothing can be made of it. What is wrong and which scalars are
 * ambiguous stand in the context, which is told anew at each call; anchors of earlier texts of the document hold.
 */
export function parseYaml(text: string, context: YamlContext): JsonValue | undefined {
  startText(context);
  const fast = parseBlockYaml(text, context);
  if (fast !== notPlain) return fast;
  startText(context);
  return parseAnyYaml(text, context);
}

/** The same as `parseYaml` by the general parser alone: slower by ten, and able to say what is wrong. */
export function parseAnyYaml(text: string, context: YamlContext): JsonValue | undefined {
  if (!isShallow(text, context)) return undefined;
  const document = parseDocument(text, { schema: "failsafe", version: "1.1", logLevel: "silent", prettyErrors: false });
  // An error at the very end is one of a part that never ends: the last sign is the nearest place.
  const last = Math.max(text.trimEnd().length - 1, 0);
  const problems = document.errors.map((error) => toProblem(error.code, Math.min(error.pos[0], last)));
  // One broken line makes the package stumble several times: what follows the first is mostly its echo.
  const first = problems.find(({ kind }) => kind !== "duplicate-key");
  context.problems.push(...problems.filter((problem) => problem.kind === "duplicate-key" || problem === first));
  if (first !== undefined) return undefined;
  const value = document.contents === null ? null : toValue(document.contents, context, 0);
  return value;
}

/**
 * Notes a text whose brackets are nested too deeply, and gives false for it: the package needs seconds for such a text
 * before it gives up. Only the lexer tells brackets of the YAML from those inside texts.
 */
function isShallow(text: string, context: YamlContext): boolean {
  if (text.split(/[[{]/u, depthLimit + 2).length <= depthLimit) return true;
  let depth = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    if (depth > depthLimit) {
      context.problems.push({ kind: "too-deep", message: tooDeep, offset });
      return false;
    }
    if (!lexerMarks.has(token)) offset += token.length;
  }
  return true;
}

/** The lexer's own marks (start of a document, end of a flow, start of a scalar) are no part of the text. */
const lexerMarks: ReadonlySet<string> = new Set(["\u0002", "\u0018", "\u001F", "\uFEFF"]);

const tooDeep = `lists and maps are nested more than ${depthLimit} deep`;

const messages: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "an alias cannot have an anchor or a tag",
  BAD_ALIAS: "an alias has no name or ends in a colon",
  BAD_DIRECTIVE: "a % directive is not known",
  BAD_DQ_ESCAPE: "a double-quoted text has an escape that YAML does not know",
  BAD_INDENT: "a line is indented wrongly",
  BAD_PROP_ORDER: "an anchor or tag stands in the wrong place",
  BAD_SCALAR_START: "a text starts with a sign that YAML reserves (@ or `): put it in quotes",
  BLOCK_AS_IMPLICIT_KEY:
    "a block value stands in a line that already has a key: put the text in quotes or on its own line",
  BLOCK_IN_FLOW: "a block value stands inside [ ] or { }",
  DUPLICATE_KEY: "a key stands twice in the same map",
  IMPOSSIBLE: "the text is not YAML",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 signs",
  MISSING_CHAR: "a closing quote, bracket, comma or space is missing",
  MULTILINE_IMPLICIT_KEY: "a key goes over more than one line: a colon or a closing quote may be missing above",
  MULTIPLE_ANCHORS: "a value has two anchors",
  MULTIPLE_DOCS: "another document starts here",
  MULTIPLE_TAGS: "a value has two tags",
  NON_STRING_KEY: "a key is no text",
  TAB_AS_INDENT: "a line is indented with a tab: YAML allows spaces only",
  TAG_RESOLVE_FAILED: "a tag cannot be resolved",
  UNEXPECTED_TOKEN: "something stands where YAML does not expect it",
};

function toProblem(code: string, offset: number): TextProblem {
  if (code === "RESOURCE_EXHAUSTION") return { kind: "too-deep", message: tooDeep, offset };
  const kind = code === "DUPLICATE_KEY" ? "duplicate-key" : "syntax";
  return { kind, message: messages[code] ?? "the text is not YAML", offset };
}

function toValue(node: Node, context: YamlContext, depth: number): JsonValue | undefined {
  if (depth > depthLimit) {
    context.problems.push({ kind: "too-deep", message: tooDeep, offset: node.range?.[0] ?? 0 });
    return undefined;
  }
  if (isAlias(node)) return resolveAlias(context, (node as Alias).source, node.range?.[0] ?? 0);
  const value = toAnchoredValue(node, context, depth);
  const anchor = (node as Scalar).anchor;
  if (anchor !== undefined && value !== undefined) context.anchors.set(anchor, value);
  return value;
}

function toAnchoredValue(node: Node, context: YamlContext, depth: number): JsonValue | undefined {
  if (isMap(node)) return toObject(node as YAMLMap, context, depth);
  if (isSeq(node)) return toList(node.items as (Node | null)[], context, depth);
  return isScalar(node) ? toScalar(node as Scalar, context) : undefined;
}

function toList(items: readonly (Node | null)[], context: YamlContext, depth: number): JsonValue | undefined {
  const list: JsonValue[] = [];
  for (const item of items) {
    const value = item === null ? null : toValue(item, context, depth + 1);
    if (value === undefined) return undefined;
    list.push(value);
  }
  return list;
}

function toObject(map: YAMLMap, context: YamlContext, depth: number): JsonValue | undefined {
  const merged: JsonObject[] = [];
  const own: [string, JsonValue][] = [];
  for (const pair of map.items as Pair<Node | null, Node | null>[]) {
    const key = readKey(pair.key, context);
    const value = pair.value === null ? null : toValue(pair.value, context, depth + 1);
    if (key === undefined || value === undefined) return undefined;
    if (key === "__proto__") {
      const offset = pair.key?.range?.[0] ?? 0;
      context.problems.push({ kind: "unsafe-key", message: "the key __proto__ is left out", offset });
    } else if (isMergeKey(pair.key)) {
      merged.push(...(Array.isArray(value) ? value : [value]).filter(isJsonObject));
    } else own.push([key, value]);
  }
  // A map's own keys win over merged ones, and an earlier merged map over a later one (YAML merge key, draft 2005).
  const inherited = merged.reverse().flatMap((source) => Object.entries(source));
  return Object.fromEntries([...inherited, ...own]);
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === "<<";
}

function readKey(node: Node | null, context: YamlContext): string | undefined {
  const offset = node?.range?.[0] ?? 0;
  const isText = isScalar(node) && typeof node.value === "string";
  if (!isText) {
    context.problems.push({ kind: "syntax", message: "a key is empty or no text", offset });
    return undefined;
  }
  if (node.type !== "PLAIN" || node.tag === "tag:yaml.org,2002:str") return node.value as string;
  const { key, isAmbiguous } = resolveKey(node.value as string);
  if (isAmbiguous) context.ambiguous.push({ text: node.value as string, value: key ?? null, offset });
  if (key === undefined) context.problems.push({ kind: "syntax", message: "a key is null", offset });
  return key;
}

const knownTags: ReadonlySet<string> = new Set(
  ["str", "int", "float", "bool", "null"].map((name) => `tag:yaml.org,2002:${name}`),
);

function toScalar(node: Scalar, context: YamlContext): JsonValue | undefined {
  const text = typeof node.value === "string" ? node.value : "";
  const offset = node.range?.[0] ?? 0;
  const { tag } = node;
  if (tag !== undefined && !knownTags.has(tag)) {
    context.problems.push({ kind: "tag", message: `the tag ${tag} has no meaning in a Kubernetes object`, offset });
    return text;
  }
  if (tag === "tag:yaml.org,2002:str") return text;
  if (tag === undefined && node.type !== "PLAIN") return text;
  const resolved = resolveScalar(text);
  if (resolved.isAmbiguous) context.ambiguous.push({ text, value: resolved.value, offset });
  return resolved.value;
}
