import { sortedUnique } from "../../core/order.ts";

/** A set of names: those listed, or all but those listed. Sorted, each once. */
export interface NameSet {
  readonly isNegated: boolean;
  readonly names: readonly string[];
}

export const everyName: NameSet = { isNegated: true, names: [] };
export const noName: NameSet = { isNegated: false, names: [] };

/** The listed names. */
export function namesOf(names: Iterable<string>): NameSet {
  return { isNegated: false, names: sortedUnique(names) };
}

/** Whether nothing is in the set. */
export function isNoName(set: NameSet): boolean {
  return !set.isNegated && set.names.length === 0;
}

/** Whether every name is in the set. */
export function isEveryName(set: NameSet): boolean {
  return set.isNegated && set.names.length === 0;
}

/** Whether a name is in the set. */
export function hasName(set: NameSet, name: string): boolean {
  return set.names.includes(name) !== set.isNegated;
}

/** All that is not in the set. */
export function complementNames(set: NameSet): NameSet {
  return { isNegated: !set.isNegated, names: set.names };
}

/** What is in both. */
export function intersectNames(a: NameSet, b: NameSet): NameSet {
  if (a.isNegated && b.isNegated) return { isNegated: true, names: sortedUnique([...a.names, ...b.names]) };
  if (a.isNegated) return { isNegated: false, names: b.names.filter((name) => !a.names.includes(name)) };
  return { isNegated: false, names: a.names.filter((name) => b.names.includes(name) !== b.isNegated) };
}

/** What is in either. */
export function uniteNames(a: NameSet, b: NameSet): NameSet {
  return complementNames(intersectNames(complementNames(a), complementNames(b)));
}

/** What is in the first and not in the second. */
export function subtractNames(a: NameSet, b: NameSet): NameSet {
  return intersectNames(a, complementNames(b));
}
