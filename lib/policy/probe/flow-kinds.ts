import { createDeciders, type Deciders } from "../bridge/deciders.ts";
import { createHalfTable, type HalfTable } from "../bridge/half-table.ts";
import { cutAt } from "../prove/compare.ts";
import { compileSide, labelledAddresses } from "../prove/compile-side.ts";
import { type Variant, type Verdict, variantsOf } from "../prove/evaluate.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import { causeKey } from "../prove/printing.ts";
import { closedEnds } from "../space/closed-ends.ts";
import { createClosedSpace } from "../space/closed-space.ts";
import { pointOf, portsL4, protocols } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { Vocabulary } from "../space/vocabulary.ts";
import type { World, WorldPod } from "../space/world.ts";
import { type StandIn, standInPod } from "./stand-ins.ts";

/** Both halves of one packet on one side. */
export interface Halves {
  readonly egress: Verdict;
  readonly ingress: Verdict;
}

/** A stretch of ports that every rule treats alike, between some pairs of stand-ins. */
export interface FlowKind {
  /** The packet to send: a familiar port where the stretch holds one. */
  readonly point: number;
  readonly before: Halves;
  readonly after: Halves;
}

/** Pairs of stand-ins that the same rules decide. */
export interface FlowGroup {
  readonly kinds: readonly FlowKind[];
  /** The first few, as places in the list of stand-ins. */
  readonly pairs: (readonly [from: number, to: number])[];
}

/** What stand-ins can say to each other, before and after. */
export interface FlowTable {
  readonly family: 4 | 6;
  readonly groups: readonly FlowGroup[];
  /** The group of one pair. */
  readonly groupOf: (from: number, to: number) => FlowGroup | undefined;
  /** The end that policy sees, for printing. */
  readonly endOf: (standIn: number) => PacketEnd | undefined;
  /** Places of stand-ins that policies tell apart, ascending. */
  readonly standIns: readonly number[];
}

/** Pairs that are remembered for each group. */
const pairsKept = 12;

/** What the table is made from. */
export interface FlowInput {
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly world: World;
  readonly vocabulary: Vocabulary;
  readonly standIns: readonly StandIn[];
}

type Tables = Readonly<Record<"before" | "after", Readonly<Record<Half, HalfTable>>>>;

/**
 * Works out what every stand-in may say to every other one over TCP and UDP, on both sides. Packets that are decided by the
 * address that a pod happens to get, by a source port or by an HTTP request are left out: nobody can choose those.
 */
export function flowTable(input: FlowInput): FlowTable {
  const family = input.world.families[0] ?? 4;
  const { ends, byStandIn, space, world } = endsOf(input, family);
  const deciders = createDeciders();
  const tables = tablesOf(input, world, space, ends, deciders);
  const standIns = [...byStandIn.keys()].sort((a, b) => a - b);
  const variants = (): readonly Variant[] => variantsOf(deciders.programs());
  const kindsOf = createKinds(deciders, variants());
  const lookOf = createLookNumbers();
  const groups = new Map<string, FlowGroup>();
  const groupOfLook: FlowGroup[] = [];
  const groupOf = (from: number, to: number): FlowGroup => {
    const froms = byStandIn.get(from) ?? [];
    const tos = byStandIn.get(to) ?? [];
    // Nearly every stand-in has one address, so that a pair has one look: its number is the way to its group.
    const look = froms.length === 1 && tos.length === 1 ? lookOf(tables, froms[0] ?? 0, tos[0] ?? 0) : undefined;
    const met = look === undefined ? undefined : groupOfLook[look];
    if (met !== undefined) return met;
    const looks = looksOf(tables, froms, tos);
    const key = looks.map((one) => one.join(",")).join("|");
    const known = groups.get(key) ?? { kinds: kindsOf(looks), pairs: [] };
    groups.set(key, known);
    if (look !== undefined) groupOfLook[look] = known;
    return known;
  };
  for (const from of standIns)
    for (const to of standIns) {
      const { pairs } = groupOf(from, to);
      if (pairs.length < pairsKept) pairs.push([from, to]);
    }
  return {
    family,
    groups: [...groups.values()],
    groupOf,
    endOf: (standIn) => ends[byStandIn.get(standIn)?.[0] ?? -1],
    standIns,
  };
}

/** Deciders of one pair, with one address each: egress and ingress before, egress and ingress after. */
type Look = readonly [number, number, number, number];

function looksOf(tables: Tables, froms: readonly number[], tos: readonly number[]): readonly Look[] {
  const { before, after } = tables;
  const looks = froms.flatMap((from) =>
    tos.map(
      (to): Look => [
        before.egress.at(from, to),
        before.ingress.at(to, from),
        after.egress.at(from, to),
        after.ingress.at(to, from),
      ],
    ),
  );
  return [...new Map(looks.map((look) => [look.join(","), look])).values()];
}

