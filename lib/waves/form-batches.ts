import type { CapacityTest } from "./capacity.ts";
import type { NodeView } from "./cluster-view.ts";
import { compareNames, cutBlocks, type Numbering } from "./cut-blocks.ts";
import type { NodeGroup } from "./group-nodes.ts";
import type { Batch, WaveLimits } from "./wave-limits.ts";

/** A batch of a group on its way to become a wave. */
export interface FormedBatch {
  /** Id it was rendered with before; absent for a new one. */
  readonly id?: string;
  /** Place among the new batches of the group. */
  readonly place: number;
  readonly nodes: readonly NodeView[];
}

/** A batch that was rendered before and is still held. */
export interface HeldBatch {
  readonly id: string;
  readonly hostnames: readonly string[];
}

/** What batches are made with. */
export interface FormingRules {
  /** Most nodes in a wave, budget included, at least 1. */
  readonly size: number;
  readonly acrossZones: boolean;
  readonly limits: WaveLimits;
  readonly capacity: CapacityTest;
  readonly numbering: Numbering;
}

/** The batches of a group and the nodes that had to leave the wave they were rendered in. */
export interface FormedGroup {
  readonly batches: readonly FormedBatch[];
  readonly moved: readonly { readonly view: NodeView; readonly from: string }[];
}

/** How far above the fewest possible waves strict budgets may lead: twice as many, or six more in a small group. */
function mostWaves(fewest: number): number {
  return Math.max(2 * fewest, fewest + 6);
}

/**
 * Forms the batches of a group: at most `size` nodes, of one zone unless the plan says otherwise, within the limits, with
 * room for their pods elsewhere.
 *
 * A batch holds no more pods of a disruption budget than it lets go at once, unless that would need more than twice the
 * waves; then budgets are widened, step by step, and their pods go in rounds.
 * Batches that were rendered before keep their nodes; a node that would break a rule there leaves, and new nodes join the
 * latest batch with room, or a new one.
 */
export function formBatches(group: NodeGroup, held: readonly HeldBatch[], rules: FormingRules): FormedGroup {
  // A wave of one node is in one zone anyway.
  const parts = partByZone(group.nodes, rules.acrossZones || rules.size === 1);
  const fewest = parts.reduce((sum, part) => sum + Math.ceil(part.length / rules.size), 0);
  const form = (budgetFactor: number): readonly OpenPart[] =>
    parts.map((part) => fillPart(part, group, held, rules, budgetFactor));
  for (const budgetFactor of [1, 2, 4, 8]) {
    const formed = form(budgetFactor);
    const waves = formed.reduce((sum, part) => sum + part.batches.length, 0);
    if (waves <= mostWaves(fewest)) return closeParts(formed, group, rules, budgetFactor);
  }
  return closeParts(form(Number.POSITIVE_INFINITY), group, rules, Number.POSITIVE_INFINITY);
}

function partByZone(nodes: readonly NodeView[], acrossZones: boolean): readonly (readonly NodeView[])[] {
  if (acrossZones) return nodes.length === 0 ? [] : [nodes];
  const parts = new Map<string, NodeView[]>();
  for (const view of nodes) {
    const part = parts.get(view.zone ?? "");
    if (part === undefined) parts.set(view.zone ?? "", [view]);
    else part.push(view);
  }
  return [...parts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, part]) => part);
}

/** Gives room to every batch, and the parts of a group their common order. */
function closeParts(
  parts: readonly OpenPart[],
  group: NodeGroup,
  rules: FormingRules,
  budgetFactor: number,
): FormedGroup {
  const roomy = parts.map((part) => makeRoom(part, group, rules, budgetFactor));
  return {
    batches: interleave(
      roomy.map((part) =>
        part.batches.flatMap(({ batch, ...rest }) => (batch.nodes.length > 0 ? [{ ...rest, nodes: batch.nodes }] : [])),
      ),
    ),
    moved: roomy.flatMap((part) => part.moved),
  };
}

/** Zones take turns, so that a wave which joins one zone changes the place of no other; wide gaps are closed. */
function interleave(parts: readonly (readonly FormedBatch[])[]): readonly FormedBatch[] {
  const batches = parts
    .flatMap((part, at) => part.map((batch) => ({ ...batch, place: batch.place * parts.length + at })))
    .sort((a, b) => a.place - b.place);
  const isSparse = (batches.at(-1)?.place ?? 0) > 2 * batches.length + 2;
  return isSparse ? batches.map((batch, place) => ({ ...batch, place })) : batches;
}

interface OpenBatch {
  readonly id?: string;
  readonly place: number;
  readonly batch: Batch;
}

interface OpenPart {
  readonly batches: readonly OpenBatch[];
  readonly moved: FormedGroup["moved"];
}

/** The batches of a part within the limits; whether there is room for new ones is asked later, because it costs more. */
function fillPart(
  part: readonly NodeView[],
  group: NodeGroup,
  held: readonly HeldBatch[],
  rules: FormingRules,
  budgetFactor: number,
): OpenPart {
  const nodesByHostname = new Map(part.map((view) => [view.node.hostname ?? "", view]));
  const kept = keepHeld(nodesByHostname, held, rules);
  const isFresh = kept.batches.length === 0;
  const rest = part.filter((view) => !kept.placed.has(view));
  const fresh = isFresh ? fillBlocks(rest, rules, budgetFactor) : { batches: [], left: [] };
  const isWithin = (batch: Batch, view: NodeView): boolean => rules.limits.fits(batch, view, budgetFactor);
  // Overflow of new blocks leaves room at the end for nodes to come. A node that joins rendered waves gets as much time as
  // there is, and must not push out one that was there.
  const added = isFresh
    ? placeRest(fresh.left, fresh.batches, fresh.batches, rules, isWithin)
    : placeRest(rest, [...kept.batches].reverse(), [], rules, (batch, view) => {
        return isWithin(batch, view) && rules.capacity.fits([...batch.nodes, view], group.mode);
      });
  return { batches: [...kept.batches, ...fresh.batches, ...added], moved: kept.moved };
}

