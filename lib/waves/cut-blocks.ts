import { compareText } from "../core/order.ts";
import { hashText, mixHash } from "./stable-hash.ts";

/** Node names that belong together, and their place among the blocks of their part of the cluster. */
export interface Block {
  /** Place in the order, from 0; places can be missing, so that a block which empties renames no other. */
  readonly place: number;
  /** In their order inside the block. */
  readonly names: readonly string[];
}

/**
 * Cuts nodes into blocks of at most `size`, so that few nodes change their block when one node comes or goes.
 *
 * No rule that knows only the present nodes can promise that nothing ever moves: it would have to be a function of each
 * node alone, and then blocks of limited size would be nearly empty. So there are two rules, and what was rendered before
 * is honoured above both (see `planWaves`).
 *
 * Numbered names (`worker-1`, `kind-worker3`, `prod-gen-a2`): a block takes a fixed range of numbers, so a node that comes
 * or goes moves no other as long as the numbers stay as even as they are.
 * Other names: each node ranks the blocks by a hash of its own name and takes the best one with room, in an order that is
 * a hash too (rendezvous with capacity). A node that comes can push one out of a full block, and so on down a short chain.
 *
 * Cost: O(nodes) for numbered names, O(nodes × blocks) for others.
 */
export function cutBlocks(
  names: readonly string[],
  size: number,
  numbering: Numbering = plainNumbering,
): readonly Block[] {
  const sorted = [...names].sort(compareNames);
  if (sorted.length === 0) return [];
  return tryNumberedBlocks(sorted, size, numbering) ?? hashedBlocks(sorted, size);
}

/** How the numbers of names are to be read. */
export interface Numbering {
  /** Nodes that stand elsewhere (the canary, opened waves); they leave no gap. */
  readonly taken: readonly string[];
  /** In how many parts the nodes of a family lie, which take turns in them: 3 where `worker-1`, `-4`, `-7` are one zone's. */
  readonly strideOf: (family: string) => number;
}

const plainNumbering: Numbering = { taken: [], strideOf: () => 1 };

interface NumberedName {
  readonly family: string;
  readonly number: number;
}

/** The family and number of a name: the last digits of its first label, else one last letter after a dash, else number 1. */
export function readNumber(name: string): NumberedName {
  const dot = name.indexOf(".");
  const label = dot < 0 ? name : name.slice(0, dot);
  const domain = dot < 0 ? "" : name.slice(dot);
  const digits = /^(.*?)(\d{1,9})$/.exec(label);
  if (digits !== null) return { family: `${digits[1]}#${domain}`, number: Number(digits[2]) };
  const letter = /^(.*[-_])([a-z])$/.exec(label);
  if (letter !== null) return { family: `${letter[1]}@${domain}`, number: (letter[2] ?? "a").charCodeAt(0) - 96 };
  return { family: `${label}#${domain}`, number: 1 };
}

/** Orders names as people count: by family, then by number, then by code unit. */
export function compareNames(a: string, b: string): number {
  const left = readNumber(a);
  const right = readNumber(b);
  return compareText(left.family, right.family) || left.number - right.number || compareText(a, b);
}

/** Blocks by ranges of numbers; `undefined` when the numbers are too uneven for that to fill blocks well. */
function tryNumberedBlocks(
  sorted: readonly string[],
  size: number,
  numbering: Numbering,
): readonly Block[] | undefined {
  const families = new Map<string, { name: string; number: number }[]>();
  for (const name of sorted) {
    const { family, number } = readNumber(name);
    const list = families.get(family) ?? [];
    list.push({ name, number });
    families.set(family, list);
  }
  const blocks: Block[] = [];
  let at = 0;
  for (const [family, members] of families) {
    const numbered = renumber(members, family, numbering.taken);
    const ranges = cutFamily(numbered, size, numbering.strideOf(family)) ?? cutFamily(numbered, size, 1);
    if (ranges === undefined) return undefined;
    // Families take turns, so that one which grows shifts no other.
    for (const [place, names] of ranges) blocks.push({ place: place * families.size + at, names });
    at += 1;
  }
  blocks.sort((a, b) => a.place - b.place);
  // Families of one or two nodes each, as clouds name them, would give as many blocks as nodes.
  const wanted = Math.ceil(sorted.length / size);
  if (blocks.length > wanted + Math.max(1, Math.floor(wanted / 4))) return undefined;
  // A few far numbers (`worker-900`) must not stretch the order: places become ranks.
  const isSparse = (blocks.at(-1)?.place ?? 0) > 2 * blocks.length + 2;
  return isSparse ? blocks.map((block, place) => ({ ...block, place })) : blocks;
}

/** One family's blocks by place; `undefined` when a range of numbers would hold more than `size` nodes or most ranges few. */
function cutFamily(
  members: readonly { readonly name: string; readonly number: number }[],
  size: number,
  stride: number,
): ReadonlyMap<number, readonly string[]> | undefined {
  const width = size * stride;
  const ranges = new Map<number, string[]>();
  for (const { name, number } of members) {
    const place = Math.floor(number / width);
    const range = ranges.get(place) ?? [];
    range.push(name);
    ranges.set(place, range);
    if (range.length > size) return undefined;
  }
  return ranges;
}

/** Numbers counted from 0, or from 1 where nobody has 0, as if the nodes taken away had never had one; never from the first present. */
function renumber(
  members: readonly { readonly name: string; readonly number: number }[],
  family: string,
  taken: readonly string[],
): readonly { readonly name: string; readonly number: number }[] {
  const gone = taken.map(readNumber).flatMap((name) => (name.family === family ? [name.number] : []));
  const first = gone.includes(0) || members.some((member) => member.number === 0) ? 0 : 1;
  return members.map(({ name, number }) => ({
    name,
    number: number - first - gone.filter((other) => other < number).length,
  }));
}

/** Every node takes the best block with room, nodes and blocks ranked by hash. */
function hashedBlocks(sorted: readonly string[], size: number): readonly Block[] {
  const number = blockCount(Math.ceil(sorted.length / size));
  const hashes = new Map(sorted.map((name) => [name, hashText(name)]));
  const order = [...sorted].sort((a, b) => (hashes.get(a) ?? 0) - (hashes.get(b) ?? 0) || compareText(a, b));
  const blocks: string[][] = Array.from({ length: number }, () => []);
  for (const name of order) {
    const hash = hashes.get(name) ?? 0;
    let best = -1;
    let bestScore = -1;
    for (let block = 0; block < number; block += 1) {
      if ((blocks[block]?.length ?? 0) >= size) continue;
      const score = mixHash(hash ^ Math.imul(block + 1, 0x9e3779b1));
      if (score > bestScore) {
        best = block;
        bestScore = score;
      }
    }
    blocks[best]?.push(name);
  }
  return blocks.flatMap((names, place) => (names.length > 0 ? [{ place, names: [...names].sort(compareNames) }] : []));
}

/** The number of blocks grows in steps of an eighth, so that it seldom changes when a node comes or goes. */
function blockCount(atLeast: number): number {
  if (atLeast <= 8) return atLeast;
  const step = 2 ** Math.floor(Math.log2(atLeast / 8));
  return Math.ceil(atLeast / step) * step;
}
