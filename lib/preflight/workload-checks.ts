import { addressMatcher } from "../core/cidr.ts";
import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getIn, getNumber, getString, getStringMap, isJsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { objectsOf, type Pod, type RawObject } from "../inventory/inventory.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report, someOf } from "./catalogue-entry.ts";
import { addressesIn, groupBy, hasDefinition, livePods, ownerOf, workloadsOf } from "./read-cluster.ts";

const drain = "Kubernetes, Safely Drain a Node; Specifying a Disruption Budget";

/** Annotations that pin a pod's address, with whether the address itself is fixed. */
const pins: readonly { readonly key: RegExp; readonly fixesAddress: boolean }[] = [
  { key: /^cni\.projectcalico\.org\/(?:ipAddrs|ipAddrsNoIpam|floatingIPs)$/u, fixesAddress: true },
  { key: /^cni\.projectcalico\.org\/ipv[46]pools$/u, fixesAddress: false },
  { key: /^ipam\.antrea\.io\/pod-ips$/u, fixesAddress: true },
  { key: /^ipam\.antrea\.io\/ippools$/u, fixesAddress: false },
  { key: /^ovn\.kubernetes\.io\/ip_address$/u, fixesAddress: true },
];

function pinFindings(context: PreflightContext, own: Check): Finding[] {
  const pinned = [...livePods(context.inventory), ...objectsOf(context.inventory, "Namespace", "")].flatMap((object) =>
    Object.keys(object.annotations).flatMap((key) => {
      const pin = pins.find((one) => one.key.test(key));
      return pin === undefined ? [] : [{ object, key, fixesAddress: pin.fixesAddress }];
    }),
  );
  const named = pinned.map((item) => ({
    ...item,
    owner: item.object.kind === "Pod" ? ownerOf(item.object as Pod) : printIdentity(item.object),
  }));
  return [...groupBy(named, ({ owner, key }) => `${owner} ${key}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [
      report(own, {
        severity: first.fixesAddress ? "error" : "warning",
        message: `${first.owner} asks for ${first.fixesAddress ? "an address" : "a pool"} of the source with ${first.key}`,
        where: { ...first.object.position, object: first.owner, field: `metadata.annotations["${first.key}"]` },
        reason: "Cilium's cluster pool does not read the annotation: the pod gets any address of its node's block",
        data: { annotation: first.key },
      }),
    ];
  });
}

function consumerFindings(context: PreflightContext, own: Check): Finding[] {
  const { facts } = context.source;
  const podAddresses = new Set(
    livePods(context.inventory)
      .filter((pod) => !pod.isHostNetwork)
      .flatMap((pod) => pod.podIPs),
  );
  const namesPods = (object: RawObject, field: string): string[] =>
    addressesIn(getIn(object.object, field), facts.families, (address) => podAddresses.has(address));
  const selected = new Set(
    objectsOf(context.inventory, "Service", "")
      .filter((service) => Object.keys(getStringMap(service.object, "spec", "selector")).length > 0)
      .map((service) => `${service.namespace}/${service.name}`),
  );
  const places = [
    ...objectsOf(context.inventory, "ConfigMap", "")
      .filter((object) => !isOfNetwork(context, object))
      .map((object) => ({ object, field: "data" })),
    ...objectsOf(context.inventory, "Endpoints", "")
      .filter((object) => !selected.has(`${object.namespace}/${object.name}`))
      .map((object) => ({ object, field: "subsets" })),
    ...objectsOf(context.inventory, "EndpointSlice")
      .filter((object) => !/^endpointslice(?:mirroring)?-controller/u.test(object.labels[keptBy] ?? ""))
      .map((object) => ({ object, field: "endpoints" })),
  ];
  return places.flatMap(({ object, field }) => {
    const ofPods = namesPods(object, field);
    if (ofPods.length === 0) return [];
    return [
      report(own, {
        message: `${printIdentity(object)} names addresses of pods: ${someOf(ofPods)}`,
        where: whereOf(object, object.position, field),
        reason: "every pod gets a new address when its node is rolled; whoever reads this sends to nobody",
        data: { addresses: ofPods },
      }),
    ];
  });
}

/** Label that names the controller of an EndpointSlice; without one a person or a program of theirs keeps it. */
const keptBy = "endpointslice.kubernetes.io/managed-by";

/** The source's own ConfigMaps are full of addresses that go with it. */
function isOfNetwork(context: PreflightContext, object: RawObject): boolean {
  const { daemonSets } = context.source.facts;
  return object.namespace === "kube-system" || daemonSets.some((name) => name.startsWith(`${object.namespace}/`));
}

function peerFindings(context: PreflightContext, own: Check): Finding[] {
  const daemonSets = new Set(context.source.facts.daemonSets.map((name) => `DaemonSet/${name}`));
  const isOld = addressMatcher(context.source.facts.podCIDRs);
  return workloadsOf(context.inventory)
    .filter((workload) => !daemonSets.has(printIdentity(workload)))
    .flatMap((workload) => {
      const template = getIn(workload.object, "spec", "template", "spec");
      if (!isJsonObject(template) || template["hostNetwork"] === true) return [];
      const addresses = addressesIn(template, context.source.facts.families, isOld);
      if (addresses.length === 0) return [];
      return [
        report(own, {
          message: `${printIdentity(workload)} has addresses of the old pool in its template: ${someOf(addresses)}`,
          where: whereOf(workload, workload.position, "spec.template.spec"),
          reason: "host aliases, arguments and variables with pod addresses are wrong as soon as that pod has moved",
          data: { addresses },
        }),
      ];
    });
}

function unhealthyBudgetFindings(context: PreflightContext, own: Check): Finding[] {
  return objectsOf(context.inventory, "PodDisruptionBudget").flatMap((budget) => {
    if (getString(budget.object, "spec", "unhealthyPodEvictionPolicy") === "AlwaysAllow") return [];
    const healthy = getNumber(budget.object, "status", "currentHealthy");
    const desired = getNumber(budget.object, "status", "desiredHealthy");
    const expected = getNumber(budget.object, "status", "expectedPods");
    if (healthy === undefined || desired === undefined || expected === undefined || healthy >= expected) return [];
    if (healthy >= desired && (getNumber(budget.object, "status", "disruptionsAllowed") ?? 1) > 0) return [];
    return [
      report(own, {
        message: `${printIdentity(budget)} has ${healthy} of ${expected} pods healthy, and its unhealthy ones may not be evicted either`,
        where: whereOf(budget, budget.position, "spec.unhealthyPodEvictionPolicy"),
        reason:
          "with IfHealthyBudget (the default) a pod that is not ready counts like a ready one while the budget is short, so crash-looping pods block a drain",
        data: { healthy, desired, expected },
      }),
    ];
  });
}

/** Pods and what they keep, need and expect. */
export const workloadChecks: readonly CatalogueEntry[] = [
  answered("pdb-zero", "error", "PodDisruptionBudgets, waves", "a budget allows no disruption", [
    "waves/budget-blocks-drain",
    "waves/budget-rounds",
    "waves/budget-invalid",
    "waves/budgets-unknown",
  ]),
  answered("pdb-overlap", "error", "PodDisruptionBudgets, waves", "a pod is under two budgets", [
    "waves/budget-overlap",
  ]),
  {
    kind: "check",
    id: "pdb-unhealthy",
    severity: "warning",
    reads: "status and unhealthyPodEvictionPolicy of PodDisruptionBudgets",
    condition: "pods of a budget are unhealthy and the budget protects them too",
    remedy: "set spec.unhealthyPodEvictionPolicy: AlwaysAllow, or repair the pods first",
    source: drain,
    check: unhealthyBudgetFindings,
  },
  answered("pod-bare", "error", "owners of pods, roll mode", "a pod has no controller", [
    "waves/bare-pod",
    "waves/bare-pod-lost",
  ]),
  answered("pod-never", "warning", "restartPolicy of pods, roll mode", "a restarted sandbox ends the pod for good", [
    "waves/restart-never",
  ]),
  answered("pod-localpv", "warning", "volumes of pods", "a pod's data lies on its node", [
    "waves/local-storage",
    "waves/local-storage-lost",
  ]),
  answered(
    "pod-emptydir",
    "error",
    "emptyDir volumes, spec.roll.deleteEmptyDirData",
    "data in emptyDir volumes would be lost",
    ["waves/empty-dir", "waves/empty-dir-lost"],
  ),
  answered("pod-singleton", "info", "replicas of workloads", "a workload has one replica", ["waves/singleton"]),
  answered(
    "pod-longgrace",
    "warning",
    "terminationGracePeriodSeconds, spec.roll.drainTimeoutSeconds",
    "a pod may take longer to end than a drain",
    ["waves/long-grace"],
  ),
  answered(
    "capacity",
    "error",
    "requests of pods, allocatable of nodes",
    "the rest of the cluster cannot take a wave's pods",
    ["waves/no-capacity"],
  ),
  answered("topology-spread", "warning", "affinity, taints, topology spread", "pods may run on no other node", [
    "waves/returns-to-its-node",
  ]),
  answered("zone-all", "warning", "zones of a wave's nodes", "a wave empties a zone", ["waves/whole-zone"]),
  answered(
    "replicas-one-side",
    "warning",
    "pods of workloads, of cluster DNS and of ingress controllers",
    "a wave holds all of them",
    ["waves/all-replicas"],
  ),
  {
    kind: "check",
    id: "pod-ip-pin",
    severity: "error",
    reads: "annotations of pods and namespaces",
    condition: "a pod asks for an address or a pool of the source",
    remedy: "let its clients use a Service or a DNS name instead, and take the annotation away before its node's wave",
    source: "projectcalico/calico, Use a specific IP address with a pod; antrea-io/antrea docs/antrea-ipam.md",
    check: pinFindings,
  },
  {
    kind: "check",
    id: "pod-ip-consumers",
    severity: "warning",
    reads: "ConfigMaps, Endpoints without a selector, EndpointSlices that no controller keeps",
    condition: "an object names the address of a pod",
    remedy: "use the name of a Service, or change the object right after the pod's wave",
    source: "Kubernetes, Services without selectors",
    check: consumerFindings,
  },
  {
    kind: "check",
    id: "pod-fixed-peers",
    severity: "warning",
    reads: "templates of workloads",
    condition: "a template holds addresses of the old pool",
    remedy: "use stable DNS names (a headless Service for a StatefulSet) before the first wave",
    source: "Kubernetes, StatefulSet: stable network ID",
    check: peerFindings,
  },
  {
    kind: "check",
    id: "kubevirt",
    severity: "warning",
    reads: "CRD kubevirts.kubevirt.io, VirtualMachineInstances",
    condition: "virtual machines run in the cluster",
    remedy:
      "live-migrate the machines off a node before its wave; those with a bridge interface get a new address and have to be restarted",
    source: "kubevirt.io user guide: live migration, interfaces and networks",
    check: ({ inventory }, own) => {
      const machines = objectsOf(inventory, "VirtualMachineInstance").map(printIdentity);
      const launchers = livePods(inventory).filter((pod) => pod.labels["kubevirt.io"] === "virt-launcher");
      const names = machines.length > 0 ? machines : sortedUnique(launchers.map(printIdentity));
      if (names.length === 0 && !hasDefinition(inventory, "kubevirts.kubevirt.io")) return [];
      return [
        report(own, {
          message: names.length === 0 ? "KubeVirt is installed" : `virtual machines run in ${someOf(names)}`,
          ...(names[0] !== undefined && { where: { object: names[0] } }),
          reason:
            "an eviction starts a live migration only where the machine allows it, and a restart of the sandbox ends the machine",
          data: { machines: names },
        }),
      ];
    },
  },
];

function answered(
  id: string,
  severity: Finding["severity"],
  reads: string,
  condition: string,
  answeredBy: readonly string[],
): CatalogueEntry {
  return { kind: "answered", id, severity, reads, condition, answeredBy, source: drain };
}
