import { sortedUnique } from "../../core/order.ts";
import { matchesText } from "./match-selector.ts";

/** A condition on the text of a label value. */
export interface TextPattern {
  readonly kind: "contains" | "startsWith" | "endsWith";
  readonly text: string;
  readonly isNegated: boolean;
}

/**
 * Which values of one label are meant: a set over all texts and "the label is not there".
 *
 * Present values are those of `values` (sorted, each once), or all but those when `isNegated`, and of them only those
 * that satisfy every pattern. Patterns stand only beside a negated list: a finite list is filtered by them at once.
 */
export interface ValueSet {
  /** Whether a missing label is in the set. */
  readonly absent: boolean;
  readonly isNegated: boolean;
  readonly values: readonly string[];
  readonly patterns: readonly TextPattern[];
}

/** Every value, and the missing label too. */
export const anyValue: ValueSet = { absent: true, isNegated: true, values: [], patterns: [] };
/** Every value, but not the missing label. */
export const presentValue: ValueSet = { absent: false, isNegated: true, values: [], patterns: [] };

/** The label is there with one of these values. */
export function oneOf(values: readonly string[]): ValueSet {
  return { absent: false, isNegated: false, values: sortedUnique(values), patterns: [] };
}

/** Whether nothing is in the set. */
export function isEmptyValueSet(set: ValueSet): boolean {
  return !set.absent && !set.isNegated && set.values.length === 0;
}

/** Whether everything is in the set. */
export function isFullValueSet(set: ValueSet): boolean {
  return set.absent && set.isNegated && set.values.length === 0 && set.patterns.length === 0;
}

/** Whether a value (`undefined`: the label is missing) is in the set. */
export function hasValue(set: ValueSet, value: string | undefined): boolean {
  if (value === undefined) return set.absent;
  return set.values.includes(value) !== set.isNegated && satisfiesPatterns(set.patterns, value);
}

function satisfiesPatterns(patterns: readonly TextPattern[], value: string): boolean {
  return patterns.every((pattern) => matchesText(pattern.kind, value, pattern.text) !== pattern.isNegated);
}

/** What is in both sets. */
export function intersectValues(a: ValueSet, b: ValueSet): ValueSet {
  const absent = a.absent && b.absent;
  if (a.isNegated && b.isNegated)
    return {
      absent,
      isNegated: true,
      values:
        a.values.length === 0 ? b.values : b.values.length === 0 ? a.values : sortedUnique([...a.values, ...b.values]),
      patterns: mergePatterns(a.patterns, b.patterns),
    };
  const [finite, other] = a.isNegated ? [b, a] : [a, b];
  return { absent, isNegated: false, values: finite.values.filter((value) => hasValue(other, value)), patterns: [] };
}

function mergePatterns(a: readonly TextPattern[], b: readonly TextPattern[]): readonly TextPattern[] {
  if (b.length === 0) return a;
  const isKnown = (pattern: TextPattern): boolean => a.some((other) => isSamePattern(other, pattern));
  return [...a, ...b.filter((pattern) => !isKnown(pattern))];
}

function isSamePattern(a: TextPattern, b: TextPattern): boolean {
  return a.kind === b.kind && a.text === b.text && a.isNegated === b.isNegated;
}

/** What is not in the set, as the fewest sets: one, and one more for each pattern. */
export function complementValues(set: ValueSet): readonly ValueSet[] {
  const base: ValueSet = { absent: !set.absent, isNegated: !set.isNegated, values: set.values, patterns: [] };
  const others = set.patterns.map((pattern) => ({
    ...presentValue,
    patterns: [{ ...pattern, isNegated: !pattern.isNegated }],
  }));
  return [base, ...others].filter((part) => !isEmptyValueSet(part));
}

/** What is in either set, or `undefined` where patterns keep it from being one set. */
export function uniteValues(a: ValueSet, b: ValueSet): ValueSet | undefined {
  if (a.patterns.length > 0 || b.patterns.length > 0) return undefined;
  const absent = a.absent || b.absent;
  if (!a.isNegated && !b.isNegated) return { ...oneOf([...a.values, ...b.values]), absent };
  if (a.isNegated && b.isNegated)
    return { absent, isNegated: true, values: a.values.filter((value) => b.values.includes(value)), patterns: [] };
  const [negated, finite] = a.isNegated ? [a, b] : [b, a];
  const values = negated.values.filter((value) => !finite.values.includes(value));
  return { absent, isNegated: true, values, patterns: [] };
}

/** Whether the first set lies inside the second. With patterns the answer may be no although it does. */
export function isSubsetOfValues(a: ValueSet, b: ValueSet): boolean {
  if (a.absent && !b.absent) return false;
  if (!a.isNegated) return a.values.every((value) => hasValue(b, value));
  if (!b.isNegated) return false;
  return (
    b.patterns.every((pattern) => a.patterns.some((own) => isSamePattern(own, pattern))) &&
    b.values.every((value) => !hasValue(a, value))
  );
}
