import type { CiliumServicePeer } from "../cilium/model.ts";
import { meetsSelector } from "../space/packet-space.ts";
import type { World, WorldService } from "../space/world.ts";

/** The Services of the world that `toServices` items name. Source: cilium 1.20.2 pkg/policy/k8s/service.go. */
export function servicesOf(items: readonly CiliumServicePeer[], world: World): WorldService[] {
  return world.services.filter((service) => items.some((item) => isNamed(item, service)));
}

function isNamed(item: CiliumServicePeer, service: WorldService): boolean {
  if (item.namespace !== undefined && item.namespace !== service.namespace) return false;
  if (item.kind === "name") return item.name === service.name;
  return meetsSelector(item.selector, (key) => service.labels?.[key.replace(/^pod:/u, "")]);
}
