import { apiGroup } from "../core/identity.ts";
import { byText } from "../core/order.ts";
import { objectsOf, type RawObject } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";

/** Whether the API group is one of Calico's: the stored CRDs, the aggregated API or native v3 CRDs. */
function isCalicoGroup(group: string): boolean {
  return group === "crd.projectcalico.org" || group === "projectcalico.org";
}

/** Calico objects of one kind, each once: dumps of both API groups hold every object twice. */
export function calicoObjects(view: ClusterView, kind: string): readonly RawObject[] {
  const byKey = new Map<string, RawObject>();
  for (const object of objectsOf(view.inventory, kind)) {
    const group = apiGroup(object.apiVersion);
    if (!isCalicoGroup(group)) continue;
    const key = `${object.namespace ?? ""}/${object.name}`;
    if (!byKey.has(key) || group === "crd.projectcalico.org") byKey.set(key, object);
  }
  return [...byKey.values()].sort(byText((object) => `${object.namespace ?? ""}/${object.name}`));
}
