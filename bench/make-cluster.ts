import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { JsonObject, JsonValue } from "../lib/core/json.ts";
import { makeDeployment, makeNode, makePod, makeService, type PodShape, uidOf } from "./cluster-objects.ts";
import { type ListFormat, printList } from "./print-kubectl.ts";
import { root } from "./root.ts";

/** The size of a made-up cluster. */
export interface ClusterSize {
  readonly nodes: number;
  /** All pods, those of DaemonSets and static pods included. */
  readonly pods: number;
  /** @default one for every hundred pods, at least one */
  readonly namespaces?: number;
  /** Network policies, Kubernetes' and Calico's, beside those of the example cluster. @default two for each namespace */
  readonly policies?: number;
}

/** One file of a made-up dump. */
export interface ClusterFile {
  readonly name: string;
  readonly chunks: Iterable<string>;
}

/** How the dump is laid out: one file for each kind, or all pods and everything else in one List. */
export type ClusterLayout = "kinds" | "one-list";

/**
 * A Canal cluster of any size, the same for the same size: the example cluster's network, grown by nodes in three zones
 * and three pools, namespaces with Deployments (through ReplicaSets), StatefulSets, Services, budgets and policies.
 * Pods are made one by one while their file is written.
 */
export function* makeCluster(size: ClusterSize, format: ListFormat, layout: ClusterLayout): Generator<ClusterFile> {
  const cluster = planCluster(size);
  const kinds: readonly (readonly [string, () => Iterable<JsonObject>])[] = [
    ["nodes", () => cluster.nodes],
    ["pods", () => makePods(cluster)],
    ["namespaces", () => cluster.namespaces],
    ["deployments", () => cluster.workloads.filter(({ kind }) => kind === "Deployment").map(makeDeployment)],
    ["replicasets", () => cluster.workloads.filter(({ kind }) => kind === "Deployment").map(makeReplicaSet)],
    ["statefulsets", () => cluster.workloads.filter(({ kind }) => kind === "StatefulSet").map(makeDeployment)],
    ["daemonsets", () => exampleItems("daemonsets")],
    ["services", () => [...exampleItems("services"), ...cluster.workloads.map(makeService)]],
    ["poddisruptionbudgets", () => [...exampleItems("poddisruptionbudgets"), ...cluster.workloads.flatMap(makeBudget)]],
    ["configmaps", () => exampleItems("configmaps")],
    ["customresourcedefinitions", () => exampleItems("customresourcedefinitions")],
    ["networkpolicies", () => cluster.policies.filter(isKubernetes)],
    [`networkpolicies.${calicoGroup}`, () => cluster.policies.filter((policy) => !isKubernetes(policy))],
    [`globalnetworkpolicies.${calicoGroup}`, () => exampleItems(`globalnetworkpolicies.${calicoGroup}`)],
    [`felixconfigurations.${calicoGroup}`, () => exampleItems(`felixconfigurations.${calicoGroup}`)],
    [`clusterinformations.${calicoGroup}`, () => exampleItems(`clusterinformations.${calicoGroup}`)],
    ...["globalnetworksets", "networksets", "hostendpoints", "ippools", "tiers"].map(
      (plural) => [`${plural}.${calicoGroup}`, () => []] as const,
    ),
  ];
  if (layout === "one-list") {
    const all = function* (): Generator<JsonObject> {
      for (const [, items] of kinds) yield* items();
    };
    yield { name: `cluster.${format}`, chunks: printList(all(), format) };
  } else {
    for (const [name, items] of kinds) yield { name: `${name}.${format}`, chunks: printList(items(), format) };
  }
  yield { name: "version.yaml", chunks: [readExample("version")] };
}

