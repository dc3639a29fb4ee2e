import { byAll, byText } from "../../core/order.ts";
import { cutAt, isSameSet } from "../prove/compare.ts";
import { labelledAddresses, vocabularyOf } from "../prove/compile-side.ts";
import { addToGroups, type DifferenceGroups, differencesOf } from "../prove/difference-groups.ts";
import { commonBoundaries, comparedHeaders } from "../prove/divergences.ts";
import { type Variant, type Verdict, variantsOf } from "../prove/evaluate.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import { intersectL4, type L4Set, subtractL4, uniteL4 } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { PeerBlock, SubjectLeaf } from "../space/packet-space.ts";
import type { World } from "../space/world.ts";
import { type Deciders, openDecider } from "./half-table.ts";
import { type MixedEnds, mixedEnds } from "./mixed-ends.ts";
import { type HalfView, type Leg, type MixedSides, mixedLegs, type Party } from "./mixed-legs.ts";
import type { MixedDifference, MixedProof, MixedRow, WaveExposure } from "./mixed-proof.ts";
import { countPodsPerWave, type NodesOfWave, type WavePods } from "./wave-pods.ts";

/** What is asked of the mixed phase. */
export interface MixedPhaseInput {
  /** What the source's engine enforces before anything is added; `none` for a network without policy. */
  readonly source: PolicySide;
  /** The same objects with the mirrors beside them, read back from what is emitted. */
  readonly sourceDuring: PolicySide;
  /** The translation, read back. */
  readonly target: PolicySide;
  /** The translation with the bridge policy beside it, read back. */
  readonly targetDuring: PolicySide;
  readonly world: World;
  readonly continuity: "exact" | "bridge" | "audit" | "off";
  /** The waves in their order, to say what each leaves open or closed. */
  readonly waves?: readonly NodesOfWave[];
}

/** More pairs of classes than this are not compared: about half a minute. */
const mostPairs = 60_000_000;

const rowOrder: readonly MixedRow[] = ["old-to-old", "new-to-new", "old-to-new", "new-to-old"];

/**
 * Compares what the mixed phase decides with what was decided before, for all pairs of pods and every packet, over the
 * four rows OLD→OLD, NEW→NEW, OLD→NEW and NEW→OLD; both halves of a flow are taken together, each decided by the engine
 * at its end with the addresses and identities that the pilot saw.
 *
 * What a row decides depends only on which side each of the two ends is on. So one comparison of the four rows holds for
 * every set of migrated nodes: each wave, each order of waves, each half-finished wave and each way back.
 *
 * NEW→NEW is compared with the translation alone: that one equals the source is what `provePolicies` shows, so that with
 * both equal the mixed phase decides as before and as after. With `audit` and `off` Cilium drops nothing yet. Nodes and
 * outside addresses go with the row of the pod that they speak to. Uses the models and evaluators of the proof, and none
 * of the code that makes mirrors. The result depends on nothing but the input.
 */
export function proveMixedPhase(input: MixedPhaseInput): MixedProof {
  const { world, continuity } = input;
  const drops = continuity === "exact" || continuity === "bridge";
  const sides: MixedSides = {
    source: input.source,
    sourceDuring: input.sourceDuring,
    target: input.target,
    targetDuring: drops ? input.targetDuring : { engine: "none" },
  };
  const all = Object.values(sides);
  const vocabulary = vocabularyOf([...all, input.targetDuring], world);
  const tally: Tally = { rows: new Map(), groups: new Map(), waves: [], classes: 0, isTruncated: false };
  for (const family of world.families) {
    const ends = mixedEnds(world, family, vocabulary, labelledAddresses(all));
    compareFamily(input, sides, ends, tally);
  }
  return proofOf(input, sides, tally);
}

interface RowTally {
  flows: number;
}

interface Tally {
  readonly rows: Map<MixedRow, RowTally>;
  /** By row, place and half, with the sides that decide. */
  readonly groups: Map<string, LegGroups>;
  /** Opened and closed by wave and row. */
  readonly waves: Map<MixedRow, { opened: number; closed: number }>[];
  classes: number;
  isTruncated: boolean;
}

interface LegGroups {
  readonly leg: Leg;
  readonly before: PolicySide;
  readonly during: PolicySide;
  readonly groups: DifferenceGroups;
}

