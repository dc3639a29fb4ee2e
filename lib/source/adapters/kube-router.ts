import type { Finding } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { getStringMap } from "../../core/json.ts";
import { tryFindObject } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { serviceProxyFinding } from "../companion-findings.ts";
import { readCniNetwork } from "../flannel-config.ts";
import { installationOf } from "../installation.ts";
import { isKubeRouter, kubeRouterChains, kubeRouterRole, kubeRouterSets } from "../kube-router-config.ts";
import { claim } from "../kubernetes-network.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, planRemoval, rolesOf } from "../removal.ts";
import type { Encapsulation, LiveSupport, NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { mountedConfigMaps, readVariable, readWorkloadFlag, versionOfImage, type Workload } from "../workload.ts";

/** Kube-Router as the network, with or without its service proxy. As firewall or proxy only it is no source. */
export const kubeRouter: SourceAdapter = {
  name: "kube-router",
  signals: {
    isAgent: (workload) => isKubeRouter(workload) && kubeRouterRole(workload).connects,
    nodeAnnotations: () => ["kube-router.io/"],
    podAnnotations: [],
    configMaps: ["kube-router-cfg"],
    resources: [],
    definitionGroups: [],
    claims: readClaims,
  },
  facts: readFacts,
  live: decideLive,
  findings: findHazards,
  preparation: () => [],
  removal: (view) => planRemoval(view, removalTable(findAgents(kubeRouter.signals, view))),
  leftovers,
};

function readClaims(view: ClusterView) {
  return view.inventory.nodes.flatMap((node) =>
    ["kube-router.io/pod-cidrs", "kube-router.io/pod-cidr"].flatMap((key) =>
      claim(node.annotations[key], printIdentity(node), `metadata.annotations["${key}"]`),
    ),
  );
}

function readFacts(view: ClusterView) {
  const findings: Finding[] = [];
  const agents = findAgents(kubeRouter.signals, view);
  const [agent] = agents;
  const role = agent === undefined ? undefined : kubeRouterRole(agent);
  const overlay = readOverlay(agent);
  const map = mountedConfigMaps(agent)
    .map((name) => tryFindObject(view.inventory, "ConfigMap", name, agent?.namespace))
    .find((one) => one !== undefined && Object.hasOwn(getStringMap(one.object, "data"), "cni-conf.json"));
  const text = getStringMap(map?.object, "data")["cni-conf.json"];
  const network =
    map === undefined || text === undefined ? undefined : readCniNetwork(map, "cni-conf.json", text, findings);
  const version = versionOfImage(agent?.containers[0]?.image ?? "");
  const file = readVariable(agent, "KUBE_ROUTER_CNI_CONF_FILE")?.split("/").pop();
  const facts = buildFacts(view, {
    agents,
    claims: readClaims(view),
    serviceClaims: claim(
      readWorkloadFlag(agent, "service-cluster-ip-range"),
      "DaemonSet/kube-router",
      "--service-cluster-ip-range",
    ),
    usesNodeCIDRs: true,
    ...overlay,
    ...(version !== undefined && { version }),
    dataplane: "iptables",
    ...(role?.proxies === true && { serviceProxy: { kind: "source", mode: "ipvs" } as const }),
    installation: installationOf(view, agents),
    enforcedPolicyKinds: role?.filters === false ? [] : ["NetworkPolicy.networking.k8s.io"],
    devices: ["kube-bridge", "kube-dummy-if", "tun-+"],
    cniConfFile: file ?? "10-kuberouter.conflist",
    cniNetworkName: network?.name ?? "mynet",
    details: {
      firewall: role === undefined ? undefined : onOff(role.filters),
      serviceProxy: role === undefined ? undefined : onOff(role.proxies),
      overlayType: readWorkloadFlag(agent, "overlay-type"),
      clusterASN: readWorkloadFlag(agent, "cluster-asn"),
      bgpPeers: readPeers(view),
      portmap: network?.plugins.some((plugin) => plugin["type"] === "portmap") === true ? "yes" : undefined,
    },
  });
  return { facts, findings };
}

const onOff = (isOn: boolean): string => (isOn ? "on" : "off");

/** The overlay's flags. Source: kube-router v2.5 pkg/options (enable-overlay true, overlay-encap ipip, FoU port 5555). */
function readOverlay(agent: Workload | undefined): {
  readonly encapsulation: Encapsulation;
  readonly tunnelPort?: number;
} {
  if (agent === undefined || agent.from === "pods") return { encapsulation: "unknown" };
  if (readWorkloadFlag(agent, "enable-overlay") === "false") return { encapsulation: "none" };
  if (readWorkloadFlag(agent, "overlay-encap") !== "fou") return { encapsulation: "ipip" };
  const port = Number(readWorkloadFlag(agent, "overlay-encap-port") ?? "5555");
  return { encapsulation: "fou", tunnelPort: port };
}

function readPeers(view: ClusterView): string | undefined {
  const peers = view.inventory.nodes.flatMap((node) => node.annotations["kube-router.io/peer.ips"]?.split(",") ?? []);
  return peers.length === 0 ? undefined : [...new Set(peers)].sort().join(", ");
}

function decideLive(_view: ClusterView, facts: SourceFacts): LiveSupport {
  if (facts.serviceProxy.kind !== "source") return { kind: "supported" };
  const proxy =
    "kube-router answers for Services and there is no kube-proxy: bring kube-proxy back, or let Cilium's replacement take over node by node, before kube-router is removed";
  return { kind: "conditional", conditions: [proxy] };
}

function findHazards(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const [agent] = findAgents(kubeRouter.signals, view);
  if (agent === undefined || facts.serviceProxy.kind !== "source") return [];
  return [serviceProxyFinding(agent)];
}

function removalTable(agents: readonly Workload[]): readonly KnownObject[] {
  const namespace = agents[0]?.namespace ?? "kube-system";
  const only = "only kube-router used it";
  return [
    ...ofWorkloads(agents, "agents", "kube-router's agents"),
    known("agents", "DaemonSet", "kube-router", namespace, "kube-router's agents"),
    ...rolesOf(["kube-router"], only),
    ...accountsOf(["kube-router"], namespace, only),
    known("configuration", "ConfigMap", "kube-router-cfg", namespace, only),
  ];
}

function leftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  const network = facts.cniNetworkName ?? "mynet";
  const file = facts.cniConfFile ?? "10-kuberouter.conflist";
  return {
    devices: facts.devices,
    iptablesChainPrefixes: kubeRouterChains,
    iptablesRuleTags: ["kube-router"],
    nftTables: ["kube-router-filter-ipv4", "kube-router-filter-ipv6"],
    ipsetPrefixes: kubeRouterSets,
    files: [
      `${facts.cniConfDirectory}/${file}`,
      `${facts.cniConfDirectory}/${file}.cilium_bak`,
      "/var/lib/kube-router",
      `/var/lib/cni/networks/${network}`,
    ],
    nodeAnnotationPrefixes: ["kube-router.io/"],
    portmapNetworks: facts.details["portmap"] === "yes" ? [network] : [],
  };
}
