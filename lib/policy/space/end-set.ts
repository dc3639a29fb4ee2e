/** A set of ends, as a number: equal sets have equal numbers inside one table. */
export type SetId = number;

/**
 * Sets over the ends 0 to `size - 1`, each stored once. A set is kept as its members or as what it lacks, whichever is
 * shorter, so that "everything but" costs as little as its exception.
 */
export interface EndSets {
  readonly size: number;
  readonly none: SetId;
  readonly all: SetId;
  /** The set of the given ends, in any order, duplicates allowed. */
  readonly of: (ends: Iterable<number>) => SetId;
  readonly and: (a: SetId, b: SetId) => SetId;
  readonly or: (a: SetId, b: SetId) => SetId;
  readonly not: (a: SetId) => SetId;
  /** All sets together; `none` for an empty list. */
  readonly anyOf: (sets: readonly SetId[]) => SetId;
  readonly has: (set: SetId, end: number) => boolean;
  readonly count: (set: SetId) => number;
  /** What is stored: ascending ends, and whether they are the ones that are missing. */
  readonly stored: (set: SetId) => { readonly ends: Int32Array; readonly isNegated: boolean };
  /** The members, ascending. */
  readonly members: (set: SetId) => Int32Array;
}

interface Stored {
  readonly ends: Int32Array;
  readonly isNegated: boolean;
}

/** An empty table over `size` ends. Cost of an operation: the stored lengths of its operands, once per pair of operands. */
export function createEndSets(size: number): EndSets {
  const sets: Stored[] = [];
  const byHash = new Map<number, SetId[]>();
  const memo = new Map<number, SetId>();
  const at = (set: SetId): Stored => sets[set] ?? { ends: empty, isNegated: false };

  const intern = (ends: Int32Array, isNegated: boolean): SetId => {
    // One form for each set: the shorter list, the positive one when both are as long.
    const isShorterFlipped = ends.length * 2 > size || (ends.length * 2 === size && isNegated && size > 0);
    const form = isShorterFlipped ? complementList(ends, size) : ends;
    const negated = isShorterFlipped ? !isNegated : isNegated;
    const hash = hashList(form, negated);
    const candidates = byHash.get(hash);
    const found = candidates?.find((id) => at(id).isNegated === negated && isSameList(at(id).ends, form));
    if (found !== undefined) return found;
    const id = sets.push({ ends: form, isNegated: negated }) - 1;
    if (candidates === undefined) byHash.set(hash, [id]);
    else candidates.push(id);
    return id;
  };

  const none = intern(empty, false);
  const all = size === 0 ? none : intern(empty, true);
  const not = (a: SetId): SetId => (size === 0 ? none : intern(at(a).ends, !at(a).isNegated));
  const and = (a: SetId, b: SetId): SetId => {
    if (a === b || b === all) return a;
    if (a === all) return b;
    if (a === none || b === none) return none;
    const [low, high] = a < b ? [a, b] : [b, a];
    const key = low * 67_108_864 + high;
    const known = memo.get(key);
    if (known !== undefined) return known;
    const result = intersect(at(low), at(high));
    const id = intern(result.ends, result.isNegated);
    memo.set(key, id);
    return id;
  };
  const or = (a: SetId, b: SetId): SetId => not(and(not(a), not(b)));
  const anyOf = (ids: readonly SetId[]): SetId => {
    if (ids.length === 1) return ids[0] ?? none;
    if (ids.some((id) => at(id).isNegated)) return ids.reduce(or, none);
    const merged = new Set<number>();
    for (const id of ids) for (const end of at(id).ends) merged.add(end);
    return intern(sortedEnds(merged), false);
  };

  return {
    size,
    none,
    all,
    of: (ends) => intern(sortedEnds(ends), false),
    and,
    or,
    not,
    anyOf,
    has: (set, end) => hasEnd(at(set).ends, end) !== at(set).isNegated,
    count: (set) => (at(set).isNegated ? size - at(set).ends.length : at(set).ends.length),
    stored: at,
    members: (set) => (at(set).isNegated ? complementList(at(set).ends, size) : at(set).ends),
  };
}

const empty = new Int32Array(0);

function sortedEnds(ends: Iterable<number>): Int32Array {
  const sorted = Int32Array.from(ends).sort();
  let length = 0;
  for (let at = 0; at < sorted.length; at += 1) {
    const end = sorted[at] ?? 0;
    if (length > 0 && sorted[length - 1] === end) continue;
    sorted[length] = end;
    length += 1;
  }
  return sorted.slice(0, length);
}

function complementList(ends: Int32Array, size: number): Int32Array {
  const result = new Int32Array(size - ends.length);
  let next = 0;
  let length = 0;
  for (let end = 0; end < size; end += 1) {
    if (ends[next] === end) next += 1;
    else {
      result[length] = end;
      length += 1;
    }
  }
  return result;
}

function intersect(a: Stored, b: Stored): Stored {
  if (a.isNegated && b.isNegated) return { ends: merge(a.ends, b.ends, true, true, true), isNegated: true };
  if (a.isNegated) return { ends: keep(b.ends, a.ends, false), isNegated: false };
  if (b.isNegated) return { ends: keep(a.ends, b.ends, false), isNegated: false };
  const [short, long] = a.ends.length <= b.ends.length ? [a.ends, b.ends] : [b.ends, a.ends];
  return { ends: keep(short, long, true), isNegated: false };
}

/** How much longer a list must be before looking its members up beats walking it. */
const searchRatio = 8;

/** The ends of the first list that the second has (`isWanted`), or has not. */
function keep(ends: Int32Array, others: Int32Array, isWanted: boolean): Int32Array {
  if (ends.length * searchRatio > others.length) return merge(ends, others, !isWanted, false, isWanted);
  const result = new Int32Array(ends.length);
  let length = 0;
  for (const end of ends) {
    if (hasEnd(others, end) !== isWanted) continue;
    result[length] = end;
    length += 1;
  }
  return result.slice(0, length);
}

/** Merges two ascending lists, keeping what is only in the first, only in the second, or in both. */
function merge(a: Int32Array, b: Int32Array, onlyA: boolean, onlyB: boolean, both: boolean): Int32Array {
  const result = new Int32Array(onlyA || onlyB ? a.length + b.length : Math.min(a.length, b.length));
  let length = 0;
  let atA = 0;
  let atB = 0;
  while (atA < a.length || atB < b.length) {
    const endA = a[atA] ?? Number.POSITIVE_INFINITY;
    const endB = b[atB] ?? Number.POSITIVE_INFINITY;
    const isKept = endA === endB ? both : endA < endB ? onlyA : onlyB;
    if (isKept) {
      result[length] = Math.min(endA, endB);
      length += 1;
    }
    if (endA <= endB) atA += 1;
    if (endB <= endA) atB += 1;
  }
  return result.slice(0, length);
}

function hasEnd(ends: Int32Array, end: number): boolean {
  let low = 0;
  let high = ends.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = ends[middle] ?? 0;
    if (found === end) return true;
    if (found < end) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

function isSameList(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

/** FNV-1a over the members. */
function hashList(ends: Int32Array, isNegated: boolean): number {
  let hash = isNegated ? 0x811c9dc5 : 0x1000193;
  for (const end of ends) hash = Math.imul(hash ^ end, 0x01000193);
  return hash >>> 0;
}
