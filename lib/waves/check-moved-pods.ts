import type { Finding } from "../core/finding.ts";
import { whereOf } from "../core/finding.ts";
import { compareText, sortedUnique } from "../core/order.ts";
import type { WaveContext, WaveToCheck } from "./check-waves.ts";
import { movedPods, type PodView } from "./cluster-view.ts";
import { hasLocalStorage } from "./describe-wave.ts";
import { placeOf } from "./group-nodes.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";

interface Moved {
  readonly view: PodView;
  readonly node: string;
  readonly wave: WaveToCheck["wave"];
}

/** Pods that do not survive being moved as a person would expect: bare, with data on the node, run-once, slow to end. */
export function checkMovedPods(waves: readonly WaveToCheck[], context: WaveContext): readonly Finding[] {
  const moved: Moved[] = waves.flatMap(({ wave, nodes }) =>
    nodes.flatMap((node) => movedPods(node, wave.mode).map((view) => ({ view, node: node.node.name, wave }))),
  );
  const drained = moved.filter(({ wave }) => wave.mode !== "recycle");
  return [
    ...drained.filter(({ view }) => view.pod.owner === undefined).map((entry) => reportBarePod(entry, context)),
    ...checkLocalStorage(drained, context),
    ...checkEmptyDirs(drained, context),
    ...checkRestartNever(moved),
    ...checkGrace(drained, context),
  ];
}

function reportBarePod({ view, node, wave }: Moved, { plan }: WaveContext): Finding {
  const { pod } = view;
  const name = `${pod.namespace}/${pod.name}`;
  const isAllowed = plan.spec.roll.deleteBarePods;
  return waveFinding(isAllowed ? "waves/bare-pod-lost" : "waves/bare-pod", {
    message: isAllowed
      ? `The pod ${name} on ${node} has no controller and is deleted for good by the wave ${wave.id}`
      : `The pod ${name} on ${node} has no controller: the wave ${wave.id} cannot move it without losing it`,
    where: whereOf(pod, pod.position),
    reason: "Nothing creates it again after an eviction",
    remedy: isAllowed
      ? "Keep its manifest at hand, to create it again after the wave"
      : "Set roll: { mode: recycle } for the group of its node, which restarts it in place; or give it a Deployment; or allow its loss with spec.roll.deleteBarePods: true",
    data: { pod: name, node, wave: wave.id },
  });
}

function byWorkload(entries: readonly Moved[]): readonly (readonly [string, readonly Moved[]])[] {
  const workloads = new Map<string, Moved[]>();
  for (const entry of entries) {
    const { workload, pod } = entry.view;
    const name = workload ?? `Pod/${pod.namespace}/${pod.name}`;
    workloads.set(name, [...(workloads.get(name) ?? []), entry]);
  }
  return [...workloads].sort(([a], [b]) => compareText(a, b));
}

function nodesOf(entries: readonly Moved[]): string[] {
  return sortedUnique(entries.map(({ node }) => node));
}

function checkLocalStorage(drained: readonly Moved[], { localClaims }: WaveContext): readonly Finding[] {
  const local = drained.filter(({ view }) => hasLocalStorage(view, localClaims));
  const replaced = local.filter(({ wave }) => wave.mode === "replace");
  const emptied = local.filter(({ wave }) => wave.mode !== "replace");
  return [
    ...byWorkload(replaced).map(([workload, entries]) =>
      waveFinding("waves/local-storage-lost", {
        message: `${workload} keeps data on ${nameSome(nodesOf(entries))}, which would be replaced by new machines`,
        where: { object: workload },
        reason: "hostPath and local volumes go with the machine",
        remedy:
          "Move the data first, or set roll: { mode: recycle } with an executor that can do it for the group of these nodes",
        data: { workload, nodes: nodesOf(entries) },
      }),
    ),
    ...byWorkload(emptied).map(([workload, entries]) =>
      waveFinding("waves/local-storage", {
        message: `${workload} keeps data on ${nameSome(nodesOf(entries))}: while a node is drained its pod waits for it, or starts without its data elsewhere`,
        where: { object: workload },
        reason:
          "A claim on a local volume binds its pod to the node; a hostPath does not, and is empty on another node",
        remedy: "Set roll: { mode: recycle } for the group of these nodes: pods stay where their data is",
        data: { workload, nodes: nodesOf(entries) },
      }),
    ),
  ];
}

function checkEmptyDirs(drained: readonly Moved[], { plan }: WaveContext): readonly Finding[] {
  const entries = drained.filter(({ view }) => view.pod.volumes.some((volume) => volume.kind === "emptyDir"));
  if (entries.length === 0) return [];
  const workloads = byWorkload(entries).map(([workload]) => workload);
  const isAllowed = plan.spec.roll.deleteEmptyDirData;
  return [
    waveFinding(isAllowed ? "waves/empty-dir-lost" : "waves/empty-dir", {
      message: isAllowed
        ? `${count(entries.length, "pod")} of ${count(workloads.length, "workload")} lose the content of their emptyDir volumes when they move: ${nameSome(workloads)}`
        : `${count(entries.length, "pod")} of ${count(workloads.length, "workload")} have emptyDir volumes, which the plan does not allow to lose: ${nameSome(workloads)}`,
      where: placeOf(plan, "spec.roll.deleteEmptyDirData"),
      reason: "An emptyDir lives and dies with its pod",
      remedy: isAllowed
        ? "Look for databases and caches among them that nobody expects to start empty"
        : "Set spec.roll.deleteEmptyDirData: true, or roll: { mode: recycle } for their groups",
      data: { pods: entries.length, workloads },
    }),
  ];
}

function checkRestartNever(moved: readonly Moved[]): readonly Finding[] {
  const once = moved.filter(({ view }) => view.pod.restartPolicy === "Never" && view.pod.owner !== undefined);
  return byWorkload(once).map(([workload, entries]) => {
    const isRecycled = entries.some(({ wave }) => wave.mode === "recycle");
    return waveFinding("waves/restart-never", {
      ...(!isRecycled && { severity: "info" as const }),
      message: isRecycled
        ? `${workload} has pods with restartPolicy Never on ${nameSome(nodesOf(entries))}: a recycled sandbox ends them for good`
        : `${workload} has pods with restartPolicy Never on ${nameSome(nodesOf(entries))}: if they still run then, they start again from the beginning`,
      where: { object: workload },
      reason: "The kubelet makes no new sandbox for a Never pod whose containers ran",
      remedy: "Let them finish before the wave, or suspend what creates them",
      data: { workload, nodes: nodesOf(entries) },
    });
  });
}

function checkGrace(drained: readonly Moved[], { plan }: WaveContext): readonly Finding[] {
  const limit = plan.spec.roll.drainTimeoutSeconds;
  const slow = drained.filter(({ view }) => view.pod.terminationGracePeriodSeconds >= limit);
  return byWorkload(slow).map(([workload, entries]) => {
    const grace = Math.max(...entries.map(({ view }) => view.pod.terminationGracePeriodSeconds));
    return waveFinding("waves/long-grace", {
      message: `${workload} may take ${grace} s to end, and a drain has ${limit} s`,
      where: { object: workload },
      reason: "The roll waits for the pods to be gone, stops at the limit and leaves the node cordoned",
      remedy: `Set spec.roll.drainTimeoutSeconds to more than ${grace}, or end these pods before the wave`,
      data: { workload, graceSeconds: grace, drainTimeoutSeconds: limit, nodes: nodesOf(entries) },
    });
  });
}
