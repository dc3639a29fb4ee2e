import { assertNever } from "../../core/invariant.ts";
import { compareText } from "../../core/order.ts";
import type { LabelKey, Selector } from "./selector.ts";
import { conjunction, disjunction, negation, simplifySelector } from "./simplify-selector.ts";
import {
  anyValue,
  complementValues,
  hasValue,
  intersectValues,
  isEmptyValueSet,
  isFullValueSet,
  isSubsetOfValues,
  oneOf,
  presentValue,
  type TextPattern,
  uniteValues,
  type ValueSet,
} from "./value-set.ts";

/**
 * A conjunction over labels: for each key the values that are meant. Keys are sorted by code unit; a key with every
 * value is left out, and no key has an empty set (such a conjunction is no term at all).
 */
export type LabelTerm = ReadonlyMap<LabelKey, ValueSet>;

/** A set of label sets as a disjunction of terms. No term lies inside another; empty means nothing at all. */
export type LabelTerms = readonly LabelTerm[];

/** The term that every label set satisfies. */
const anyLabels: LabelTerm = new Map();
/** All label sets. */
export const allTerms: LabelTerms = [anyLabels];
/** How many terms an operation may give before it stops and says that it is not complete. */
const mostTerms = 128;

/** Terms, and whether they are all of them: an operation that would grow without bound gives a part and says so. */
export interface BoundedTerms {
  readonly terms: LabelTerms;
  readonly isComplete: boolean;
}

/** Whether a set of labels satisfies a term. */
function matchesTerm(term: LabelTerm, labels: ReadonlyMap<LabelKey, string>): boolean {
  for (const [key, set] of term) if (!hasValue(set, labels.get(key))) return false;
  return true;
}

/** Whether a set of labels satisfies one of the terms. */
export function matchesTerms(terms: LabelTerms, labels: ReadonlyMap<LabelKey, string>): boolean {
  return terms.some((term) => matchesTerm(term, labels));
}

/** A term with one key; `undefined` when the set is empty. */
function termOf(key: LabelKey, set: ValueSet): LabelTerm | undefined {
  if (isEmptyValueSet(set)) return undefined;
  return isFullValueSet(set) ? anyLabels : new Map([[key, set]]);
}

/** What satisfies both terms; `undefined` when they contradict each other. */
function intersectTerm(a: LabelTerm, b: LabelTerm): LabelTerm | undefined {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const merged = new Map(a);
  let hasNewKey = false;
  for (const [key, set] of b) {
    const own = merged.get(key);
    if (own === undefined) hasNewKey = true;
    const both = own === undefined ? set : intersectValues(own, set);
    if (isEmptyValueSet(both)) return undefined;
    merged.set(key, both);
  }
  return hasNewKey ? sortByKey(merged) : merged;
}

function sortByKey(term: LabelTerm): LabelTerm {
  return new Map([...term].sort(([a], [b]) => compareText(a, b)));
}

/** Whether some label set satisfies both terms. Without allocating: the question asked most often. */
function doTermsOverlap(a: LabelTerm, b: LabelTerm): boolean {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  for (const [key, set] of small) {
    const other = large.get(key);
    if (other !== undefined && areDisjoint(set, other)) return false;
  }
  return true;
}

function areDisjoint(a: ValueSet, b: ValueSet): boolean {
  if (a.absent && b.absent) return false;
  if (a.isNegated && b.isNegated) return false;
  const [finite, other] = a.isNegated ? [b, a] : [a, b];
  return finite.values.every((value) => !hasValue(other, value));
}

/** Whether every label set of the first term satisfies the second. */
function isSubsetOfTerm(a: LabelTerm, b: LabelTerm): boolean {
  for (const [key, set] of b) if (!isSubsetOfValues(a.get(key) ?? anyValue, set)) return false;
  return true;
}

/** What satisfies a term of each side. */
export function intersectTerms(a: LabelTerms, b: LabelTerms): LabelTerms {
  const found: LabelTerm[] = [];
  for (const one of a)
    for (const other of b) {
      const both = intersectTerm(one, other);
      if (both !== undefined) found.push(both);
    }
  return absorb(found);
}

/** Whether some label set satisfies a term of each side. */
export function doOverlap(a: LabelTerms, b: LabelTerms): boolean {
  return a.some((one) => b.some((other) => doTermsOverlap(one, other)));
}

/** What satisfies a term of either side. */
export function uniteTerms(a: LabelTerms, b: LabelTerms): LabelTerms {
  return absorb([...a, ...b]);
}

/** Leaves out terms that lie inside another and joins pairs that differ in one key only. */
export function absorb(terms: LabelTerms): LabelTerms {
  if (terms.length < 2) return terms;
  const kept: LabelTerm[] = [];
  for (const term of terms) addTerm(kept, term);
  return kept;
}

function addTerm(kept: LabelTerm[], added: LabelTerm): void {
  let term = added;
  for (let index = 0; index < kept.length; index += 1) {
    const other = kept[index];
    if (other === undefined) continue;
    if (isSubsetOfTerm(term, other)) return;
    const joined = isSubsetOfTerm(other, term) ? term : joinTerms(other, term);
    if (joined === undefined) continue;
    kept.splice(index, 1);
    term = joined;
    index = -1;
  }
  kept.push(term);
}

