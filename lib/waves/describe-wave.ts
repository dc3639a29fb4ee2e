import { compareText, sortedUnique } from "../core/order.ts";
import type { RollMode } from "../plan/plan.ts";
import type { BudgetsOfPods } from "./budgets-of-pods.ts";
import { type ClusterView, movedPods, type NodeView, type PodView } from "./cluster-view.ts";
import type { WaveNode, WaveWorkload } from "./waves.ts";

/** Whether a pod has data on its node that it does not find elsewhere: a hostPath volume or a claim on a local volume. */
export function hasLocalStorage({ pod }: PodView, localClaims: ReadonlySet<string>): boolean {
  return pod.volumes.some(
    (volume) =>
      volume.kind === "hostPath" ||
      (volume.kind === "persistentVolumeClaim" && localClaims.has(`${pod.namespace}/${volume.claimName}`)),
  );
}

/** A node as a wave shows it. */
export function describeNode(view: NodeView, mode: RollMode, localClaims: ReadonlySet<string>): WaveNode {
  const { node } = view;
  const moved = movedPods(view, mode);
  const names = (pods: readonly PodView[]): readonly string[] => pods.map(({ pod }) => `${pod.namespace}/${pod.name}`);
  const ports = view.pods.flatMap(({ pod }) =>
    pod.isHostNetwork ? [] : pod.ports.flatMap((port) => port.hostPort ?? []),
  );
  return {
    name: node.name,
    hostname: node.hostname ?? node.name,
    pool: view.pool,
    ...(view.zone !== undefined && { zone: view.zone }),
    isControlPlane: node.isControlPlane,
    wasUnschedulable: node.isUnschedulable,
    podsToMove: moved.length,
    daemonSetPods: view.pods.filter(({ role, pod }) => role === "daemonSet" && !pod.isHostNetwork).length,
    barePods: names(moved.filter(({ pod }) => pod.owner === undefined)),
    localStoragePods: names(moved.filter((pod) => hasLocalStorage(pod, localClaims))),
    hostPorts: [...new Set(ports)].sort((a, b) => a - b),
  };
}

/** A node of an opened wave that is in no inventory any more. */
export function describeGoneNode(hostname: string, name: string): WaveNode {
  return {
    name,
    hostname,
    pool: "gone",
    isControlPlane: false,
    wasUnschedulable: false,
    podsToMove: 0,
    daemonSetPods: 0,
    barePods: [],
    localStoragePods: [],
    hostPorts: [],
    isGone: true,
  };
}

/** Workloads whose pods a wave moves, sorted by name, with how many of their pods stand on its nodes. */
export function describeWorkloads(
  nodes: readonly NodeView[],
  mode: RollMode,
  cluster: ClusterView,
  budgetsOf: BudgetsOfPods,
): readonly WaveWorkload[] {
  const workloads = new Map<string, { count: number; readonly budgets: string[] }>();
  for (const view of nodes)
    for (const pod of movedPods(view, mode)) {
      if (pod.workload === undefined) continue;
      let found = workloads.get(pod.workload);
      if (found === undefined) {
        found = { count: 0, budgets: [] };
        workloads.set(pod.workload, found);
      }
      found.count += 1;
      for (const { name } of budgetsOf(pod)) found.budgets.push(name);
    }
  return [...workloads]
    .sort(([a], [b]) => compareText(a, b))
    .map(([workload, { count, budgets }]) => ({
      workload,
      replicas: cluster.replicaSets.get(workload)?.replicas ?? count,
      replicasInWave: count,
      budgets: sortedUnique(budgets),
    }));
}
