import type { LabelKey, Selector } from "../selector/selector.ts";
import type { Ends } from "./closed-ends.ts";
import { createEndSets, type EndSets, type SetId } from "./end-set.ts";
import type { PacketEnd } from "./packet-end.ts";
import type { EndsHandle, PacketSpace, PeerBlock, PortTarget, SubjectLeaf, View } from "./packet-space.ts";
import { canonicalKey, type Vocabulary } from "./vocabulary.ts";

/**
 * The ends of an inventory as a space. Label terms are answered from an index of key and value, so that a selector costs
 * as much as the ends it names, and every selector is answered once.
 */
export function createClosedSpace({ family, cells, ends }: Ends, vocabulary: Vocabulary): PacketSpace {
  const sets = createEndSets(ends.length);
  const views = { calico: indexView(ends, "calico", vocabulary), cilium: indexView(ends, "cilium", vocabulary) };
  const byCell = {
    calico: sortByCell(ends, (end) => end.calico.address, cells.cellOf),
    cilium: sortByCell(ends, (end) => end.cilium.address, cells.cellOf),
  };
  const evaluate = { calico: createEvaluator(views.calico, sets), cilium: createEvaluator(views.cilium, sets) };
  const kinds = groupEnds(ends, (end) => [end.kind]);
  const ports = groupEnds(ends, (end) => end.namedPorts.map((port) => portKey(port.name, port)));
  const fqdns = groupEnds(ends, (end) => end.cilium.fqdns ?? []);
  const prefixMemo = new Map<string, SetId>();
  const kindMemo = new Map<string, SetId>();

  const ofKind = (kind: PacketEnd["kind"]): SetId => {
    const known = kindMemo.get(kind) ?? sets.of(kinds.get(kind) ?? []);
    kindMemo.set(kind, known);
    return known;
  };
  const inPrefix = (view: View, prefix: string): SetId => {
    const key = `${view}|${prefix}`;
    const known = prefixMemo.get(key);
    if (known !== undefined) return known;
    const range = cells.cellsOf(prefix);
    const set = range === undefined ? sets.none : sets.of(endsOfCells(byCell[view], range.first, range.last));
    prefixMemo.set(key, set);
    return set;
  };
  const podSet = ofKind("pod");

  return {
    kind: "closed",
    family,
    all: sets.all,
    none: sets.none,
    and: sets.and,
    or: sets.or,
    not: sets.not,
    anyOf: sets.anyOf,
    labels: (view, selector) => sets.and(evaluate[view](selector), views[view].labelled(sets)),
    inPrefix,
    ofKind,
    hasPort: (name, target) => sets.of(ports.get(portKey(name, target)) ?? []),
    portTargets: (name) => targetsOf(ports, name),
    hasFQDN: (name) => sets.of(fqdns.get(name) ?? []),
    subjects: (handles) => splitSubjects(handles, ends, sets, sets.members(podSet)),
    blocks: (handles) => splitBlocks(handles, ends, sets),
    size: {
      pods: ends.reduce((sum, end) => sum + (end.kind === "pod" ? end.weight : 0), 0),
      classes: sets.count(podSet),
      cells: cells.count,
    },
  };
}

function portKey(name: string, { protocol, port }: PortTarget): string {
  return `${name}\u0001${protocol}\u0001${port}`;
}

function targetsOf(ports: ReadonlyMap<string, readonly number[]>, name: string): PortTarget[] {
  return [...ports.keys()]
    .filter((key) => key.startsWith(`${name}\u0001`))
    .sort()
    .map((key) => {
      const [, protocol, port] = key.split("\u0001");
      return { protocol: protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP", port: Number(port) };
    });
}

function groupEnds(
  ends: readonly PacketEnd[],
  keysOf: (end: PacketEnd) => readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  ends.forEach((end, index) => {
    for (const key of keysOf(end)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [index]);
      else group.push(index);
    }
  });
  return groups;
}

interface ViewIndex {
  readonly labelled: (sets: EndSets) => SetId;
  /** Ends by key and value, for the keys of the vocabulary. */
  readonly byKey: ReadonlyMap<LabelKey, ReadonlyMap<string, readonly number[]>>;
}