/** One node more for a cluster of so many, with its DaemonSets' pods, as a file of its own. */
export function printAddedNode(nodes: number): string {
  const node = makeNode(nodes, nodes > controlPlaneNodes ? controlPlaneNodes : 1);
  const { name } = node["metadata"] as { readonly name: string };
  const pods = exampleItems("daemonsets").map((daemon, at) =>
    makeDaemonPod(daemon, name, { node: nodes, slot: at + 2 }),
  );
  return [...printList([node, ...pods], "json")].join("");
}

const calicoGroup = "crd.projectcalico.org";
const example = join(root, "inventory", "kind-canal");

function readExample(name: string): string {
  return readFileSync(join(example, `${name}.yaml`), "utf8").replaceAll("10.244.0.0/16", podCIDR);
}

function exampleItems(name: string): JsonObject[] {
  const { items } = parse(readExample(name), { version: "1.1" }) as { readonly items: JsonObject[] };
  return items;
}

/** Room for 32,768 nodes with a /24 each, clear of the service range 10.96.0.0/16. */
const podCIDR = "10.128.0.0/9";

interface Workload extends PodShape {
  readonly kind: "Deployment" | "StatefulSet";
  readonly replicas: number;
  readonly maxUnavailable: number | undefined;
}

interface Cluster {
  readonly nodes: readonly JsonObject[];
  readonly nodeNames: readonly string[];
  readonly controlPlane: number;
  readonly namespaces: readonly JsonObject[];
  readonly workloads: readonly Workload[];
  readonly policies: readonly JsonObject[];
}

const controlPlaneNodes = 3;
const staticPods = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

function planCluster(size: ClusterSize): Cluster {
  const controlPlane = size.nodes > controlPlaneNodes ? controlPlaneNodes : 1;
  const nodes = Array.from({ length: size.nodes }, (_none, index) => makeNode(index, controlPlane));
  const names = nodes.map((node) => (node["metadata"] as { readonly name: string }).name);
  const daemons = size.nodes * exampleItems("daemonsets").length + controlPlane * staticPods.length;
  const namespaces = namespaceNames(size.namespaces ?? Math.max(1, Math.floor(size.pods / 100)));
  const workloads = planWorkloads(Math.max(0, size.pods - daemons), namespaces);
  return {
    nodes,
    nodeNames: names,
    controlPlane,
    namespaces: [...exampleItems("namespaces"), ...namespaces.map(makeNamespace)],
    workloads,
    policies: planPolicies(size.policies ?? namespaces.length * 2, namespaces),
  };
}

function namespaceNames(count: number): string[] {
  return Array.from({ length: count }, (_none, index) => `team-${String(index).padStart(4, "0")}`);
}

function makeNamespace(name: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { labels: { "kubernetes.io/metadata.name": name, team: name }, name, uid: uidOf(`Namespace/${name}`) },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}

/** Names, replica counts and budgets in turn: every fifth workload is stateful, every third has a budget. */
function planWorkloads(podCount: number, namespaces: readonly string[]): Workload[] {
  const names = ["frontend", "backend", "worker", "cache", "database"];
  const replicaCounts = [2, 3, 5, 8, 3];
  const workloads: Workload[] = [];
  for (let left = podCount, index = 0; left > 0; index += 1) {
    const turn = index % names.length;
    const replicas = Math.min(left, replicaCounts[turn] ?? 1);
    left -= replicas;
    const app = `${names[turn] ?? "app"}-${Math.floor(index / (names.length * namespaces.length))}`;
    workloads.push({
      kind: turn === names.length - 1 ? "StatefulSet" : "Deployment",
      namespace: namespaces[Math.floor(index / names.length) % namespaces.length] ?? "default",
      app,
      tier: turn === 0 ? "frontend" : turn === names.length - 1 ? "data" : "backend",
      port: turn === names.length - 1 ? 5432 : 8080,
      replicas,
      maxUnavailable: replicas > 1 && index % 3 === 0 ? 1 : undefined,
    });
  }
  return workloads;
}

