import { addressMatcher } from "../core/cidr.ts";
import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { objectsOf, type RawObject } from "../inventory/inventory.ts";
import { mergeSorted } from "./build-facts.ts";
import type { ClusterView } from "./cluster-view.ts";
import { companionFinding } from "./companion-findings.ts";
import { findCompanions } from "./companions.ts";
import { sourceFinding } from "./findings.ts";
import { readCilium } from "./hybrid.ts";
import { handOver, ownershipOf } from "./owners.ts";
import { findPolicyEngines } from "./policy-engines.ts";
import type { SourceFacts } from "./source.ts";
import { findAgents, type SourceAdapter } from "./source-adapter.ts";
import { isRunning, type Workload } from "./workload.ts";

/**
 * Hazards that are the same question for every network: its health, who would bring it back, what stands beside it,
 * addresses that do not fit, kinds that are missing in the inventory.
 */
export function findSharedHazards(adapter: SourceAdapter, view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const agents = findAgents(adapter.signals, view);
  const engines = findPolicyEngines(view);
  const all = [...agents, ...engines.flatMap((engine) => engine.agents)];
  return [
    ...view.kubernetes.findings,
    ...all.flatMap(healthOf),
    ...findOwners(view, all, facts),
    ...findCompanions(view).flatMap((companion) => companionFinding(view, companion)),
    ...findPolicyEngineNotes(view, facts),
    ...findStrayAddresses(view, facts),
    ...findMissingKinds(view, facts),
  ];
}

function healthOf(agent: Workload): readonly Finding[] {
  if (!isRunning(agent) || agent.desired === agent.ready) return [];
  const missing = (agent.desired ?? 0) - (agent.ready ?? 0);
  return [
    sourceFinding("source/daemonset-unhealthy", {
      message: `${printIdentity(agent)} is ready on ${agent.ready ?? 0} of ${agent.desired ?? 0} nodes`,
      where: whereOf(agent, agent.position, "status.numberReady"),
      reason: "a node without a working source cannot reach pods on the other side while both networks run",
      remedy: `repair it first: kubectl get pods -n ${agent.namespace} -o wide | grep ${agent.name}`,
      data: { desired: agent.desired ?? 0, ready: agent.ready ?? 0, missing },
    }),
  ];
}

function findOwners(view: ClusterView, agents: readonly Workload[], facts: SourceFacts): readonly Finding[] {
  const installation = objectsOf(view.inventory, "Installation", "operator.tigera.io");
  const owned: readonly (Workload | RawObject)[] =
    facts.installation === "operator" ? [...agents, ...installation] : agents;
  return [...gitopsOwners(owned), ...reconcilers(view, agents, facts)];
}

function gitopsOwners(owned: readonly (Workload | RawObject)[]): readonly Finding[] {
  const said = new Set<string>();
  return owned.flatMap((object) => {
    const ownership = ownershipOf(object);
    if (ownership === undefined || said.has(ownership.owner)) return [];
    said.add(ownership.owner);
    return [
      sourceFinding("source/gitops-owner", {
        message: `${printIdentity(object)} is applied by ${ownership.engine}, ${ownership.owner}`,
        where: whereOf(object, object.position, ownership.mark),
        reason: "changes that the migration makes to the source are reverted, and a removed source comes back",
        remedy: handOver(ownership),
      }),
    ];
  });
}

const reconcilerTexts: Readonly<Record<string, { readonly who: string; readonly how: string }>> = {
  operator: {
    who: "the Tigera operator",
    how: "change Installation default instead of the objects in calico-system; remove Calico by deleting Installation while the operator runs",
  },
  rke2: {
    who: "RKE2's Helm controller",
    how: "change values in a HelmChartConfig of the chart's name in kube-system; set cni: none on every server before the removal",
  },
  k3s: {
    who: "k3s itself",
    how: "flannel is part of the k3s process: it is switched off on the servers before the removal stage",
  },
  kops: {
    who: "kOps' channels",
    how: "change the network in the cluster spec (kops edit cluster), not in its objects",
  },
  microk8s: {
    who: "MicroK8s",
    how: "change /var/snap/microk8s/current/args/cni-network/cni.yaml on the nodes, not only the objects",
  },
  talos: { who: "Talos", how: "change cluster.network.cni in the machine configuration, not only the objects" },
  k0s: { who: "k0s", how: "set spec.network.provider: custom in the k0s configuration before the removal" },
  gardener: {
    who: "Gardener",
    how: "the shoot's networking is set in the Shoot resource; ask the operator of the landscape",
  },
  "addon-manager": {
    who: "the addon manager (label addonmanager.kubernetes.io/mode)",
    how: "take the manifests out of /etc/kubernetes/addons on the control plane before the removal",
  },
};

