import { getString, type JsonObject } from "./json.ts";

/** Which Kubernetes object: the four things that tell it from every other. */
export interface ObjectIdentity {
  /** As written in the object, for example `projectcalico.org/v3`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly name: string;
}

/** The identity that an object carries; empty texts for what it lacks. */
export function identityOf(object: JsonObject): ObjectIdentity {
  const namespace = getString(object, "metadata", "namespace");
  return {
    apiVersion: getString(object, "apiVersion") ?? "",
    kind: getString(object, "kind") ?? "",
    ...(namespace !== undefined && { namespace }),
    name: getString(object, "metadata", "name") ?? "",
  };
}

/** The one printed form, used in messages, maps and tests: `Kind/namespace/name`, or `Kind/name` without a namespace. */
export function printIdentity(identity: Pick<ObjectIdentity, "kind" | "namespace" | "name">): string {
  return identity.namespace === undefined
    ? `${identity.kind}/${identity.name}`
    : `${identity.kind}/${identity.namespace}/${identity.name}`;
}

/** The API group of an apiVersion: empty for the core group. */
export function apiGroup(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}