function compareFamily(input: MixedPhaseInput, sides: MixedSides, ends: MixedEnds, tally: Tally): void {
  tally.classes = Math.max(tally.classes, ends.classes.length);
  const pairs = ends.classes.length * (ends.classes.length + ends.others.length);
  if (pairs > mostPairs) {
    tally.isTruncated = true;
    return;
  }
  const { legs, deciders } = mixedLegs({
    sides,
    world: input.world,
    ends,
    keepsAddresses: input.continuity === "exact",
  });
  const comparer = createComparer(deciders, comparedHeaders("egress", ends.family, Object.values(sides)));
  const pods = countPodsPerWave(ends.classes, input.waves ?? []);
  for (const leg of legs) compareLeg(leg, ends, comparer, pods, tally);
}

/** One kind of difference: the packets between pairs that the same rules decide, before and during. */
interface CellOfPair {
  readonly half: Half;
  readonly variant: Variant;
  readonly from: number;
  readonly to: number;
  readonly before: Verdict;
  readonly during: Verdict;
}

interface Comparer {
  readonly variants: number;
  /** Everything that is decided otherwise by the second pair of deciders; the same list for the same four. */
  readonly compare: (
    egressBefore: number,
    ingressBefore: number,
    egressDuring: number,
    ingressDuring: number,
  ) => readonly CellOfPair[];
}

/** Egress and ingress. */
type DeciderPair = readonly [number, number];

const nothing: readonly CellOfPair[] = [];

function createComparer(deciders: Deciders, headers: L4Set): Comparer {
  const variants = variantsOf(deciders.programs());
  const memo = new Map<number, Map<number, readonly CellOfPair[]>>();
  const size = deciders.programs().length + 1;
  const allowedByBoth = ([egress, ingress]: DeciderPair, variant: Variant): L4Set =>
    intersectL4(deciders.allowed(egress, variant), deciders.allowed(ingress, variant));
  const bothAllow = createSetNumbers(deciders, variants);
  const compare = (before: DeciderPair, during: DeciderPair): readonly CellOfPair[] =>
    variants.flatMap((variant) => {
      const a = allowedByBoth(before, variant);
      const b = allowedByBoth(during, variant);
      if (isSameSet(a, b)) return [];
      const differing = intersectL4(headers, uniteL4(subtractL4(a, b), subtractL4(b, a)));
      const cuts = [...new Set([...commonBoundaries, ...[...before, ...during].flatMap(deciders.cuts)])].sort(
        (x, y) => x - y,
      );
      return [...cutAt(differing, cuts)].map(([from, to]) => cellOf(before, during, variant, from, to));
    });
  const cellOf = (before: DeciderPair, during: DeciderPair, variant: Variant, from: number, to: number): CellOfPair => {
    const verdicts = (pair: DeciderPair): readonly [Verdict, Verdict] => [
      deciders.verdict(pair[0], variant, from),
      deciders.verdict(pair[1], variant, from),
    ];
    const [egressBefore, ingressBefore] = verdicts(before);
    const [egressDuring, ingressDuring] = verdicts(during);
    // The half that denied, or denies now: it makes the difference.
    const wasAllowed = egressBefore.isAllowed && ingressBefore.isAllowed;
    const isEgress = wasAllowed ? !egressDuring.isAllowed : !egressBefore.isAllowed;
    return isEgress
      ? { half: "egress", variant, from, to, before: egressBefore, during: egressDuring }
      : { half: "ingress", variant, from, to, before: ingressBefore, during: ingressDuring };
  };
  return {
    variants: variants.length,
    compare: (egressBefore, ingressBefore, egressDuring, ingressDuring) => {
      if (egressBefore === egressDuring && ingressBefore === ingressDuring) return nothing;
      let isSame = true;
      for (let variant = 0; variant < variants.length && isSame; variant += 1)
        isSame = bothAllow(egressBefore, ingressBefore, variant) === bothAllow(egressDuring, ingressDuring, variant);
      if (isSame) return nothing;
      const first = egressBefore * size + ingressBefore;
      const second = egressDuring * size + ingressDuring;
      let known = memo.get(first);
      if (known === undefined) {
        known = new Map();
        memo.set(first, known);
      }
      const found = known.get(second);
      if (found !== undefined) return found;
      const cells = compare([egressBefore, ingressBefore], [egressDuring, ingressDuring]);
      known.set(second, cells);
      return cells;
    },
  };
}

