import type { Finding } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { objectsOf } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import {
  type CalicoConfig,
  calicoDevices,
  calicoPolicyKinds,
  isCalicoDaemon,
  isCanalInTwo,
  isPolicyOnly,
  readCalicoConfig,
} from "../calico-config.ts";
import { autodetectionFindings, dataplaneFindings, etcdFinding, wayBackFromEbpf } from "../calico-hazards.ts";
import { calicoPodClaims } from "../calico-pools.ts";
import { planCalicoPreparation } from "../calico-preparation.ts";
import {
  calicoControllers,
  calicoDefinitions,
  calicoPolicyObjects,
  operatorDefinitions,
  operatorResources,
} from "../calico-removal.ts";
import type { ClusterView } from "../cluster-view.ts";
import { installationOf } from "../installation.ts";
import { type Claim, claim, claimAround } from "../kubernetes-network.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, ownNamespace, planRemoval, rolesOf } from "../removal.ts";
import type { LiveSupport, NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { isRunning, type Workload } from "../workload.ts";

/** Calico as the network: from its manifests, by the Tigera operator, or as a distribution brings it. */
export const calico: SourceAdapter = {
  name: "calico",
  signals: {
    isAgent: isCalicoAgent,
    nodeAnnotations: () => [
      "projectcalico.org/IPv4Address",
      "projectcalico.org/IPv6Address",
      "projectcalico.org/IPv4VXLANTunnelAddr",
      "projectcalico.org/IPv4IPIPTunnelAddr",
    ],
    podAnnotations: [],
    configMaps: ["calico-config"],
    resources: [
      { kind: "Installation", group: "operator.tigera.io" },
      { kind: "IPPool", group: "crd.projectcalico.org" },
      { kind: "IPPool", group: "projectcalico.org" },
      { kind: "IPAMBlock", group: "crd.projectcalico.org" },
    ],
    definitionGroups: ["crd.projectcalico.org", "projectcalico.org", "operator.tigera.io"],
    claims: (view) => calicoPodClaims(readConfig(view)),
  },
  facts: (view) => {
    const config = readConfig(view);
    return { facts: combine(view, config), findings: config.findings };
  },
  live: (view) => decideLive(readConfig(view)),
  findings: findHazards,
  preparation: (view, facts) => planCalicoPreparation(readConfig(view), facts),
  removal: (view, facts) => planRemoval(view, removalTable(view, facts)),
  leftovers: calicoLeftovers,
};

// Calico that only filters the pods of another network is not this source; see policy-engines.ts.
function isCalicoAgent(workload: Workload, view: ClusterView): boolean {
  if (!isCalicoDaemon(workload) || isCanalInTwo(view)) return false;
  return !isPolicyOnly(view, readCalicoConfig(view, [workload]));
}

function readConfig(view: ClusterView): CalicoConfig {
  return readCalicoConfig(view, findAgents(calico.signals, view));
}

function combine(view: ClusterView, config: CalicoConfig): SourceFacts {
  const isNodeIpam = config.ipam === "host-local";
  const port = portOf(config);
  const claims = calicoPodClaims(config);
  return buildFacts(view, {
    agents: config.agents,
    claims: claims.length > 0 || isNodeIpam ? claims : assumedPools(view),
    usesNodeCIDRs: isNodeIpam,
    encapsulation: config.encapsulation,
    ...(port !== undefined && { tunnelPort: port }),
    ...(config.encapsulation === "vxlan" && { vni: config.vxlanVNI }),
    ...(config.mtu !== undefined && { mtu: config.mtu }),
    ...(config.version !== undefined && { version: config.version }),
    datastore: config.datastore,
    dataplane: config.dataplane === "vpp" ? "none" : config.dataplane,
    ...(config.dataplane === "ebpf" && { serviceProxy: { kind: "source", mode: "ebpf" } }),
    installation: config.installation !== undefined ? operatorOwner(view, config) : installationOf(view, config.agents),
    enforcedPolicyKinds: calicoPolicyKinds(view, config),
    devices: calicoDevices(config),
    cniConfFile: config.cniConfFile ?? "10-calico.conflist",
    cniNetworkName: config.cniNetworkName ?? "k8s-pod-network",
    ...(config.usesTiers !== undefined && { usesTiers: config.usesTiers }),
    uplinks: config.uplinks,
    details: { ...config.felix, ...detailsOf(view, config) },
  });
}

// Without pools in the inventory: the addresses in use; without those the pool that calico-node makes at its first
// start when the cluster's own prefix is not told.
function assumedPools(view: ClusterView): readonly Claim[] {
  if (view.kubernetes.podCIDRs.length > 0) return [];
  const around = claimAround(
    view.networkPods.flatMap((pod) => pod.podIPs),
    "addresses of pods",
  );
  return around.length > 0 ? around : claim("192.168.0.0/16", "Calico's default pool", "");
}

function operatorOwner(view: ClusterView, config: CalicoConfig): string {
  const owner = installationOf(view, config.agents);
  return owner === "rke2" || owner === "gardener" ? owner : "operator";
}

function portOf(config: CalicoConfig): number | undefined {
  if (config.encapsulation === "vxlan") return config.vxlanPort;
  return config.encapsulation === "wireguard" ? config.wireguardPort : undefined;
}

function detailsOf(view: ClusterView, config: CalicoConfig): Readonly<Record<string, string | undefined>> {
  const disabled = config.pools.filter((pool) => pool.isDisabled).map((pool) => pool.claim.cidr);
  const balancers = config.pools.filter((pool) => pool.isForLoadBalancersOnly).map((pool) => pool.claim.cidr);
  const peers = objectsOf(view.inventory, "BGPPeer").filter((peer) =>
    peer.apiVersion.includes("projectcalico.org"),
  ).length;
  const encapsulations = [...new Set(config.pools.map((pool) => pool.encapsulation))].sort();
  return {
    backend: config.backend,
    bgpPeers: peers > 0 ? String(peers) : undefined,
    disabledPools: disabled.length > 0 ? disabled.join(", ") : undefined,
    encapsulations: encapsulations.length > 1 ? encapsulations.join(", ") : undefined,
    ipam: config.ipam,
    loadBalancerPools: balancers.length > 0 ? balancers.join(", ") : undefined,
    typha: typhaOf(view) === undefined ? undefined : printIdentity(typhaOf(view) as Workload),
    wireguard: config.hasWireguard ? `on, UDP ${config.wireguardPort}` : undefined,
  };
}

function typhaOf(view: ClusterView): Workload | undefined {
  return view.deployments.find((one) => one.name === "calico-typha" && isRunning(one));
}

function decideLive(config: CalicoConfig): LiveSupport {
  if (config.dataplane === "ebpf")
    return {
      kind: "refused",
      reason: "Calico's eBPF dataplane decides packets on the uplinks and pod devices before Cilium sees them",
      alternatives: [...wayBackFromEbpf(config), "in-place", "blue-green"],
    };
  if (config.dataplane === "vpp")
    return {
      kind: "refused",
      reason: "Calico's VPP dataplane owns the uplinks in user space",
      alternatives: ["return to the iptables dataplane (linuxDataplane: Iptables) first", "in-place", "blue-green"],
    };
  const conditions: string[] = [];
  if (config.datastore === "etcd")
    conditions.push("Calico's objects are in etcd: export them with calicoctl and add them to the inventory");
  if (config.encapsulation === "none" && config.backend === "bird")
    conditions.push(
      "Calico routes by BGP without encapsulation: routers never learn the new pool, so nothing outside the cluster may address migrated pods directly",
    );
  return conditions.length === 0 ? { kind: "supported" } : { kind: "conditional", conditions };
}

function findHazards(view: ClusterView): readonly Finding[] {
  const config = readConfig(view);
  const ofEtcd = config.datastore === "etcd" ? [etcdFinding(config.agents[0])] : [];
  return [...dataplaneFindings(config), ...autodetectionFindings(config), ...ofEtcd];
}

function removalTable(view: ClusterView, facts: SourceFacts): readonly KnownObject[] {
  const config = readConfig(view);
  const isOperator = config.installation !== undefined || facts.installation === "operator";
  const objects = isOperator ? operatorTable(view, facts) : manifestTable(view, config);
  return [...calicoPolicyObjects(view), ...objects, ...calicoDefinitions(view)];
}

function operatorTable(view: ClusterView, facts: SourceFacts): readonly KnownObject[] {
  const operator = "tigera-operator";
  const only = "only the operator used it";
  const chart = known(
    "agents",
    "HelmChart",
    "rke2-calico",
    "kube-system",
    "RKE2's Helm controller would install it again",
  );
  const list = [
    ...(facts.installation === "rke2" ? [{ ...chart, waitUntilGone: true }] : operatorResources(view)),
    known(
      "controllers",
      "Deployment",
      operator,
      operator,
      "only when its resources are gone, or their finalizers never go",
    ),
    ...rolesOf([operator], only),
    known("access", "RoleBinding", "tigera-operator-secrets", operator, only),
    known("access", "ClusterRole", "tigera-operator-secrets", undefined, only),
    ...accountsOf([operator], operator, only),
    known("configuration", "ConfigMap", "kubernetes-services-endpoint", operator, "only the operator read it"),
    ...operatorDefinitions(view),
  ];
  return [...list, ...ownNamespace(view, operator, list)];
}

function manifestTable(view: ClusterView, config: CalicoConfig): readonly KnownObject[] {
  const namespace = config.agents[0]?.namespace ?? "kube-system";
  const why = "Calico's agents; they go before the definitions, or Felix loses its configuration while it enforces";
  const only = "only Calico's agents used it";
  return [
    ...ofWorkloads(config.agents, "agents", why),
    known("agents", "DaemonSet", "calico-node", namespace, why),
    ...calicoControllers(view, namespace),
    ...rolesOf(["calico-node"], only),
    ...accountsOf(["calico-node"], namespace, only),
    known("configuration", "ConfigMap", "calico-config", namespace, only),
    known("configuration", "ConfigMap", "kubernetes-services-endpoint", namespace, only),
    ...(config.datastore === "etcd"
      ? [known("configuration", "Secret", "calico-etcd-secrets", namespace, "Calico's credentials for etcd")]
      : []),
  ];
}

/** What Calico leaves on each node. Source: reference of leftovers, Calico felix/rules, node/pkg/cni. */
function calicoLeftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  const network = facts.cniNetworkName ?? "k8s-pod-network";
  const file = facts.cniConfFile ?? "10-calico.conflist";
  return {
    devices: facts.devices,
    iptablesChainPrefixes: ["cali-"],
    iptablesRuleTags: ["cali:"],
    nftTables: facts.dataplane === "nftables" ? ["calico", "calico-arp"] : [],
    ipsetPrefixes: ["cali4", "cali6"],
    files: [
      `${facts.cniConfDirectory}/${file}`,
      `${facts.cniConfDirectory}/${file}.cilium_bak`,
      `${facts.cniConfDirectory}/calico-kubeconfig`,
      `${facts.cniBinDirectory}/calico`,
      `${facts.cniBinDirectory}/calico-ipam`,
      "/var/lib/calico",
      "/var/run/calico",
      "/var/log/calico",
      ...(facts.details["ipam"] === "host-local" ? [`/var/lib/cni/networks/${network}`] : []),
    ],
    nodeAnnotationPrefixes: ["projectcalico.org/"],
    portmapNetworks: [network],
  };
}