function planPolicies(count: number, namespaces: readonly string[]): JsonObject[] {
  return Array.from({ length: count }, (_none, index) => {
    const namespace = namespaces[index % namespaces.length] ?? "default";
    const turn = Math.floor(index / namespaces.length);
    return turn % 2 === 0 ? kubernetesPolicy(namespace, turn) : calicoPolicy(namespace, turn);
  });
}

function kubernetesPolicy(namespace: string, turn: number): JsonObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: `backend-from-frontend-${turn}`, namespace, uid: uidOf(`netpol/${namespace}/${turn}`) },
    spec: {
      ingress: [
        { from: [{ podSelector: { matchLabels: { tier: "frontend" } } }], ports: [{ port: 8080, protocol: "TCP" }] },
      ],
      podSelector: { matchLabels: { tier: "backend" } },
      policyTypes: ["Ingress"],
    },
  };
}

function calicoPolicy(namespace: string, turn: number): JsonObject {
  return {
    apiVersion: `${calicoGroup}/v1`,
    kind: "NetworkPolicy",
    metadata: { name: `data-from-backend-${turn}`, namespace, uid: uidOf(`calico/${namespace}/${turn}`) },
    spec: {
      ingress: [
        { action: "Allow", destination: { ports: [5432] }, protocol: "TCP", source: { selector: "tier == 'backend'" } },
      ],
      order: 500,
      selector: "tier == 'data'",
      types: ["Ingress"],
    },
  };
}

function isKubernetes(policy: JsonObject): boolean {
  return policy["apiVersion"] === "networking.k8s.io/v1";
}

function makeBudget(workload: Workload): JsonObject[] {
  const { namespace, app, replicas, maxUnavailable } = workload;
  if (maxUnavailable === undefined) return [];
  return [
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: app, namespace, uid: uidOf(`pdb/${namespace}/${app}`) },
      spec: { maxUnavailable, selector: { matchLabels: { app } } },
      status: {
        currentHealthy: replicas,
        desiredHealthy: replicas - maxUnavailable,
        disruptionsAllowed: maxUnavailable,
        expectedPods: replicas,
      },
    },
  ];
}

function makeReplicaSet(workload: Workload): JsonObject {
  const deployment = makeDeployment(workload) as { readonly metadata: JsonObject; readonly spec: JsonValue };
  const { namespace, app } = workload;
  const hash = hashOf(workload);
  return {
    ...deployment,
    kind: "ReplicaSet",
    metadata: {
      ...deployment.metadata,
      name: `${app}-${hash}`,
      ownerReferences: [ownerReference("apps/v1", "Deployment", app, namespace)],
      uid: uidOf(`ReplicaSet/${namespace}/${app}-${hash}`),
    },
  };
}

function hashOf({ namespace, app }: PodShape): string {
  return uidOf(`hash/${namespace}/${app}`).slice(0, 9);
}

function ownerReference(apiVersion: string, kind: string, name: string, namespace: string): JsonObject {
  return {
    apiVersion,
    blockOwnerDeletion: true,
    controller: true,
    kind,
    name,
    uid: uidOf(`${kind}/${namespace}/${name}`),
  };
}

/** Pods node after node for DaemonSets and static pods, then workload after workload over the nodes that take them. */
function* makePods(cluster: Cluster): Generator<JsonObject> {
  const { nodeNames, controlPlane } = cluster;
  const used = new Map<number, number>();
  const place = (index: number): { readonly node: number; readonly slot: number } => {
    const slot = (used.get(index) ?? 1) + 1;
    used.set(index, slot);
    return { node: index, slot };
  };
  for (const [index, node] of nodeNames.entries()) {
    for (const daemon of exampleItemsOnce("daemonsets")) yield makeDaemonPod(daemon, node, place(index));
    if (index < controlPlane) for (const name of staticPods) yield makeStaticPod(name, node, index);
  }
  const workers = nodeNames.length - controlPlane;
  let turn = 0;
  for (const workload of cluster.workloads)
    for (let replica = 0; replica < workload.replicas; replica += 1) {
      const index = workers === 0 ? 0 : controlPlane + (turn % workers);
      turn += 1;
      yield makeWorkloadPod(workload, replica, { ...place(index), nodeName: nodeNames[index] ?? "" });
    }
}

