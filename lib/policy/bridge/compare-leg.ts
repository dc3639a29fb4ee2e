import type { CellOfPair, Comparer } from "./compare-deciders.ts";
import { type DeciderRow, deciderAt, openRow } from "./half-table.ts";
import type { MixedEnds } from "./mixed-ends.ts";
import type { HalfView, Leg, Party } from "./mixed-legs.ts";
import type { WavePods } from "./wave-pods.ts";

/** All pairs of one leg whose packets differ alike, with the first of them. */
export interface Bucket {
  readonly cells: readonly CellOfPair[];
  readonly source: Party;
  readonly destination: Party;
  readonly flows: number;
  /** Pairs of pods by wave. */
  readonly waves: Float64Array;
}

/** What a leg showed. */
export interface ComparedLeg {
  /** Pairs of pods that were compared. */
  readonly pairs: number;
  /** In the order in which a walk over all sources, and for each over all destinations, meets their first pairs. */
  readonly buckets: readonly Bucket[];
}

/** Sources at once: their rows stay near the processor while each destination's row is read once. */
const sourcesAtOnce = 64;

/** Compares all pairs of one leg. Four million pairs take about half a second where few differ. */
export function compareLeg(leg: Leg, ends: MixedEnds, comparer: Comparer, pods: WavePods): ComparedLeg {
  const sources = partiesOf(leg.from, ends);
  const destinations = partiesOf(leg.to, ends);
  const sourceWeights = sources.map((party) => weightOf(party, ends));
  const destinationWeights = destinations.map((party) => weightOf(party, ends));
  const isAmongPods = leg.from === "pods" && leg.to === "pods";
  const egressBefore = readyHalf(leg.before.egress, sources, destinations);
  const ingressBefore = readyHalf(leg.before.ingress, destinations, sources);
  const egressDuring = readyHalf(leg.during.egress, sources, destinations);
  const ingressDuring = readyHalf(leg.during.ingress, destinations, sources);
  const met = createBuckets(leg, sources, destinations, pods);
  let pairs = 0;
  const comparePair = (at: number, to: number): void => {
    const weight = sourceWeights[at] ?? 0;
    // A pod's traffic to itself never leaves it.
    const flows = weight * (destinationWeights[to] ?? 0) - (isAmongPods && at === to ? weight : 0);
    if (flows === 0) return;
    pairs += flows;
    const cells = comparer.compare(
      deciderOf(egressBefore, at, to),
      deciderOf(ingressBefore, to, at),
      deciderOf(egressDuring, at, to),
      deciderOf(ingressDuring, to, at),
    );
    if (cells.length > 0) met.add(cells, at, to, flows);
  };
  for (let start = 0; start < sources.length; start += sourcesAtOnce)
    for (let to = 0; to < destinations.length; to += 1)
      for (let at = start; at < Math.min(start + sourcesAtOnce, sources.length); at += 1) comparePair(at, to);
  return { pairs, buckets: met.buckets() };
}

interface Buckets {
  readonly add: (cells: readonly CellOfPair[], at: number, to: number, flows: number) => void;
  readonly buckets: () => readonly Bucket[];
}

function createBuckets(leg: Leg, sources: readonly Party[], destinations: readonly Party[], pods: WavePods): Buckets {
  const found = new Map<readonly CellOfPair[], { at: number; to: number; flows: number; waves: Float64Array }>();
  const none: Party = {};
  return {
    add: (cells, at, to, flows) => {
      const bucket = found.get(cells) ?? { at, to, flows: 0, waves: new Float64Array(pods.waves) };
      found.set(cells, bucket);
      bucket.flows += flows;
      if (at < bucket.at || (at === bucket.at && to < bucket.to)) Object.assign(bucket, { at, to });
      if (leg.isRepeated !== true) pods.addPairs(bucket.waves, leg.row, sources[at]?.index, destinations[to]?.index);
    },
    buckets: () =>
      [...found]
        .sort(([, a], [, b]) => a.at - b.at || a.to - b.to)
        .map(([cells, { at, to, flows, waves }]) => ({
          cells,
          source: sources[at] ?? none,
          destination: destinations[to] ?? none,
          flows,
          waves,
        })),
  };
}

function partiesOf(kind: "pods" | "others", ends: MixedEnds): readonly Party[] {
  return kind === "pods"
    ? ends.classes.map((_, index) => ({ index }))
    : ends.others.map(({ place }) => ({ other: place }));
}

function weightOf(party: Party, ends: MixedEnds): number {
  return party.index === undefined
    ? (ends.ends[party.other ?? -1]?.weight ?? 0)
    : (ends.classes[party.index]?.pods.length ?? 0);
}

/** One half of a leg with its rows looked up. */
interface ReadyHalf {
  readonly rows: readonly DeciderRow[];
  /** The end that stands for each party at the other side. */
  readonly places: Int32Array;
}

function readyHalf(view: HalfView | undefined, owns: readonly Party[], others: readonly Party[]): ReadyHalf {
  if (view === undefined) {
    // No pod decides this half: one end stands for everybody, and nobody decides there.
    const open = openRow(1);
    return { rows: owns.map(() => open), places: new Int32Array(others.length) };
  }
  return {
    rows: owns.map((own) => view.table.row(view.subject(own))),
    places: Int32Array.from(others, (other) => view.peer(other)),
  };
}

function deciderOf({ rows, places }: ReadyHalf, own: number, other: number): number {
  const row = rows[own];
  return row === undefined ? 0 : deciderAt(row, places[other] ?? -1);
}
