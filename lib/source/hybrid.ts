import { addressMatcher } from "../core/cidr.ts";
import { getArray, getStringMap } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import { objectsOf, type Pod } from "../inventory/inventory.ts";
import { mergeSorted } from "./build-facts.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isImage } from "./images.ts";
import { type Claim, claim } from "./kubernetes-network.ts";
import type { HybridState } from "./source.ts";
import { isRunning, versionOfImage, type Workload } from "./workload.ts";

/** Cilium as it stands in the inventory, whether it is the network, a chained plugin, or waits dormant. */
export interface CiliumPresence {
  readonly agents: readonly Workload[];
  readonly isRunning: boolean;
  /** Prefixes out of CiliumNodes, or of the pool in cilium-config. */
  readonly claims: readonly Claim[];
  /** `none` unless it is chained on another plugin (`aws-cni`, `generic-veth`, `flannel`, `portmap`). */
  readonly chainingMode: string;
  readonly version?: string;
  readonly config: Readonly<Record<string, string>>;
}

/** Whether a DaemonSet is Cilium's agent, or a vendor's build of it (GKE's anetd). */
export function isCiliumDaemon(workload: Workload): boolean {
  if (!workload.isHostNetwork) return false;
  return workload.containers.some(
    (container) => container.name === "cilium-agent" || isImage(container.image, /(?:^|\/)cilium\/cilium(?:-ci)?$/u),
  );
}

/**
 * Reads Cilium's agents, `cilium-config`, CiliumNodes and pools.
 * Source: Cilium 1.20 Documentation/network/concepts/ipam, operator flags cluster-pool-ipv4-cidr.
 */
export function readCilium(view: ClusterView): CiliumPresence {
  const agents = view.daemonSets.filter(isCiliumDaemon);
  const map = objectsOf(view.inventory, "ConfigMap", "").find((one) => one.name === "cilium-config");
  const config = getStringMap(map?.object, "data");
  const image = agents
    .flatMap((agent) => agent.containers)
    .find((one) => isImage(one.image, /(?:^|\/)cilium$/u))?.image;
  const version = image === undefined ? undefined : versionOfImage(image);
  return {
    agents,
    isRunning: agents.some(isRunning),
    claims: readClaims(view, config),
    chainingMode: config["cni-chaining-mode"] ?? "none",
    ...(version !== undefined && { version }),
    config,
  };
}

function readClaims(view: ClusterView, config: Readonly<Record<string, string>>): readonly Claim[] {
  const nodes = objectsOf(view.inventory, "CiliumNode", "cilium.io").flatMap((node) => [
    ...getArray(node.object, "spec", "ipam", "podCIDRs").flatMap((cidr) =>
      claim(typeof cidr === "string" ? cidr : "", `CiliumNode/${node.name}`, "spec.ipam.podCIDRs"),
    ),
    ...getArray(node.object, "spec", "ipam", "pools", "allocated").flatMap((pool) =>
      getArray(pool, "cidrs").flatMap((cidr) =>
        claim(typeof cidr === "string" ? cidr : "", `CiliumNode/${node.name}`, "spec.ipam.pools.allocated"),
      ),
    ),
  ]);
  if (nodes.length > 0) return nodes;
  const texts = [config["cluster-pool-ipv4-cidr"], config["cluster-pool-ipv6-cidr"]];
  // The list is written with blanks between its prefixes.
  return texts.flatMap((text) =>
    claim(text?.replace(/\s+/gu, ","), "ConfigMap/cilium-config", "data.cluster-pool-cidr"),
  );
}

/**
 * How far the pods have moved, when Cilium runs beside a source; `undefined` when it does not run.
 * A pod counts for Cilium when its address is in Cilium's prefixes, for the source when it is in the source's.
 */
export function readHybrid(view: ClusterView, sourceCIDRs: readonly string[]): HybridState | undefined {
  const cilium = readCilium(view);
  if (!cilium.isRunning) return undefined;
  const ciliumPodCIDRs = mergeSorted(cilium.claims.map((one) => one.cidr));
  const isOfCilium = addressMatcher(ciliumPodCIDRs);
  const isOfSource = addressMatcher(sourceCIDRs);
  const sideOf = (pod: Pod): "cilium" | "source" | "elsewhere" => {
    if (pod.podIPs.some(isOfCilium)) return "cilium";
    return pod.podIPs.some(isOfSource) ? "source" : "elsewhere";
  };
  const counts = { cilium: 0, source: 0, elsewhere: 0 };
  const nodes = new Map<string, Set<string>>();
  for (const pod of view.networkPods) {
    const side = sideOf(pod);
    counts[side] += 1;
    if (pod.nodeName === undefined || side === "elsewhere") continue;
    const sides = nodes.get(pod.nodeName) ?? new Set<string>();
    nodes.set(pod.nodeName, sides.add(side));
  }
  const nodesWith = (test: (sides: ReadonlySet<string>) => boolean): readonly string[] =>
    [...nodes]
      .filter(([, sides]) => test(sides))
      .map(([name]) => name)
      .sort(compareText);
  return {
    ...(cilium.version !== undefined && { ciliumVersion: cilium.version }),
    ciliumPodCIDRs,
    podsOnSource: counts.source,
    podsOnCilium: counts.cilium,
    podsElsewhere: counts.elsewhere,
    migratedNodes: nodesWith((sides) => sides.has("cilium") && !sides.has("source")),
    mixedNodes: nodesWith((sides) => sides.size > 1),
  };
}
