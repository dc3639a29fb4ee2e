import type { CompiledSide, OwnNode, PlacedRule, Program } from "../prove/evaluate.ts";
import type { Half } from "../prove/policy-side.ts";
import type { CompiledRule, Term } from "../prove/term.ts";
import type { ClosedSpace } from "../space/closed-space.ts";
import type { EndsHandle } from "../space/packet-space.ts";
import { type Deciders, openDecider } from "./deciders.ts";
import { createTermLists, type EndBlocks, type PeerTerms, splitEnds, type TermLists, unsplit } from "./split-ends.ts";

/** Deciders of one subject: `deciders[blockOf[peer]]`, peers as places in the space's list of ends. */
export interface DeciderRow {
  /** Sixteen bits an end: a cluster of two thousand classes has thousands of rows with thousands of ends. */
  readonly blockOf: Uint16Array | Int32Array;
  readonly deciders: Int32Array;
}

/** Deciders of one half at one kind of subject, subjects and peers as places in the space's list of ends. */
export interface HalfTable {
  readonly row: (subject: number) => DeciderRow;
  readonly at: (subject: number, peer: number) => number;
}

interface SideTerm {
  readonly policy: number;
  readonly rule: CompiledRule;
  readonly term: Term;
}

/** What a table is made from. */
export interface HalfTableInput {
  readonly side: CompiledSide;
  readonly half: Half;
  readonly space: ClosedSpace;
  /** Places of the ends that the half is decided at. */
  readonly subjects: readonly number[];
  readonly size: number;
  /** Places of the ends that are a pod's own node. */
  readonly ownNodes: readonly number[];
  readonly deciders: Deciders;
}

/**
 * Works out, for each subject and peer, which rules of a side match both. Subjects that lie in the same sets share one
 * row, peers that lie in the same sets one decider, so that pairs can be compared by numbers.
 */
export function createHalfTable(input: HalfTableInput): HalfTable {
  const { side, size } = input;
  const open = openRow(size);
  if (side.engine === "none") return { row: () => open, at: () => openDecider };
  const terms = termsOf(side);
  const rows = new Map<string, DeciderRow>();
  const rowOf: (DeciderRow | undefined)[] = new Array<DeciderRow | undefined>(size);
  const handles = handlesOf(side, terms);
  const noted = noteSubjects(input, handles.list);
  const parts: RowParts = {
    input,
    lists: createTermLists(),
    side,
    terms,
    handles,
    shared: sharedPlaces(noted, handles),
    bases: new Map(),
    found: createFound(),
  };
  for (const subject of input.subjects) {
    const places = noted[subject] ?? [];
    const key = places.join(",");
    const row = rows.get(key) ?? createRow(parts, places);
    rows.set(key, row);
    rowOf[subject] = row;
  }
  const row = (subject: number): DeciderRow => rowOf[subject] ?? open;
  return { row, at: (subject, peer) => deciderAt(row(subject), peer) };
}

/** The row of a subject at which nobody decides. */
export function openRow(size: number): DeciderRow {
  return { blockOf: new Uint16Array(size), deciders: Int32Array.of(openDecider) };
}

/** The decider of one peer; of a peer that no end stands for the open one. */
export function deciderAt({ blockOf, deciders }: DeciderRow, peer: number): number {
  const block = blockOf[peer];
  return block === undefined ? openDecider : (deciders[block] ?? openDecider);
}

function termsOf(side: Exclude<CompiledSide, { readonly engine: "none" }>): readonly SideTerm[] {
  return side.engine === "calico"
    ? side.policies.flatMap(({ rules }, policy) =>
        rules.flatMap((rule) => rule.terms.map((term) => ({ policy, rule, term }))),
      )
    : side.rules.flatMap(({ elements }, policy) =>
        elements.flatMap((rule) => rule.terms.map((term) => ({ policy, rule, term }))),
      );
}

interface SubjectHandles {
  readonly list: readonly EndsHandle[];
  /** Places of policies, and of terms, by the place of their set in `list`. */
  readonly policies: readonly (readonly number[])[];
  readonly terms: readonly (readonly number[])[];
}

