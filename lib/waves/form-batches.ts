import type { CapacityTest } from "./capacity.ts";
import type { NodeView } from "./cluster-view.ts";
import { compareNames, cutBlocks } from "./cut-blocks.ts";
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
  /** Nodes that stand in the canary or in opened waves; they leave no gap among numbered names. */
  readonly taken: readonly NodeView[];
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
  for (const factor of [1, 2, 4, 8]) {
    const formed = formParts(parts, group, held, rules, factor);
    if (formed.batches.length <= mostWaves(fewest)) return formed;
  }
  return formParts(parts, group, held, rules, Number.POSITIVE_INFINITY);
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

function formParts(
  parts: readonly (readonly NodeView[])[],
  group: NodeGroup,
  held: readonly HeldBatch[],
  rules: FormingRules,
  budgetFactor: number,
): FormedGroup {
  const formed = parts.map((part) => formPart(part, group, held, rules, budgetFactor));
  return {
    batches: interleave(formed.map((part) => part.batches)),
    moved: formed.flatMap((part) => part.moved),
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

function formPart(
  part: readonly NodeView[],
  group: NodeGroup,
  held: readonly HeldBatch[],
  rules: FormingRules,
  budgetFactor: number,
): FormedGroup {
  const nodesByHostname = new Map(part.map((view) => [view.node.hostname ?? "", view]));
  const kept = keepHeld(nodesByHostname, group, held, rules);
  const isFresh = kept.batches.length === 0;
  const rest = part.filter((view) => !kept.placed.has(view));
  const fresh = isFresh ? fillBlocks(rest, group, rules, budgetFactor) : { batches: [], left: rest };
  const open: OpenBatch[] = [...kept.batches, ...fresh.batches];
  const left = [...fresh.left].sort((a, b) => compareNames(a.node.name, b.node.name));
  let place = Math.max(-1, ...open.flatMap((batch) => (batch.id === undefined ? [batch.place] : []))) + 1;
  // A node that joins rendered waves gets as much time as there is; overflow leaves room at the end for nodes to come.
  const canTake = isFresh ? [...fresh.batches] : [...kept.batches].reverse();
  for (const view of left) {
    const target = canTake.find(({ batch }) => canJoin(batch, view, group, rules, budgetFactor));
    if (target !== undefined) {
      rules.limits.add(target.batch, view);
      continue;
    }
    const batch = rules.limits.start();
    rules.limits.add(batch, view);
    const added = { place, batch };
    place += 1;
    open.push(added);
    canTake.push(added);
  }
  return {
    batches: open.flatMap(({ batch, ...rest }) => (batch.nodes.length > 0 ? [{ ...rest, nodes: batch.nodes }] : [])),
    moved: kept.moved,
  };
}

function canJoin(batch: Batch, view: NodeView, group: NodeGroup, rules: FormingRules, budgetFactor: number): boolean {
  return (
    batch.nodes.length < rules.size &&
    rules.limits.fits(batch, view, budgetFactor) &&
    rules.capacity.fits([...batch.nodes, view], group.mode)
  );
}

/** Rendered batches with the nodes that still belong to them and break no rule; budgets may be stretched, they go in rounds. */
function keepHeld(
  nodesByHostname: ReadonlyMap<string, NodeView>,
  group: NodeGroup,
  held: readonly HeldBatch[],
  rules: FormingRules,
): {
  readonly batches: readonly OpenBatch[];
  readonly placed: ReadonlySet<NodeView>;
  readonly moved: FormedGroup["moved"];
} {
  const placed = new Set<NodeView>();
  const batches: OpenBatch[] = [];
  const moved: { view: NodeView; from: string }[] = [];
  for (const { id, hostnames } of held) {
    const batch = rules.limits.start();
    const members = hostnames.flatMap((hostname) => nodesByHostname.get(hostname) ?? []);
    const allowed = members.filter((view) => {
      const stays = batch.nodes.length < rules.size && rules.limits.fits(batch, view, Number.POSITIVE_INFINITY);
      if (stays) rules.limits.add(batch, view);
      return stays;
    });
    const room = countWithRoom(allowed, group, rules);
    const trimmed = rules.limits.start();
    for (const view of allowed.slice(0, room)) {
      rules.limits.add(trimmed, view);
      placed.add(view);
    }
    for (const view of members) if (!placed.has(view)) moved.push({ view, from: id });
    if (trimmed.nodes.length > 0) batches.push({ id, place: 0, batch: trimmed });
  }
  return { batches, placed, moved };
}

/** New batches along the blocks of names; `left` are nodes that would have broken a rule in theirs. */
function fillBlocks(
  nodes: readonly NodeView[],
  group: NodeGroup,
  rules: FormingRules,
  budgetFactor: number,
): { readonly batches: readonly OpenBatch[]; readonly left: readonly NodeView[] } {
  const nodesByName = new Map(nodes.map((view) => [view.node.name, view]));
  const blocks = cutBlocks(
    [...nodesByName.keys()],
    rules.size,
    rules.taken.map((view) => view.node.name),
  );
  const left: NodeView[] = [];
  const batches: OpenBatch[] = [];
  for (const { place, names } of blocks) {
    const probe = rules.limits.start();
    const allowed = names
      .flatMap((name) => nodesByName.get(name) ?? [])
      .filter((view) => {
        const joins = rules.limits.fits(probe, view, budgetFactor);
        if (joins) rules.limits.add(probe, view);
        else left.push(view);
        return joins;
      });
    const room = countWithRoom(allowed, group, rules);
    const batch = rules.limits.start();
    for (const view of allowed.slice(0, room)) rules.limits.add(batch, view);
    left.push(...allowed.slice(room));
    batches.push({ place, batch });
  }
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