/** Adds each node to the first batch that takes it, else to a new one; the new ones, placed after the others. */
function placeRest(
  nodes: readonly NodeView[],
  canTake: readonly OpenBatch[],
  before: readonly OpenBatch[],
  rules: FormingRules,
  takes: (batch: Batch, view: NodeView) => boolean,
): readonly OpenBatch[] {
  const added: OpenBatch[] = [];
  let place = before.reduce((last, entry) => Math.max(last, entry.place), -1);
  for (const view of [...nodes].sort((a, b) => compareNames(a.node.name, b.node.name))) {
    const joins = ({ batch }: OpenBatch): boolean => batch.nodes.length < rules.size && takes(batch, view);
    const target = canTake.find(joins) ?? added.find(joins);
    if (target !== undefined) {
      rules.limits.add(target.batch, view);
      continue;
    }
    const batch = rules.limits.start();
    rules.limits.add(batch, view);
    place += 1;
    added.push({ place, batch });
  }
  return added;
}

/** Takes nodes out of batches whose pods find no room on the rest of the cluster, and puts them where they do. */
function makeRoom(part: OpenPart, group: NodeGroup, rules: FormingRules, budgetFactor: number): OpenPart {
  const left: NodeView[] = [];
  const moved = [...part.moved];
  const batches = part.batches.map((entry) => {
    const { nodes } = entry.batch;
    const room = countWithRoom(nodes, group, rules);
    if (room === nodes.length) return entry;
    const batch = rules.limits.start();
    for (const view of nodes.slice(0, room)) rules.limits.add(batch, view);
    left.push(...nodes.slice(room));
    if (entry.id !== undefined) for (const view of nodes.slice(room)) moved.push({ view, from: entry.id });
    return { ...entry, batch };
  });
  const added = placeRest(
    left,
    batches,
    batches.filter((entry) => entry.id === undefined),
    rules,
    (batch, view) =>
      rules.limits.fits(batch, view, budgetFactor) && rules.capacity.fits([...batch.nodes, view], group.mode),
  );
  return { batches: [...batches, ...added], moved };
}

/** Rendered batches with the nodes that still belong to them and break no limit; budgets may be stretched, they go in rounds. */
function keepHeld(
  nodesByHostname: ReadonlyMap<string, NodeView>,
  held: readonly HeldBatch[],
  rules: FormingRules,
): OpenPart & { readonly placed: ReadonlySet<NodeView> } {
  const placed = new Set<NodeView>();
  const batches: OpenBatch[] = [];
  const moved: { view: NodeView; from: string }[] = [];
  for (const { id, hostnames } of held) {
    const batch = rules.limits.start();
    for (const view of hostnames.flatMap((hostname) => nodesByHostname.get(hostname) ?? [])) {
      const stays = batch.nodes.length < rules.size && rules.limits.fits(batch, view, Number.POSITIVE_INFINITY);
      if (!stays) {
        moved.push({ view, from: id });
        continue;
      }
      rules.limits.add(batch, view);
      placed.add(view);
    }
    if (batch.nodes.length > 0) batches.push({ id, place: 0, batch });
  }
  return { batches, placed, moved };
}

/** New batches along the blocks of names; `left` are nodes that would have broken a limit in theirs. */
function fillBlocks(
  nodes: readonly NodeView[],
  rules: FormingRules,
  budgetFactor: number,
): { readonly batches: readonly OpenBatch[]; readonly left: readonly NodeView[] } {
  const nodesByName = new Map(nodes.map((view) => [view.node.name, view]));
  const left: NodeView[] = [];
  // Zones do not part waves of one node, so nodes of one family lie in one part.
  const numbering = rules.size === 1 ? { ...rules.numbering, strideOf: () => 1 } : rules.numbering;
  const batches = cutBlocks([...nodesByName.keys()], rules.size, numbering).map(({ place, names }) => {
    const batch = rules.limits.start();
    for (const view of names.flatMap((name) => nodesByName.get(name) ?? []))
      if (rules.limits.fits(batch, view, budgetFactor)) rules.limits.add(batch, view);
      else left.push(view);
    return { place, batch };
  });
  return { batches, left };
}

/** How many of the nodes, from the first, the rest of the cluster can take the pods of; at least 1. */
function countWithRoom(nodes: readonly NodeView[], group: NodeGroup, rules: FormingRules): number {
  if (nodes.length <= 1 || rules.capacity.fits(nodes, group.mode)) return nodes.length;
  let fitting = 1;
  let failing = nodes.length;
  while (failing - fitting > 1) {
    const middle = Math.floor((fitting + failing) / 2);
    if (rules.capacity.fits(nodes.slice(0, middle), group.mode)) fitting = middle;
    else failing = middle;
  }
  return fitting;
}