function handlesOf(
  side: Exclude<CompiledSide, { readonly engine: "none" }>,
  terms: readonly SideTerm[],
): SubjectHandles {
  const list: EndsHandle[] = [];
  const placeOf = new Map<EndsHandle, number>();
  const policies: number[][] = [];
  const own: number[][] = [];
  const place = (handle: EndsHandle): number => {
    const known = placeOf.get(handle);
    if (known !== undefined) return known;
    placeOf.set(handle, list.length);
    policies.push([]);
    own.push([]);
    return list.push(handle) - 1;
  };
  const subjects = side.engine === "calico" ? side.policies : side.rules;
  subjects.forEach(({ subject }, index) => {
    policies[place(subject)]?.push(index);
  });
  terms.forEach(({ term }, index) => {
    own[place(term.own)]?.push(index);
  });
  return { list, policies, terms: own };
}

/** The sets that each subject lies in, as places of the list, ascending. */
function noteSubjects(input: HalfTableInput, handles: readonly EndsHandle[]): readonly (number[] | undefined)[] {
  const noted: (number[] | undefined)[] = new Array<number[] | undefined>(input.size);
  for (const subject of input.subjects) noted[subject] = [];
  handles.forEach((handle, place) => {
    const { ends, isNegated } = input.space.stored(handle);
    if (!isNegated) {
      for (const end of ends) noted[end]?.push(place);
      return;
    }
    const missing = new Set(ends);
    for (const subject of input.subjects) if (!missing.has(subject)) noted[subject]?.push(place);
  });
  return noted;
}

interface RowParts {
  readonly input: HalfTableInput;
  readonly lists: TermLists;
  readonly side: Exclude<CompiledSide, { readonly engine: "none" }>;
  readonly terms: readonly SideTerm[];
  readonly handles: SubjectHandles;
  /** Places of sets that bring many terms to many subjects. */
  readonly shared: ReadonlySet<number>;
  /** Ends as the terms of shared sets split them, by the places of those sets. */
  readonly bases: Map<string, EndBlocks>;
  /** Deciders that were found before, by list of terms, for all that decides beside them. */
  readonly found: (base: string) => Map<number, number>;
}

const fewTerms = 16;
const fewSubjects = 16;

/** The mirrors select every pod and have a rule for each rule of the cluster: what they split is split once. */
function sharedPlaces(noted: readonly (readonly number[] | undefined)[], handles: SubjectHandles): ReadonlySet<number> {
  const subjects = new Int32Array(handles.list.length);
  for (const places of noted) for (const place of places ?? []) subjects[place] = (subjects[place] ?? 0) + 1;
  return new Set(
    handles.terms.flatMap((terms, place) =>
      terms.length > fewTerms && (subjects[place] ?? 0) > fewSubjects ? [place] : [],
    ),
  );
}

/** All ends split by the peer sets of the terms of some subject sets. */
function splitBySets({ input, lists, terms, handles, shared, bases }: RowParts, places: readonly number[]): EndBlocks {
  const peersOf = (some: readonly number[]): PeerTerms =>
    byPeer(
      some.flatMap((place) => handles.terms[place] ?? []).sort((a, b) => a - b),
      terms,
      input.space.none,
    );
  const common = places.filter((place) => shared.has(place));
  const key = common.join(",");
  let base = bases.get(key);
  if (base === undefined) {
    base = unsplit(input.size, input.ownNodes, lists);
    base = splitEnds(base, peersOf(common), input.space, lists);
    bases.set(key, base);
  }
  return splitEnds(base, peersOf(places.filter((place) => !shared.has(place))), input.space, lists);
}

