import { intersectL4, type L4Set, subtractL4, uniteL4 } from "../space/l4-set.ts";
import type { EndsHandle, PacketSpace, PeerBlock, SubjectLeaf } from "../space/packet-space.ts";
import {
  allowedHeaders,
  type CompiledSide,
  createPlaces,
  decide,
  type OwnNode,
  type PlacedRule,
  type Places,
  type Program,
  programOf,
  rulesOf,
  type Variant,
  type Verdict,
  variantsOf,
} from "./evaluate.ts";
import type { Half } from "./policy-side.ts";

/** Packets between one leaf of subjects and one block of peers that the two sides decide differently, by one pair of causes. */
export interface DifferenceCell {
  readonly half: Half;
  readonly family: 4 | 6;
  readonly subject: SubjectLeaf;
  readonly peer: PeerBlock;
  readonly variant: Variant;
  /** One interval of headers, half-open. */
  readonly from: number;
  readonly to: number;
  readonly before: Verdict;
  readonly after: Verdict;
}

/** What one comparison of one half covered. */
export interface Coverage {
  /** Pairs of pods (or pod and cell), each counted once for every variant. */
  flows: number;
  /** Flows to addresses of tunnel devices, which are not compared; absent for none. */
  toTunnels?: number;
  /** Set when a split was too large: the rest is not looked at. */
  isGivenUp?: boolean;
}

/** Two compiled sides over one space, and the headers that are compared. */
export interface Comparison {
  readonly space: PacketSpace;
  readonly half: Half;
  readonly before: CompiledSide;
  readonly after: CompiledSide;
  readonly headers: L4Set;
  /** Headers at which a difference is cut in two, ascending. */
  readonly cuts: readonly number[];
  /** Peers to look at; all when absent. */
  readonly peers?: EndsHandle;
}

/**
 * Yields every difference of one half. Subjects that the same policies select are looked at once; peers are split by the
 * peer sets of those policies only, so that the cost follows the rules that matter and not the size of the cluster.
 */
export function* compareHalf(comparison: Comparison, coverage: Coverage): Generator<DifferenceCell> {
  const index = indexSubjects(comparison);
  const isSelected = new Uint8Array(index.handles.length);
  const places = createPlaces();
  for (const leaf of comparison.space.subjects(index.handles)) {
    for (const place of leaf.selected) isSelected[place] = 1;
    places.clear();
    yield* compareLeaf(comparison, leaf, { index, isSelected, places }, coverage);
    for (const place of leaf.selected) isSelected[place] = 0;
    if (coverage.isGivenUp === true) return;
  }
}

interface SubjectIndex {
  readonly handles: readonly EndsHandle[];
  readonly placeOf: (handle: EndsHandle) => number;
  /** Policies of each side by the place of their subject set. */
  readonly before: ReadonlyMap<number, readonly number[]>;
  readonly after: ReadonlyMap<number, readonly number[]>;
}

function indexSubjects({ before, after, space }: Comparison): SubjectIndex {
  const places = createPlaces();
  const collect = (side: CompiledSide): ReadonlyMap<number, readonly number[]> => {
    const byPlace = new Map<number, number[]>();
    subjectsOf(side).forEach(({ subject, owns }, index) => {
      const place = places.placeOf(subject);
      const list = byPlace.get(place);
      if (list === undefined) byPlace.set(place, [index]);
      else list.push(index);
      owns.forEach(places.placeOf);
    });
    return byPlace;
  };
  for (const { pods } of space.nodeClasses) places.placeOf(pods);
  const indexes = { before: collect(before), after: collect(after) };
  return { handles: places.handles, placeOf: places.placeOf, ...indexes };
}

function subjectsOf(side: CompiledSide): { subject: EndsHandle; owns: EndsHandle[] }[] {
  if (side.engine === "none") return [];
  return side.engine === "calico"
    ? side.policies.map(({ subject, rules }) => ({
        subject,
        owns: rules.flatMap(({ terms }) => terms.map(({ own }) => own)),
      }))
    : side.rules.map(({ subject, elements }) => ({
        subject,
        owns: elements.flatMap(({ terms }) => terms.map(({ own }) => own)),
      }));
}

interface LeafContext {
  readonly index: SubjectIndex;
  /** One byte for each place of the index. */
  readonly isSelected: Uint8Array;
  readonly places: Places;
}

