import { getArray, getBoolean, getIn, getNumber, getString, getStringMap, type JsonObject } from "../core/json.ts";
import { byAll, byText } from "../core/order.ts";
import {
  type Inventory,
  objectsOf,
  type Pod,
  type Position,
  type RawObject,
  tryFindObject,
} from "../inventory/inventory.ts";

/** One container of a workload, as far as detection reads it. */
export interface WorkloadContainer {
  /** Empty when only pods were dumped: they keep no container names. */
  readonly name: string;
  readonly image: string;
  /** Command and arguments, in order. */
  readonly words: readonly string[];
  /** Variables with their values; references to ConfigMaps of the inventory are followed, others left out. */
  readonly env: Readonly<Record<string, string>>;
}

/** A DaemonSet or Deployment, read from its object, or put together from its pods where the object was not dumped. */
export interface Workload {
  readonly kind: "DaemonSet" | "Deployment";
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly WorkloadContainer[];
  readonly initContainers: readonly WorkloadContainer[];
  readonly isHostNetwork: boolean;
  readonly serviceAccountName?: string;
  /** Pods wanted and ready by the status; absent when the object has no status. */
  readonly desired?: number;
  readonly ready?: number;
  readonly from: "object" | "pods";
  readonly position: Position;
  /** The object as read; absent for one put together from pods. */
  readonly object?: RawObject;
}

/** Every DaemonSet of the inventory, and those that are known only by their pods; sorted by namespace and name. */
export function findDaemonSets(inventory: Inventory): readonly Workload[] {
  const fromObjects = objectsOf(inventory, "DaemonSet").map((object) => readWorkload(inventory, object, "DaemonSet"));
  const known = new Set(fromObjects.map((workload) => `${workload.namespace}/${workload.name}`));
  return [...fromObjects, ...daemonSetsOfPods(inventory, known)].sort(byPlace);
}

/** Every Deployment of the inventory, sorted by namespace and name. */
export function findDeployments(inventory: Inventory): readonly Workload[] {
  return objectsOf(inventory, "Deployment")
    .map((object) => readWorkload(inventory, object, "Deployment"))
    .sort(byPlace);
}

const byPlace = byAll<Workload>(
  byText((workload) => workload.namespace),
  byText((workload) => workload.name),
);

function readWorkload(inventory: Inventory, raw: RawObject, kind: Workload["kind"]): Workload {
  const { object } = raw;
  const namespace = raw.namespace ?? "default";
  const pod = getIn(object, "spec", "template", "spec");
  const read = (key: string) =>
    getArray(pod, key)
      .filter((value): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value))
      .map((container) => readContainer(inventory, container, namespace));
  const desired = getNumber(object, "status", "desiredNumberScheduled") ?? getNumber(object, "spec", "replicas");
  const ready = getNumber(object, "status", "numberReady") ?? getNumber(object, "status", "readyReplicas");
  const serviceAccountName = getString(pod, "serviceAccountName") ?? getString(pod, "serviceAccount");
  return {
    kind,
    namespace,
    name: raw.name,
    labels: raw.labels,
    annotations: raw.annotations,
    containers: read("containers"),
    initContainers: read("initContainers"),
    isHostNetwork: getBoolean(pod, "hostNetwork") === true,
    ...(serviceAccountName !== undefined && { serviceAccountName }),
    ...(desired !== undefined && { desired }),
    ...(ready !== undefined && { ready }),
    from: "object",
    position: raw.position,
    object: raw,
  };
}

function readContainer(inventory: Inventory, container: JsonObject, namespace: string): WorkloadContainer {
  const words = [...getArray(container, "command"), ...getArray(container, "args")];
  return {
    name: getString(container, "name") ?? "",
    image: getString(container, "image") ?? "",
    words: words.filter((word): word is string => typeof word === "string"),
    env: readEnvironment(inventory, container, namespace),
  };
}

