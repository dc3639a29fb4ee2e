import { normaliseCIDR, rangeOf } from "../core/cidr.ts";
import { getStringMap } from "../core/json.ts";
import { type Inventory, tryFindObject } from "../inventory/inventory.ts";

/** What an installed Cilium was given and cannot change any more. */
export interface InstalledCilium {
  /** Pool prefixes in the order of its configuration, IPv4 first. */
  readonly podCIDRs: readonly string[];
  readonly maskSize: { readonly ipv4?: number; readonly ipv6?: number };
  /** UDP port of its overlay, where the configuration names one. */
  readonly tunnelPort?: number;
}

/**
 * Reads the pool and the overlay's port of a Cilium that is in the cluster already: dormant, or in the middle of the
 * migration. `undefined` without its ConfigMap, or when it does not give addresses out of a cluster pool.
 *
 * An inventory taken between two waves has one; the plan then has to go on with the same pool.
 * Source: cilium/cilium v1.20.2 install/kubernetes/cilium/templates/cilium-configmap.yaml (cluster-pool-ipv4-cidr,
 * cluster-pool-ipv4-mask-size, tunnel-port).
 */
export function readInstalledCilium(inventory: Inventory): InstalledCilium | undefined {
  const configMap = tryFindObject(inventory, "ConfigMap", "cilium-config", "kube-system");
  const data = getStringMap(configMap?.object, "data");
  const podCIDRs = [data["cluster-pool-ipv4-cidr"], data["cluster-pool-ipv6-cidr"]]
    .flatMap((text) => (text ?? "").split(/[\s,]+/u))
    .flatMap((text) => normaliseCIDR(text) ?? []);
  if (podCIDRs.length === 0) return undefined;
  const ipv4 = positive(data["cluster-pool-ipv4-mask-size"]);
  const ipv6 = positive(data["cluster-pool-ipv6-mask-size"]);
  const tunnelPort = positive(data["tunnel-port"]);
  return {
    podCIDRs,
    maskSize: {
      ...(ipv4 !== undefined && podCIDRs.some((cidr) => rangeOf(cidr).family === 4) && { ipv4 }),
      ...(ipv6 !== undefined && podCIDRs.some((cidr) => rangeOf(cidr).family === 6) && { ipv6 }),
    },
    ...(tunnelPort !== undefined && { tunnelPort }),
  };
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
