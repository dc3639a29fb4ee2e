import type { ObjectIdentity } from "../core/identity.ts";
import type { JsonObject } from "../core/json.ts";
import type { Node, Position } from "./inventory.ts";
import type { FieldReader } from "./read-fields.ts";

/** Conditions that are good when True; every other condition is good when False. */
const goodWhenTrue: ReadonlySet<string> = new Set(["Ready"]);

/**
 * A node as planning reads it.
 *
 * Units: cores, bytes, counts. Fields of a wrong type are left out, and told through the reader.
 * Source: Kubernetes API v1 Node; well-known labels and taints.
 */
export function extractNode(
  object: JsonObject,
  known: ObjectIdentity & { readonly position: Position },
  read: FieldReader,
): Node {
  const labels = read.textMap(object, "metadata", "labels");
  const hostname = labels["kubernetes.io/hostname"];
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"];
  const conditions = read.items(object, ["status", "conditions"], (condition) => [condition]);
  return {
    apiVersion: known.apiVersion,
    kind: known.kind,
    name: known.name,
    labels,
    annotations: read.textMap(object, "metadata", "annotations"),
    position: known.position,
    ...(hostname !== undefined && { hostname }),
    isControlPlane:
      labels["node-role.kubernetes.io/control-plane"] !== undefined ||
      labels["node-role.kubernetes.io/master"] !== undefined,
    ...(zone !== undefined && { zone }),
    addresses: readAddresses(object, read),
    podCIDRs: readPodCIDRs(object, read),
    taints: readTaints(object, read),
    isUnschedulable: read.flag(object, "spec", "unschedulable"),
    isReady: conditions.some((condition) => condition["type"] === "Ready" && condition["status"] === "True"),
    unhealthyConditions: conditions.filter(isUnhealthy).map((condition) => String(condition["type"])),
    allocatable: read.quantities(object, "status", "allocatable"),
    capacity: read.quantities(object, "status", "capacity"),
    nodeInfo: readNodeInfo(object, read),
  };
}

function isUnhealthy(condition: JsonObject): boolean {
  const isTrue = condition["status"] === "True";
  return goodWhenTrue.has(String(condition["type"])) ? !isTrue : condition["status"] !== "False";
}

function readAddresses(object: JsonObject, read: FieldReader): Node["addresses"] {
  return read.items(object, ["status", "addresses"], (entry) => {
    const type = read.text(entry, "type");
    const address = read.text(entry, "address");
    const isWanted = (type === "InternalIP" || type === "ExternalIP") && address !== undefined;
    return isWanted ? [{ type, address }] : [];
  });
}

function readPodCIDRs(object: JsonObject, read: FieldReader): readonly string[] {
  const podCIDRs = read.texts(object, "spec", "podCIDRs");
  const podCIDR = read.text(object, "spec", "podCIDR");
  return podCIDRs.length > 0 || podCIDR === undefined || podCIDR === "" ? podCIDRs : [podCIDR];
}

function readTaints(object: JsonObject, read: FieldReader): Node["taints"] {
  return read.items(object, ["spec", "taints"], (taint) => {
    const key = read.text(taint, "key");
    const effect = read.text(taint, "effect");
    const value = read.text(taint, "value");
    if (key === undefined || effect === undefined) return [];
    return [{ key, ...(value !== undefined && value !== "" && { value }), effect }];
  });
}

const nodeInfoKeys = [
  "architecture",
  "operatingSystem",
  "osImage",
  "kernelVersion",
  "containerRuntimeVersion",
  "kubeletVersion",
] as const;

function readNodeInfo(object: JsonObject, read: FieldReader): Node["nodeInfo"] {
  const entries = nodeInfoKeys.flatMap((key) => {
    const value = read.text(object, "status", "nodeInfo", key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries);
}
