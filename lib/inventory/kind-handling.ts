import { apiGroup } from "../core/identity.ts";
import { getArray, getIn, isJsonObject, type JsonObject } from "../core/json.ts";

/** Kinds that no step reads: they are counted and left out, each with the reason. */
export const kindsNotKept: Readonly<Record<string, string>> = {
  Event: "events tell what happened, not what is",
  Lease: "leases change every few seconds",
  ControllerRevision: "revisions repeat DaemonSets and StatefulSets of the past",
  PodMetrics: "metrics change all the time",
  NodeMetrics: "metrics change all the time",
};

/** Kinds that come by the thousand and whose fields no finding points into: their text is not kept. */
const kindsWithoutText: ReadonlySet<string> = new Set([
  "ReplicaSet",
  "Endpoints",
  "EndpointSlice",
  "CustomResourceDefinition",
  "IPAMBlock",
  "IPAMHandle",
  "BlockAffinity",
  "CiliumEndpoint",
  "CiliumIdentity",
  "CiliumNode",
]);

/** Whether the text of an object is kept so that its fields can be located. */
export function keepsText(kind: string): boolean {
  return !kindsWithoutText.has(kind);
}

/** Whether an object is a policy or belongs to one: where a placeholder in it may open or close a door. */
export function isPolicyGroup(apiVersion: string): boolean {
  const group = apiGroup(apiVersion);
  return (
    /(?:^|\.)(?:projectcalico\.org|cilium\.io|networking\.k8s\.io|k8s\.ovn\.org)$/u.test(group) || group === "policy"
  );
}

/**
 * The object without what no step reads and what would fill the memory: `metadata.managedFields` of all; the pod
 * template of a ReplicaSet that a controller owns (the controller has it); the schemas of a CustomResourceDefinition.
 */
export function withoutBulk(object: JsonObject): JsonObject {
  const slim = withoutManagedFields(object);
  if (slim["kind"] === "ReplicaSet" && getArray(slim, "metadata", "ownerReferences").length > 0)
    return withoutKey(slim, "spec", "template");
  if (slim["kind"] === "CustomResourceDefinition") return withoutSchemas(slim);
  return slim;
}

function withoutManagedFields(object: JsonObject): JsonObject {
  return getIn(object, "metadata", "managedFields") === undefined
    ? object
    : withoutKey(object, "metadata", "managedFields");
}

function withoutKey(object: JsonObject, outer: string, inner: string): JsonObject {
  const held = object[outer];
  if (!isJsonObject(held)) return object;
  const { [inner]: _dropped, ...rest } = held;
  return { ...object, [outer]: rest };
}

function withoutSchemas(object: JsonObject): JsonObject {
  const spec = object["spec"];
  if (!isJsonObject(spec)) return object;
  const versions = getArray(spec, "versions").map((version) => {
    if (!isJsonObject(version)) return version;
    const { schema: _schema, ...rest } = version;
    return rest;
  });
  return { ...object, spec: { ...spec, ...(Object.hasOwn(spec, "versions") && { versions }) } };
}
