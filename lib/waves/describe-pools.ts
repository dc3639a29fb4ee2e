import { compareText, sortedUnique } from "../core/order.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { ClusterPool } from "../plan/cluster-pool.ts";
import { type BudgetsOfPods, mapBudgets } from "./budgets-of-pods.ts";
import { movedPods, type NodeView, viewCluster } from "./cluster-view.ts";
import { hasLocalStorage } from "./describe-wave.ts";
import { viewBudgets } from "./disruption-budget.ts";
import { isSpecial } from "./group-nodes.ts";
import { readLocalClaims } from "./node-filter.ts";
import type { NodeTrait } from "./node-traits.ts";
import { nameSome } from "./wave-finding.ts";

/** Most nodes that a proposed wave holds: a roll of fifty takes an hour or two, and its marker stays readable. */
const largestWave = 50;

/**
 * The pools of the nodes and how each could migrate, for `init`: sorted by name, the workers' pool with most plain nodes
 * marked as ordinary, the control plane as one. Sizes follow a tenth of the cluster and an eighth of the pool; pools with ingress, storage, devices or taints go
 * one by one. Nodes that cannot be drained today (bare pods, budgets that allow nothing, pods under two budgets, data on the
 * node) are named for `recycle`, the whole pool where they are half of it or more.
 */
export function describePools(inventory: Inventory): readonly ClusterPool[] {
  const cluster = viewCluster(inventory);
  const budgetsOf = mapBudgets(viewBudgets(inventory, cluster));
  const localClaims = readLocalClaims(inventory);
  const workers = byPool(cluster.nodes.filter((view) => !view.node.isControlPlane));
  const control = byPool(cluster.nodes.filter((view) => view.node.isControlPlane));
  const ordinary = mostOrdinary(workers);
  const obstacles = (view: NodeView): readonly string[] => obstaclesOf(view, budgetsOf, localClaims);
  return [
    ...workers.map(([name, nodes]) => ({
      ...describePool(nodes, cluster.nodes.length, obstacles, 0.5),
      name,
      isControlPlane: false,
      isOrdinary: name === ordinary,
    })),
    ...control.map(([name, nodes]) => ({
      ...describePool(nodes, cluster.nodes.length, obstacles, 0),
      name,
      size: 1,
      sizeWhy: "control plane, one by one",
      isControlPlane: true,
      isOrdinary: false,
    })),
  ];
}

function byPool(nodes: readonly NodeView[]): readonly (readonly [string, readonly NodeView[]])[] {
  const pools = new Map<string, NodeView[]>();
  for (const view of nodes) pools.set(view.pool, [...(pools.get(view.pool) ?? []), view]);
  return [...pools].sort(([a], [b]) => compareText(a, b));
}

function mostOrdinary(pools: readonly (readonly [string, readonly NodeView[]])[]): string | undefined {
  const plain = pools.filter(([, nodes]) => !isSpecial(nodes));
  const candidates = plain.length > 0 ? plain : pools;
  return [...candidates].sort(([, a], [, b]) => b.length - a.length)[0]?.[0];
}

const shownTraits: readonly NodeTrait[] = ["ingress", "storage", "gpu", "tainted", "spot"];

function describePool(
  nodes: readonly NodeView[],
  clusterSize: number,
  obstacles: (view: NodeView) => readonly string[],
  wholeFrom: number,
): Omit<ClusterPool, "name" | "isControlPlane" | "isOrdinary"> {
  const blocked = nodes.flatMap((view) => {
    const why = obstacles(view);
    return why.length === 0 ? [] : [{ name: view.node.name, why }];
  });
  const why = nameSome(sortedUnique(blocked.flatMap((entry) => entry.why)), 3);
  const isWhole = blocked.length > 0 && blocked.length >= wholeFrom * nodes.length;
  return {
    nodes: nodes.length,
    zones: new Set(nodes.flatMap((view) => view.zone ?? [])).size,
    traits: shownTraits.filter((trait) => nodes.some((view) => view.traits.includes(trait))),
    ...sizeOf(nodes, clusterSize),
    ...(isWhole && {
      mode: {
        name: "recycle" as const,
        why: `${blocked.length} of its ${nodes.length} nodes cannot be drained: ${why}`,
      },
    }),
    recycle: isWhole ? { names: [], why: "" } : { names: blocked.map((entry) => entry.name), why },
  };
}

function sizeOf(nodes: readonly NodeView[], clusterSize: number): { readonly size: number; readonly sizeWhy: string } {
  if (isSpecial(nodes)) return { size: 1, sizeWhy: "one by one, because of what they carry" };
  const size = Math.max(1, Math.min(largestWave, Math.floor(clusterSize / 10), Math.ceil(nodes.length / 8)));
  return { size, sizeWhy: "at most a tenth of the cluster and an eighth of the pool at once" };
}

/** Why a node cannot be drained as the cluster stands, in words; empty when it can. */
function obstaclesOf(view: NodeView, budgetsOf: BudgetsOfPods, localClaims: ReadonlySet<string>): readonly string[] {
  return movedPods(view, "evict").flatMap((pod) => {
    const name = `${pod.pod.namespace}/${pod.pod.name}`;
    const budgets = budgetsOf(pod);
    return [
      ...(pod.pod.owner === undefined ? [`the bare pod ${name}`] : []),
      ...(budgets.length > 1 ? [`several budgets on ${pod.workload ?? name}`] : []),
      ...budgets.flatMap((budget) =>
        budget.allowed === 0 ? [`the budget ${budget.name}, which allows no disruption`] : [],
      ),
      ...(hasLocalStorage(pod, localClaims) ? [`data on the node of ${pod.workload ?? name}`] : []),
    ];
  });
}
