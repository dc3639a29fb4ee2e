import { byText, compareText } from "../core/order.ts";
import type { Inventory, Node, Pod } from "../inventory/inventory.ts";
import { objectsOf } from "../inventory/inventory.ts";
import { poolOf } from "./node-pool.ts";
import { type NodeTrait, type PodService, serviceOf, traitsOf } from "./node-traits.ts";

/** How a pod is treated when its node is rolled. */
type PodRole = "daemonSet" | "mirror" | "hostNetwork" | "movable";

/** A pod that runs or waits on a node, with what planning asks of it again and again. */
export interface PodView {
  readonly pod: Pod;
  /** Position in `ClusterView.pods`, so that tables over pods are arrays: there are many pods, and they are asked often. */
  readonly at: number;
  /** Position of its node in `ClusterView.nodes`. */
  readonly nodeAt: number;
  readonly role: PodRole;
  /** `Kind/namespace/name` of its workload; absent for a bare pod. */
  readonly workload?: string;
  /** What it does for the whole cluster; absent for ordinary pods. */
  readonly service?: PodService;
}

/** A node with the pods on it that have not finished. */
export interface NodeView {
  readonly node: Node;
  readonly pool: string;
  readonly zone?: string;
  readonly traits: readonly NodeTrait[];
  /** Sorted by namespace and name. */
  readonly pods: readonly PodView[];
  /** Those of them on the pod network that no DaemonSet or static pod file keeps on the node. */
  readonly movable: readonly PodView[];
  /** `movable` and those on the host's network. */
  readonly leaving: readonly PodView[];
}

/** A set of pods of which one wave must not hold all: the replicas of a workload, or all pods of one service of the cluster. */
export interface ReplicaSetView {
  /** `Kind/namespace/name`, `cluster DNS` or `ingress controllers`. */
  readonly name: string;
  readonly kind: "workload" | "dns" | "ingress";
  readonly replicas: number;
  /** Pods of the set on each node, by the node's name. */
  readonly countByNode: ReadonlyMap<string, number>;
}

/** The inventory as planning reads it. */
export interface ClusterView {
  /** Sorted by name. */
  readonly nodes: readonly NodeView[];
  readonly nodesByName: ReadonlyMap<string, NodeView>;
  /** Pods that have not finished, on nodes of the inventory; sorted by namespace and name. */
  readonly pods: readonly PodView[];
  /** Workloads whose pods move, and the services of the cluster; by name. */
  readonly replicaSets: ReadonlyMap<string, ReplicaSetView>;
  /** `spec.replicas` of each workload that says it, by `Kind/namespace/name`. */
  readonly wantedReplicas: ReadonlyMap<string, number>;
}

/** Reads from an inventory what planning needs. One pass over nodes and pods. */
export function viewCluster(inventory: Inventory): ClusterView {
  const sortedNodes = [...inventory.nodes].sort(byText((node) => node.name));
  const positions = new Map(sortedNodes.map((node, at) => [node.name, at]));
  const podsByNode: PodView[][] = sortedNodes.map(() => []);
  const pods: PodView[] = [];
  for (const pod of sortPods(inventory.pods)) {
    const nodeAt = pod.nodeName === undefined ? undefined : positions.get(pod.nodeName);
    if (nodeAt === undefined || pod.phase === "Succeeded" || pod.phase === "Failed") continue;
    const view = viewPod(pod, pods.length, nodeAt);
    podsByNode[nodeAt]?.push(view);
    pods.push(view);
  }
  const nodes = sortedNodes.map((node, at) => viewNode(node, podsByNode[at] ?? []));
  return {
    nodes,
    nodesByName: new Map(nodes.map((view) => [view.node.name, view])),
    pods,
    replicaSets: collectReplicaSets(nodes),
    wantedReplicas: readWantedReplicas(inventory),
  };
}

