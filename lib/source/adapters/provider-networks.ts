import { type Finding, whereOf } from "../../core/finding.ts";
import type { SourceName } from "../../core/source-name.ts";
import { objectsOf } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { sourceFinding } from "../findings.ts";
import { isCiliumDaemon, readCilium } from "../hybrid.ts";
import { isImage } from "../images.ts";
import { installationOf } from "../installation.ts";
import { enginesOf } from "../policy-engines.ts";
import type { Encapsulation, LiveSupport, NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type Signals, type SourceAdapter } from "../source-adapter.ts";
import type { Workload } from "../workload.ts";
import { openshiftFinding } from "./ovn-kubernetes.ts";

const nothingLeft: NodeLeftovers = {
  devices: [],
  iptablesChainPrefixes: [],
  iptablesRuleTags: [],
  nftTables: [],
  ipsetPrefixes: [],
  files: [],
  nodeAnnotationPrefixes: [],
  portmapNetworks: [],
};

const noSignals: Omit<Signals, "isAgent"> = {
  nodeAnnotations: () => [],
  podAnnotations: [],
  configMaps: [],
  resources: [],
  definitionGroups: [],
  claims: () => [],
};

/** A network that we recognise and do not plan for: facts for the other strategies, and the way that leads on. */
interface Recognised {
  readonly name: SourceName;
  readonly signals: Signals;
  readonly encapsulation: Encapsulation;
  readonly cniConfFile: string;
  readonly devices: readonly string[];
  readonly version?: (view: ClusterView) => string | undefined;
  readonly policyKinds: (view: ClusterView) => readonly string[];
  readonly details: (view: ClusterView) => Readonly<Record<string, string | undefined>>;
  readonly live: (view: ClusterView) => LiveSupport;
  readonly finding: (view: ClusterView) => Finding;
}

function recognise(network: Recognised): SourceAdapter {
  const facts = (view: ClusterView): SourceFacts => {
    const agents = findAgents(network.signals, view);
    const engines = enginesOf(view);
    const version = network.version?.(view);
    return buildFacts(view, {
      ...(version !== undefined && { version }),
      agents,
      claims: network.signals.claims(view),
      usesNodeCIDRs: true,
      encapsulation: network.encapsulation,
      installation: installationOf(view, agents),
      enforcedPolicyKinds: [...new Set([...network.policyKinds(view), ...engines.kinds])].sort(),
      policyEngines: engines.names,
      devices: network.devices,
      cniConfFile: network.cniConfFile,
      details: network.details(view),
    });
  };
  return {
    name: network.name,
    signals: network.signals,
    facts: (view) => ({ facts: facts(view), findings: [] }),
    live: network.live,
    findings: (view) => [network.finding(view)],
    preparation: () => [],
    removal: () => [],
    leftovers: () => nothingLeft,
  };
}

const kubernetesPolicy = "NetworkPolicy.networking.k8s.io";
const ciliumKinds = [kubernetesPolicy, "CiliumNetworkPolicy.cilium.io", "CiliumClusterwideNetworkPolicy.cilium.io"];

function managed(
  view: ClusterView,
  agents: readonly Workload[],
  message: string,
  reason: string,
  remedy: string,
): Finding {
  const [agent] = agents;
  const [node] = view.inventory.nodes;
  const place = agent ?? node;
  return sourceFinding("source/provider-managed", {
    message,
    ...(place !== undefined && { where: whereOf(place, place.position) }),
    reason,
    remedy,
  });
}

const isAzureAgent = (workload: Workload): boolean =>
  /^azure-(?:cns|cni(?:-.+)?)$/u.test(workload.name) ||
  workload.containers.some((one) => isImage(one.image, /(?:^|\/)azure-(?:cns|cni)$/u));

const azureDataplane = (view: ClusterView): string =>
  view.inventory.nodes.some((node) => node.labels["kubernetes.azure.com/ebpf-dataplane"] === "cilium")
    ? "cilium"
    : "azure";

/** Azure CNI on AKS, in all its forms: the provider's own path leads to Cilium. */
export const azureCni: SourceAdapter = recognise({
  name: "azure-cni",
  signals: {
    ...noSignals,
    isAgent: isAzureAgent,
    configMaps: ["azure-ip-masq-agent-config", "azure-ip-masq-agent-config-reconciled"],
    resources: [{ kind: "NodeNetworkConfig", group: "acn.azure.com" }],
    definitionGroups: ["acn.azure.com"],
  },
  encapsulation: "none",
  cniConfFile: "10-azure.conflist",
  devices: ["azv+"],
  policyKinds: (view) => {
    if (azureDataplane(view) === "cilium") return ciliumKinds;
    return view.daemonSets.some((one) => one.name === "azure-npm") ? [kubernetesPolicy] : [];
  },
  details: (view) => ({
    dataplane: azureDataplane(view),
    mode: view.inventory.nodes
      .map((node) => node.labels["kubernetes.azure.com/podnetwork-type"])
      .find((type) => type !== undefined),
  }),
  live: (view) => ({
    kind: "refused",
    reason: "AKS installs and reconciles the network",
    alternatives:
      azureDataplane(view) === "cilium"
        ? ["nothing to migrate: AKS runs Cilium; its agents' configuration cannot be changed, policies can"]
        : [
            "az aks update --resource-group <group> --name <cluster> --network-dataplane cilium (re-images every node pool; remove Azure NPM or Calico policy first)",
            "blue-green: a new cluster with --network-plugin none and Cilium of your own",
          ],
  }),
  finding: (view) =>
    managed(
      view,
      findAgents(azureCni.signals, view),
      `AKS owns the network (Azure CNI, dataplane ${azureDataplane(view)})`,
      "AKS brings its DaemonSets back and re-images nodes at upgrades",
      "use AKS' own way (az aks update --network-dataplane cilium), and metachron for the policies; or a new cluster with --network-plugin none",
    ),
});

