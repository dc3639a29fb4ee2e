import { getString } from "../core/json.ts";
import { ownNamespace } from "../core/own-namespace.ts";
import type { StageMarker } from "../delivery/plan-transition.ts";
import { type Inventory, objectsOf } from "../inventory/inventory.ts";

/** What the stages' Jobs left in the cluster, from the inventory's ConfigMaps; absent when it was taken without that kind. */
export function markersOf(inventory: Inventory): readonly StageMarker[] | undefined {
  if (!inventory.kindsSeen.has("ConfigMap")) return undefined;
  return objectsOf(inventory, "ConfigMap")
    .filter((object) => object.namespace === ownNamespace && object.name.startsWith("wave-"))
    .map((object) => ({
      stageId: object.name.slice("wave-".length),
      state: getString(object.object, "data", "state") ?? "",
      digest: getString(object.object, "data", "digest") ?? "",
    }));
}