function viewNode(node: Node, pods: readonly PodView[]): NodeView {
  return {
    node,
    pool: poolOf(node),
    ...(node.zone !== undefined && { zone: node.zone }),
    traits: traitsOf(node, new Set(pods.map((view) => view.service))),
    pods,
    movable: pods.filter(({ role }) => role === "movable"),
    leaving: pods.filter(({ role }) => role === "movable" || role === "hostNetwork"),
  };
}

/** By namespace and name. An inventory comes in this order, so sorting is mostly finding that out. */
function sortPods(pods: readonly Pod[]): readonly Pod[] {
  const isSorted = pods.every((pod, at) => at === 0 || comparePods(pods[at - 1] ?? pod, pod) <= 0);
  return isSorted ? pods : [...pods].sort(comparePods);
}

function comparePods(a: Pod, b: Pod): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function viewPod(pod: Pod, at: number, nodeAt: number): PodView {
  const owner = pod.workload ?? pod.owner;
  const service = serviceOf(pod);
  return {
    pod,
    at,
    nodeAt,
    role: roleOf(pod),
    ...(owner !== undefined && { workload: `${owner.kind}/${pod.namespace}/${owner.name}` }),
    ...(service !== undefined && { service }),
  };
}

function roleOf(pod: Pod): PodRole {
  if (pod.isMirror) return "mirror";
  if (pod.owner?.kind === "DaemonSet") return "daemonSet";
  return pod.isHostNetwork ? "hostNetwork" : "movable";
}

/** Kinds whose pods are no replicas of each other: one run each, or one on every node. */
const noReplicas = new Set(["DaemonSet", "Job", "CronJob", "Node"]);

function collectReplicaSets(nodes: readonly NodeView[]): ReadonlyMap<string, ReplicaSetView> {
  const sets = new Map<string, { kind: ReplicaSetView["kind"]; counts: Map<string, number> }>();
  const add = (name: string, kind: ReplicaSetView["kind"], node: string): void => {
    const set = sets.get(name) ?? { kind, counts: new Map<string, number>() };
    set.counts.set(node, (set.counts.get(node) ?? 0) + 1);
    sets.set(name, set);
  };
  for (const { node, pods } of nodes)
    for (const view of pods) {
      const isDNS = view.service === "dns";
      const isIngress = view.service === "ingress";
      const isReplica =
        view.workload !== undefined && !noReplicas.has(view.workload.slice(0, view.workload.indexOf("/")));
      // A DaemonSet of ingress controllers on a few nodes is a set of replicas like any other.
      if (view.workload !== undefined && (isReplica || ((isDNS || isIngress) && view.role === "daemonSet")))
        add(view.workload, "workload", node.name);
      if (isDNS) add("cluster DNS", "dns", node.name);
      if (isIngress) add("ingress controllers", "ingress", node.name);
    }
  return new Map(
    [...sets]
      .sort(([a], [b]) => compareText(a, b))
      .map(([name, { kind, counts }]) => {
        let replicas = 0;
        for (const number of counts.values()) replicas += number;
        return [name, { name, kind, replicas, countByNode: counts }];
      }),
  );
}

function readWantedReplicas(inventory: Inventory): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const kind of ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"])
    for (const object of objectsOf(inventory, kind)) {
      const spec = object.object["spec"];
      const replicas = typeof spec === "object" && spec !== null && "replicas" in spec ? spec["replicas"] : undefined;
      // The API's default is 1 where the field is absent.
      wanted.set(`${kind}/${object.namespace ?? ""}/${object.name}`, typeof replicas === "number" ? replicas : 1);
    }
  return wanted;
}

/** The pods of a node that a roll moves: those on the pod network, and those on the host's where the machine goes away. */
export function movedPods(view: NodeView, mode: "evict" | "recycle" | "reboot" | "replace"): readonly PodView[] {
  return mode === "reboot" || mode === "replace" ? view.leaving : view.movable;
}
