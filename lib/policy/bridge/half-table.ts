import {
  allowedHeaders,
  type CompiledSide,
  decide,
  type OwnNode,
  type PlacedRule,
  type Program,
  rulesOf,
  type Variant,
  type Verdict,
} from "../prove/evaluate.ts";
import type { Half } from "../prove/policy-side.ts";
import type { CompiledRule, Term } from "../prove/term.ts";
import type { ClosedSpace } from "../space/closed-space.ts";
import { everyL4, type L4Set } from "../space/l4-set.ts";
import type { EndsHandle } from "../space/packet-space.ts";

/** What decides one half for some pairs of ends: only the rules that match both, in their order. */
export interface Decider {
  readonly program: Program;
  readonly ownNode: OwnNode;
}

/** Deciders as numbers; 0 is the one that lets everything pass. */
export interface Deciders {
  readonly intern: (key: string, make: () => Decider) => number;
  readonly allowed: (decider: number, variant: Variant) => L4Set;
  readonly verdict: (decider: number, variant: Variant, point: number) => Verdict;
  /** Every header at which some rule of the decider begins or ends. */
  readonly cuts: (decider: number) => readonly number[];
  readonly programs: () => readonly Program[];
}

/** Deciders of one half at one kind of subject: `at(subject)[peer]`, both as places in the space's list of ends. */
export interface HalfTable {
  readonly at: (subject: number) => Int32Array;
}

/** No engine decides: everything passes. */
export const openDecider = 0;

/** One byte that says yes: a decider's rules match its pairs, so that their only peer set holds. */
const yes = Uint8Array.of(1);

/** An empty list of deciders. */
export function createDeciders(): Deciders {
  const list: Decider[] = [{ program: { engine: "none" }, ownNode: "no" }];
  const known = new Map<string, number>();
  const allowed = new Map<string, L4Set>();
  const at = (decider: number): Decider => list[decider] ?? { program: { engine: "none" }, ownNode: "no" };
  return {
    intern: (key, make) => {
      const found = known.get(key);
      if (found !== undefined) return found;
      known.set(key, list.length);
      return list.push(make()) - 1;
    },
    allowed: (decider, variant) => {
      if (decider === openDecider) return everyL4;
      const key = `${decider}|${variant.sourcePort ?? ""}|${variant.http ?? ""}`;
      const found = allowed.get(key);
      if (found !== undefined) return found;
      const { program, ownNode } = at(decider);
      const headers = allowedHeaders(program, yes, variant, ownNode);
      allowed.set(key, headers);
      return headers;
    },
    verdict: (decider, variant, point) => {
      const { program, ownNode } = at(decider);
      return decide(program, yes, variant, ownNode, point);
    },
    cuts: (decider) => rulesOf(at(decider).program).flatMap(({ terms }) => terms.flatMap(({ l4 }) => [...l4])),
    programs: () => list.map(({ program }) => program),
  };
}

interface SideTerm {
  readonly policy: number;
  readonly rule: CompiledRule;
  readonly term: Term;
}

/** What a table is made from. */
export interface HalfTableInput {
  /** Distinguishes the sides of one comparison. */
  readonly name: string;
  readonly side: CompiledSide;
  readonly half: Half;
  readonly space: ClosedSpace;
  /** Places of the ends that the half is decided at. */
  readonly subjects: readonly number[];
  readonly size: number;
  /** Places of the ends that are a pod's own node. */
  readonly ownNodes: readonly number[];
  readonly deciders: Deciders;
  /** Lists of this table's terms. */
  readonly lists: TermLists;
  /** Deciders that were found before, by list of terms, for all that decides beside them. */
  readonly found: (base: string) => Map<number, number>;
}

/**
 * Works out, for each subject and peer, which rules of a side match both. Subjects that lie in the same sets share one
 * row, peers that lie in the same sets one decider, so that pairs can be compared by numbers.
 */