function indexView(ends: readonly PacketEnd[], view: View, vocabulary: Vocabulary): ViewIndex {
  const byKey = new Map<LabelKey, Map<string, number[]>>();
  const unlabelled: number[] = [];
  ends.forEach((end, index) => {
    const labels = end[view].labels;
    if (labels === undefined) unlabelled.push(index);
    for (const [key, value] of labels ?? []) {
      if (!vocabulary.keys.has(key)) continue;
      const values = byKey.get(key) ?? new Map<string, number[]>();
      byKey.set(key, values);
      const list = values.get(value);
      if (list === undefined) values.set(value, [index]);
      else list.push(index);
    }
  });
  let memo: SetId | undefined;
  return {
    byKey,
    labelled: (sets) => {
      memo ??= sets.not(sets.of(unlabelled));
      return memo;
    },
  };
}

/** Answers selectors over the index; the answer for an end without labels is that for an empty label set. */
function createEvaluator(index: ViewIndex, sets: EndSets): (selector: Selector) => SetId {
  const atoms = new Map<string, SetId>();
  const atom = (key: LabelKey, name: string, isWanted: (value: string) => boolean): SetId => {
    const text = `${key}\u0001${name}`;
    const known = atoms.get(text);
    if (known !== undefined) return known;
    const found: number[] = [];
    for (const [value, members] of index.byKey.get(canonicalKey(key)) ?? [])
      if (isWanted(value)) for (const member of members) found.push(member);
    const set = sets.of(found);
    atoms.set(text, set);
    return set;
  };
  const oneOf = (key: LabelKey, values: readonly string[]): SetId => {
    const text = `${key}\u0001in${values.join("\u0001")}`;
    const known = atoms.get(text);
    if (known !== undefined) return known;
    const byValue = index.byKey.get(canonicalKey(key));
    const set = sets.of(values.flatMap((value) => byValue?.get(value) ?? []));
    atoms.set(text, set);
    return set;
  };
  const evaluate = (selector: Selector): SetId => {
    switch (selector.kind) {
      case "all":
        return sets.all;
      case "none":
        return sets.none;
      case "has":
        return atom(selector.key, "has", () => true);
      case "in":
        return oneOf(selector.key, selector.values);
      case "contains":
        return atom(selector.key, `contains ${selector.text}`, (value) => value.includes(selector.text));
      case "startsWith":
        return atom(selector.key, `starts ${selector.text}`, (value) => value.startsWith(selector.text));
      case "endsWith":
        return atom(selector.key, `ends ${selector.text}`, (value) => value.endsWith(selector.text));
      case "not":
        return sets.not(evaluate(selector.operand));
      case "and":
        return selector.operands.reduce((set, operand) => sets.and(set, evaluate(operand)), sets.all);
      case "or":
        return sets.anyOf(selector.operands.map(evaluate));
    }
  };
  return evaluate;
}

interface CellIndex {
  readonly cells: Int32Array;
  readonly ends: Int32Array;
}

function sortByCell(
  ends: readonly PacketEnd[],
  addressOf: (end: PacketEnd) => string | undefined,
  cellOf: (address: string) => number | undefined,
): CellIndex {
  const pairs: [number, number][] = [];
  ends.forEach((end, index) => {
    const address = addressOf(end);
    const cell = address === undefined ? undefined : cellOf(address);
    if (cell !== undefined) pairs.push([cell, index]);
  });
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return { cells: Int32Array.from(pairs, ([cell]) => cell), ends: Int32Array.from(pairs, ([, end]) => end) };
}

function endsOfCells(index: CellIndex, first: number, last: number): Int32Array {
  return index.ends.subarray(lowerBound(index.cells, first), lowerBound(index.cells, last + 1));
}

