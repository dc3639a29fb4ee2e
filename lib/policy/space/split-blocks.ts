import type { EndSets, SetId } from "./end-set.ts";
import type { PacketEnd } from "./packet-end.ts";
import type { EndsHandle, PeerBlock } from "./packet-space.ts";

/** Splits all ends by the sets it is given. */
export type Splitter = (handles: readonly EndsHandle[]) => PeerBlock[];

/** A partition of all ends by the long sets of a list, kept because many lists share it. */
interface Base {
  readonly blockOf: Int32Array;
  /** Ascending ends of each block. */
  readonly members: readonly Int32Array[];
  readonly weights: readonly number[];
  /** For each block, the places in the list of long sets that name its ends. */
  readonly listed: readonly (readonly number[])[];
}

/** Sets with more stored ends than this are long. */
const longSet = 64;
/** Partitions kept at a time. */
const maxBases = 64;

/**
 * Partition refinement in two steps: by the long sets, once for each combination of them, and by the short ones on top.
 * Only ends that a short set names by itself are touched, so that a split costs as much as the stored lengths of its short
 * sets and the number of its blocks; 10,000 splits over 20,000 classes in about a second.
 */
export function createSplitter(ends: readonly PacketEnd[], sets: EndSets): Splitter {
  const weights = Float64Array.from(ends, ({ weight }) => weight);
  const scratch: Scratch = { blockOf: new Int32Array(ends.length), touched: new Int32Array(ends.length) };
  const bases = new Map<string, Base>();
  return (handles) => {
    const isLong = (handle: SetId): boolean => sets.stored(handle).ends.length > longSet;
    const long = handles.flatMap((handle, place) => (isLong(handle) ? [place] : []));
    const key = long.map((place) => handles[place]).join(",");
    let base = bases.get(key);
    if (base === undefined) {
      if (bases.size >= maxBases) bases.clear();
      base = makeBase(
        long.map((place) => sets.stored(handles[place] ?? sets.none).ends),
        weights,
      );
      bases.set(key, base);
    }
    const split = refineAll(base, handles, { long, isLong, sets, weights, scratch });
    return blocksOf(split, { handles, ends, sets });
  };
}

/** Arrays kept from call to call; zero between calls. */
interface Scratch {
  /** Block of an end plus one, for touched ends. */
  readonly blockOf: Int32Array;
  readonly touched: Int32Array;
}

function makeBase(long: readonly Int32Array[], weights: Float64Array): Base {
  const blockOf = new Int32Array(weights.length);
  const listed: (readonly number[])[] = [[]];
  long.forEach((stored, place) => {
    const moved: number[] = [];
    for (const end of stored) {
      const from = blockOf[end] ?? 0;
      let to = moved[from];
      if (to === undefined) {
        to = listed.push([...(listed[from] ?? []), place]) - 1;
        moved[from] = to;
      }
      blockOf[end] = to;
    }
  });
  const members: number[][] = listed.map(() => []);
  const sums = listed.map(() => 0);
  blockOf.forEach((block, end) => {
    members[block]?.push(end);
    sums[block] = (sums[block] ?? 0) + (weights[end] ?? 0);
  });
  return { blockOf, members: members.map((list) => Int32Array.from(list)), weights: sums, listed };
}

/** A block that short sets made, or what is left of one of the base. */
interface SplitBlock {
  /** Places in the list of sets that name its ends. */
  readonly listed: readonly number[];
  first: number;
  /** -1 when there is none. */
  second: number;
  count: number;
  weight: number;
}

interface Refinement {
  readonly long: readonly number[];
  readonly isLong: (handle: SetId) => boolean;
  readonly sets: EndSets;
  readonly weights: Float64Array;
  readonly scratch: Scratch;
}

/** All blocks, those of the base first; some may have lost all their ends. */
function refineAll(base: Base, handles: readonly EndsHandle[], refinement: Refinement): SplitBlock[] {
  const { long, isLong, sets, weights, scratch } = refinement;
  const { blockOf, touched } = scratch;
  const listed: (readonly number[])[] = base.listed.map((places) => places.map((place) => long[place] ?? 0));
  let count = 0;
  for (let place = 0; place < handles.length; place += 1) {
    const handle = handles[place] ?? sets.none;
    if (isLong(handle)) continue;
    // Blocks made by this set, by the block they come from. No end comes twice, so no end moves twice.
    const moved: number[] = [];
    for (const end of sets.stored(handle).ends) {
      const marked = blockOf[end] ?? 0;
      if (marked === 0) {
        touched[count] = end;
        count += 1;
      }
      const from = marked === 0 ? (base.blockOf[end] ?? 0) : marked - 1;
      let to = moved[from];
      if (to === undefined) {
        to = listed.push([...(listed[from] ?? []), place]) - 1;
        moved[from] = to;
      }
      blockOf[end] = to + 1;
    }
  }
  return countMembers(base, listed, { blockOf, touched: touched.subarray(0, count), weights });
}

/** Counts the ends of every block and clears the marks. */
function countMembers(
  base: Base,
  listed: readonly (readonly number[])[],
  { blockOf, touched, weights }: { blockOf: Int32Array; touched: Int32Array; weights: Float64Array },
): SplitBlock[] {
  const blocks = listed.map(
    (places, block): SplitBlock => ({
      listed: places,
      first: -1,
      second: -1,
      count: base.members[block]?.length ?? 0,
      weight: base.weights[block] ?? 0,
    }),
  );
  for (const end of touched) {
    const weight = weights[end] ?? 0;
    const left = blocks[base.blockOf[end] ?? 0];
    if (left !== undefined) {
      left.count -= 1;
      left.weight -= weight;
    }
    const joined = blocks[(blockOf[end] ?? 1) - 1];
    if (joined !== undefined) addMember(joined, end, weight);
  }
  base.members.forEach((members, block) => {
    const found = blocks[block];
    if (found !== undefined && found.count > 0) findFirst(found, members, blockOf);
  });
  for (const end of touched) blockOf[end] = 0;
  return blocks;
}

function addMember(block: SplitBlock, end: number, weight: number): void {
  block.count += 1;
  block.weight += weight;
  if (block.first < 0 || end < block.first) {
    block.second = block.first;
    block.first = end;
  } else if (block.second < 0 || end < block.second) block.second = end;
}

/** The first two ends of a base block that no short set took away. */
function findFirst(block: SplitBlock, members: Int32Array, blockOf: Int32Array): void {
  for (const end of members) {
    if (blockOf[end] !== 0) continue;
    if (block.first >= 0) {
      block.second = end;
      return;
    }
    block.first = end;
  }
}

interface Naming {
  readonly handles: readonly EndsHandle[];
  readonly ends: readonly PacketEnd[];
  readonly sets: EndSets;
}

/** Blocks that have ends, by their first one. */
function blocksOf(split: readonly SplitBlock[], { handles, ends, sets }: Naming): PeerBlock[] {
  const negated = Uint8Array.from(handles, (handle) => (sets.stored(handle).isNegated ? 1 : 0));
  return split
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.first - b.first)
    .flatMap(({ listed, first, second, count, weight }) => {
      const sample = ends[first];
      const other = ends[second];
      if (sample === undefined) return [];
      const isIn = negated.slice();
      for (const place of listed) isIn[place] = 1 - (negated[place] ?? 0);
      return [{ isIn, weight, sample, ...(other !== undefined && { other }), ...(count === 1 && { only: first }) }];
    });
}