const isVersion2 = (view: ClusterView): boolean => view.daemonSets.some((one) => one.name === "anetd");

/** GKE's networks: Dataplane V1 (netd, Calico policy) and Dataplane V2, which is a vendor-run Cilium. */
export const gke: SourceAdapter = recognise({
  name: "gke",
  signals: {
    ...noSignals,
    isAgent: (workload, view) =>
      view.distribution === "gke" && (workload.name === "anetd" || /^netd(?:-|$)/u.test(workload.name)),
    embedded: (view) => {
      const [node] = view.readyNodes;
      if (view.distribution !== "gke" || node === undefined) return undefined;
      return {
        object: `Node/${node.name}`,
        field: "status.nodeInfo.kubeletVersion",
        value: node.nodeInfo.kubeletVersion ?? "GKE",
      };
    },
    definitionGroups: ["networking.gke.io"],
  },
  encapsulation: "none",
  cniConfFile: "10-containerd-net.conflist",
  devices: ["gke+"],
  policyKinds: (view) =>
    isVersion2(view)
      ? [kubernetesPolicy, "CiliumClusterwideNetworkPolicy.cilium.io", "FQDNNetworkPolicy.networking.gke.io"]
      : [],
  details: (view) => ({ dataplane: isVersion2(view) ? "v2" : "v1" }),
  live: (view) => ({
    kind: "refused",
    reason: "GKE installs and reconciles the network",
    alternatives: isVersion2(view)
      ? [
          "nothing to migrate: Dataplane V2 is Cilium, run by the provider; its agents' configuration cannot be changed, policies can",
        ]
      : [
          "GKE's own migration from Dataplane V1 to V2 (VPC-native cluster, control plane 1.35.3-gke.1155000 or newer, node pools 1.35.1-gke.1516000 or newer)",
          "blue-green: a new cluster with Dataplane V2",
        ],
  }),
  finding: (view) =>
    managed(
      view,
      findAgents(gke.signals, view),
      `GKE owns the network (Dataplane ${isVersion2(view) ? "V2" : "V1"})`,
      "GKE writes the CNI configuration again at every repair and upgrade of a node",
      isVersion2(view)
        ? "there is nothing to migrate; use metachron for the policies only"
        : "use GKE's own migration to Dataplane V2, and metachron for the policies; or a new cluster with Dataplane V2",
    ),
});

/** Cilium itself, where nothing else runs: there is nothing to leave. */
export const cilium: SourceAdapter = recognise({
  name: "cilium",
  signals: {
    ...noSignals,
    isAgent: (workload) => isCiliumDaemon(workload) && workload.name !== "anetd",
    configMaps: ["cilium-config"],
    resources: [
      { kind: "CiliumNode", group: "cilium.io" },
      { kind: "CiliumEndpoint", group: "cilium.io" },
    ],
    definitionGroups: ["cilium.io"],
    claims: (view) => readCilium(view).claims,
  },
  encapsulation: "unknown",
  cniConfFile: "05-cilium.conflist",
  devices: ["cilium_host", "cilium_net", "cilium_vxlan", "lxc+"],
  version: (view) => readCilium(view).version,
  policyKinds: () => ciliumKinds,
  details: (view) => {
    const { config, chainingMode } = readCilium(view);
    return {
      chainingMode: chainingMode === "none" ? undefined : chainingMode,
      ipam: config["ipam"],
      routingMode: config["routing-mode"],
      tunnelProtocol: config["tunnel-protocol"],
    };
  },
  live: () => ({
    kind: "refused",
    reason: "the cluster runs Cilium already",
    alternatives: ["upgrade Cilium by its own guide", "translate policies only (metachron translate)"],
  }),
  finding: (view) => {
    const { agents, version } = readCilium(view);
    const [agent] = agents;
    return sourceFinding("source/already-cilium", {
      message: `the cluster runs Cilium ${version ?? "of an unknown version"} and no other network`,
      ...(agent !== undefined && { where: whereOf(agent, agent.position) }),
      reason: "there is no source to leave",
      remedy: "upgrade by Cilium's own guide; metachron translate still serves for policies of other products",
    });
  },
});

/** OpenShift SDN: the vendor's way leads to OVN-Kubernetes first. */
export const openshiftSdn: SourceAdapter = recognise({
  name: "openshift-sdn",
  signals: {
    ...noSignals,
    isAgent: (workload) => workload.namespace === "openshift-sdn" && workload.name === "sdn",
    resources: [
      { kind: "ClusterNetwork", group: "network.openshift.io" },
      { kind: "HostSubnet", group: "network.openshift.io" },
    ],
    definitionGroups: ["network.openshift.io"],
  },
  encapsulation: "vxlan",
  cniConfFile: "80-openshift-network.conf",
  devices: ["br0", "tun0", "vxlan_sys_4789"],
  policyKinds: (view) => {
    const egress = objectsOf(view.inventory, "EgressNetworkPolicy", "network.openshift.io").length > 0;
    return [...(egress ? ["EgressNetworkPolicy.network.openshift.io"] : []), kubernetesPolicy];
  },
  details: () => ({}),
  live: () => ({
    kind: "refused",
    reason: "OpenShift SDN is owned by the cluster network operator and was removed in OpenShift 4.17",
    alternatives: [
      "the vendor's migration to OVN-Kubernetes (live since OpenShift 4.15)",
      "blue-green with a new cluster",
    ],
  }),
  finding: openshiftFinding,
});