const itemsOnce = new Map<string, JsonObject[]>();

function exampleItemsOnce(name: string): JsonObject[] {
  const items = itemsOnce.get(name) ?? exampleItems(name);
  itemsOnce.set(name, items);
  return items;
}

const suffixSigns = "bcdfghjklmnpqrstvwxz2456789";

/** Five signs as Kubernetes appends to names, another five for each number. */
function suffixOf(number: number): string {
  // The factor shares no divisor with 27^5, so that no two numbers below that meet.
  let rest = ((number + 1) * 6_700_417) % 27 ** 5;
  let suffix = "";
  for (let count = 0; count < 5; count += 1) {
    suffix += suffixSigns.charAt(rest % 27);
    rest = Math.floor(rest / 27);
  }
  return suffix;
}

interface Placed {
  readonly node: number;
  readonly slot: number;
}

function makeDaemonPod(daemonSet: JsonObject, nodeName: string, placed: Placed): JsonObject {
  const { metadata, spec } = daemonSet as unknown as {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: {
      readonly template: { readonly metadata: { readonly labels: JsonObject }; readonly spec: JsonObject };
    };
  };
  return makePod({
    ...placed,
    nodeName,
    name: `${metadata.name}-${suffixOf(placed.node)}`,
    namespace: metadata.namespace,
    labels: spec.template.metadata.labels,
    owner: ownerReference("apps/v1", "DaemonSet", metadata.name, metadata.namespace),
    spec: spec.template.spec,
  });
}

function makeStaticPod(name: string, nodeName: string, index: number): JsonObject {
  return makePod({
    node: index,
    slot: 0,
    nodeName,
    name: `${name}-${nodeName}`,
    namespace: "kube-system",
    labels: { component: name, tier: "control-plane" },
    annotations: { "kubernetes.io/config.mirror": uidOf(name), "kubernetes.io/config.source": "file" },
    owner: ownerReference("v1", "Node", nodeName, ""),
    spec: { containers: [{ image: `registry.k8s.io/${name}:v1.32.2`, name }], hostNetwork: true },
  });
}

function makeWorkloadPod(
  workload: Workload,
  replica: number,
  placed: Placed & { readonly nodeName: string },
): JsonObject {
  const { namespace, app, kind, tier, port } = workload;
  const hash = hashOf(workload);
  const isStateful = kind === "StatefulSet";
  const suffix = isStateful ? String(replica) : `${hash}-${suffixOf(replica)}`;
  const owner = isStateful
    ? ownerReference("apps/v1", "StatefulSet", app, namespace)
    : ownerReference("apps/v1", "ReplicaSet", `${app}-${hash}`, namespace);
  return makePod({
    ...placed,
    name: `${app}-${suffix}`,
    namespace,
    labels: {
      app,
      "app.kubernetes.io/part-of": namespace,
      ...(isStateful ? { "statefulset.kubernetes.io/pod-name": `${app}-${suffix}` } : { "pod-template-hash": hash }),
      tier,
    },
    owner,
    spec: {
      containers: [
        {
          env: [
            { name: "POD_IP", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.podIP" } } },
            { name: "LOG_LEVEL", value: "info" },
          ],
          image: `registry.example/${namespace}/${app}:1.${replica}.0`,
          name: app,
          ports: [{ containerPort: port, name: "main", protocol: "TCP" }],
          resources: { limits: { memory: "256Mi" }, requests: { cpu: "100m", memory: "128Mi" } },
        },
      ],
      ...(isStateful && {
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: `data-${app}-${replica}` } }],
      }),
    },
  });
}