/** Numbers for what both halves of a pair let through, equal for equal sets: most pairs are settled by two look-ups. */
function createSetNumbers(
  deciders: Deciders,
  variants: readonly Variant[],
): (egress: number, ingress: number, variant: number) => number {
  const sets: L4Set[] = [];
  const numberOfText = new Map<string, number>();
  const numberOf = (set: L4Set): number => {
    const text = set.join(",");
    const known = numberOfText.get(text);
    if (known !== undefined) return known;
    numberOfText.set(text, sets.length);
    return sets.push(set) - 1;
  };
  const single = variants.map((variant) =>
    Int32Array.from(deciders.programs(), (_, decider) => numberOf(deciders.allowed(decider, variant))),
  );
  const met = new Map<number, number>();
  return (egress, ingress, variant) => {
    const a = single[variant]?.[egress] ?? 0;
    const b = single[variant]?.[ingress] ?? 0;
    if (a === b) return a;
    const key = a < b ? a * 67_108_864 + b : b * 67_108_864 + a;
    const known = met.get(key);
    if (known !== undefined) return known;
    const number = numberOf(intersectL4(sets[a] ?? [], sets[b] ?? []));
    met.set(key, number);
    return number;
  };
}

/** All pairs of one leg whose packets differ alike. */
interface Bucket {
  readonly source: Party;
  readonly destination: Party;
  flows: number;
  readonly waves: Float64Array;
}

function compareLeg(leg: Leg, ends: MixedEnds, comparer: Comparer, pods: WavePods, tally: Tally): void {
  const sources = partiesOf(leg.from, ends);
  const destinations = partiesOf(leg.to, ends);
  const halves = (view: Leg["before"]): readonly [ReadyHalf, ReadyHalf] => [
    readyHalf(view.egress, sources, destinations),
    readyHalf(view.ingress, destinations, sources),
  ];
  const [egressBefore, ingressBefore] = halves(leg.before);
  const [egressDuring, ingressDuring] = halves(leg.during);
  const row = tally.rows.get(leg.row) ?? { flows: 0 };
  tally.rows.set(leg.row, row);
  const buckets = new Map<readonly CellOfPair[], Bucket>();
  for (const [at, source] of sources.entries()) {
    for (const [to, destination] of destinations.entries()) {
      const flows = flowsBetween(source, destination, ends);
      if (flows === 0) continue;
      row.flows += flows * comparer.variants;
      const cells = comparer.compare(
        deciderAt(egressBefore, at, to),
        deciderAt(ingressBefore, to, at),
        deciderAt(egressDuring, at, to),
        deciderAt(ingressDuring, to, at),
      );
      if (cells.length === 0) continue;
      let bucket = buckets.get(cells);
      if (bucket === undefined) {
        bucket = { source, destination, flows: 0, waves: new Float64Array(pods.waves) };
        buckets.set(cells, bucket);
      }
      bucket.flows += flows;
      if (leg.isRepeated !== true) pods.addPairs(bucket.waves, leg.row, source.index, destination.index);
    }
  }
  for (const [cells, bucket] of buckets) keepBucket(leg, cells, bucket, ends, tally);
}

function partiesOf(kind: "pods" | "others", ends: MixedEnds): readonly Party[] {
  return kind === "pods"
    ? ends.classes.map((_, index) => ({ index }))
    : ends.others.map(({ place }) => ({ other: place }));
}

function flowsBetween(source: Party, destination: Party, ends: MixedEnds): number {
  const weight = (party: Party): number =>
    party.index === undefined
      ? (ends.ends[party.other ?? -1]?.weight ?? 0)
      : (ends.classes[party.index]?.pods.length ?? 0);
  // A pod's traffic to itself never leaves it.
  const self = source.index !== undefined && source.index === destination.index ? weight(source) : 0;
  return weight(source) * weight(destination) - self;
}

/** One half of a leg with its rows looked up: `rows[own][places[other]]`. */
interface ReadyHalf {
  readonly rows: readonly Int32Array[];
  readonly places: Int32Array;
}

/** A half that no pod decides is one row of zeros, and zero lets everything pass. */
function readyHalf(view: HalfView | undefined, owns: readonly Party[], others: readonly Party[]): ReadyHalf {
  if (view === undefined) {
    const open = Int32Array.of(openDecider);
    return { rows: owns.map(() => open), places: new Int32Array(others.length) };
  }
  return {
    rows: owns.map((own) => view.table.at(view.subject(own))),
    places: Int32Array.from(others, (other) => view.peer(other)),
  };
}

function deciderAt({ rows, places }: ReadyHalf, own: number, other: number): number {
  return rows[own]?.[places[other] ?? -1] ?? openDecider;
}

