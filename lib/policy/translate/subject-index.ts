import type { LabelTerms } from "../selector/label-term.ts";
import type { LabelKey } from "../selector/selector.ts";

/**
 * Things that concern pods, found again by the pods they concern: by namespace, because most policies have one, and in a crowded
 * namespace by the label that tells most of them apart.
 */
export interface SubjectIndex<T> {
  readonly byNamespace: Map<string, Bucket<T>>;
  /** Things whose pods may be in any namespace. */
  readonly anywhere: Bucket<T>;
  readonly all: T[];
}

interface Bucket<T> {
  readonly entries: { readonly terms: LabelTerms; readonly item: T }[];
  readonly items: T[];
  split: Split<T> | undefined;
  /** How many entries there were when a label was last looked for. */
  tried: number;
}

interface Split<T> {
  readonly key: LabelKey;
  readonly byValue: Map<string, T[]>;
  /** Things that do not name a value of the label. */
  readonly others: T[];
}

/** A bucket is split when it has as many things as this. */
const crowd = 32;

/** An index with nothing in it. */
export function createIndex<T>(): SubjectIndex<T> {
  return { byNamespace: new Map(), anywhere: createBucket(), all: [] };
}

function createBucket<T>(): Bucket<T> {
  return { entries: [], items: [], split: undefined, tried: 0 };
}

/** The values of a key that all of the terms name; `undefined` when one of them leaves it open. */
function valuesOf(terms: LabelTerms, key: LabelKey): readonly string[] | undefined {
  const [only] = terms;
  if (terms.length === 1 && only !== undefined) {
    const set = only.get(key);
    return set === undefined || set.isNegated || set.absent ? undefined : set.values;
  }
  const values = new Set<string>();
  for (const term of terms) {
    const set = term.get(key);
    if (set === undefined || set.isNegated || set.absent) return undefined;
    for (const value of set.values) values.add(value);
  }
  return [...values];
}

/** Adds a thing that concerns the given pods. */
export function addToIndex<T>(index: SubjectIndex<T>, terms: LabelTerms, item: T): void {
  index.all.push(item);
  const namespaces = valuesOf(terms, "meta:namespace");
  if (namespaces === undefined) addToBucket(index.anywhere, terms, item);
  else
    for (const namespace of namespaces) {
      const bucket = index.byNamespace.get(namespace) ?? createBucket();
      index.byNamespace.set(namespace, bucket);
      addToBucket(bucket, terms, item);
    }
}

function addToBucket<T>(bucket: Bucket<T>, terms: LabelTerms, item: T): void {
  bucket.entries.push({ terms, item });
  bucket.items.push(item);
  if (bucket.split) addToSplit(bucket.split, terms, item);
  else if (bucket.items.length >= Math.max(crowd, bucket.tried * 2)) splitBucket(bucket);
}

function addToSplit<T>(split: Split<T>, terms: LabelTerms, item: T): void {
  const values = valuesOf(terms, split.key);
  if (values === undefined) split.others.push(item);
  else
    for (const value of values) {
      const list = split.byValue.get(value);
      if (list === undefined) split.byValue.set(value, [item]);
      else list.push(item);
    }
}

/** Splits by the key that most things name a value of; not at all when few do. */
function splitBucket<T>(bucket: Bucket<T>): void {
  bucket.tried = bucket.items.length;
  const counts = new Map<LabelKey, number>();
  for (const { terms } of bucket.entries)
    for (const key of terms[0]?.keys() ?? [])
      if (key !== "meta:namespace" && valuesOf(terms, key) !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  const [best] = [...counts].sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1));
  if (best === undefined || best[1] < bucket.items.length / 2) return;
  const split: Split<T> = { key: best[0], byValue: new Map(), others: [] };
  for (const { terms, item } of bucket.entries) addToSplit(split, terms, item);
  bucket.split = split;
}

/** Everything that may concern one of the pods, and perhaps more; in no particular order, nothing twice. */
export function findInIndex<T>(index: SubjectIndex<T>, terms: LabelTerms): readonly T[] {
  const namespaces = valuesOf(terms, "meta:namespace");
  if (namespaces === undefined) return index.all;
  const lists = [findInBucket(index.anywhere, terms)];
  for (const namespace of namespaces) {
    const bucket = index.byNamespace.get(namespace);
    if (bucket !== undefined) lists.push(findInBucket(bucket, terms));
  }
  const filled = lists.filter((list) => list.length > 0);
  const [only] = filled;
  if (filled.length < 2) return only ?? [];
  return namespaces.length === 1 ? filled.flat() : [...new Set(filled.flat())];
}

function findInBucket<T>(bucket: Bucket<T>, terms: LabelTerms): readonly T[] {
  const { split } = bucket;
  const values = split && valuesOf(terms, split.key);
  if (split === undefined || values === undefined) return bucket.items;
  const [only] = values;
  if (values.length === 1 && only !== undefined) {
    const own = split.byValue.get(only) ?? [];
    return split.others.length === 0 ? own : [...own, ...split.others];
  }
  return [...new Set([...values.flatMap((value) => split.byValue.get(value) ?? []), ...split.others])];
}
