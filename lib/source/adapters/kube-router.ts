import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { getArray, getStringMap } from "../../core/json.ts";
import { objectsOf, tryFindObject } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { sourceFinding } from "../findings.ts";
import { readCniNetwork } from "../flannel-config.ts";
import { installationOf } from "../installation.ts";
import { isKubeRouter, kubeRouterChains, kubeRouterRole, kubeRouterSets } from "../kube-router-config.ts";
import { claim } from "../kubernetes-network.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, planRemoval, rolesOf } from "../removal.ts";
import type { Encapsulation, LiveSupport, NodeLeftovers, SourceFacts, SourcePreparation } from "../source.ts";
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
  preparation: planPreparation,
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

const hasPolicies = (view: ClusterView): boolean =>
  objectsOf(view.inventory, "NetworkPolicy", "networking.k8s.io").length > 0;

function decideLive(view: ClusterView, facts: SourceFacts): LiveSupport {
  const conditions: string[] = [];
  if (facts.serviceProxy.kind === "source")
    conditions.push(
      "kube-router answers for Services and there is no kube-proxy: bring kube-proxy back, or let Cilium's replacement take over node by node, before kube-router is removed",
    );
  if (facts.enforcedPolicyKinds.length > 0 && hasPolicies(view))
    conditions.push(
      "kube-router's firewall filters the forwarded packets of Cilium's pods too: switch it off (--run-firewall=false) before the first wave; from then on a pod is under policy again when its own wave has moved it",
    );
  return conditions.length === 0 ? { kind: "supported" } : { kind: "conditional", conditions };
}

function findHazards(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const [agent] = findAgents(kubeRouter.signals, view);
  if (agent === undefined) return [];
  const found: Finding[] = [];
  if (facts.serviceProxy.kind === "source")
    found.push(
      sourceFinding("source/service-proxy", {
        message: `${printIdentity(agent)} is the service proxy (IPVS); kube-proxy does not run`,
        where: whereOf(agent, agent.position, "spec.template.spec.containers[name=kube-router].args"),
        reason:
          "when it goes, nothing answers for ClusterIPs, NodePorts and external addresses on that node; kube-dummy-if holds them",
        remedy:
          "set target.kubeProxyReplacement: true with k8sServiceHost and k8sServicePort, so that each node's Cilium takes over before kube-router is removed; or deploy kube-proxy first",
      }),
    );
  if (facts.enforcedPolicyKinds.length > 0 && hasPolicies(view))
    found.push(
      sourceFinding("source/policy-controller", {
        message: `${printIdentity(agent)} filters the packets of Cilium's pods as well`,
        where: whereOf(agent, agent.position, "spec.template.spec.containers[name=kube-router].args"),
        reason:
          "KUBE-ROUTER-FORWARD decides by pod address on every node and sees only one direction of migrated pods' connections",
        remedy: "set --run-firewall=false before the first wave, when the translated policies are in place",
      }),
    );
  return found;
}

function planPreparation(view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  const [agent] = findAgents(kubeRouter.signals, view);
  if (agent === undefined || facts.enforcedPolicyKinds.length === 0 || !hasPolicies(view)) return [];
  const place = `${agent.namespace} daemonset/${agent.name}`;
  const object = firewallOff(agent);
  return [
    {
      title: "Switch off kube-router's firewall",
      why: "it filters the forwarded packets of Cilium's pods as well and sees one direction of them only",
      ...(object !== undefined && { object }),
      commands: [
        `kubectl edit -n ${place}: set --run-firewall=false in the arguments of container kube-router`,
        `kubectl rollout status -n ${place}`,
        "on every node, remove its chains: kube-router --cleanup-config removes the service proxy too and must not be used; flush KUBE-ROUTER-INPUT, KUBE-ROUTER-FORWARD and KUBE-ROUTER-OUTPUT instead",
      ],
      before: "install",
      necessity: "required",
      undo: [`kubectl edit -n ${place}: set --run-firewall=true again`],
    },
  ];
}

// Arguments are one list to server-side apply, so the whole list is written out.
function firewallOff(agent: Workload) {
  const containers = getArray(agent.object?.object, "spec", "template", "spec", "containers");
  const container = agent.containers.find(({ name }) => name === "kube-router");
  if (container === undefined || containers.length === 0) return undefined;
  const raw = containers.find((one) => getStringMap(one)["name"] === "kube-router");
  const args = getArray(raw, "args").filter((word): word is string => typeof word === "string");
  if (args.length === 0) return undefined;
  const others = args.filter((word) => !/^--?run-firewall(?:=|$)/u.test(word));
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { namespace: agent.namespace, name: agent.name },
    spec: { template: { spec: { containers: [{ name: "kube-router", args: [...others, "--run-firewall=false"] }] } } },
  };
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
