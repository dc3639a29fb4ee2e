import type { ClusterView, PodView } from "./cluster-view.ts";

/** Free resources of every node, by requests. */
export interface NodeRoom {
  readonly fits: (view: PodView, node: number) => boolean;
  readonly take: (view: PodView, node: number, by: 1 | -1) => void;
  /** The resource that none of the nodes has enough of; `several` when each alone would do somewhere. */
  readonly shortest: (view: PodView, nodes: readonly number[]) => string;
  /** The largest part of any resource of the whole cluster that a pod asks for. */
  readonly shareOf: (view: PodView) => number;
}

/** Resources that every node has, whether it reports them or not. */
const common: readonly string[] = ["pods", "cpu", "memory", "ephemeral-storage"];

/**
 * Room of the nodes: what is allocatable less the requests of the pods there. A common resource that a node does not report
 * is never short; a device that it does not report is not there.
 * Cost: numbers in flat arrays, because the capacity test asks for every pod and node it tries.
 */
export function buildNodeRoom(cluster: ClusterView): NodeRoom {
  const requests = flattenRequests(cluster);
  const { resources, first, at, amount } = requests;
  const width = resources.length;
  const { free, total } = readAllocatable(cluster, resources);
  const fits = (view: PodView, node: number): boolean => {
    const end = first[view.at + 1] ?? 0;
    for (let index = first[view.at] ?? 0; index < end; index += 1)
      if ((free[node * width + (at[index] ?? 0)] ?? 0) < (amount[index] ?? 0)) return false;
    return true;
  };
  const take = (view: PodView, node: number, by: 1 | -1): void => {
    const end = first[view.at + 1] ?? 0;
    for (let index = first[view.at] ?? 0; index < end; index += 1) {
      const place = node * width + (at[index] ?? 0);
      free[place] = (free[place] ?? 0) - by * (amount[index] ?? 0);
    }
  };
  for (const view of cluster.pods) take(view, view.nodeAt, 1);
  return {
    fits,
    take,
    shortest: (view, candidates) => {
      const end = first[view.at + 1] ?? 0;
      for (let index = first[view.at] ?? 0; index < end; index += 1) {
        const resource = at[index] ?? 0;
        const isShort = candidates.every((node) => (free[node * width + resource] ?? 0) < (amount[index] ?? 0));
        if (isShort) return resources[resource] ?? "several";
      }
      return "several";
    },
    shareOf: (view) => {
      let share = 0;
      // The first request is the pod itself.
      const end = first[view.at + 1] ?? 0;
      for (let index = (first[view.at] ?? 0) + 1; index < end; index += 1) {
        const all = total[at[index] ?? 0] ?? 0;
        if (all > 0) share = Math.max(share, (amount[index] ?? 0) / all);
      }
      return share;
    },
  };
}

/** Requests of all pods one after the other: those of pod `p` are at `first[p]` to `first[p + 1]`. */
interface FlatRequests {
  readonly resources: readonly string[];
  readonly first: Int32Array;
  readonly at: readonly number[];
  readonly amount: readonly number[];
}

function flattenRequests(cluster: ClusterView): FlatRequests {
  const positions = new Map(common.map((name, at) => [name, at]));
  const first = new Int32Array(cluster.pods.length + 1);
  const at: number[] = [];
  const amount: number[] = [];
  for (const { pod, at: position } of cluster.pods) {
    first[position] = at.length;
    at.push(0);
    amount.push(1);
    for (const name of Object.keys(pod.requests)) {
      const number = pod.requests[name] ?? 0;
      if (number <= 0) continue;
      const resource = positions.get(name) ?? positions.size;
      positions.set(name, resource);
      at.push(resource);
      // Sums of fractions of cores do not come out even; a millionth is no shortage.
      amount.push(number * 0.999999);
    }
  }
  first[cluster.pods.length] = at.length;
  return { resources: [...positions.keys()], first, at, amount };
}

function readAllocatable(
  cluster: ClusterView,
  resources: readonly string[],
): { readonly free: Float64Array; readonly total: Float64Array } {
  const free = new Float64Array(cluster.nodes.length * resources.length);
  const total = new Float64Array(resources.length);
  for (const [node, view] of cluster.nodes.entries())
    for (const [at, name] of resources.entries()) {
      const amount = view.node.allocatable[name] ?? (at < common.length ? Number.POSITIVE_INFINITY : 0);
      free[node * resources.length + at] = amount;
      if (Number.isFinite(amount)) total[at] = (total[at] ?? 0) + amount;
    }
  return { free, total };
}
