import { compareText } from "../core/order.ts";
import type { Inventory, Node } from "../inventory/inventory.ts";
import type { RollMode } from "../plan/plan.ts";
import { type ClusterView, movedPods, type NodeView, type PodView } from "./cluster-view.ts";
import { countHostPorts } from "./host-ports.ts";
import { buildNodeFilter, readNamespaceLabels } from "./node-filter.ts";
import { buildNodeRoom } from "./node-room.ts";
import { indexPods } from "./pod-index.ts";
import { countTopology } from "./topology-counts.ts";

/** A pod that the rest of the cluster does not take while its node is away. */
export interface Displaced {
  readonly view: PodView;
  /** `bound`: no other node may run it, whatever is free; `short`: others may, but nothing has room. */
  readonly why: "bound" | "short";
  /** For `short`: the resource that no admitted node has enough of, `several` for their combination, `nodes` when all of these leave too. */
  readonly resource?: string;
}

/** Asks whether the pods of some nodes find room on all others. */
export interface CapacityTest {
  /** Whether every pod that may run elsewhere finds room there; stops at the first that does not. */
  readonly fits: (nodes: readonly NodeView[], mode: RollMode) => boolean;
  /** Every pod that stays without a place. Empty when all find one. */
  readonly findDisplaced: (nodes: readonly NodeView[], mode: RollMode) => readonly Displaced[];
}

/**
 * The capacity test: all pods of a wave's nodes leave at once and are placed, the largest first, on the first other node that
 * takes them: cpu, memory, ephemeral storage, number of pods and extended resources by requests, node selector and required
 * node affinity, taints, host ports, required pod affinity and anti-affinity of both sides, topology spread with
 * DoNotSchedule, and the nodes that bound volumes allow. Cordoned and unready nodes take nothing. In mode `recycle` pods
 * stay where they are, so everything fits.
 *
 * Real waves roll one node after the other, so this asks for more than is needed, never for less.
 * Cost: building is one pass over pods; a question costs pods × nodes tried.
 * Source: first-fit decreasing; kube-scheduler v1.36 filter plugins.
 */
export function buildCapacityTest(inventory: Inventory, cluster: ClusterView): CapacityTest {
  const nodes = cluster.nodes.map((view) => view.node);
  const positions = new Map(nodes.map((node, at) => [node.name, at]));
  const filter = buildNodeFilter(inventory, nodes);
  const topology = countTopology(cluster.pods, nodes, filter, indexPods(cluster.pods), readNamespaceLabels(inventory));
  const room = buildNodeRoom(cluster);
  const ports = countHostPorts(cluster.pods, nodes.length);
  const ranks = rankBySize(cluster.pods, room.shareOf);
  const bins = nodes.flatMap((node, at) => (node.isReady && !node.isUnschedulable && isLinux(node) ? [at] : []));
  const demands = new Int32Array(cluster.pods.length).fill(-1);
  const demandOf = (view: PodView): number => {
    const known = demands[view.at] ?? -1;
    if (known >= 0) return known;
    const demand = filter.demandOf(view.pod);
    demands[view.at] = demand;
    return demand;
  };

  /** Whether everything but room lets a pod run on a node; `away` marks the nodes that are taken away. */
  const isAdmitted = (view: PodView, node: number, away: Uint8Array): boolean => {
    const demand = demandOf(view);
    return (
      filter.admits(demand, node) &&
      (!ports.isConcerned(view) || ports.admits(view, node)) &&
      (!topology.isConcerned(view) || topology.admits(view, node, demand, away))
    );
  };
  const findBin = (view: PodView, away: Uint8Array): number => {
    for (const bin of bins) if (away[bin] === 0 && room.fits(view, bin) && isAdmitted(view, bin, away)) return bin;
    return -1;
  };
  const explain = (view: PodView, away: Uint8Array): Displaced => {
    const onlyOwn = new Uint8Array(nodes.length);
    onlyOwn[view.nodeAt] = 1;
    const others = bins.filter((bin) => bin !== view.nodeAt && isAdmitted(view, bin, onlyOwn));
    if (others.length === 0) return { view, why: "bound" };
    const staying = others.filter((bin) => away[bin] === 0);
    const resource = staying.length === 0 ? "nodes" : room.shortest(view, staying);
    return { view, why: "short", resource };
  };
  const settle = (view: PodView, node: number, by: 1 | -1): void => {
    room.take(view, node, by);
    ports.take(view, node, by);
    topology.move(view, node, by);
  };

  /** Puts pods on other nodes one by one; stops at the first that finds no room if told so. */
  const placeAll = (leaving: readonly PodView[], away: Uint8Array, stopsEarly: boolean) => {
    const placed: (readonly [PodView, number])[] = [];
    const displaced: Displaced[] = [];
    for (const view of leaving) {
      const bin = findBin(view, away);
      if (bin >= 0) {
        settle(view, bin, 1);
        placed.push([view, bin]);
        continue;
      }
      const reason = explain(view, away);
      displaced.push(reason);
      if (reason.why === "short" && stopsEarly) break;
    }
    return { placed, displaced };
  };
  const place = (taken: readonly NodeView[], mode: RollMode, stopsEarly: boolean): readonly Displaced[] => {
    if (mode === "recycle") return [];
    const away = new Uint8Array(nodes.length);
    // A node without pods is away too: its room must not be counted.
    for (const view of taken) away[positions.get(view.node.name) ?? 0] = 1;
    const leaving = taken.flatMap((view) => movedPods(view, mode));
    leaving.sort((a, b) => (ranks[a.at] ?? 0) - (ranks[b.at] ?? 0));
    for (const view of leaving) topology.move(view, view.nodeAt, -1);
    const { placed, displaced } = placeAll(leaving, away, stopsEarly);
    for (const [view, bin] of placed) settle(view, bin, -1);
    for (const view of leaving) topology.move(view, view.nodeAt, 1);
    return displaced;
  };

  // Most batches that were asked about become waves, and are asked about again when those are checked.
  const answers = new Map<string, readonly Displaced[]>();
  return {
    fits: (taken, mode) => {
      const displaced = place(taken, mode, true);
      const isFit = displaced.every((entry) => entry.why === "bound");
      if (isFit) answers.set(keyOf(taken, mode), displaced);
      return isFit;
    },
    findDisplaced: (taken, mode) => answers.get(keyOf(taken, mode)) ?? place(taken, mode, false),
  };
}

/** Equal for the same nodes in any order; the answer depends on nothing else, because placing puts everything back. */
function keyOf(taken: readonly NodeView[], mode: RollMode): string {
  const names = taken.map((view) => view.node.name).sort(compareText);
  return `${mode} ${names.join(" ")}`;
}

function isLinux(node: Node): boolean {
  return node.nodeInfo.operatingSystem === undefined || node.nodeInfo.operatingSystem === "linux";
}

/** Rank of every pod by its position, the one with the largest share of any resource first, equal ones by namespace and name. */
function rankBySize(pods: readonly PodView[], shareOf: (view: PodView) => number): Int32Array {
  const shares = Float64Array.from(pods, shareOf);
  const order = pods.map((view) => view.at).sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0) || a - b);
  const ranks = new Int32Array(pods.length);
  for (const [rank, at] of order.entries()) ranks[at] = rank;
  return ranks;
}
