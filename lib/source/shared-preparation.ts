import { tryFindObject } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { handOver, type Ownership, ownershipOf } from "./owners.ts";
import { findPolicyEngines } from "./policy-engines.ts";
import type { SourceFacts, SourcePreparation } from "./source.ts";

/** Preparations that are the same question for every network: engines that would revert changes, kube-proxy's clusterCIDR. */
export function planSharedPreparation(view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  return [...suspendEngines(view, facts), ...widenKubeProxy(view, facts)];
}

function suspendEngines(view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  const engines = findPolicyEngines(view).flatMap((engine) => engine.agents);
  const own = view.daemonSets.filter((one) => facts.daemonSets.includes(`${one.namespace}/${one.name}`));
  const byOwner = new Map<string, Ownership>();
  for (const object of [...own, ...engines]) {
    const ownership = ownershipOf(object);
    // Helm alone reverts nothing by itself.
    if (ownership !== undefined && ownership.engine !== "Helm") byOwner.set(ownership.owner, ownership);
  }
  return [...byOwner.values()].map((ownership) => ({
    title: `Keep ${ownership.engine} from reverting the source: ${ownership.owner}`,
    why: "it applies the source's objects again and undoes what the migration changes at them",
    commands: [`# ${handOver(ownership)}`],
    before: "install",
    necessity: "required",
    undo: [`# resume ${ownership.owner} when the source is back as its repository has it`],
  }));
}

/**
 * kube-proxy takes traffic from outside its clusterCIDR for external and masquerades it; pods of the new pool are
 * outside. An empty value switches the distinction off.
 * Source: kubernetes cmd/kube-proxy (detectLocalMode ClusterCIDR), projectcalico/calico issues 5952 and 10907.
 */
function widenKubeProxy(view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  const { kind, clusterCIDR } = facts.serviceProxy;
  const map = tryFindObject(view.inventory, "ConfigMap", "kube-proxy", "kube-system");
  if (kind !== "kube-proxy" || clusterCIDR === undefined || map === undefined) return [];
  const edit = (value: string) =>
    `kubectl edit -n kube-system configmap/kube-proxy # set clusterCIDR in config.conf to ${value}`;
  const restart = "kubectl rollout restart -n kube-system daemonset/kube-proxy";
  return [
    {
      title: "Widen kube-proxy's clusterCIDR to the new pool",
      why: "traffic of migrated pods to NodePorts and external addresses would be masqueraded as if it came from outside the cluster",
      commands: [edit(`a prefix that covers ${clusterCIDR} and the new pool, or to "" where none does`), restart],
      before: "install",
      necessity: "recommended",
      undo: [edit(clusterCIDR), restart],
    },
  ];
}