function* compareLeaf(
  comparison: Comparison,
  leaf: SubjectLeaf,
  { index, isSelected, places }: LeafContext,
  coverage: Coverage,
): Generator<DifferenceCell> {
  const { space } = comparison;
  const ownNode = places.placeOf(space.ofKind("host"));
  // Nodes stand in blocks of their own: a divergence that concerns nodes must not cover anybody else.
  const otherNode = places.placeOf(space.ofKind("node"));
  const wanted = places.placeOf(comparison.peers ?? space.all);
  const tunnels = places.placeOf(space.ofTunnels);
  const isOwn = (handle: EndsHandle): boolean => isSelected[index.placeOf(handle)] === 1;
  const nodes = space.nodeClasses.find(({ pods }) => isOwn(pods));
  const isTheirs = nodes === undefined ? ownNode : places.placeOf(nodes.own);
  const isAnother = nodes === undefined ? otherNode : places.placeOf(nodes.others);
  const build = (side: CompiledSide, byPlace: ReadonlyMap<number, readonly number[]>): Program => {
    const policies: number[] = [];
    for (const place of leaf.selected) for (const policy of byPlace.get(place) ?? []) policies.push(policy);
    policies.sort((a, b) => a - b);
    return programOf(side, policies, isOwn, places);
  };
  const before = build(comparison.before, index.before);
  const after = build(comparison.after, index.after);
  const variants = variantsOf([before, after]);
  const isMeant = ({ isIn }: PeerBlock): boolean => {
    if (isIn[wanted] !== 1 || (isIn[ownNode] === 1 && isIn[isTheirs] !== 1)) return false;
    return isIn[otherNode] !== 1 || isIn[isAnother] === 1;
  };
  for (const block of space.blocks(places.handles)) {
    if (!isMeant(block) || isSamePod(leaf, block)) continue;
    const flows = leaf.weight * block.weight * variants.length;
    if (comparison.half === "egress" && block.isIn[tunnels] === 1) {
      coverage.toTunnels = (coverage.toTunnels ?? 0) + flows;
      continue;
    }
    coverage.flows += flows;
    const direction: OwnNode = block.isIn[ownNode] !== 1 ? "no" : comparison.half === "ingress" ? "from" : "to";
    for (const variant of variants) yield* compareBlock(comparison, { leaf, block, variant, direction, before, after });
  }
}

/** A pod's traffic to itself never leaves it: no engine decides it. */
function isSamePod(leaf: SubjectLeaf, block: PeerBlock): boolean {
  return leaf.weight === 1 && block.weight === 1 && leaf.only !== undefined && leaf.only === block.only;
}

interface BlockPrograms {
  readonly leaf: SubjectLeaf;
  readonly block: PeerBlock;
  readonly variant: Variant;
  readonly direction: OwnNode;
  readonly before: Program;
  readonly after: Program;
}

function* compareBlock(
  { half, space, headers, cuts }: Comparison,
  { leaf, block, variant, direction, before, after }: BlockPrograms,
): Generator<DifferenceCell> {
  const allowedBefore = allowedHeaders(before, block.isIn, variant, direction);
  const allowedAfter = allowedHeaders(after, block.isIn, variant, direction);
  if (isSameSet(allowedBefore, allowedAfter)) return;
  const differing = intersectL4(
    headers,
    uniteL4(subtractL4(allowedBefore, allowedAfter), subtractL4(allowedAfter, allowedBefore)),
  );
  if (differing.length === 0) return;
  for (const [from, to] of cutAt(differing, boundariesOf([before, after], block.isIn, cuts)))
    yield {
      half,
      family: space.family,
      subject: leaf,
      peer: block,
      variant,
      from,
      to,
      before: decide(before, block.isIn, variant, direction, from),
      after: decide(after, block.isIn, variant, direction, from),
    };
}

/** Whether two sets of headers are equal. */
export function isSameSet(a: L4Set, b: L4Set): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

/** Where some rule that speaks of these peers begins or ends: between two of them every packet has one cause on each side. */
function boundariesOf(programs: readonly Program[], isIn: Uint8Array, given: readonly number[]): number[] {
  const cuts = new Set(given);
  const add = (rule: PlacedRule): void => {
    for (const term of rule.terms) if (isIn[term.place] === 1) for (const cut of term.l4) cuts.add(cut);
  };
  for (const program of programs) rulesOf(program).forEach(add);
  return [...cuts].sort((a, b) => a - b);
}

/** Cuts the intervals of a set at the given points, ascending. */
export function* cutAt(set: L4Set, cuts: readonly number[]): Generator<readonly [number, number]> {
  let next = 0;
  for (let at = 0; at < set.length; at += 2) {
    let from = set[at] ?? 0;
    const to = set[at + 1] ?? 0;
    while (next < cuts.length && (cuts[next] ?? 0) <= from) next += 1;
    for (let cut = cuts[next]; cut !== undefined && cut < to; cut = cuts[next]) {
      yield [from, cut];
      from = cut;
      next += 1;
    }
    yield [from, to];
  }
}
