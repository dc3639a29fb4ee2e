import { byAll, byText } from "../../core/order.ts";
import { type L4Set, pointOf, printL4, uniteL4 } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { World } from "../space/world.ts";
import type { DifferenceCell } from "./compare.ts";
import { divergenceOf } from "./divergences.ts";
import { hazardOf } from "./hazards.ts";
import type { PolicySide } from "./policy-side.ts";
import { causeKey, decisionOf, flowEndOf, peerEndOf, witnessOf } from "./printing.ts";
import type { ProofDifference } from "./proof.ts";

/** Differences with one pair of causes: the first cell seen, a cell to show, and how many flows there are. */
export interface DifferenceGroup {
  readonly key: string;
  readonly divergence: string | undefined;
  shown: DifferenceCell;
  point: number;
  packets: L4Set;
  flows: number;
}

/** Groups in the order in which their first cell was seen. */
export type DifferenceGroups = Map<string, DifferenceGroup>;

/** Adds one cell to its group. */
export function addToGroups(groups: DifferenceGroups, cell: DifferenceCell): void {
  const divergence = divergenceOf(cell);
  const direction = cell.after.isAllowed ? "opened" : "closed";
  const key = [cell.half, direction, causeKey(cell.before.cause), causeKey(cell.after.cause), divergence ?? ""].join(
    "|",
  );
  const flows = cell.subject.weight * cell.peer.weight;
  const point = familiarPoint(cell);
  const known = groups.get(key);
  if (known === undefined) {
    groups.set(key, { key, divergence, shown: cell, point, packets: [cell.from, cell.to], flows });
    return;
  }
  known.flows += flows;
  const isSamePair =
    known.shown.subject === cell.subject && known.shown.peer === cell.peer && known.shown.variant === cell.variant;
  if (rank(point) < rank(known.point)) {
    known.packets = isSamePair ? known.packets : [];
    known.shown = cell;
    known.point = point;
  } else if (!isSamePair) return;
  known.packets = uniteL4(known.packets, [cell.from, cell.to]);
}

/** Packets that people know, best first. */
const familiar: readonly number[] = [
  pointOf({ protocol: 6, port: 80 }),
  pointOf({ protocol: 6, port: 443 }),
  pointOf({ protocol: 6, port: 22 }),
  pointOf({ protocol: 17, port: 53 }),
  pointOf({ protocol: 1, icmpType: 8 }),
  pointOf({ protocol: 58, icmpType: 128 }),
  pointOf({ protocol: 132, port: 80 }),
];

function familiarPoint({ from, to }: DifferenceCell): number {
  return familiar.find((point) => from <= point && point < to) ?? from;
}

function rank(point: number): number {
  const place = familiar.indexOf(point);
  return place < 0 ? familiar.length : place;
}

/**
 * Folds a group that alone would be a declared divergence into the group of the same causes that is none: a rule that
 * opens everything does not open nodes by intent.
 */
export function foldDivergences(groups: DifferenceGroups): DifferenceGroup[] {
  return [...groups.values()].filter((group) => {
    if (group.divergence === undefined) return true;
    const plain = groups.get(group.key.slice(0, -group.divergence.length));
    if (plain === undefined) return true;
    plain.flows += group.flows;
    return false;
  });
}

/** Groups as differences: opened before closed, then the most flows, then by their causes. */
export function differencesOf(
  groups: Iterable<DifferenceGroup>,
  before: PolicySide,
  after: PolicySide,
  world: World,
): ProofDifference[] {
  return [...groups].map((group) => differenceOf(group, before, after, world)).sort(compareDifferences);
}

const compareDifferences = byAll<ProofDifference>(
  (a, b) => (a.direction === b.direction ? 0 : a.direction === "opened" ? -1 : 1),
  (a, b) => b.flows - a.flows,
  byText((difference) => difference.half),
  byText((difference) => difference.before.decidedBy),
  byText((difference) => difference.after.decidedBy),
);

/** A pod that does not exist may come to a namespace that does. */
function seenIn(ends: readonly PacketEnd[], world: World): "W0" | "W1" | "W2" {
  const imagined = ends.flatMap(({ hypothetical }) => hypothetical ?? []);
  if (imagined.length === 0) return "W0";
  return imagined.every(({ labels }) => world.namespaces.has(labels["meta:namespace"] ?? "")) ? "W1" : "W2";
}

function differenceOf(group: DifferenceGroup, before: PolicySide, after: PolicySide, world: World): ProofDifference {
  const { shown } = group;
  const subject = shown.subject.sample;
  const witness = witnessOf(shown.half, flowEndOf(subject), peerEndOf(subject, shown.peer.sample, shown.peer.other), {
    point: group.point,
    variant: shown.variant,
    family: shown.family,
  });
  const hazard = hazardOf(shown, before, after);
  return {
    direction: shown.after.isAllowed ? "opened" : "closed",
    half: shown.half,
    witness,
    before: decisionOf(shown.before, before, subject),
    after: decisionOf(shown.after, after, subject),
    flows: group.flows,
    packets: printL4(group.packets),
    seenIn: seenIn([subject, shown.peer.sample], world),
    ...(group.divergence !== undefined && { divergence: group.divergence }),
    ...(hazard !== undefined && { hazard }),
  };
}
