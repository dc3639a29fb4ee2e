import { onceFor } from "../core/once-for.ts";
import type { Inventory, Node, Pod } from "../inventory/inventory.ts";
import { type Distribution, detectDistribution } from "./distribution.ts";
import { type KubernetesNetwork, readKubernetesNetwork } from "./kubernetes-network.ts";
import { findDaemonSets, findDeployments, type Workload } from "./workload.ts";

/** What every adapter reads: the inventory and what detection works out of it once for all of them. */
export interface ClusterView {
  readonly inventory: Inventory;
  readonly daemonSets: readonly Workload[];
  readonly deployments: readonly Workload[];
  readonly distribution: Distribution;
  readonly kubernetes: KubernetesNetwork;
  /** Pods with an address of their own: not of the host's network, not finished. */
  readonly networkPods: readonly Pod[];
  readonly readyNodes: readonly Node[];
}

/** The view of an inventory, worked out once. Cost: O(objects). */
export const viewCluster: (inventory: Inventory) => ClusterView = onceFor(makeView);

function makeView(inventory: Inventory): ClusterView {
  const daemonSets = findDaemonSets(inventory);
  const distribution = detectDistribution(inventory);
  return {
    inventory,
    daemonSets,
    deployments: findDeployments(inventory),
    distribution,
    kubernetes: readKubernetesNetwork(inventory, daemonSets, distribution),
    networkPods: inventory.pods.filter(
      (pod) => !pod.isHostNetwork && pod.podIPs.length > 0 && pod.phase !== "Succeeded" && pod.phase !== "Failed",
    ),
    readyNodes: inventory.nodes.filter((node) => node.isReady),
  };
}
