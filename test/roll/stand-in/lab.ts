import { getIn, getString, getStringMap, type JsonObject } from "../../../lib/core/json.ts";
import type { RollObject } from "../../../lib/roll/roll-object.ts";
import { type WaveInput, waveObjects } from "../../../lib/roll/wave-objects.ts";
import { sampleInput, sampleWave } from "../sample.ts";
import { StandIn, type Troubles } from "./cluster.ts";
import { type Interference, type Run, runJob } from "./run-script.ts";

/** What stands in the cluster before a wave. */
export interface LabOptions {
  readonly troubles?: Troubles;
  /** Nodes that somebody cordoned before. */
  readonly cordoned?: readonly string[];
  /** State and digest of the marker of the stage before; the reviewed ones unless given. */
  readonly previous?: { readonly state: string; readonly digest: string };
  readonly stage?: string;
}

const workers: Readonly<Record<string, string>> = {
  "worker-1": "worker-1",
  "worker-2": "ip-10-0-0-2",
  "worker-3": "worker-3",
};

/** The digest of the stage before that the sample wave's gate names. */
export const reviewedDigest: string = `sha256:${"c".repeat(64)}`;

/** A cluster of three workers on the old network, dormant Cilium beside it, the bridge Ready, the stage before done. */
export function labCluster(options: LabOptions = {}): StandIn {
  const cluster = new StandIn(options.troubles);
  for (const [name, hostname] of Object.entries(workers))
    cluster.addNode(name, { hostname, cordoned: options.cordoned?.includes(name) === true });
  for (const name of Object.keys(workers))
    cluster.put("ciliumnodes", { metadata: { name }, spec: { ipam: { podCIDRs: ["10.245.1.0/24"] } } });
  for (const [namespace, name] of [
    ["kube-system", "canal"],
    ["metachron", "metachron-echo"],
    ["metachron", "metachron-bridge"],
  ] as const)
    cluster.put("daemonsets", {
      metadata: { namespace, name, generation: 1 },
      status: { observedGeneration: 1, desiredNumberScheduled: 3, currentNumberScheduled: 3 },
    });
  const { state = "done", digest = reviewedDigest } = options.previous ?? {};
  cluster.put("configmaps", { metadata: { namespace: "metachron", name: "wave-100-canary" }, data: { state, digest } });
  for (const node of ["worker-1", "worker-2"]) {
    cluster.addPod("shop", "web", node, { owner: "ReplicaSet" });
    cluster.addPod("shop", "agent", node, { owner: "DaemonSet" });
  }
  return cluster;
}

/** Puts what an engine would apply before the Job runs: the stage's CiliumNodeConfig. */
export function applyStage(
  cluster: StandIn,
  objects: readonly RollObject[],
  change: (config: JsonObject) => JsonObject = (config) => config,
): void {
  for (const { object } of objects)
    if (getString(object, "kind") === "CiliumNodeConfig") cluster.put("ciliumnodeconfigs", change(object));
}

/** The sample wave's stage. */
export const stage: string = sampleWave.id;
const oneNode: WaveInput = { ...sampleInput, wave: { ...sampleWave, nodes: sampleWave.nodes.slice(0, 1) } };

/** Objects of a one-node wave whose CiliumNodeConfig names that node only. */
export function oneNodeObjects(mode: "evict" | "recycle" = "evict", attempt = 1): readonly RollObject[] {
  const objects = waveObjects({ ...oneNode, stage: { ...oneNode.stage, attempt }, wave: { ...oneNode.wave, mode } });
  return objects.map((entry) => ({ ...entry, object: withHostnames(entry.object, ["worker-1"]) }));
}

function withHostnames(object: JsonObject, hostnames: readonly string[]): JsonObject {
  if (getString(object, "kind") !== "CiliumNodeConfig") return object;
  const selector = { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: hostnames }] };
  return { ...object, spec: { ...(object["spec"] as JsonObject), nodeSelector: selector } };
}

