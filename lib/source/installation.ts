import { getArray, getString } from "../core/json.ts";
import { objectsOf } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { hostDirectory, type Workload } from "./workload.ts";

/**
 * Who owns an installation, in one word: `operator`, `k3s`, `rke2`, `microk8s`, `talos`, `k0s`, `kops`, `gardener`,
 * `openshift`, `gke`, `aks`, `addon-manager`, `helm`, or `manifest` when nothing of these shows.
 */
export function installationOf(view: ClusterView, agents: readonly Workload[]): string {
  const [agent] = agents;
  if (agent === undefined) return view.distribution === "plain" ? "manifest" : view.distribution;
  return owners.find((owner) => owner.owns(view, agent))?.name ?? "manifest";
}

interface Owner {
  readonly name: string;
  readonly owns: (view: ClusterView, agent: Workload) => boolean;
}

const hasKey = (record: Readonly<Record<string, string>>, key: string): boolean => Object.hasOwn(record, key);

const owners: readonly Owner[] = [
  { name: "openshift", owns: (view) => view.distribution === "openshift" },
  { name: "gke", owns: (view) => view.distribution === "gke" },
  { name: "aks", owns: (view) => view.distribution === "aks" },
  {
    name: "gardener",
    owns: (view, agent) =>
      view.distribution === "gardener" || agent.labels["resources.gardener.cloud/managed-by"] === "gardener",
  },
  { name: "rke2", owns: (view, agent) => view.distribution === "rke2" && isOfHelmController(view, agent, "rke2-") },
  { name: "operator", owns: (_view, agent) => isOwnedByInstallation(agent) },
  { name: "kops", owns: (_view, agent) => hasKey(agent.labels, "addon.kops.k8s.io/name") },
  { name: "microk8s", owns: (view, agent) => view.distribution === "microk8s" || isUnderSnap(agent) },
  { name: "talos", owns: (view, agent) => view.distribution === "talos" && agent.namespace === "kube-system" },
  {
    name: "k0s",
    owns: (view, agent) => view.distribution === "k0s" || hasKey(agent.labels, "k0s.k0sproject.io/stack"),
  },
  { name: "addon-manager", owns: (_view, agent) => hasKey(agent.labels, "addonmanager.kubernetes.io/mode") },
  {
    name: "helm",
    owns: (_view, agent) =>
      agent.labels["app.kubernetes.io/managed-by"] === "Helm" || hasKey(agent.annotations, "meta.helm.sh/release-name"),
  },
];

/** Whether the Tigera operator made the DaemonSet. */
function isOwnedByInstallation(agent: Workload): boolean {
  const references = getArray(agent.object?.object, "metadata", "ownerReferences");
  const isOwned = references.some((reference) => getString(reference, "kind") === "Installation");
  return isOwned || agent.namespace === "calico-system";
}

// MicroK8s' own manifest names the snap's folder, whatever labels its nodes carry.
function isUnderSnap(agent: Workload): boolean {
  return hostDirectory(agent, ["/host/etc/cni/net.d"])?.startsWith("/var/snap/microk8s/") === true;
}

function isOfHelmController(view: ClusterView, agent: Workload, prefix: string): boolean {
  if (agent.name.startsWith(prefix)) return true;
  return objectsOf(view.inventory, "HelmChart", "helm.cattle.io").some((chart) => chart.name.startsWith(prefix));
}
