import { buildFacts } from "../build-facts.ts";
import { isCanalInTwo } from "../calico-config.ts";
import type { ClusterView } from "../cluster-view.ts";
import { kopsNetworking, rke2CniNone } from "../distribution-preparation.ts";
import { flannelAnnotationPrefix, flannelDevices, readFlannelConfig } from "../flannel-config.ts";
import { hasContainer, isCalicoNode, isFlanneld } from "../images.ts";
import { installationOf } from "../installation.ts";
import { kubeRouterChains, kubeRouterSets } from "../kube-router-config.ts";
import { readNodeFlag } from "../kubernetes-network.ts";
import { enginesOf } from "../policy-engines.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, ownNamespace, planRemoval, rolesOf } from "../removal.ts";
import type { LiveSupport, NodeLeftovers, SourceFacts, SourcePreparation } from "../source.ts";
import { type EmbeddedAgent, findAgents, type SourceAdapter } from "../source-adapter.ts";
import { versionOfImage, type Workload } from "../workload.ts";

/** Flannel: from its manifests or chart, or embedded in k3s and RKE2. */
export const flannel: SourceAdapter = {
  name: "flannel",
  signals: {
    isAgent: (workload, view) => isFlannelDaemon(workload) && !isCanalInTwo(view),
    embedded: embeddedFlannel,
    nodeAnnotations: (view) => [`${flannelAnnotationPrefix(view.daemonSets.filter(isFlannelDaemon))}backend-type`],
    podAnnotations: [],
    configMaps: ["kube-flannel-cfg"],
    resources: [],
    definitionGroups: [],
    claims: (view) => {
      const config = readFlannelConfig(view, view.daemonSets.filter(isFlannelDaemon));
      return config.origin.includes("canal") ? [] : config.networks;
    },
  },
  facts: readFacts,
  live: decideLive,
  findings: () => [],
  preparation: planPreparation,
  removal: (view, facts) => planRemoval(view, removalTable(view, facts)),
  leftovers,
};

/** Whether a DaemonSet is flannel without Calico's agent in the same pod. */
export function isFlannelDaemon(workload: Workload): boolean {
  return workload.isHostNetwork && hasContainer(workload, isFlanneld) && !hasContainer(workload, isCalicoNode);
}

function embeddedFlannel(view: ClusterView): EmbeddedAgent | undefined {
  if (view.distribution !== "k3s" && view.distribution !== "rancher-desktop") return undefined;
  const backend = readNodeFlag(view.kubernetes, "flannel-backend") ?? "vxlan";
  const node = view.readyNodes.find((one) => one.annotations["flannel.alpha.coreos.com/backend-type"] !== undefined);
  if (backend === "none" || node === undefined) return undefined;
  return {
    object: `Node/${node.name}`,
    field: "status.nodeInfo.kubeletVersion",
    value: `${node.nodeInfo.kubeletVersion ?? "k3s"}, flannel backend ${backend}`,
  };
}

function readFacts(view: ClusterView) {
  const agents = findAgents(flannel.signals, view);
  const config = readFlannelConfig(view, agents);
  const isEmbedded = flannel.signals.embedded?.(view) !== undefined;
  const engines = enginesOf(view);
  const image = agents.flatMap((agent) => agent.containers).find(isFlanneld)?.image;
  const version = image === undefined ? undefined : versionOfImage(image);
  const facts = buildFacts(view, {
    agents,
    claims: config.networks,
    usesNodeCIDRs: true,
    encapsulation: config.encapsulation,
    ...(config.port !== undefined && { tunnelPort: config.port }),
    ...(config.vni !== undefined && { vni: config.vni }),
    ...(config.mtu !== undefined && { mtu: config.mtu }),
    ...(version !== undefined && { version }),
    dataplane: config.usesNftables ? "nftables" : "iptables",
    installation: isEmbedded ? view.distribution : installationOf(view, agents),
    enforcedPolicyKinds: engines.kinds,
    policyEngines: engines.names,
    devices: ["cni0", ...flannelDevices(config)],
    cniConfFile: "10-flannel.conflist",
    cniNetworkName: config.cniNetworkName ?? "cbr0",
    uplinks: config.uplinks,
    details: {
      backend: config.backend,
      backendFrom: config.origin,
      directRouting: config.hasDirectRouting ? "yes" : undefined,
      ipMasq: config.masquerades === undefined ? undefined : config.masquerades ? "yes" : "no",
    },
  });
  return { facts, findings: config.findings };
}

function decideLive(_view: ClusterView, facts: SourceFacts): LiveSupport {
  const told = "the backend is not told: read it with: kubectl -n kube-flannel get configmap kube-flannel-cfg -o yaml";
  if (facts.encapsulation === "unknown") return { kind: "conditional", conditions: [told] };
  const twice = "Cilium's IPsec encryption stays off while flannel's IPsec runs";
  return facts.encapsulation === "ipsec" ? { kind: "conditional", conditions: [twice] } : { kind: "supported" };
}

