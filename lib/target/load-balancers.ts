import { printIdentity } from "../core/identity.ts";
import { getArray, getString } from "../core/json.ts";
import { type Inventory, objectsOf } from "../inventory/inventory.ts";
import type { SourceDetection } from "../source/source.ts";

/**
 * Who gives out addresses of Services of type LoadBalancer today, in words; `undefined` when nobody seems to.
 *
 * MetalLB by its pools or workloads, kube-vip by its DaemonSet, the source by its own settings, otherwise whoever gave
 * the first such Service its address.
 */
export function ownedLoadBalancers(inventory: Inventory, source: SourceDetection): string | undefined {
  const metalLB = [...objectsOf(inventory, "IPAddressPool"), ...objectsOf(inventory, "DaemonSet")].find(
    (object) => object.kind === "IPAddressPool" || /metallb|kube-vip/u.test(object.name),
  );
  if (metalLB !== undefined) return printIdentity(metalLB);
  const pool = objectsOf(inventory, "IPPool").find((object) =>
    getArray(object.object, "spec", "allowedUses").includes("LoadBalancer"),
  );
  if (pool !== undefined) return `${source.source} with ${printIdentity(pool)}`;
  const service = objectsOf(inventory, "Service", "").find(
    (object) =>
      getString(object.object, "spec", "type") === "LoadBalancer" &&
      getArray(object.object, "status", "loadBalancer", "ingress").length > 0,
  );
  return service === undefined ? undefined : `whoever gave ${printIdentity(service)} its address`;
}