/** A number for the look of a pair with one address each, found without making a text: four million pairs ask. */
function createLookNumbers(): (tables: Tables, from: number, to: number) => number {
  const known = new Map<number, Map<number, number>>();
  let count = 0;
  return ({ before, after }, from, to) => {
    const first = before.egress.at(from, to) * 67_108_864 + before.ingress.at(to, from);
    const second = after.egress.at(from, to) * 67_108_864 + after.ingress.at(to, from);
    let ofFirst = known.get(first);
    if (ofFirst === undefined) {
      ofFirst = new Map();
      known.set(first, ofFirst);
    }
    const found = ofFirst.get(second);
    if (found !== undefined) return found;
    ofFirst.set(second, count);
    count += 1;
    return count - 1;
  };
}

/** Ports that people know, best first, where a stretch leaves the choice. */
const familiar: readonly number[] = [
  ...[80, 443, 8080, 22, 5432].map((port) => pointOf({ protocol: protocols.TCP, port })),
  pointOf({ protocol: protocols.UDP, port: 53 }),
];

const headers = [...portsL4(protocols.TCP, 1, 65_535), ...portsL4(protocols.UDP, 1, 65_535)];

function createKinds(
  deciders: Deciders,
  variants: readonly Variant[],
): (looks: readonly Look[]) => readonly FlowKind[] {
  return (looks) => {
    const cuts = [...new Set(looks.flat().flatMap(deciders.cuts))].sort((a, b) => a - b);
    const halves = (egress: number, ingress: number, variant: Variant, point: number): Halves => ({
      egress: deciders.verdict(egress, variant, point),
      ingress: deciders.verdict(ingress, variant, point),
    });
    return [...cutAt(headers, cuts)].flatMap(([from, to]) => {
      const point = familiar.find((one) => from <= one && one < to) ?? from;
      const all = looks.flatMap(([egressBefore, ingressBefore, egressAfter, ingressAfter]) =>
        variants.map((variant) => ({
          before: halves(egressBefore, ingressBefore, variant, point),
          after: halves(egressAfter, ingressAfter, variant, point),
        })),
      );
      const [first] = all;
      const isOne = first !== undefined && new Set(all.map(textOf)).size === 1;
      return isOne ? [{ point, ...first }] : [];
    });
  };
}

function textOf({ before, after }: Omit<FlowKind, "point">): string {
  return [before.egress, before.ingress, after.egress, after.ingress].map(({ cause }) => causeKey(cause)).join("|");
}

interface StandInEnds {
  readonly ends: readonly PacketEnd[];
  /** Places of the ends of each stand-in, one for each part of the pool that policies tell apart. */
  readonly byStandIn: ReadonlyMap<number, readonly number[]>;
  readonly space: ReturnType<typeof createClosedSpace>;
  readonly world: World;
}

/** A world of stand-ins: those that no policy tells apart are one. */
function endsOf({ before, after, world, vocabulary, standIns }: FlowInput, family: 4 | 6): StandInEnds {
  const labelled = labelledAddresses([before, after]);
  const addresses = poolAddresses(closedEnds({ ...world, pods: [] }, family, vocabulary, labelled).cells, world);
  const pods = standIns.flatMap((standIn, place) =>
    addresses.map((address, part): WorldPod => standInPod(standIn, `${place}.${part}`, address)),
  );
  const standInWorld = { ...world, pods };
  const fixed = closedEnds(standInWorld, family, vocabulary, labelled);
  const byStandIn = new Map<number, number[]>();
  fixed.ends.forEach((end, place) => {
    if (end.kind !== "pod") return;
    const standIn = Number.parseInt(end.names[0]?.split("/")[1] ?? "", 10);
    byStandIn.set(standIn, [...(byStandIn.get(standIn) ?? []), place]);
  });
  return { ends: fixed.ends, byStandIn, space: createClosedSpace(fixed, vocabulary), world: standInWorld };
}

/** Parts of the source's pool that are told apart. */
const mostParts = 12;

/** One address of every part of the source's pool that policies tell apart; none where the pool is unknown. */
function poolAddresses(cells: ReturnType<typeof closedEnds>["cells"], world: World): readonly (string | undefined)[] {
  const addresses = world.podCIDRs.source.flatMap((pool) => {
    const range = cells.cellsOf(pool);
    if (range === undefined) return [];
    return Array.from({ length: range.last - range.first + 1 }, (_, at) =>
      cells.freeAddressOf(range.first + at, new Set(), []),
    ).filter((address) => address !== undefined);
  });
  if (addresses.length === 0) return [undefined];
  // Of very many parts some stand for all: the pairs of parts are what is looked at.
  const step = Math.ceil(addresses.length / mostParts);
  return addresses.filter((_, at) => at % step === 0);
}

function tablesOf(
  { before, after }: FlowInput,
  world: World,
  space: StandInEnds["space"],
  ends: readonly PacketEnd[],
  deciders: Deciders,
): Tables {
  const pods = ends.flatMap((end, place) => (end.kind === "pod" ? [place] : []));
  const ownNodes = ends.flatMap((end, place) => (end.kind === "host" ? [place] : []));
  const table = (side: PolicySide, half: Half): HalfTable =>
    createHalfTable({
      side: compileSide(side, space, world, half),
      half,
      space,
      subjects: pods,
      size: ends.length,
      ownNodes,
      deciders,
    });
  return {
    before: { egress: table(before, "egress"), ingress: table(before, "ingress") },
    after: { egress: table(after, "egress"), ingress: table(after, "ingress") },
  };
}