function keepBucket(leg: Leg, cells: readonly CellOfPair[], bucket: Bucket, ends: MixedEnds, tally: Tally): void {
  const source = shownEnd(bucket.source, ends);
  const destination = shownEnd(bucket.destination, ends);
  const leaves = { egress: leafOf(source, bucket.flows), ingress: leafOf(destination, bucket.flows) };
  const blocks = { egress: blockOf(destination), ingress: blockOf(source) };
  for (const cell of cells) {
    addToGroups(groupsOf(leg, cell.half, tally).groups, {
      half: cell.half,
      family: ends.family,
      subject: leaves[cell.half],
      peer: blocks[cell.half],
      variant: cell.variant,
      from: cell.from,
      to: cell.to,
      before: cell.before,
      after: cell.during,
    });
    bucket.waves.forEach((flows, wave) => {
      const rows = tally.waves[wave] ?? new Map<MixedRow, { opened: number; closed: number }>();
      tally.waves[wave] = rows;
      const counts = rows.get(leg.row) ?? { opened: 0, closed: 0 };
      rows.set(leg.row, counts);
      if (cell.during.isAllowed) counts.opened += flows;
      else counts.closed += flows;
    });
  }
}

function shownEnd(party: Party, ends: MixedEnds): PacketEnd {
  const shown = party.index === undefined ? ends.ends[party.other ?? -1] : ends.classes[party.index]?.shown;
  return shown ?? { kind: "address", weight: 1, names: [], calico: {}, cilium: { labels: new Map() }, namedPorts: [] };
}

/** The pairs that a cell stands for are counted at the subject; a witness shows one of them. */
function leafOf(sample: PacketEnd, weight: number): SubjectLeaf {
  return { selected: [], weight, classes: 1, sample };
}

function blockOf(sample: PacketEnd): PeerBlock {
  return { isIn: new Uint8Array(0), weight: 1, sample };
}

function groupsOf(leg: Leg, half: Half, tally: Tally): LegGroups {
  const key = [leg.row, leg.place ?? "", half].join("|");
  const found = tally.groups.get(key) ?? {
    leg,
    before: leg.before[half]?.side ?? { engine: "none" },
    during: leg.during[half]?.side ?? { engine: "none" },
    groups: new Map(),
  };
  tally.groups.set(key, found);
  return found;
}

const compareMixed = byAll<MixedDifference>(
  (a, b) => (a.direction === b.direction ? 0 : a.direction === "opened" ? -1 : 1),
  (a, b) => b.flows - a.flows,
  (a, b) => rowOrder.indexOf(a.row) - rowOrder.indexOf(b.row),
  byText((difference) => difference.place ?? ""),
  byText((difference) => difference.half),
  byText((difference) => difference.before.decidedBy),
  byText((difference) => difference.after.decidedBy),
);

function proofOf(input: MixedPhaseInput, sides: MixedSides, tally: Tally): MixedProof {
  const differences = [...tally.groups.values()]
    .flatMap(({ leg, before, during, groups }) =>
      differencesOf(groups.values(), before, during, input.world).map(
        (difference): MixedDifference => ({
          ...difference,
          row: leg.row,
          ...(leg.place !== undefined && { place: leg.place }),
        }),
      ),
    )
    .sort(compareMixed);
  const rows = rowOrder.map((row) => ({
    row,
    flows: tally.rows.get(row)?.flows ?? 0,
    differences: differences.filter((difference) => difference.row === row).length,
  }));
  return {
    equal: differences.length === 0 && !tally.isTruncated,
    flows: rows.reduce((sum, { flows }) => sum + flows, 0),
    rows,
    differences,
    isPolicyEnforcedBefore: sides.source.engine !== "none",
    classes: tally.classes,
    waves: differences.length === 0 ? [] : wavesOf(input, tally),
    ...(tally.isTruncated && { isTruncated: true }),
  };
}

function wavesOf(input: MixedPhaseInput, tally: Tally): WaveExposure[] {
  const moved = new Set<string>();
  const pods = input.world.pods.length;
  return (input.waves ?? []).map(({ id, nodes }, wave) => {
    for (const node of nodes) moved.add(node);
    const young = input.world.pods.filter(({ node }) => node !== undefined && moved.has(node)).length;
    return {
      wave: id,
      pods: { old: pods - young, new: young },
      rows: rowOrder.flatMap((row) => {
        const counts = tally.waves[wave]?.get(row);
        return counts === undefined ? [] : [{ row, ...counts }];
      }),
    };
  });
}