function readEnvironment(inventory: Inventory, container: JsonObject, namespace: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const source of getArray(container, "envFrom")) {
    const name = getString(source, "configMapRef", "name");
    if (name === undefined) continue;
    const prefix = getString(source, "prefix") ?? "";
    const data = getStringMap(tryFindObject(inventory, "ConfigMap", name, namespace)?.object, "data");
    for (const [key, value] of Object.entries(data)) env[`${prefix}${key}`] = value;
  }
  for (const entry of getArray(container, "env")) {
    const name = getString(entry, "name");
    if (name === undefined) continue;
    const value = getString(entry, "value") ?? referredValue(inventory, entry, namespace);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function referredValue(inventory: Inventory, entry: unknown, namespace: string): string | undefined {
  const reference = getIn(entry as JsonObject, "valueFrom", "configMapKeyRef");
  const name = getString(reference, "name");
  const key = getString(reference, "key");
  if (name === undefined || key === undefined) return undefined;
  return getStringMap(tryFindObject(inventory, "ConfigMap", name, namespace)?.object, "data")[key];
}

function daemonSetsOfPods(inventory: Inventory, known: ReadonlySet<string>): readonly Workload[] {
  const podsByOwner = new Map<string, Pod[]>();
  for (const pod of inventory.pods) {
    if (pod.owner?.kind !== "DaemonSet") continue;
    const place = `${pod.namespace}/${pod.owner.name}`;
    if (known.has(place)) continue;
    const pods = podsByOwner.get(place);
    if (pods === undefined) podsByOwner.set(place, [pod]);
    else pods.push(pod);
  }
  return [...podsByOwner.values()].flatMap((pods) => workloadOfPods(pods) ?? []);
}

function workloadOfPods(pods: readonly Pod[]): Workload | undefined {
  const [first] = pods;
  if (first?.owner === undefined) return undefined;
  return {
    kind: "DaemonSet",
    namespace: first.namespace,
    name: first.owner.name,
    labels: first.labels,
    annotations: {},
    containers: first.images.map((image) => ({ name: "", image, words: [], env: {} })),
    initContainers: [],
    isHostNetwork: first.isHostNetwork,
    serviceAccountName: first.serviceAccountName,
    desired: pods.length,
    ready: pods.filter((pod) => pod.isReady).length,
    from: "pods",
    position: first.position,
  };
}

/** Whether the workload is wanted on at least one node: a status says so, or pods of it exist. */
export function isRunning(workload: Workload): boolean {
  return (workload.desired ?? 0) > 0;
}

/** A variable of the first container (not of an init container) that has it; `undefined` when none has. */
export function readVariable(workload: Workload | undefined, name: string): string | undefined {
  return workload?.containers.find((container) => Object.hasOwn(container.env, name))?.env[name];
}

/**
 * A flag out of the words of a container: `--name=value`, `--name value`, or `--name` alone (`"true"`); the last one
 * wins, as Go's flag packages have it. `undefined` when the flag is not given.
 */
export function readFlag(words: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (const [at, word] of words.entries()) {
    const bare = word.replace(/^--?/u, "");
    if (bare === word) continue;
    if (bare.startsWith(`${name}=`)) found = bare.slice(name.length + 1);
    else if (bare === name) {
      const next = words[at + 1];
      found = next === undefined || next.startsWith("-") ? "true" : next;
    }
  }
  return found;
}

/** The flag out of any container of a workload, the first that gives it. */
export function readWorkloadFlag(workload: Workload | undefined, name: string): string | undefined {
  for (const container of workload?.containers ?? []) {
    const value = readFlag(wordsOf(container), name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The words of a container, those inside a `sh -c` script taken apart: manifests hide flags in scripts. */
function wordsOf(container: WorkloadContainer): readonly string[] {
  return container.words.flatMap((word) => (/\s/u.test(word) ? word.split(/\s+/u) : [word]));
}

/** The directory on the host that a workload sees under one of the paths; `undefined` when it mounts none of them. */
export function hostDirectory(workload: Workload | undefined, seenAs: readonly string[]): string | undefined {
  const pod = getIn(workload?.object?.object, "spec", "template", "spec");
  const containers = [...getArray(pod, "initContainers"), ...getArray(pod, "containers")];
  const mounts = containers.flatMap((container) => getArray(container, "volumeMounts"));
  for (const wanted of seenAs) {
    for (const mount of mounts) {
      const path = trimSlash(getString(mount, "mountPath") ?? "");
      if (path !== wanted && !wanted.startsWith(`${path}/`)) continue;
      const volume = getArray(pod, "volumes").find((entry) => getString(entry, "name") === getString(mount, "name"));
      const host = getString(volume, "hostPath", "path");
      if (host !== undefined && path !== "") return `${trimSlash(host)}${wanted.slice(path.length)}`;
    }
  }
  return undefined;
}

/** The names of the ConfigMaps that a workload mounts, in the order of its volumes. */
export function mountedConfigMaps(workload: Workload | undefined): readonly string[] {
  const volumes = getArray(workload?.object?.object, "spec", "template", "spec", "volumes");
  return volumes.flatMap((volume) => getString(volume, "configMap", "name") ?? []);
}

function trimSlash(path: string): string {
  return path.replace(/\/+$/u, "");
}

/** `1.2.3` with its pre-release out of an image's tag; `undefined` for a digest, `latest` or a private name. */
export function versionOfImage(image: string): string | undefined {
  const tag = /:v?(\d+\.\d+(?:\.\d+)?[^:@/]*)(?:@.*)?$/u.exec(image)?.[1];
  return tag?.replace(/-(?:amd64|arm64|arm|ppc64le|s390x|build\d+|eksbuild\.\d+)$/u, "");
}
