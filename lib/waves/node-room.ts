import type { Node } from "../inventory/inventory.ts";
import type { ClusterView, PodView } from "./cluster-view.ts";

/** What a pod asks for, as positions of resources and amounts beside them. */
export interface Request {
  readonly at: Int32Array;
  readonly amount: Float64Array;
}

/** Free resources of every node, by requests. */
export interface NodeRoom {
  readonly requestOf: (view: PodView) => Request;
  readonly fits: (request: Request, node: number) => boolean;
  readonly take: (request: Request, node: number, by: 1 | -1) => void;
  /** The resource that none of the nodes has enough of; `several` when each alone would do somewhere. */
  readonly shortest: (request: Request, nodes: readonly number[]) => string;
  /** The largest part of any resource of the whole cluster that a pod asks for. */
  readonly shareOf: (view: PodView) => number;
}

/** Resources that every node has, whether it reports them or not. */
const common: readonly string[] = ["pods", "cpu", "memory", "ephemeral-storage"];

/**
 * Room of the nodes: what is allocatable less the requests of the pods there. A common resource that a node does not report
 * is never short; a device that it does not report is not there.
 * Cost: numbers in flat arrays, because the capacity test asks some ten million times on a large cluster.
 */
export function buildNodeRoom(
  cluster: ClusterView,
  nodes: readonly Node[],
  nodeOf: (view: PodView) => number,
): NodeRoom {
  const names = new Set(common);
  for (const { pod } of cluster.pods) for (const name of Object.keys(pod.requests)) names.add(name);
  const resources = [...names];
  const positions = new Map(resources.map((name, at) => [name, at]));
  const width = resources.length;
  const free = new Float64Array(nodes.length * width);
  const total = new Float64Array(width);
  for (const [node, { allocatable }] of nodes.entries())
    for (const [at, name] of resources.entries()) {
      const amount = allocatable[name] ?? (at < common.length ? Number.POSITIVE_INFINITY : 0);
      free[node * width + at] = amount;
      if (Number.isFinite(amount)) total[at] = (total[at] ?? 0) + amount;
    }

  const requestOf = ({ pod }: PodView): Request => {
    const entries = Object.entries(pod.requests).filter(([, amount]) => amount > 0);
    const at = new Int32Array(entries.length + 1);
    const amount = new Float64Array(entries.length + 1);
    amount[0] = 1;
    for (const [index, [name, number]] of entries.entries()) {
      at[index + 1] = positions.get(name) ?? 0;
      // Sums of fractions of cores do not come out even; a millionth is no shortage.
      amount[index + 1] = number * 0.999999;
    }
    return { at, amount };
  };
  const fits = ({ at, amount }: Request, node: number): boolean => {
    const start = node * width;
    for (let index = 0; index < at.length; index += 1)
      if ((free[start + (at[index] ?? 0)] ?? 0) < (amount[index] ?? 0)) return false;
    return true;
  };
  const take = ({ at, amount }: Request, node: number, by: 1 | -1): void => {
    const start = node * width;
    for (let index = 0; index < at.length; index += 1) {
      const place = start + (at[index] ?? 0);
      free[place] = (free[place] ?? 0) - by * (amount[index] ?? 0);
    }
  };
  for (const view of cluster.pods) take(requestOf(view), nodeOf(view), 1);
  return {
    requestOf,
    fits,
    take,
    shortest: ({ at, amount }, candidates) => {
      for (let index = 0; index < at.length; index += 1) {
        const resource = at[index] ?? 0;
        const isShort = candidates.every((node) => (free[node * width + resource] ?? 0) < (amount[index] ?? 0));
        if (isShort) return resources[resource] ?? "several";
      }
      return "several";
    },
    shareOf: ({ pod }) => {
      let share = 0;
      for (const [name, amount] of Object.entries(pod.requests)) {
        const all = total[positions.get(name) ?? 0] ?? 0;
        if (all > 0) share = Math.max(share, amount / all);
      }
      return share;
    },
  };
}
