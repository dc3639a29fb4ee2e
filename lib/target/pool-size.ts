import type { Inventory } from "../inventory/inventory.ts";

/** Pods that the kubelet of a node admits unless it was told otherwise (KubeletConfiguration `maxPods`). */
const kubeletMaxPods = 110;
/** Addresses of a node's block that no pod gets: router, health endpoint, ingress and one for a pod being replaced. */
export const ownAddresses = 4;
/** Cilium takes the first and the last address of a block away (cluster-pool.rst). */
const blockEnds = 2;

/** The most pods that any node may run: the largest `pods` of the nodes' capacity, 110 when no node tells. */
export function maxPodsPerNode(inventory: Inventory): number {
  const told = inventory.nodes.map((node) => node.capacity["pods"] ?? node.allocatable["pods"] ?? 0);
  const most = told.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? most : kubeletMaxPods;
}

/** Host bits that a node's block needs for its pods: 7 (a /25) for 110 pods. */
export function blockBits(maxPods: number): number {
  return bitsFor(maxPods + ownAddresses + blockEnds);
}

/** Addresses that pods and Cilium itself can use in a block with so many host bits. */
export function usableAddresses(hostBits: number): number {
  return 2 ** hostBits - blockEnds;
}

/** The fewest bits that can number `count` things, at least 0. */
export function bitsFor(count: number): number {
  let bits = 0;
  while (2 ** bits < count) bits += 1;
  return bits;
}
