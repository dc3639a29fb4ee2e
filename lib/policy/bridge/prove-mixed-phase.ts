import { byAll, byText } from "../../core/order.ts";
import { labelledAddresses, vocabularyOf } from "../prove/compile-side.ts";
import { addToGroups, type DifferenceGroups, differencesOf } from "../prove/difference-groups.ts";
import { comparedHeaders } from "../prove/divergences.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { PeerBlock, SubjectLeaf } from "../space/packet-space.ts";
import type { World } from "../space/world.ts";
import { createComparer } from "./compare-deciders.ts";
import { type Bucket, compareLeg } from "./compare-leg.ts";
import { type MixedEnds, mixedEnds } from "./mixed-ends.ts";
import { type Leg, type MixedSides, mixedLegs, type Party } from "./mixed-legs.ts";
import type { MixedDifference, MixedProof, MixedRow, WaveExposure } from "./mixed-proof.ts";
import { countPodsPerWave, type NodesOfWave } from "./wave-pods.ts";

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
  for (const leg of legs) {
    const { pairs, buckets } = compareLeg(leg, ends, comparer, pods);
    const row = tally.rows.get(leg.row) ?? { flows: 0 };
    tally.rows.set(leg.row, row);
    row.flows += pairs * comparer.variants;
    for (const bucket of buckets) keepBucket(leg, bucket, ends, tally);
  }
}

function keepBucket(leg: Leg, bucket: Bucket, ends: MixedEnds, tally: Tally): void {
  const source = shownEnd(bucket.source, ends);
  const destination = shownEnd(bucket.destination, ends);
  const leaves = { egress: leafOf(source, bucket.flows), ingress: leafOf(destination, bucket.flows) };
  const blocks = { egress: blockOf(destination), ingress: blockOf(source) };
  for (const cell of bucket.cells) {
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
