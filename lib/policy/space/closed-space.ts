import type { LabelKey, Selector } from "../selector/selector.ts";
import type { Ends } from "./closed-ends.ts";
import { createEndSets, type EndSets, type SetId } from "./end-set.ts";
import type { PacketEnd } from "./packet-end.ts";
import type { EndsHandle, PacketSpace, PortTarget, View } from "./packet-space.ts";
import { createSplitter } from "./split-blocks.ts";
import { splitSubjects } from "./split-subjects.ts";
import { canonicalKey, type Vocabulary } from "./vocabulary.ts";

/** A space whose sets can be read back as the ends they hold, by their places in the list that the space was made from. */
export interface ClosedSpace extends PacketSpace {
  /** Ascending places, and whether they are the ones that are missing. */
  readonly stored: (handle: EndsHandle) => { readonly ends: Int32Array; readonly isNegated: boolean };
}

/**
 * The ends of an inventory as a space. Label terms are answered from an index of key and value, so that a selector costs
 * as much as the ends it names, and every selector is answered once.
 */
export function createClosedSpace({ family, cells, ends, nodeClasses }: Ends, vocabulary: Vocabulary): ClosedSpace {
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
    ofTunnels: sets.of(ends.flatMap((end, index) => (end.isTunnel === true ? [index] : []))),
    hasPort: (name, target) => sets.of(ports.get(portKey(name, target)) ?? []),
    portTargets: (name) => targetsOf(ports, name),
    hasFQDN: (name) => sets.of(fqdns.get(name) ?? []),
    subjects: (handles) => splitSubjects(handles, ends, sets, sets.members(podSet)),
    blocks: createSplitter(ends, sets),
    stored: sets.stored,
    nodeClasses: nodeClasses.map(({ hosts, sole }, place) => ({
      pods: sets.of(ends.flatMap((end, index) => (end.nodeClass === place ? [index] : []))),
      own: sets.of(hosts),
      others: sets.and(ofKind("node"), sets.not(sets.of(sole))),
    })),
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