function reconcilers(view: ClusterView, agents: readonly Workload[], facts: SourceFacts): readonly Finding[] {
  const text = reconcilerTexts[facts.installation];
  if (text === undefined) return [];
  const [agent] = agents;
  const [node] = view.inventory.nodes;
  const place = agent ?? node;
  return [
    sourceFinding("source/operator-reconcile", {
      message: `the source is kept in place by ${text.who}`,
      ...(place !== undefined && { where: whereOf(place, place.position) }),
      reason: "edits of its objects are reverted, and deleted objects come back",
      remedy: text.how,
    }),
  ];
}

function findPolicyEngineNotes(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  return findPolicyEngines(view).flatMap((engine) => {
    const [agent] = engine.agents;
    if (agent === undefined || !facts.policyEngines.includes(engine.name)) return [];
    return [
      sourceFinding("source/policy-engine", {
        message: `${printIdentity(agent)} enforces policy only; another network connects the pods`,
        where: whereOf(agent, agent.position),
        reason: `kinds it enforces: ${engine.policyKinds.join(", ")}`,
        remedy: "it is removed with the source, after Cilium enforces the translated policies",
      }),
    ];
  });
}

function findStrayAddresses(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  if (facts.podCIDRs.length === 0) return [];
  const cilium = readCilium(view);
  const isKnown = addressMatcher(mergeSorted([...facts.podCIDRs, ...cilium.claims.map((one) => one.cidr)]));
  const strays = view.networkPods.filter((pod) => !pod.podIPs.some(isKnown));
  const [first] = strays;
  if (first === undefined) return [];
  return [
    sourceFinding("source/pod-cidr-mismatch", {
      message: `${strays.length} of ${view.networkPods.length} pods have addresses outside ${facts.podCIDRs.join(", ")}, the first is ${printIdentity(first)} with ${first.podIPs.join(", ")}`,
      where: whereOf(first, first.position, "status.podIPs"),
      reason: "the new pool must not touch any address in use, and pods of an unknown prefix are of an unknown network",
      remedy: "add the missing pools to the inventory, or name the prefix in the plan's reservedCIDRs",
      data: { pods: strays.length, first: first.podIPs[0] ?? "" },
    }),
  ];
}

function findMissingKinds(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const seen = view.inventory.kindsSeen;
  const missing: Finding[] = [];
  if (!seen.has("DaemonSet"))
    missing.push(
      notChecked(
        "no DaemonSets in the inventory: the source's health, arguments and directories are not told",
        "kubectl get daemonsets -A -o yaml",
      ),
    );
  if (!seen.has("ConfigMap"))
    missing.push(
      notChecked(
        "no ConfigMaps in the inventory: the source's configuration and kube-proxy's are not told",
        "kubectl get configmaps -A -o yaml",
      ),
    );
  if (!seen.has("Pod"))
    missing.push(
      notChecked("no Pods in the inventory: which addresses are in use is not told", "kubectl get pods -A -o yaml"),
    );
  if (
    facts.datastore === "kubernetes" &&
    facts.podCIDRs.length > 0 &&
    !seen.has("IPPool") &&
    facts.details["ipam"] === "calico-ipam"
  )
    missing.push(
      notChecked(
        "no IPPools in the inventory: disabled pools and blocks in use may be missed",
        "kubectl get ippools.crd.projectcalico.org -o yaml",
      ),
    );
  return missing;
}

function notChecked(message: string, command: string): Finding {
  return sourceFinding("source/not-checked", { message, remedy: `add the output of: ${command}` });
}
