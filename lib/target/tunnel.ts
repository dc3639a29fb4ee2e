import type { Inventory } from "../inventory/inventory.ts";
import type { SourceDetection } from "../source/source.ts";
import { readInstalledCilium } from "./installed-cilium.ts";

/** A UDP port that the new overlay must not take, and who has it. */
export interface TakenPort {
  readonly port: number;
  readonly by: string;
}

/** The new overlay: always VXLAN, on a port that nobody has. */
export interface Tunnel {
  readonly protocol: "vxlan";
  readonly port: number;
  /** Why not the port that Cilium would take by itself; empty when it does. */
  readonly avoided: readonly TakenPort[];
}

const flannelFamily = ["flannel", "canal"];

/**
 * UDP ports that the source's overlay has, or had: sorted by port.
 *
 * Without a port in the facts the documented default of the source counts. A flannel that was installed once still
 * counts, because its device may be left on nodes.
 * Source: flannel-io/flannel v0.28.9 Documentation/backends.md (VXLAN 8472); projectcalico/calico
 * felix/config/config_params.go (4789); ovn-kubernetes go-controller/pkg/config (6081); antrea-io/antrea tunnelType.
 */
export function overlayPorts(source: SourceDetection): TakenPort[] {
  const { facts } = source;
  const ports = new Map<number, string>();
  if (facts.tunnelPort !== undefined) ports.set(facts.tunnelPort, `the overlay of ${source.source}`);
  else if (facts.encapsulation === "vxlan")
    ports.set(flannelFamily.includes(source.source) ? 8472 : 4789, `the overlay of ${source.source} by default`);
  else if (facts.encapsulation === "geneve") ports.set(6081, `the overlay of ${source.source} by default`);
  else if (facts.encapsulation === "unknown") {
    ports.set(8472, "perhaps the source's overlay, which the inventory does not show");
    ports.set(4789, "perhaps the source's overlay, which the inventory does not show");
  }
  const flannelOnce = source.evidence.find((item) => flannelFamily.includes(item.source));
  if (!flannelFamily.includes(source.source) && flannelOnce !== undefined && !ports.has(8472))
    ports.set(8472, `a flannel that ${flannelOnce.object} speaks of`);
  return [...ports].map(([port, by]) => ({ port, by })).sort((a, b) => a.port - b.port);
}

/** UDP ports that pods hold on their nodes, as host-network ports or hostPorts: sorted by port, one holder each. */
export function hostUDPPorts(inventory: Inventory): TakenPort[] {
  const ports = new Map<number, string>();
  for (const pod of inventory.pods)
    for (const port of pod.ports) {
      const onHost = port.hostPort ?? (pod.isHostNetwork ? port.containerPort : undefined);
      if (port.protocol === "UDP" && onHost !== undefined && !ports.has(onHost))
        ports.set(onHost, `Pod/${pod.namespace}/${pod.name}`);
    }
  return [...ports].map(([port, by]) => ({ port, by })).sort((a, b) => a.port - b.port);
}

/**
 * The overlay for Cilium beside the source: VXLAN on 8472 where that is free, otherwise the next free port.
 *
 * A Cilium that is installed already keeps its port. The port stays for good: a change recreates `cilium_vxlan`, which cuts the whole cluster.
 * Source: cilium/cilium v1.20.2 pkg/datapath/loader/netlink.go setupVxlanDevice.
 */
export function chooseTunnel(inventory: Inventory, source: SourceDetection): Tunnel {
  const installed = readInstalledCilium(inventory)?.tunnelPort;
  if (installed !== undefined) return { protocol: "vxlan", port: installed, avoided: [] };
  const taken = [...overlayPorts(source), ...hostUDPPorts(inventory)];
  let port = 8472;
  while (taken.some((other) => other.port === port)) port += 1;
  return { protocol: "vxlan", port, avoided: taken.filter((other) => other.port >= 8472 && other.port < port) };
}
