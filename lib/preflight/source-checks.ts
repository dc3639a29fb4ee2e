import { getArray } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { estimateOutage } from "../waves/outage.ts";
import { type Answered, type CatalogueEntry, report } from "./catalogue-entry.ts";
import { livePods, ownerOf, workloadsOf } from "./read-cluster.ts";

const contract = "metachron, detection contract";
const migrationGuide = "cilium/cilium v1.20.2 Documentation/installation/k8s-install-migration.rst";

function answered(
  id: string,
  severity: Answered["severity"],
  reads: string,
  condition: string,
  answeredBy: readonly string[],
  source: string = contract,
): Answered {
  return { kind: "answered", id, severity, reads, condition, answeredBy, source };
}

/** Which network is left, and whether it can be left live. */
export const sourceChecks: readonly CatalogueEntry[] = [
  answered("src-unknown", "error", "all signals of detection", "no network is recognised", [
    "source/unknown",
    "source/unsure",
  ]),
  answered("src-ambiguous", "error", "all signals of detection", "two networks look active", ["source/ambiguous"]),
  answered(
    "src-contradiction",
    "error",
    "spec.source of the plan",
    "the plan names another source than the inventory shows",
    ["source/plan-contradicts-inventory"],
  ),
  answered(
    "src-removed-by-hand",
    "error",
    "DaemonSets of the source, pod addresses",
    "pods have addresses of a source that no longer runs",
    ["source/agent-missing"],
  ),
  answered("src-half-migrated", "warning", "pod addresses, CiliumNodes", "Cilium runs beside the source already", [
    "source/half-migrated",
    "source/migration-under-way",
    "source/cilium-chained",
  ]),
  answered(
    "src-leftovers",
    "warning",
    "CRDs, node annotations, ConfigMaps",
    "traces of an earlier network are in the cluster",
    ["source/earlier-leftovers", "source/pod-cidr-mismatch"],
  ),
  answered(
    "src-ebpf",
    "error",
    "FelixConfiguration bpfEnabled, Installation linuxDataplane",
    "Calico runs its eBPF or VPP dataplane",
    ["source/ebpf-dataplane", "source/vpp-dataplane"],
  ),
  answered("src-ovn-shared", "error", "OVN-Kubernetes' gateway mode", "pod traffic never reaches the host's routes", [
    "source/shared-gateway",
  ]),
  answered("src-managed", "error", "node labels, DaemonSets of providers", "the provider owns the network", [
    "source/provider-managed",
  ]),
  answered(
    "src-openshift",
    "error",
    "CRD networks.operator.openshift.io",
    "the cluster network operator owns the network",
    ["source/openshift"],
  ),
  answered(
    "src-refused",
    "error",
    "everything about the source",
    "the source cannot be left live, for a reason and with alternatives",
    ["migration/live-refused"],
  ),
  answered("src-multus", "warning", "DaemonSet kube-multus", "Multus is the entry point of the runtime", [
    "source/multus",
  ]),
  answered("src-meshcni", "warning", "DaemonSets of Istio and Linkerd", "a mesh writes itself into the CNI file", [
    "source/mesh-cni",
  ]),
  answered("src-ds-unhealthy", "error", "status of the source's DaemonSets", "the source is not ready on every node", [
    "source/daemonset-unhealthy",
  ]),
  answered(
    "src-autodetect",
    "error",
    "Installation, IP_AUTODETECTION_METHOD",
    "Calico may take cilium_host for the node's address",
    ["source/autodetection"],
  ),
  answered(
    "src-gitops-owner",
    "warning",
    "labels and annotations of the source's objects",
    "another engine brings the source back",
    ["source/gitops-owner"],
  ),
  answered(
    "src-operator-reconcile",
    "warning",
    "tigera-operator, addon managers, k3s, RKE2",
    "edits of the source are reverted",
    ["source/operator-reconcile"],
  ),
  answered(
    "src-policy-engine",
    "warning",
    "policy-only Calico, k3s, Kube-Router",
    "somebody else enforces policy, also on Cilium's pods",
    ["source/policy-engine", "source/policy-controller"],
  ),
  answered(
    "src-datastore",
    "warning",
    "calico-node's environment",
    "Calico keeps its objects in etcd, where kubectl does not see them",
    ["source/etcd-datastore"],
  ),
  answered(
    "aws-extsnat",
    "error",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "pods on secondary interfaces cannot reach the new pool",
    ["source/external-snat"],
  ),
  answered("drift-cilium-exists", "error", "DaemonSet cilium, CRDs", "Cilium is installed already", [
    "source/already-cilium",
  ]),
  {
    kind: "check",
    id: "src-live-conditions",
    severity: "warning",
    reads: "what the source's adapter knows of a live migration",
    condition: "the source can be left live under conditions",
    remedy: "see to each condition before 010-cilium is opened",
    source: migrationGuide,
    check: ({ plan, source }, own) => {
      if (plan.spec.strategy !== "live" || source.live.kind !== "conditional") return [];
      return source.live.conditions.map((condition) =>
        report(own, {
          message: `${source.source} can be left live on a condition: ${condition}`,
          where: { file: plan.file, field: "spec.strategy" },
          reason: "both networks share every node until the end; what stands here decides whether they can",
        }),
      );
    },
  },
  {
    kind: "check",
    id: "strategy-in-place",
    severity: "warning",
    reads: "spec.strategy of the plan, nodes, pods",
    condition: "the strategy is in-place, so every pod is without a network for a while",
    remedy:
      "agree on a maintenance window, pull both networks' images to every node before it, and have access to the nodes that needs no pod",
    source: "metachron, strategies; Cilium's agents need a minute or two a node to start",
    check: ({ plan, inventory, source }, own) => {
      if (plan.spec.strategy !== "in-place") return [];
      const pods = livePods(inventory).filter((pod) => !pod.isHostNetwork);
      const byNode = new Map<string, number>();
      for (const { nodeName = "" } of pods) byNode.set(nodeName, (byNode.get(nodeName) ?? 0) + 1);
      const nodes = inventory.nodes.length;
      const outage = estimateOutage(nodes, pods.length, Math.max(0, ...byNode.values()));
      const minutes = Math.ceil(outage.seconds / 60);
      return [
        report(own, {
          message: `in-place cuts ${pods.length} pods on ${nodes} nodes off their network for about ${minutes} minutes`,
          where: { file: plan.file, field: "spec.strategy" },
          reason: `between the removal of ${source.source} and the start of Cilium no pod can be reached, and every pod restarts once`,
          data: { nodes, pods: pods.length, minutes },
        }),
      ];
    },
  },
  {
    kind: "check",
    id: "strategy-in-place-control-plane",
    severity: "error",
    reads: "spec.strategy of the plan, nodes",
    condition: "the strategy is in-place and there is one control plane node",
    remedy:
      "have access to the node that needs neither the API nor a pod, and accept this finding in the plan with who has it",
    source: "metachron, strategies",
    check: ({ plan, inventory }, own) => {
      const controlPlanes = inventory.nodes.filter((node) => node.isControlPlane);
      const [only] = controlPlanes;
      if (plan.spec.strategy !== "in-place" || controlPlanes.length !== 1 || only === undefined) return [];
      return [
        report(own, {
          message: `${only.name} is the only control plane node, and nothing can be driven through the API while it has no network`,
          where: { ...only.position, object: `Node/${only.name}` },
          reason:
            "a node that does not come back takes the API with it, and with the API every way to repair it from inside",
        }),
      ];
    },
  },
  {
    kind: "check",
    id: "strategy-blue-green-state",
    severity: "warning",
    reads: "spec.strategy of the plan, StatefulSets, PersistentVolumeClaims of pods, bare pods",
    condition: "the strategy is blue-green and workloads have state or no controller",
    remedy:
      "say for each how its data gets to the second cluster (replication, backup and restore), or use the strategy live",
    source: "metachron, strategies",
    check: ({ plan, inventory }, own) => {
      if (plan.spec.strategy !== "blue-green") return [];
      const claims = livePods(inventory).filter((pod) =>
        pod.volumes.some((volume) => volume.kind === "persistentVolumeClaim"),
      );
      const sets = workloadsOf(inventory).filter(
        (workload) =>
          workload.kind === "StatefulSet" && getArray(workload.object, "spec", "volumeClaimTemplates").length > 0,
      );
      const stateful = sortedUnique([
        ...claims.map(ownerOf),
        ...sets.map((set) => `StatefulSet/${set.namespace}/${set.name}`),
      ]);
      const bare = sortedUnique(
        livePods(inventory)
          .filter((pod) => pod.owner === undefined && !pod.isMirror)
          .map(ownerOf),
      );
      return [
        ...stateful.map((workload) =>
          report(own, {
            message: `${workload} keeps data that a second cluster does not have`,
            where: { object: workload },
            reason: "two clusters do not share volumes; whatever is written after the copy is lost at the switch",
          }),
        ),
        ...bare.map((pod) =>
          report(own, {
            message: `${pod} has no controller: nothing creates it in a second cluster`,
            where: { object: pod },
            reason: "only what is in git or in a controller's template can be created again",
          }),
        ),
      ];
    },
  },
  {
    kind: "not-checked",
    id: "strategy-blue-green-capacity",
    reads: "–",
    condition: "the second cluster has the capacity, the registry access and the same versions",
    source: "metachron, strategies",
    applies: ({ plan }) => plan.spec.strategy === "blue-green",
    why: "the inventory is of the first cluster only: whether the second one has room, versions and registry access is not in it",
    command: () => "kubectl --context <second cluster> get nodes -o wide && kubectl --context <second cluster> version",
  },
  {
    kind: "not-checked",
    id: "rp-filter",
    reads: "–",
    condition: "rp_filter of the source's overlay device is not 1",
    source: "lab pilot of metachron: rp_filter 1 on flannel.1 drops new to old traffic at the receiver",
    applies: ({ source, plan }) =>
      plan.spec.strategy === "live" && source.facts.encapsulation !== "none" && source.facts.devices.length > 0,
    why: "kernel settings of nodes are in no object; 1 on the overlay device drops traffic from new to old pods (the bridge sets it to 2 while it runs)",
    command: ({ source }) =>
      `on each node: for d in all default ${source.facts.devices.filter((name) => !name.endsWith("+")).join(" ")}; do sysctl net.ipv4.conf.$d.rp_filter; done`,
  },
  {
    kind: "not-checked",
    id: "iptables-backend",
    reads: "–",
    condition: "the source, kube-proxy and Cilium use one iptables backend",
    source: "lab pilot of metachron, conditions of the exact bridge",
    applies: ({ source, plan }) => plan.spec.strategy === "live" && source.facts.dataplane === "iptables",
    why: "whether rules are in the legacy or in the nft tables is decided on each node; rules in different backends do not see each other's order",
    command: () => "on each node: iptables-legacy-save | grep -c '^-A'; iptables-nft-save | grep -c '^-A'",
  },
  {
    kind: "not-checked",
    id: "flannel-fdb",
    reads: "–",
    condition: "every flannel node knows the tunnel endpoint of every other",
    source: "field report: after a node reboots a peer may lack its forwarding entry",
    applies: ({ source }) => ["flannel", "canal"].includes(source.source) && source.facts.encapsulation === "vxlan",
    why: "the forwarding database is in the kernel of each node; a missing entry is a black hole to pods that have not migrated yet",
    command: ({ source }) =>
      `on each node: bridge fdb show dev flannel.${source.facts.vni ?? 1} | wc -l   # one line for each other node`,
  },
];