function lowerBound(values: Int32Array, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Groups the pods by the sets they lie in. A set stored as "everything but" is not walked: what is noted for an end is
 * that it is one of the exceptions.
 */
function splitSubjects(
  handles: readonly EndsHandle[],
  ends: readonly PacketEnd[],
  sets: EndSets,
  pods: Int32Array,
): Iterable<SubjectLeaf> {
  const noted: (number[] | undefined)[] = new Array<number[] | undefined>(ends.length);
  const broad: number[] = [];
  handles.forEach((handle, place) => {
    const { ends: stored, isNegated } = sets.stored(handle);
    if (isNegated) broad.push(place);
    for (const end of stored) {
      const list = noted[end];
      if (list === undefined) noted[end] = [place];
      else list.push(place);
    }
  });
  const groups = new Map<string, { first: number; weight: number; classes: number }>();
  for (const pod of pods) {
    const key = noted[pod]?.join(",") ?? "";
    const group = groups.get(key);
    const weight = ends[pod]?.weight ?? 0;
    if (group === undefined) groups.set(key, { first: pod, weight, classes: 1 });
    else {
      group.weight += weight;
      group.classes += 1;
    }
  }
  return leaves(groups.values(), noted, broad, handles, ends, sets);
}

function* leaves(
  groups: Iterable<{ first: number; weight: number; classes: number }>,
  noted: readonly (readonly number[] | undefined)[],
  broad: readonly number[],
  handles: readonly EndsHandle[],
  ends: readonly PacketEnd[],
  sets: EndSets,
): Iterable<SubjectLeaf> {
  for (const { first, weight, classes } of groups) {
    const sample = ends[first];
    if (sample === undefined) continue;
    const places = noted[first] ?? [];
    const exceptions = new Set(places.filter((place) => sets.stored(handles[place] ?? sets.none).isNegated));
    const narrow = exceptions.size === 0 ? places : places.filter((place) => !exceptions.has(place));
    const selected =
      broad.length === 0
        ? narrow
        : [...narrow, ...broad.filter((place) => !exceptions.has(place))].sort((a, b) => a - b);
    yield { selected, weight, classes, sample, ...(classes === 1 && { only: first }) };
  }
}

/** Splits all ends by partition refinement; only ends that some set names by itself are touched. */
function splitBlocks(handles: readonly EndsHandle[], ends: readonly PacketEnd[], sets: EndSets): PeerBlock[] {
  const blockOf = new Map<number, number>();
  // What a block knows: which sets list its ends by name. Block 0 holds the ends that no set lists.
  const listed: (readonly number[])[] = [[]];
  handles.forEach((handle, place) => {
    const moved = new Map<number, number>();
    for (const end of sets.stored(handle).ends) {
      const from = blockOf.get(end) ?? 0;
      let to = moved.get(from);
      if (to === undefined) {
        to = listed.push([...(listed[from] ?? []), place]) - 1;
        moved.set(from, to);
      }
      blockOf.set(end, to);
    }
  });
  const members = new Map<number, BlockMembers>();
  let touchedWeight = 0;
  for (const [end, block] of blockOf) {
    const weight = ends[end]?.weight ?? 0;
    touchedWeight += weight;
    addMember(members, block, end, weight);
  }
  const untouched = ends.length - blockOf.size;
  if (untouched > 0) {
    const first = firstMissing(blockOf, 0);
    const weight = totalWeight(ends) - touchedWeight;
    members.set(0, { first, second: untouched > 1 ? firstMissing(blockOf, first + 1) : -1, count: untouched, weight });
  }
  const negated = Uint8Array.from(handles, (handle) => (sets.stored(handle).isNegated ? 1 : 0));
  return [...members.entries()]
    .sort((a, b) => a[1].first - b[1].first)
    .flatMap(([block, { first, second, count, weight }]) => {
      const sample = ends[first];
      const other = ends[second];
      if (sample === undefined) return [];
      const isIn = negated.slice();
      for (const place of listed[block] ?? []) isIn[place] = 1 - (negated[place] ?? 0);
      return [{ isIn, weight, sample, ...(other !== undefined && { other }), ...(count === 1 && { only: first }) }];
    });
}

interface BlockMembers {
  first: number;
  /** -1 when there is none. */
  second: number;
  count: number;
  weight: number;
}

function addMember(members: Map<number, BlockMembers>, block: number, end: number, weight: number): void {
  const known = members.get(block);
  if (known === undefined) {
    members.set(block, { first: end, second: -1, count: 1, weight });
    return;
  }
  known.count += 1;
  known.weight += weight;
  if (end < known.first) {
    known.second = known.first;
    known.first = end;
  } else if (known.second < 0 || end < known.second) known.second = end;
}

function firstMissing(touched: ReadonlyMap<number, number>, from: number): number {
  let end = from;
  while (touched.has(end)) end += 1;
  return end;
}

const weights = new WeakMap<readonly PacketEnd[], number>();

function totalWeight(ends: readonly PacketEnd[]): number {
  const known = weights.get(ends);
  if (known !== undefined) return known;
  const total = ends.reduce((sum, end) => sum + end.weight, 0);
  weights.set(ends, total);
  return total;
}
