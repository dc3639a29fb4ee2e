import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import { getString, getStringMap } from "../../../lib/core/json.ts";
import type { RawObject } from "../../../lib/inventory/inventory.ts";

const groups: Readonly<Record<string, string>> = {
  GlobalNetworkPolicy: "projectcalico.org/v3",
  GlobalNetworkSet: "projectcalico.org/v3",
  NetworkSet: "projectcalico.org/v3",
  Tier: "projectcalico.org/v3",
  HostEndpoint: "projectcalico.org/v3",
  NetworkPolicy: "projectcalico.org/v3",
  StagedGlobalNetworkPolicy: "projectcalico.org/v3",
  StagedNetworkPolicy: "projectcalico.org/v3",
  KubernetesNetworkPolicy: "networking.k8s.io/v1",
  CiliumNetworkPolicy: "cilium.io/v2",
  CiliumClusterwideNetworkPolicy: "cilium.io/v2",
  CiliumCIDRGroup: "cilium.io/v2",
};

/** An object as the inventory reader gives it; `apiVersion` is filled in by kind where the object has none. */
export function rawObject(object: JsonObject): RawObject {
  const kind = getString(object, "kind") ?? "";
  const apiVersion = getString(object, "apiVersion") ?? groups[kind] ?? "v1";
  const namespace = getString(object, "metadata", "namespace");
  const whole: JsonObject = {
    ...object,
    apiVersion,
    kind: kind === "KubernetesNetworkPolicy" ? "NetworkPolicy" : kind,
  };
  return {
    apiVersion,
    kind: getString(whole, "kind") ?? "",
    name: getString(object, "metadata", "name") ?? "",
    ...(namespace !== undefined && { namespace }),
    labels: getStringMap(object, "metadata", "labels"),
    annotations: getStringMap(object, "metadata", "annotations"),
    position: {},
    object: whole,
  };
}

/** Several at once. */
export function rawObjects(objects: readonly JsonValue[]): RawObject[] {
  return objects.map((object) => rawObject(object as JsonObject));
}
