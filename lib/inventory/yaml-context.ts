import { isJsonObject, type JsonValue } from "../core/json.ts";

/** Something wrong in a text: what, and where in it. */
export interface TextProblem {
  readonly kind: "syntax" | "duplicate-key" | "unsafe-key" | "alias-bomb" | "too-deep" | "tag";
  /** One sentence without a full stop; never quotes the text beyond a key or an anchor's name. */
  readonly message: string;
  /** Offset in the text that was parsed. */
  readonly offset: number;
}

/** A plain scalar that YAML 1.1 and 1.2 read differently. */
export interface AmbiguousScalar {
  readonly text: string;
  readonly value: JsonValue;
  readonly offset: number;
}

/** What the parsers of one document share: anchors live through a whole document, the rest is told anew for each text. */
export interface YamlContext {
  readonly anchors: Map<string, JsonValue>;
  readonly problems: TextProblem[];
  readonly ambiguous: AmbiguousScalar[];
  /** Values that aliases have added to the present text so far. */
  aliasedValues: number;
}

/** How many values aliases may add to one object; beyond it the text is taken for an alias bomb. goyaml has a like limit. */
const aliasLimit = 100_000;

/** How deep lists and maps may be nested. Real objects (CRD schemas) stay below 60. */
export const depthLimit = 200;

/** A context for the texts of one document. */
export function createYamlContext(): YamlContext {
  return { anchors: new Map(), problems: [], ambiguous: [], aliasedValues: 0 };
}

/** Forgets what was told about the text before, and keeps the anchors. */
export function startText(context: YamlContext): void {
  context.problems.length = 0;
  context.ambiguous.length = 0;
  context.aliasedValues = 0;
}

/**
 * The value of an anchor. `undefined` when no such anchor came before, or when the aliases of this text have become more
 * than a real object has; the problem is then noted.
 */
export function resolveAlias(context: YamlContext, name: string, offset: number): JsonValue | undefined {
  const value = context.anchors.get(name);
  if (value === undefined) {
    context.problems.push({ kind: "syntax", message: `the alias *${name} refers to no anchor before it`, offset });
    return undefined;
  }
  context.aliasedValues += countValues(value, aliasLimit - context.aliasedValues);
  if (context.aliasedValues < aliasLimit) return value;
  const message = `aliases blow this object up to more than ${aliasLimit} values (at *${name})`;
  context.problems.push({ kind: "alias-bomb", message, offset });
  return undefined;
}

function countValues(value: JsonValue, limit: number): number {
  if (limit <= 0 || typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const inner of isJsonObject(value) ? Object.values(value) : value) {
    count += countValues(inner, limit - count);
    if (count >= limit) return count;
  }
  return count;
}
