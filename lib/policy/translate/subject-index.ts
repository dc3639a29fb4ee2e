import type { LabelTerms } from "../selector/label-term.ts";

/** Things that concern pods, found again by the pods they concern: by namespace, because most policies have one. */
export interface SubjectIndex<T> {
  readonly byNamespace: Map<string, T[]>;
  /** Things whose pods may be in any namespace. */
  readonly anywhere: T[];
  readonly all: T[];
}

/** An index with nothing in it. */
export function createIndex<T>(): SubjectIndex<T> {
  return { byNamespace: new Map(), anywhere: [], all: [] };
}

/** The namespaces that all of the terms name; `undefined` when one of them may be anywhere. */
function namespacesOf(terms: LabelTerms): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const term of terms) {
    const set = term.get("meta:namespace");
    if (set === undefined || set.isNegated) return undefined;
    for (const name of set.values) names.add(name);
  }
  return names;
}

/** Adds a thing that concerns the given pods. */
export function addToIndex<T>(index: SubjectIndex<T>, terms: LabelTerms, item: T): void {
  index.all.push(item);
  const namespaces = namespacesOf(terms);
  if (namespaces === undefined) index.anywhere.push(item);
  else
    for (const namespace of namespaces) {
      const list = index.byNamespace.get(namespace);
      if (list === undefined) index.byNamespace.set(namespace, [item]);
      else list.push(item);
    }
}

/** Everything that may concern one of the pods, and perhaps more; in no particular order, nothing twice. */
export function findInIndex<T>(index: SubjectIndex<T>, terms: LabelTerms): readonly T[] {
  const namespaces = namespacesOf(terms);
  if (namespaces === undefined) return index.all;
  const [only] = namespaces;
  if (namespaces.size === 1 && only !== undefined) {
    const own = index.byNamespace.get(only);
    return own === undefined ? index.anywhere : index.anywhere.length === 0 ? own : [...own, ...index.anywhere];
  }
  const found = new Set(index.anywhere);
  for (const namespace of namespaces) for (const item of index.byNamespace.get(namespace) ?? []) found.add(item);
  return [...found];
}