function planPreparation(_view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  const steps: SourcePreparation[] = [];
  if (facts.installation === "k3s" || facts.installation === "rancher-desktop") steps.push(k3sFlannelOff);
  if (facts.installation === "rke2") steps.push(rke2CniNone("rke2-flannel"));
  if (facts.installation === "talos") steps.push(talosFlannelOff);
  if (facts.installation === "kops") steps.push(kopsNetworking("flannel"));
  return steps;
}

const k3sFlannelOff: SourcePreparation = {
  title: "Switch off k3s' embedded flannel",
  why: "flannel lives in the k3s process: no object can be deleted, and a restart would start it again",
  commands: [
    "# when the last wave is done, on every server set in /etc/rancher/k3s/config.yaml: flannel-backend: none",
    "# render Cilium's values for the directories that k3s reads from then on (/etc/cni/net.d and /opt/cni/bin) and apply them first",
    "# restart the servers one by one, then the agents: systemctl restart k3s (k3s-agent on agents)",
  ],
  before: "removal",
  necessity: "required",
  undo: ["# remove the line, set the old directories again and restart k3s the same way"],
};

const talosFlannelOff: SourcePreparation = {
  title: "Take flannel out of Talos' machine configuration",
  why: "Talos applies its flannel manifest again as long as the machine configuration names it",
  commands: [
    'talosctl patch machineconfig --nodes "$CONTROL_PLANE_NODES" --patch \'{"cluster":{"network":{"cni":{"name":"none"}}}}\'',
  ],
  before: "removal",
  necessity: "required",
  undo: [
    'talosctl patch machineconfig --nodes "$CONTROL_PLANE_NODES" --patch \'{"cluster":{"network":{"cni":{"name":"flannel"}}}}\'',
  ],
};

const rke2Chart = known(
  "agents",
  "HelmChart",
  "rke2-flannel",
  "kube-system",
  "RKE2's Helm controller would install it again",
);

function removalTable(view: ClusterView, facts: SourceFacts): readonly KnownObject[] {
  if (facts.daemonSets.length === 0 && (facts.installation === "k3s" || facts.installation === "rancher-desktop"))
    return [];
  const agents = findAgents(flannel.signals, view);
  const namespaces = agents.length > 0 ? agents.map((agent) => agent.namespace) : ["kube-flannel", "kube-system"];
  const table = [...new Set(namespaces)].flatMap((namespace) => objectsIn(namespace));
  const list = [
    ...(facts.installation === "rke2" ? [{ ...rke2Chart, waitUntilGone: true }] : []),
    ...ofWorkloads(agents, "agents", "flannel's agents; pods keep no address of theirs any more"),
    ...table,
  ];
  return [...list, ...(namespaces.includes("kube-flannel") ? ownNamespace(view, "kube-flannel", list) : [])];
}

function objectsIn(namespace: string): readonly KnownObject[] {
  return [
    known(
      "agents",
      "DaemonSet",
      "kube-flannel-ds",
      namespace,
      "flannel's agents; pods keep no address of theirs any more",
    ),
    ...rolesOf(["flannel"], "only flannel's agents used it"),
    ...accountsOf(["flannel"], namespace, "only flannel's agents used it"),
    known("configuration", "ConfigMap", "kube-flannel-cfg", namespace, "only flannel's agents read it"),
  ];
}

function leftovers(view: ClusterView, facts: SourceFacts): NodeLeftovers {
  const network = facts.cniNetworkName ?? "cbr0";
  const isEmbedded = facts.daemonSets.length === 0;
  const hasController = facts.policyEngines.includes("k3s");
  return {
    devices: facts.devices,
    iptablesChainPrefixes: hasController ? ["FLANNEL-", ...kubeRouterChains] : ["FLANNEL-"],
    iptablesRuleTags: ["flanneld forward", "flanneld masq"],
    nftTables: facts.dataplane === "nftables" ? ["flannel-ipv4", "flannel-ipv6"] : [],
    ipsetPrefixes: hasController ? kubeRouterSets : [],
    files: [
      `${facts.cniConfDirectory}/10-flannel.conflist`,
      `${facts.cniConfDirectory}/10-flannel.conflist.cilium_bak`,
      // k3s links its own binary there and makes the link again at every start.
      ...(isEmbedded ? [] : [`${facts.cniBinDirectory}/flannel`]),
      "/run/flannel",
      `/var/lib/cni/networks/${network}`,
      "/var/lib/cni/flannel",
    ],
    nodeAnnotationPrefixes: [flannelAnnotationPrefix(findAgents(flannel.signals, view))],
    portmapNetworks: [network],
  };
}