export function createHalfTable(input: HalfTableInput): HalfTable {
  const { side, size } = input;
  if (side.engine === "none") {
    const open = new Int32Array(size);
    return { at: () => open };
  }
  const terms = termsOf(side);
  const rows = new Map<string, Int32Array>();
  const rowOf = new Map<number, Int32Array>();
  const handles = handlesOf(side, terms);
  const noted = noteSubjects(input, handles.list);
  for (const subject of input.subjects) {
    const places = noted[subject] ?? [];
    const key = places.join(",");
    const row = rows.get(key) ?? createRow(input, side, terms, handles, places);
    rows.set(key, row);
    rowOf.set(subject, row);
  }
  const none = new Int32Array(size);
  return { at: (subject) => rowOf.get(subject) ?? none };
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

function createRow(
  input: HalfTableInput,
  side: Exclude<CompiledSide, { readonly engine: "none" }>,
  terms: readonly SideTerm[],
  handles: SubjectHandles,
  places: readonly number[],
): Int32Array {
  const policies = places.flatMap((place) => handles.policies[place] ?? []).sort((a, b) => a - b);
  const own = places.flatMap((place) => handles.terms[place] ?? []).sort((a, b) => a - b);
  const { blockOf, lists } = splitPeers(input, own, terms);
  const base = `${input.name}|${input.half}|${baseKey(side, policies)}`;
  const node = new Set(input.ownNodes.map((end) => blockOf[end] ?? 0));
  const inNode: OwnNode = input.half === "ingress" ? "from" : "to";
  const plain = input.found(`${base}|no`);
  const atNode = input.found(`${base}|${inNode}`);
  const deciders = lists.map((list, block) => {
    const ownNode = node.has(block) ? inNode : "no";
    // Most blocks have been met in another row: found by number before any text is made.
    const cache = ownNode === "no" ? plain : atNode;
    const known = cache.get(list);
    if (known !== undefined) return known;
    const decider = input.deciders.intern(`${base}|${ownNode}|${list}`, () => ({
      program: programOf(
        side,
        policies,
        [...input.lists.members(list)].sort((x, y) => x - y).flatMap((index) => terms[index] ?? []),
      ),
      ownNode,
    }));
    cache.set(list, decider);
    return decider;
  });
  return Int32Array.from(blockOf, (block) => deciders[block] ?? openDecider);
}

/** What decides beside the rules that match: the tiers that end, the default deny. */
function baseKey(side: Exclude<CompiledSide, { readonly engine: "none" }>, policies: readonly number[]): string {
  if (side.engine === "calico") return [...new Set(policies.map((place) => side.policies[place]?.tier))].join(",");
  return String(policies.find((place) => side.rules[place]?.isDefaultDeny === true) ?? "");
}

/** One map for each text. */
export function createFound(): (base: string) => Map<number, number> {
  const maps = new Map<string, Map<number, number>>();
  return (base) => {
    const map = maps.get(base) ?? new Map<number, number>();
    maps.set(base, map);
    return map;
  };
}

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

interface PeerSplit {
  readonly blockOf: Int32Array;
  /** The terms that match the ends of each block, as a list of `TermLists`. */
  readonly lists: readonly number[];
}

/** Splits all ends by the peer sets of some terms. Touches only the ends that a set names by itself. */
function splitPeers(input: HalfTableInput, own: readonly number[], terms: readonly SideTerm[]): PeerSplit {
  const { space, size } = input;
  const byPeer = new Map<EndsHandle, number[]>();
  for (const index of own) {
    const peer = terms[index]?.term.peer ?? space.none;
    const list = byPeer.get(peer);
    if (list === undefined) byPeer.set(peer, [index]);
    else list.push(index);
  }
  const split: Refinement = { blockOf: new Int32Array(size), lists: [0], moved: [], stamps: [], stamp: 0 };
  refine(split, input.ownNodes, [], input.lists);
  for (const [peer, matching] of byPeer) {
    const { ends, isNegated } = space.stored(peer);
    const count = split.lists.length;
    refine(split, ends, isNegated ? [] : matching, input.lists);
    // Of a set kept as what it lacks, everybody but the ends listed is a member.
    if (isNegated)
      for (let block = 0; block < count; block += 1)
        split.lists[block] = input.lists.extend(split.lists[block] ?? 0, matching);
  }
  return split;
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
