import type { ClosedSpace } from "../space/closed-space.ts";
import type { EndsHandle } from "../space/packet-space.ts";

/** Lists of terms as numbers, each stored once as a shorter list and one more term; 0 is the empty one. */
export interface TermLists {
  readonly extend: (list: number, terms: readonly number[]) => number;
  readonly members: (list: number) => readonly number[];
}

/** An empty table of lists. */
export function createTermLists(): TermLists {
  const parents: number[] = [0];
  const last: number[] = [-1];
  const known = new Map<number, number>();
  const append = (list: number, term: number): number => {
    const key = list * 2_097_152 + term;
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, parents.length);
    last.push(term);
    return parents.push(list) - 1;
  };
  return {
    extend: (list, terms) => terms.reduce(append, list),
    members: (list) => {
      const result: number[] = [];
      for (let at = list; at !== 0; at = parents[at] ?? 0) result.push(last[at] ?? -1);
      return result;
    },
  };
}

/** All ends in blocks, each with the terms that match its ends. */
export interface EndBlocks {
  /** The block of each end. */
  readonly blockOf: Int32Array;
  /** By block: its terms, as a list of `TermLists`. */
  readonly lists: readonly number[];
}

/** A peer set and the numbers of the terms that have it. */
export type PeerTerms = ReadonlyMap<EndsHandle, readonly number[]>;

/** All ends in one block without a term, but for a subject's own nodes, which have one of theirs. */
export function unsplit(size: number, ownNodes: readonly number[], lists: TermLists): EndBlocks {
  const split = refinementOf({ blockOf: new Int32Array(size), lists: [0] });
  refine(split, ownNodes, [], lists);
  return split;
}

/** Splits blocks further by the peer sets of some terms. Touches only the ends that a set names by itself. */
export function splitEnds(from: EndBlocks, peers: PeerTerms, space: ClosedSpace, lists: TermLists): EndBlocks {
  if (peers.size === 0) return from;
  const split = refinementOf(from);
  for (const [peer, matching] of peers) {
    const { ends, isNegated } = space.stored(peer);
    const count = split.lists.length;
    refine(split, ends, isNegated ? [] : matching, lists);
    // Of a set kept as what it lacks, everybody but the ends listed is a member.
    if (isNegated)
      for (let block = 0; block < count; block += 1)
        split.lists[block] = lists.extend(split.lists[block] ?? 0, matching);
  }
  return split;
}

function refinementOf({ blockOf, lists }: EndBlocks): Refinement {
  return { blockOf: blockOf.slice(), lists: [...lists], moved: [], stamps: [], stamp: 0 };
}

interface Refinement {
  readonly blockOf: Int32Array;
  readonly lists: number[];
  /** Where the ends of a block go in the current step; valid where the stamp is the current one. */
  readonly moved: number[];
  readonly stamps: number[];
  stamp: number;
}

/** Moves the ends out of their blocks into new ones, whose lists have the terms more. */
function refine(split: Refinement, ends: ArrayLike<number>, terms: readonly number[], lists: TermLists): void {
  const { blockOf, moved, stamps } = split;
  split.stamp += 1;
  for (let at = 0; at < ends.length; at += 1) {
    const end = ends[at] ?? 0;
    const from = blockOf[end] ?? 0;
    if (stamps[from] !== split.stamp) {
      stamps[from] = split.stamp;
      moved[from] = split.lists.push(lists.extend(split.lists[from] ?? 0, terms)) - 1;
    }
    blockOf[end] = moved[from] ?? from;
  }
}
