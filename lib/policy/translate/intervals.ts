/**
 * A set of whole numbers as an even list of bounds: from, to (exclusive), from, to, …, ascending, no two parts touching.
 */
export type Intervals = readonly number[];

/** Nothing. */
export const noNumbers: Intervals = [];

/** Every number that is in exactly as many sides as `keep` says: the one sweep behind the three operations. */
function sweep(a: Intervals, b: Intervals, keep: (inA: boolean, inB: boolean) => boolean): Intervals {
  const result: number[] = [];
  let atA = 0;
  let atB = 0;
  let isOpen = false;
  while (atA < a.length || atB < b.length) {
    const next = Math.min(a[atA] ?? Number.POSITIVE_INFINITY, b[atB] ?? Number.POSITIVE_INFINITY);
    if (a[atA] === next) atA += 1;
    if (b[atB] === next) atB += 1;
    const isKept = keep(atA % 2 === 1, atB % 2 === 1);
    if (isKept !== isOpen) result.push(next);
    isOpen = isKept;
  }
  return result;
}

/** What is in either. */
export function uniteIntervals(a: Intervals, b: Intervals): Intervals {
  return sweep(a, b, (inA, inB) => inA || inB);
}

/** What is in both. */
export function intersectIntervals(a: Intervals, b: Intervals): Intervals {
  return sweep(a, b, (inA, inB) => inA && inB);
}

/** What is in the first and not in the second. */
export function subtractIntervals(a: Intervals, b: Intervals): Intervals {
  return sweep(a, b, (inA, inB) => inA && !inB);
}

/** The parts as pairs of first and last number, both included. */
export function partsOf(set: Intervals): readonly { readonly first: number; readonly last: number }[] {
  const parts: { first: number; last: number }[] = [];
  for (let at = 0; at + 1 < set.length; at += 2) parts.push({ first: set[at] ?? 0, last: (set[at + 1] ?? 0) - 1 });
  return parts;
}