/** Applies a stage to a fresh cluster and runs its Job. */
export async function roll(
  objects: readonly RollObject[],
  options: LabOptions = {},
  interference: Interference = {},
): Promise<{ readonly cluster: StandIn; readonly run: Run }> {
  const cluster = labCluster(options);
  applyStage(cluster, objects);
  return { cluster, run: await runJob(cluster, objects, interference) };
}

/** Addresses of a node's pods on the pod network. */
export function podAddresses(cluster: StandIn, node: string): readonly string[] {
  return cluster
    .list("pods")
    .map((pod) => pod as unknown as JsonObject)
    .filter((pod) => getString(pod, "spec", "nodeName") === node && getIn(pod, "spec", "hostNetwork") !== true)
    .map((pod) => getString(pod, "status", "podIP") ?? "");
}

/** Whether a node is cordoned. */
export function isCordoned(cluster: StandIn, node: string): boolean {
  return getIn(cluster.find("nodes", undefined, node) as unknown as JsonObject, "spec", "unschedulable") === true;
}

/** The log as `node:step:event`. */
export const events = (run: Run): readonly string[] =>
  run.log.map((line) => `${line["node"]}:${line["step"]}:${line["event"]}`);

/** The part of a marker that must not depend on how often a run was broken off. */
export function outcome(cluster: StandIn): unknown {
  const { state, digest, message, ...rest } = cluster.marker(stage);
  const nodes = Object.entries(rest).filter(([key]) => key.startsWith("node."));
  return {
    state,
    digest,
    message,
    nodes: nodes.map(([key, text]) => {
      const { step, wasUnschedulable } = JSON.parse(text) as { step: number; wasUnschedulable: boolean };
      return { key, step, wasUnschedulable };
    }),
    cordoned: ["worker-1", "worker-2"].map((node) => isCordoned(cluster, node)),
    oldPods: podAddresses(cluster, "worker-1").filter((address) => address.startsWith("10.244.")),
    helpers: cluster
      .list("pods")
      .filter(
        (pod) => getStringMap(pod as unknown as JsonObject, "metadata", "labels")["metachron.dev/helper"] !== undefined,
      ).length,
  };
}

/** The objects with one variable of the Job changed. */
export function withEnv(objects: readonly RollObject[], name: string, value: string): readonly RollObject[] {
  const change = (object: JsonObject): JsonObject =>
    JSON.parse(JSON.stringify(object), (_key, inner: JsonObject) =>
      inner?.["name"] === name && "value" in inner ? { name, value } : inner,
    ) as JsonObject;
  return objects.map((entry) => ({ ...entry, object: change(entry.object) }));
}

/** Moves every pod to the new network, as if every wave were done. */
export function moveEverything(cluster: StandIn): void {
  for (const pod of cluster.list("pods")) {
    const object = pod as unknown as JsonObject;
    if (getIn(object, "spec", "hostNetwork") === true) continue;
    (pod["status"] as Record<string, unknown>)["podIP"] = "10.245.9.9";
    const { namespace, name } = object["metadata"] as { namespace: string; name: string };
    cluster.put("ciliumendpoints", { metadata: { namespace, name }, status: { state: "ready" } });
  }
  for (const node of cluster.list("nodes")) node["cni"] = "cilium";
}

/** What a person does who carries out a wave by hand on one node, at a time to come. */
export function moveByHand(cluster: StandIn, node: string, inSeconds: number): void {
  const restart = (app: string): void => {
    for (const pod of cluster.list("pods"))
      if (pod["app"] === app && getString(pod as unknown as JsonObject, "spec", "nodeName") === node)
        cluster.removePod(pod);
  };
  cluster.after(inSeconds, () => restart("cilium"));
  for (const app of ["metachron-echo", "agent", "web"]) cluster.after(inSeconds + 20, () => restart(app));
}

/** A machine goes and another one comes in its place, on Cilium from its start, at a time to come. */
export function replaceMachine(cluster: StandIn, old: string, young: string, inSeconds: number): void {
  cluster.after(inSeconds, () => {
    cluster.removeNode(old);
    cluster.addNode(young, { isOnCilium: true });
    cluster.put("ciliumnodes", { metadata: { name: young }, spec: { ipam: { podCIDRs: ["10.245.7.0/24"] } } });
  });
}
