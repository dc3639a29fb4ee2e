import type { LabelKey, Selector } from "../selector/selector.ts";

/**
 * Everything that the policies under comparison can tell ends apart by. Ends that agree on all of it are one class.
 * Collected by `createVocabulary`; both sides add to the same one.
 */
export interface Vocabulary {
  /** Keys that selectors name, with the values they name and the terms that look inside values. */
  readonly keys: ReadonlyMap<LabelKey, KeyTerms>;
  /** Prefixes and addresses. */
  readonly prefixes: ReadonlySet<string>;
  readonly portNames: ReadonlySet<string>;
  /** Names that only a DNS proxy resolves. */
  readonly fqdns: ReadonlySet<string>;
}

/** What selectors ask of one key. */
export interface KeyTerms {
  readonly values: ReadonlySet<string>;
  readonly texts: readonly TextTerm[];
}

/** A term that looks inside values. */
export type TextTerm = Extract<Selector, { readonly kind: "contains" | "startsWith" | "endsWith" }>;

/** A vocabulary being collected. */
export interface VocabularyBuilder {
  readonly vocabulary: Vocabulary;
  readonly addSelector: (selector: Selector) => void;
  readonly addPrefix: (prefix: string) => void;
  readonly addPortName: (name: string) => void;
  readonly addFQDN: (name: string) => void;
}

/** The name label of a namespace always equals its name, so both keys are one. */
export function canonicalKey(key: LabelKey): LabelKey {
  return key === "ns:kubernetes.io/metadata.name" ? "meta:namespace" : key;
}

/** An empty vocabulary. */
export function createVocabulary(): VocabularyBuilder {
  const keys = new Map<LabelKey, { values: Set<string>; texts: TextTerm[] }>();
  const prefixes = new Set<string>();
  const portNames = new Set<string>();
  const fqdns = new Set<string>();
  const keyOf = (key: LabelKey): { values: Set<string>; texts: TextTerm[] } => {
    const name = canonicalKey(key);
    const known = keys.get(name);
    if (known !== undefined) return known;
    const fresh = { values: new Set<string>(), texts: [] };
    keys.set(name, fresh);
    return fresh;
  };
  const addSelector = (selector: Selector): void => {
    switch (selector.kind) {
      case "all":
      case "none":
        return;
      case "has":
        keyOf(selector.key);
        return;
      case "in":
        for (const value of selector.values) keyOf(selector.key).values.add(value);
        return;
      case "contains":
      case "startsWith":
      case "endsWith":
        keyOf(selector.key).texts.push(selector);
        return;
      case "not":
        addSelector(selector.operand);
        return;
      case "and":
      case "or":
        for (const operand of selector.operands) addSelector(operand);
        return;
    }
  };
  return {
    vocabulary: { keys, prefixes, portNames, fqdns },
    addSelector,
    addPrefix: (prefix) => prefixes.add(prefix),
    addPortName: (name) => portNames.add(name),
    addFQDN: (name) => fqdns.add(name),
  };
}