function joinTerms(a: LabelTerm, b: LabelTerm): LabelTerm | undefined {
  if (a.size !== b.size) return undefined;
  let differing: LabelKey | undefined;
  for (const [key, set] of a) {
    const other = b.get(key);
    if (other === undefined) return undefined;
    if (isSubsetOfValues(set, other) && isSubsetOfValues(other, set)) continue;
    if (differing !== undefined) return undefined;
    differing = key;
  }
  if (differing === undefined) return a;
  const united = uniteValues(a.get(differing) ?? anyValue, b.get(differing) ?? anyValue);
  if (united === undefined || !isOneRequirement(united)) return undefined;
  const joined = new Map(a);
  if (isFullValueSet(united)) joined.delete(differing);
  else joined.set(differing, united);
  return joined;
}

/** Kubernetes can say "in", "not in", "there", "not there" and "there but not in"; it cannot say "in, or not there". */
function isOneRequirement(set: ValueSet): boolean {
  return set.isNegated || !set.absent || set.values.length === 0;
}

/** What satisfies none of the terms. Not complete: a part of it. */
export function complementTerms(terms: LabelTerms): BoundedTerms {
  return subtractTerms(allTerms, terms);
}

/** What satisfies a term of the first side and none of the second. Not complete: a part of it. */
export function subtractTerms(from: LabelTerms, taken: LabelTerms): BoundedTerms {
  let rest: LabelTerms = from;
  let isComplete = true;
  for (const term of taken) {
    if (!rest.some((own) => doTermsOverlap(own, term))) continue;
    const next = absorb(rest.flatMap((own) => subtractTerm(own, term)));
    if (next.length > mostTerms) isComplete = false;
    rest = next.slice(0, mostTerms);
  }
  return { terms: rest, isComplete };
}

function subtractTerm(from: LabelTerm, taken: LabelTerm): LabelTerms {
  if (!doTermsOverlap(from, taken)) return [from];
  const parts: LabelTerm[] = [];
  for (const [key, set] of taken)
    for (const outside of complementValues(set)) {
      const part = intersectTerm(from, new Map([[key, outside]]));
      if (part !== undefined) parts.push(part);
    }
  return parts;
}

/** Whether every label set of the first side satisfies a term of the second. May say no where only many terms together cover. */
export function isSubsetOfTerms(a: LabelTerms, b: LabelTerms): boolean {
  if (a.every((one) => b.some((other) => isSubsetOfTerm(one, other)))) return true;
  const rest = subtractTerms(a, b);
  return rest.isComplete && rest.terms.length === 0;
}

/**
 * The disjunctive normal form of a selector: constants folded, contradictions left out, In and NotIn of one key merged.
 * Not complete when it would have more than `mostTerms` terms: a part of it then.
 */
export function toTerms(selector: Selector): BoundedTerms {
  return termsOf(simplifySelector(selector), false);
}

function termsOf(selector: Selector, isNegated: boolean): BoundedTerms {
  switch (selector.kind) {
    case "all":
    case "none":
      return { terms: (selector.kind === "all") !== isNegated ? allTerms : [], isComplete: true };
    case "has":
      return atom(selector.key, presentValue, isNegated);
    case "in":
      return atom(selector.key, oneOf(selector.values), isNegated);
    case "contains":
    case "startsWith":
    case "endsWith": {
      const pattern: TextPattern = { kind: selector.kind, text: selector.text, isNegated: false };
      return atom(selector.key, { ...presentValue, patterns: [pattern] }, isNegated);
    }
    case "not":
      return termsOf(selector.operand, !isNegated);
    case "and":
    case "or": {
      const parts = selector.operands.map((operand) => termsOf(operand, isNegated));
      return (selector.kind === "and") !== isNegated ? productOf(parts) : unionOf(parts);
    }
    default:
      return assertNever(selector);
  }
}

function atom(key: LabelKey, set: ValueSet, isNegated: boolean): BoundedTerms {
  const sets = isNegated ? complementValues(set) : [set];
  return { terms: absorb(sets.flatMap((part) => termOf(key, part) ?? [])), isComplete: true };
}

function unionOf(parts: readonly BoundedTerms[]): BoundedTerms {
  const terms = absorb(parts.flatMap((part) => part.terms));
  return bounded(terms, parts);
}

function productOf(parts: readonly BoundedTerms[]): BoundedTerms {
  let terms: LabelTerms = allTerms;
  let isComplete = true;
  for (const part of parts) {
    terms = intersectTerms(terms, part.terms);
    if (terms.length > mostTerms) isComplete = false;
    terms = terms.slice(0, mostTerms);
  }
  const result = bounded(terms, parts);
  return { terms: result.terms, isComplete: result.isComplete && isComplete };
}

function bounded(terms: LabelTerms, parts: readonly BoundedTerms[]): BoundedTerms {
  const isComplete = terms.length <= mostTerms && parts.every((part) => part.isComplete);
  return { terms: terms.slice(0, mostTerms), isComplete };
}

/** The selector that a disjunction of terms means. */
export function toSelector(terms: LabelTerms): Selector {
  return disjunction(terms.map((term) => conjunction([...term].map(([key, set]) => valueSelector(key, set)))));
}

function valueSelector(key: LabelKey, set: ValueSet): Selector {
  const has: Selector = { kind: "has", key };
  const listed: Selector = { kind: "in", key, values: set.values };
  const patterns = set.patterns.map((pattern): Selector => {
    const positive: Selector = { kind: pattern.kind, key, text: pattern.text };
    return pattern.isNegated ? negation(positive) : positive;
  });
  const present = set.isNegated
    ? conjunction([has, ...(set.values.length > 0 ? [negation(listed)] : []), ...patterns])
    : simplifySelector(listed);
  if (!set.absent) return present;
  return set.isNegated && patterns.length === 0
    ? negation(simplifySelector(listed))
    : disjunction([negation(has), present]);
}
