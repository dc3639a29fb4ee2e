import type { ClusterView, NodeView } from "./cluster-view.ts";
import type { BudgetView } from "./disruption-budget.ts";

/** How much of each set of pods and nodes one wave may hold, ready for fast questions. */
export interface WaveLimits {
  /** An empty batch to fill. */
  readonly start: () => Batch;
  /**
   * Whether a node may join a batch: never all replicas of a workload, all DNS or ingress pods, all workers of a zone, and no
   * more pods of a budget than it allows at once, times `budgetFactor` (1 strict, `Infinity` when rounds are accepted).
   */
  readonly fits: (batch: Batch, node: NodeView, budgetFactor: number) => boolean;
  readonly add: (batch: Batch, node: NodeView) => void;
}

/** Nodes that would move together, with what they hold of each set. */
export interface Batch {
  readonly nodes: NodeView[];
  readonly held: Map<number, number>;
}

interface Limit {
  readonly most: number;
  readonly isBudget: boolean;
}

interface Share {
  readonly set: number;
  readonly pods: number;
}

/**
 * The limits of a cluster. A set that stands whole on one node limits nothing, because no wave could avoid it; that is
 * reported when the wave is made.
 * Cost: O(pods) once; a question costs O(sets on the node).
 */
export function buildWaveLimits(
  cluster: ClusterView,
  workers: readonly NodeView[],
  budgets: readonly BudgetView[],
): WaveLimits {
  const limits: Limit[] = [];
  const sharesByNode = new Map<string, Share[]>();
  const addSet = (counts: ReadonlyMap<string, number>, most: number, isBudget: boolean): void => {
    const set = limits.push({ most, isBudget }) - 1;
    for (const [node, pods] of counts) {
      const shares = sharesByNode.get(node);
      if (shares === undefined) sharesByNode.set(node, [{ set, pods }]);
      else shares.push({ set, pods });
    }
  };
  for (const { replicas, countByNode } of cluster.replicaSets.values())
    if (countByNode.size > 1) addSet(countByNode, replicas - 1, false);
  for (const counts of countWorkersByZone(workers)) if (counts.size > 1) addSet(counts, counts.size - 1, false);
  for (const budget of budgets) {
    const counts = new Map<string, number>();
    for (const view of budget.pods) {
      const node = cluster.nodes[view.nodeAt]?.node.name;
      if (view.role === "movable" && node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    if (counts.size > 1) addSet(counts, Math.max(1, budget.allowed), true);
  }
  return {
    start: () => ({ nodes: [], held: new Map() }),
    fits: (batch, { node }, budgetFactor) =>
      // A node alone is as small as a wave gets, whatever it holds.
      batch.nodes.length === 0 ||
      (sharesByNode.get(node.name) ?? []).every(({ set, pods }) => {
        const limit = limits[set];
        if (limit === undefined) return true;
        return (batch.held.get(set) ?? 0) + pods <= limit.most * (limit.isBudget ? budgetFactor : 1);
      }),
    add: (batch, view) => {
      batch.nodes.push(view);
      for (const { set, pods } of sharesByNode.get(view.node.name) ?? [])
        batch.held.set(set, (batch.held.get(set) ?? 0) + pods);
    },
  };
}

/** Workers of each zone as a set of one each; nothing where the cluster has a single zone. */
function countWorkersByZone(workers: readonly NodeView[]): readonly ReadonlyMap<string, number>[] {
  const zones = new Map<string, Map<string, number>>();
  for (const { node, zone } of workers) {
    if (zone === undefined) continue;
    const members = zones.get(zone) ?? new Map<string, number>();
    members.set(node.name, 1);
    zones.set(zone, members);
  }
  return zones.size > 1 ? [...zones.values()] : [];
}
