import type { ContainerPort } from "../inventory/inventory.ts";
import type { PodView } from "./cluster-view.ts";

/** Host ports taken on each node. */
export interface HostPorts {
  /** Whether the pod asks for any, so that the rest can be skipped. */
  readonly isConcerned: (view: PodView) => boolean;
  readonly admits: (view: PodView, node: number) => boolean;
  readonly take: (view: PodView, node: number, by: 1 | -1) => void;
}

const everyAddress = "0.0.0.0";

/**
 * Counts host ports by node. A port of one address conflicts with the same port of all addresses.
 * Source: kube-scheduler v1.36 plugin nodeports.
 */
export function countHostPorts(pods: readonly PodView[], nodes: number): HostPorts {
  const taken: (Map<string, number> | undefined)[] = new Array<undefined>(nodes).fill(undefined);
  const ports: (readonly (readonly [key: string, address: string])[])[] = [];
  for (const view of pods) {
    const own = view.pod.ports.filter((port) => port.hostPort !== undefined);
    if (own.length > 0) ports[view.at] = own.map(keyOf);
  }
  const take = (view: PodView, node: number, by: 1 | -1): void => {
    for (const [key, address] of ports[view.at] ?? []) {
      const counts = taken[node] ?? new Map<string, number>();
      for (const name of [key, `${key}@${address}`]) counts.set(name, (counts.get(name) ?? 0) + by);
      taken[node] = counts;
    }
  };
  for (const view of pods) take(view, view.nodeAt, 1);
  return {
    take,
    isConcerned: (view) => ports[view.at] !== undefined,
    admits: (view, node) =>
      (ports[view.at] ?? []).every(([key, address]) => {
        const count = (name: string): number => taken[node]?.get(name) ?? 0;
        if (address === everyAddress) return count(key) === 0;
        return count(`${key}@${address}`) + count(`${key}@${everyAddress}`) === 0;
      }),
  };
}

function keyOf(port: ContainerPort): readonly [key: string, address: string] {
  const isEvery = port.hostIP === undefined || port.hostIP === "" || port.hostIP === "::";
  return [`${port.protocol}/${port.hostPort}`, isEvery ? everyAddress : (port.hostIP ?? everyAddress)];
}
