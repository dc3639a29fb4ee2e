import { objectsOf } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import {
  type CalicoConfig,
  calicoPolicyKinds,
  isCalicoDaemon,
  isCanalInTwo,
  readCalicoConfig,
} from "../calico-config.ts";
import { etcdFinding } from "../calico-hazards.ts";
import { calicoControllers, calicoDefinitions, calicoPolicyObjects } from "../calico-removal.ts";
import type { ClusterView } from "../cluster-view.ts";
import { kopsNetworking, rke2CniNone } from "../distribution-preparation.ts";
import { type FlannelConfig, flannelAnnotationPrefix, flannelDevices, readFlannelConfig } from "../flannel-config.ts";
import { hasContainer, isCalicoNode, isFlanneld } from "../images.ts";
import { installationOf } from "../installation.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, planRemoval, rolesOf } from "../removal.ts";
import type { LiveSupport, NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import type { Workload } from "../workload.ts";
import { isFlannelDaemon } from "./flannel.ts";

/** Canal: flannel's transport with Calico's plugin and policy, in one DaemonSet or in two. */
export const canal: SourceAdapter = {
  name: "canal",
  signals: {
    isAgent: isCanalAgent,
    nodeAnnotations: (view) =>
      hasCalicoTraces(view)
        ? [`${flannelAnnotationPrefix(view.daemonSets.filter((one) => isCanalAgent(one, view)))}backend-type`]
        : [],
    podAnnotations: [],
    configMaps: ["canal-config", "rke2-canal-config"],
    resources: [],
    definitionGroups: ["crd.projectcalico.org"],
    claims: (view) => {
      const agents = view.daemonSets.filter((one) => isCanalAgent(one, view));
      const config = readFlannelConfig(view, agents);
      return agents.length > 0 || config.origin.includes("canal") ? config.networks : [];
    },
  },
  facts: readFacts,
  live: decideLive,
  findings: (view, facts) => (facts.datastore === "etcd" ? [etcdFinding(findAgents(canal.signals, view)[0])] : []),
  preparation: (_view, facts) => {
    if (facts.installation === "rke2") return [rke2CniNone("rke2-canal")];
    return facts.installation === "kops" ? [kopsNetworking("canal")] : [];
  },
  removal: (view, facts) => planRemoval(view, removalTable(view, facts)),
  leftovers,
};

function isCanalAgent(workload: Workload, view: ClusterView): boolean {
  if (!workload.isHostNetwork) return false;
  if (hasContainer(workload, isCalicoNode) && hasContainer(workload, isFlanneld)) return true;
  return (isCalicoDaemon(workload) || isFlannelDaemon(workload)) && isCanalInTwo(view);
}

// Canal's own ConfigMap tells it. Without one: pods of Canal carry the annotations of Calico's plugin while no pool is in use: that tells it from flannel and from Calico.
function hasCalicoTraces(view: ClusterView): boolean {
  const maps = objectsOf(view.inventory, "ConfigMap", "");
  if (maps.some((map) => canal.signals.configMaps.includes(map.name))) return true;
  const isOfPlugin = view.networkPods.some((pod) => pod.annotations["cni.projectcalico.org/podIP"] !== undefined);
  return isOfPlugin && objectsOf(view.inventory, "IPPool").length === 0;
}

function readFacts(view: ClusterView) {
  const agents = findAgents(canal.signals, view);
  const flannel = readFlannelConfig(view, agents);
  const calico = readCalicoConfig(view, agents);
  return {
    facts: combine(view, agents, flannel, calico),
    findings: [...flannel.findings, ...withoutRepeats(flannel, calico)],
  };
}

// Both readers look at the same ConfigMap; what the one has said the other need not say again.
function withoutRepeats(flannel: FlannelConfig, calico: CalicoConfig) {
  const said = new Set(flannel.findings.map((finding) => finding.message));
  return calico.findings.filter((finding) => !said.has(finding.message));
}

function combine(
  view: ClusterView,
  agents: readonly Workload[],
  flannel: FlannelConfig,
  calico: CalicoConfig,
): SourceFacts {
  const mtu = calico.mtu ?? flannel.mtu;
  return buildFacts(view, {
    agents,
    claims: flannel.networks,
    usesNodeCIDRs: true,
    encapsulation: flannel.encapsulation,
    ...(flannel.port !== undefined && { tunnelPort: flannel.port }),
    ...(flannel.vni !== undefined && { vni: flannel.vni }),
    ...(mtu !== undefined && { mtu }),
    ...(calico.version !== undefined && { version: calico.version }),
    datastore: calico.datastore,
    dataplane: calico.dataplane === "vpp" ? "none" : calico.dataplane,
    installation: installationOf(view, agents),
    enforcedPolicyKinds: calicoPolicyKinds(view, calico),
    devices: ["cali+", ...flannelDevices(flannel)],
    cniConfFile: calico.cniConfFile ?? "10-canal.conflist",
    cniNetworkName: calico.cniNetworkName ?? "k8s-pod-network",
    ...(calico.usesTiers !== undefined && { usesTiers: calico.usesTiers }),
    uplinks: flannel.uplinks,
    details: {
      ...calico.felix,
      backend: flannel.backend,
      backendFrom: flannel.origin,
      directRouting: flannel.hasDirectRouting ? "yes" : undefined,
      ipam: "host-local",
      ipMasq: flannel.masquerades === undefined ? undefined : flannel.masquerades ? "yes" : "no",
      flannelVersion: flannelVersion(agents),
    },
  });
}

function flannelVersion(agents: readonly Workload[]): string | undefined {
  const image = agents.flatMap((agent) => agent.containers).find(isFlanneld)?.image ?? "";
  return /:v?(\d+\.\d+\.\d+)/u.exec(image)?.[1];
}

function decideLive(_view: ClusterView, facts: SourceFacts): LiveSupport {
  const conditions: string[] = [];
  if (facts.datastore === "etcd")
    conditions.push("Calico's objects are in etcd: export its policies with calicoctl and add them to the inventory");
  if (facts.encapsulation === "unknown")
    conditions.push("flannel's backend is not told: kubectl -n kube-system get configmap canal-config -o yaml");
  if (facts.dataplane === "ebpf")
    return {
      kind: "refused",
      reason: "Canal with Calico's eBPF dataplane decides packets before Cilium sees them",
      alternatives: [
        "switch FelixConfiguration bpfEnabled to false, wait for every node, then plan again",
        "in-place",
        "blue-green",
      ],
    };
  return conditions.length === 0 ? { kind: "supported" } : { kind: "conditional", conditions };
}

function removalTable(view: ClusterView, facts: SourceFacts): readonly KnownObject[] {
  const namespace = "kube-system";
  const agents = findAgents(canal.signals, view);
  const why = "Canal's agents; they go before the definitions, or Felix loses its configuration while it enforces";
  const only = "only Canal's agents used it";
  const chart = known("agents", "HelmChart", "rke2-canal", namespace, "RKE2's Helm controller would install it again");
  return [
    ...calicoPolicyObjects(view),
    ...(facts.installation === "rke2" ? [{ ...chart, waitUntilGone: true }] : []),
    ...ofWorkloads(agents, "agents", why),
    known("agents", "DaemonSet", "canal", namespace, why),
    ...calicoControllers(view, namespace),
    known("access", "ClusterRoleBinding", "canal-calico", undefined, only),
    known("access", "ClusterRoleBinding", "canal-flannel", undefined, only),
    known("access", "ClusterRole", "calico-node", undefined, only),
    known("access", "ClusterRole", "flannel", undefined, only),
    ...accountsOf(["canal"], namespace, only),
    ...(agents.length > 1 ? twoDaemonSets(agents) : []),
    ...(facts.datastore === "etcd" ? etcdObjects(namespace) : []),
    known(
      "configuration",
      "ConfigMap",
      facts.installation === "rke2" ? "rke2-canal-config" : "canal-config",
      namespace,
      only,
    ),
    ...calicoDefinitions(view),
  ];
}

// Source: Calico v3.31 manifests/canal-etcd.yaml.
function etcdObjects(namespace: string): readonly KnownObject[] {
  const only = "only Canal's agents used it";
  return [
    known("controllers", "Job", "configure-canal", namespace, "it wrote flannel's network into etcd once"),
    ...rolesOf(["canal"], only),
    ...accountsOf(["canal-node"], namespace, only),
    known("configuration", "Secret", "calico-etcd-secrets", namespace, "Calico's credentials for etcd"),
  ];
}

// Flannel and Calico installed one beside the other bring the objects of both.
function twoDaemonSets(agents: readonly Workload[]): readonly KnownObject[] {
  const only = "only the agents used it";
  return agents.flatMap((agent) => [
    ...accountsOf([agent.serviceAccountName ?? agent.name], agent.namespace, only),
    ...rolesOf([isCalicoDaemon(agent) ? "calico-node" : "flannel"], only),
    known(
      "configuration",
      "ConfigMap",
      isCalicoDaemon(agent) ? "calico-config" : "kube-flannel-cfg",
      agent.namespace,
      only,
    ),
  ]);
}

function leftovers(view: ClusterView, facts: SourceFacts): NodeLeftovers {
  const network = facts.cniNetworkName ?? "k8s-pod-network";
  const file = facts.cniConfFile ?? "10-canal.conflist";
  return {
    devices: facts.devices,
    iptablesChainPrefixes: ["cali-", "FLANNEL-"],
    iptablesRuleTags: ["cali:", "flanneld forward", "flanneld masq"],
    nftTables: facts.dataplane === "nftables" ? ["calico", "calico-arp", "flannel-ipv4", "flannel-ipv6"] : [],
    ipsetPrefixes: ["cali4", "cali6"],
    files: [
      `${facts.cniConfDirectory}/${file}`,
      `${facts.cniConfDirectory}/${file}.cilium_bak`,
      `${facts.cniConfDirectory}/calico-kubeconfig`,
      `${facts.cniBinDirectory}/calico`,
      `${facts.cniBinDirectory}/calico-ipam`,
      `${facts.cniBinDirectory}/flannel`,
      "/run/flannel",
      "/var/lib/calico",
      "/var/run/calico",
      "/var/log/calico",
      `/var/lib/cni/networks/${network}`,
    ],
    nodeAnnotationPrefixes: [flannelAnnotationPrefix(findAgents(canal.signals, view)), "projectcalico.org/"],
    portmapNetworks: [network],
  };
}