function createRow(parts: RowParts, places: readonly number[]): DeciderRow {
  const { input, side, terms, handles } = parts;
  const policies = places.flatMap((place) => handles.policies[place] ?? []).sort((a, b) => a - b);
  const { blockOf, lists } = splitBySets(parts, places);
  const base = baseKey(side, policies);
  const node = new Set(input.ownNodes.map((end) => blockOf[end] ?? 0));
  const inNode: OwnNode = input.half === "ingress" ? "from" : "to";
  const plain = parts.found(`${base}|no`);
  const atNode = parts.found(`${base}|${inNode}`);
  const deciders = lists.map((list, block) => {
    const ownNode = node.has(block) ? inNode : "no";
    // Most blocks have been met in another row: found by the number of their list.
    const cache = ownNode === "no" ? plain : atNode;
    const known = cache.get(list);
    if (known !== undefined) return known;
    const members = [...parts.lists.members(list)].sort((x, y) => x - y);
    const program = programOf(
      side,
      policies,
      members.flatMap((index) => terms[index] ?? []),
    );
    const decider = input.deciders.add({ program, ownNode });
    cache.set(list, decider);
    return decider;
  });
  const kept = lists.length <= 65_536 ? Uint16Array.from(blockOf) : Int32Array.from(blockOf);
  return { blockOf: kept, deciders: Int32Array.from(deciders) };
}

function byPeer(own: readonly number[], terms: readonly SideTerm[], none: EndsHandle): PeerTerms {
  const found = new Map<EndsHandle, number[]>();
  for (const index of own) {
    const peer = terms[index]?.term.peer ?? none;
    const list = found.get(peer);
    if (list === undefined) found.set(peer, [index]);
    else list.push(index);
  }
  return found;
}

/** What decides beside the rules that match: the tiers that end, the default deny. */
function baseKey(side: Exclude<CompiledSide, { readonly engine: "none" }>, policies: readonly number[]): string {
  if (side.engine === "calico") return [...new Set(policies.map((place) => side.policies[place]?.tier))].join(",");
  return String(policies.find((place) => side.rules[place]?.isDefaultDeny === true) ?? "");
}

/** One map for each text. */
function createFound(): (base: string) => Map<number, number> {
  const maps = new Map<string, Map<number, number>>();
  return (base) => {
    const map = maps.get(base) ?? new Map<number, number>();
    maps.set(base, map);
    return map;
  };
}

function programOf(
  side: Exclude<CompiledSide, { readonly engine: "none" }>,
  policies: readonly number[],
  matching: readonly SideTerm[],
): Program {
  const rules = placedRules(matching);
  if (side.engine === "calico") {
    const tiers = [...new Set(policies.map((place) => side.policies[place]?.tier ?? 0))].sort((a, b) => a - b);
    return {
      engine: "calico",
      tiers: tiers.map((tier) => ({
        tier,
        passesAtEnd: side.tiers[tier]?.passesAtEnd ?? false,
        rules: rules.filter(({ policy }) => side.policies[policy]?.tier === tier).map(({ rule }) => rule),
      })),
      dropsToOwnNode: side.dropsToOwnNode,
    };
  }
  const isNever = side.mode === "never";
  const denyPlace = policies.find((place) => side.rules[place]?.isDefaultDeny === true);
  const denyBy = denyPlace === undefined ? undefined : side.rules[denyPlace]?.index;
  const all = isNever ? [] : rules.map(({ rule }) => rule);
  return {
    engine: "cilium",
    isDefaultDeny: !isNever && (denyBy !== undefined || side.mode === "always"),
    ...(denyBy !== undefined && { denyBy }),
    allow: all.filter(({ action }) => action === "Allow"),
    deny: all.filter(({ action }) => action === "Deny"),
  };
}

/** Terms of one rule together again, in their order. */
function placedRules(matching: readonly SideTerm[]): readonly { readonly policy: number; readonly rule: PlacedRule }[] {
  const rules = new Map<CompiledRule, { policy: number; rule: PlacedRule }>();
  for (const { policy, rule, term } of matching) {
    const { own: _own, peer: _peer, ...rest } = term;
    const known = rules.get(rule);
    const terms = [...(known?.rule.terms ?? []), { place: 0, ...rest }];
    rules.set(rule, { policy, rule: { action: rule.action, ref: rule.ref, terms } });
  }
  return [...rules.values()];
}
