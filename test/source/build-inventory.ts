import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import {
  getArray,
  getBoolean,
  getIn,
  getString,
  getStringMap,
  isJsonObject,
  type JsonObject,
} from "../../lib/core/json.ts";
import type { Inventory, Node, Owner, Pod, RawObject } from "../../lib/inventory/inventory.ts";

/** The objects of YAML texts, Lists taken apart. Documents that are no objects (templates) are left out. */
export function parseObjects(...texts: readonly string[]): readonly JsonObject[] {
  return texts.flatMap((text) =>
    parseAllDocuments(text, { logLevel: "silent" }).flatMap((document) => {
      if (document.errors.length > 0) return [];
      const value: unknown = document.toJS();
      if (!isJsonObject(value)) return [];
      return value["kind"] === "List" ? getArray(value, "items").filter(isJsonObject) : [value];
    }),
  );
}

/** The objects of every YAML file in a folder of a dump. */
export function readObjects(folder: string): readonly JsonObject[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => /\.ya?ml$/u.test(file));
  return parseObjects(...files.sort().map((file) => readFileSync(join(folder, file), "utf8")));
}

/** An inventory out of plain objects, as the real reader would make it but without positions in files. */
export function buildInventory(
  objects: readonly JsonObject[],
  options: { readonly alsoSeen?: readonly string[] } = {},
): Inventory {
  const raw = new Map<string, RawObject[]>();
  const nodes: Node[] = [];
  const pods: Pod[] = [];
  const kinds = new Set<string>(options.alsoSeen ?? []);
  for (const object of objects) {
    const kind = getString(object, "kind");
    if (kind === undefined) continue;
    kinds.add(kind);
    if (kind === "Node") nodes.push(toNode(object));
    else if (kind === "Pod") pods.push(toPod(object));
    else raw.set(kind, [...(raw.get(kind) ?? []), { ...identityOf(object), object }]);
  }
  const byPlace = (a: { namespace?: string; name: string }, b: { namespace?: string; name: string }) =>
    `${a.namespace ?? ""}/${a.name}` < `${b.namespace ?? ""}/${b.name}` ? -1 : 1;
  for (const list of raw.values()) list.sort(byPlace);
  return { nodes: nodes.sort(byPlace), pods: pods.sort(byPlace), objects: raw, kindsSeen: kinds };
}

function identityOf(object: JsonObject) {
  const namespace = getString(object, "metadata", "namespace");
  return {
    apiVersion: getString(object, "apiVersion") ?? "v1",
    kind: getString(object, "kind") ?? "",
    ...(namespace !== undefined && { namespace }),
    name: getString(object, "metadata", "name") ?? "",
    labels: getStringMap(object, "metadata", "labels"),
    annotations: getStringMap(object, "metadata", "annotations"),
    position: {},
  };
}

function toNode(object: JsonObject): Node {
  const info = getIn(object, "status", "nodeInfo");
  const single = getString(object, "spec", "podCIDR");
  const many = getArray(object, "spec", "podCIDRs").filter((cidr) => typeof cidr === "string");
  return {
    ...identityOf(object),
    isControlPlane: getIn(object, "metadata", "labels", "node-role.kubernetes.io/control-plane") !== undefined,
    addresses: getArray(object, "status", "addresses").flatMap((entry) => {
      const type = getString(entry, "type") ?? "";
      return type.endsWith("IP") ? [{ type, address: getString(entry, "address") ?? "" }] : [];
    }),
    podCIDRs: many.length > 0 || single === undefined ? many : [single],
    taints: [],
    isUnschedulable: getBoolean(object, "spec", "unschedulable") === true,
    isReady: getArray(object, "status", "conditions").some(
      (condition) => getString(condition, "type") === "Ready" && getString(condition, "status") === "True",
    ),
    unhealthyConditions: [],
    allocatable: {},
    capacity: {},
    nodeInfo: getStringMap(info) as Node["nodeInfo"],
  };
}

function toPod(object: JsonObject): Pod {
  const containers = [...getArray(object, "spec", "initContainers"), ...getArray(object, "spec", "containers")];
  const [reference] = getArray(object, "metadata", "ownerReferences");
  const owner: Owner | undefined =
    reference === undefined
      ? undefined
      : {
          apiVersion: getString(reference, "apiVersion") ?? "",
          kind: getString(reference, "kind") ?? "",
          name: getString(reference, "name") ?? "",
        };
  const isMirror = owner?.kind === "Node";
  const ips = getArray(object, "status", "podIPs").map((entry) => getString(entry, "ip") ?? "");
  const nodeName = getString(object, "spec", "nodeName");
  const words = containers.flatMap((one) => [...getArray(one, "command"), ...getArray(one, "args")]);
  return {
    ...identityOf(object),
    namespace: getString(object, "metadata", "namespace") ?? "default",
    ...(nodeName !== undefined && { nodeName }),
    phase: getString(object, "status", "phase") ?? "Running",
    isReady: getArray(object, "status", "conditions").some(
      (condition) => getString(condition, "type") === "Ready" && getString(condition, "status") === "True",
    ),
    podIPs: ips,
    isHostNetwork: getBoolean(object, "spec", "hostNetwork") === true,
    serviceAccountName: getString(object, "spec", "serviceAccountName") ?? "default",
    ...(owner !== undefined && { owner, workload: owner }),
    isMirror,
    ...(isMirror && { commandLine: words.filter((word) => typeof word === "string") }),
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    ports: [],
    images: containers.map((container) => getString(container, "image") ?? ""),
    requests: {},
    nodeSelector: {},
    volumes: [],
  };
}
