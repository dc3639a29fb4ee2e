import { addressFamily, covers } from "../../core/cidr.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { LabelSet, World } from "../space/world.ts";

/*
 * How one pod looks to the engine at the other end while two networks run, as the pilot measured it: with node rules under its
 * own address, without them under the address of a node, or as the outside.
 * Source: pilot with Canal and Cilium 1.20.2, "Sources and identities".
 */

const unmanaged: LabelSet = new Map([["reserved:unmanaged", ""]]);

/** A pod on the source: Calico knows its labels and today's address, Cilium on the same node knows it as `unmanaged`. */
export function oldLook(pod: PacketEnd): PacketEnd {
  return { ...pod, cilium: { labels: unmanaged } };
}

/** A pod on the source for the Cilium of another node: an address of the outside. */
export function remoteLook(pod: PacketEnd, outside: LabelSet): PacketEnd {
  const { address } = pod.calico;
  return { ...pod, kind: "address", cilium: { labels: outside, ...(address !== undefined && { address }) } };
}

/** A moved pod: Cilium knows its labels, Calico knows them too, with an address of the new pool. */
export function youngLook(pod: PacketEnd, address: string | undefined): PacketEnd {
  return { ...pod, calico: { ...pod.calico, ...(address !== undefined && { address }) } };
}

/** A pod on the source behind address translation: for Cilium the outside, without an address that CIDR rules match. */
export function translatedOldLook(outside: LabelSet): PacketEnd {
  return strangerEnd("a pod on the source behind its node", outside);
}

/** A moved pod behind its node: for Calico a node's address. */
export function translatedYoungLook(address: string, outside: LabelSet): PacketEnd {
  return { ...strangerEnd(address, outside), calico: { address } };
}

function strangerEnd(name: string, labels: LabelSet): PacketEnd {
  return { kind: "address", weight: 1, names: [name], calico: {}, cilium: { labels }, namedPorts: [] };
}

/** The address on the source's side: today's; for a pod that has moved already one of the source's pool in its place. */
export function oldAddress(addresses: readonly string[], world: World, family: 4 | 6): string | undefined {
  const address = addresses.find((text) => addressFamily(text) === family);
  if (address === undefined) return undefined;
  if (!world.podCIDRs.target.some((pool) => covers(pool, address))) return address;
  const pool = world.podCIDRs.source.find((text) => addressFamily(text) === family);
  return pool === undefined ? address : pool.slice(0, pool.indexOf("/"));
}
