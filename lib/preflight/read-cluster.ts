import { printIdentity } from "../core/identity.ts";
import { getArray, getString, getStringMap, isJsonObject, type JsonValue } from "../core/json.ts";
import { byText, sortedUnique } from "../core/order.ts";
import { type Inventory, objectsOf, type Pod, type RawObject } from "../inventory/inventory.ts";

const workloadKinds = ["DaemonSet", "Deployment", "StatefulSet"];

/** Every DaemonSet, Deployment and StatefulSet, by `Kind/namespace/name`. */
export function workloadsOf(inventory: Inventory): readonly RawObject[] {
  return workloadKinds.flatMap((kind) => objectsOf(inventory, kind)).sort(byText(printIdentity));
}

/** Images of a workload's containers, as written. */
function imagesOf(workload: RawObject): string[] {
  return getArray(workload.object, "spec", "template", "spec", "containers").flatMap(
    (container) => getString(container, "image") ?? [],
  );
}

/** Command and arguments of a workload's containers, in order. */
export function argumentsOf(workload: RawObject): string[] {
  return getArray(workload.object, "spec", "template", "spec", "containers").flatMap((container) =>
    [...getArray(container, "command"), ...getArray(container, "args")].filter(
      (word): word is string => typeof word === "string",
    ),
  );
}

/** The workloads whose name or image fits, and is meant to run somewhere. */
export function workloadsLike(inventory: Inventory, pattern: RegExp): readonly RawObject[] {
  return workloadsOf(inventory).filter(
    (workload) => pattern.test(workload.name) || imagesOf(workload).some((image) => pattern.test(image)),
  );
}

/** Whether the inventory has a CustomResourceDefinition of this name. */
export function hasDefinition(inventory: Inventory, name: string): boolean {
  return objectsOf(inventory, "CustomResourceDefinition").some((definition) => definition.name === name);
}

/** Pods that have not finished. */
export function livePods(inventory: Inventory): readonly Pod[] {
  return inventory.pods.filter((pod) => pod.phase !== "Succeeded" && pod.phase !== "Failed");
}

/** `Kind/namespace/name` of a pod's workload, or of the pod itself when nothing owns it. */
export function ownerOf(pod: Pod): string {
  const owner = pod.workload ?? pod.owner;
  return owner === undefined ? printIdentity(pod) : `${owner.kind}/${pod.namespace}/${owner.name}`;
}

/** The live pods that a Service sends to; empty without a selector. */
export function podsOfService(inventory: Inventory, namespace: string, name: string): readonly Pod[] {
  const service = objectsOf(inventory, "Service", "").find(
    (object) => object.namespace === namespace && object.name === name,
  );
  const selector = Object.entries(getStringMap(service?.object, "spec", "selector"));
  if (selector.length === 0) return [];
  return livePods(inventory).filter(
    (pod) => pod.namespace === namespace && selector.every(([key, value]) => pod.labels[key] === value),
  );
}

/** Values in groups by a key, both in the order in which they came. */
export function groupBy<T>(values: readonly T[], key: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group === undefined) groups.set(key(value), [value]);
    else group.push(value);
  }
  return groups;
}

// Not a part of a longer number or name, and no prefix: `10.244.0.7:5432` is one, `10.244.0.0/16` and `v10.244.0.7.1` are none.
const addressIPv4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d|\/\d)/gu;
const addressIPv6 = /(?<![\w.:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:]|\/\d)/giu;

/** The wanted addresses that stand in a value's texts, each once, sorted. `families` saves looking for IPv6 where there is none. */
export function addressesIn(
  value: JsonValue | undefined,
  families: readonly (4 | 6)[],
  isWanted: (address: string) => boolean,
): string[] {
  const patterns = families.includes(6) ? [addressIPv4, addressIPv6] : [addressIPv4];
  const found = new Set<string>();
  for (const text of textsIn(value))
    for (const pattern of patterns) for (const match of text.match(pattern) ?? []) found.add(match);
  return sortedUnique([...found].filter(isWanted));
}

function textsIn(value: JsonValue | undefined): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isJsonObject(value) ? Object.values(value).flatMap(textsIn) : [];
}
