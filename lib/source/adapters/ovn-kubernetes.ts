import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { getArray, getBoolean, getIn, getNumber, getString, getStringMap, type JsonObject } from "../../core/json.ts";
import { sortedUnique } from "../../core/order.ts";
import { type Node, objectsOf, type RawObject } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { sourceFinding } from "../findings.ts";
import { isImage } from "../images.ts";
import { installationOf } from "../installation.ts";
import { type Claim, claim } from "../kubernetes-network.ts";
import {
  accountsOf,
  definitionsOf,
  type KnownObject,
  known,
  ofInventory,
  ofWorkloads,
  ownNamespace,
  planRemoval,
  rolesOf,
} from "../removal.ts";
import type { LiveSupport, NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { readJson, readSections } from "../text-formats.ts";
import { isRunning, readVariable, type Workload } from "../workload.ts";

/** OVN-Kubernetes, from its chart or owned by OpenShift's cluster network operator. */
export const ovnKubernetes: SourceAdapter = {
  name: "ovn-kubernetes",
  signals: {
    isAgent: isOvnAgent,
    nodeAnnotations: () => ["k8s.ovn.org/node-subnets", "k8s.ovn.org/node-chassis-id"],
    podAnnotations: ["k8s.ovn.org/pod-networks"],
    configMaps: ["ovn-config", "ovnkube-config"],
    resources: [],
    definitionGroups: ["k8s.ovn.org"],
    claims: (view) => readConfig(view).pods,
  },
  facts: (view) => ({ facts: combine(view), findings: [] }),
  live: decideLive,
  findings: findHazards,
  preparation: () => [],
  removal: (view, facts) => planRemoval(view, facts.installation === "openshift" ? [] : removalTable(view)),
  leftovers,
};

function isOvnAgent(workload: Workload): boolean {
  if (!workload.isHostNetwork) return false;
  const isNamed = /^ovnkube-(?:node|single-node-zone|node-dpu-host)$/u.test(workload.name);
  return (
    isNamed ||
    workload.containers.some(
      (container) =>
        ["ovnkube-controller", "ovnkube-node", "ovn-controller"].includes(container.name) &&
        isImage(container.image, /(?:^|\/)(?:ovn-kube(?:-ubuntu|-fedora)?|ovn-kubernetes)$/u),
    )
  );
}

/** OVN-Kubernetes' settings. */
interface OvnConfig {
  readonly pods: readonly Claim[];
  readonly services: readonly Claim[];
  /** `shared`, `local`, or `disabled`; absent when nothing tells. */
  readonly gatewayMode?: string;
  readonly gatewayFrom?: { readonly object: string; readonly field: string };
  readonly encapPort: number;
  readonly mtu?: number;
  readonly isNoOverlay: boolean;
  readonly hybridOverlayPort?: number;
  /** The bridges that carry the nodes' own address: uplinks, not devices of the overlay. */
  readonly bridges: readonly string[];
  readonly agents: readonly Workload[];
}

/**
 * Reads `ovnkube.conf`, `ovn-config`, OpenShift's Network objects, the agent's variables and node annotations.
 * What a node says of its own gateway counts before what was configured.
 * Source: ovn-kubernetes go-controller/pkg/config, pkg/util/node_annotations.go; openshift/api operator/v1.
 */
function readConfig(view: ClusterView): OvnConfig {
  const agents = view.daemonSets.filter(isOvnAgent);
  const maps = objectsOf(view.inventory, "ConfigMap", "");
  const conf = maps.find((map) => map.name === "ovnkube-config");
  const sections = readSections(getStringMap(conf?.object, "data")["ovnkube.conf"] ?? "");
  const plain = maps.find((map) => map.name === "ovn-config");
  const data = getStringMap(plain?.object, "data");
  const operator = objectsOf(view.inventory, "Network", "operator.openshift.io")[0];
  const openshift = getIn(operator?.object, "spec", "defaultNetwork", "ovnKubernetesConfig");
  const gateway = readGateway(view, sections, conf, agents, operator);
  const mtu = Number(sections.get("default.mtu") ?? data["mtu"] ?? getNumber(openshift, "mtu"));
  const port = Number(
    sections.get("default.encap-port") ??
      variable(agents, "OVN_ENCAP_PORT") ??
      getNumber(openshift, "genevePort") ??
      6081,
  );
  const hybrid = Number(sections.get("hybridoverlay.hybrid-overlay-vxlan-port") ?? Number.NaN);
  return {
    pods: readPodClaims(view, sections, conf, plain),
    services: [
      ...claim(sections.get("kubernetes.service-cidrs"), "ConfigMap/ovnkube-config", "service-cidrs"),
      ...claim(data["svc_cidr"], "ConfigMap/ovn-config", "data.svc_cidr"),
    ],
    ...gateway,
    encapPort: Number.isInteger(port) && port > 0 ? port : 6081,
    ...(Number.isInteger(mtu) && mtu > 0 && { mtu }),
    isNoOverlay:
      sections.get("default.transport") === "no-overlay" || variable(agents, "OVN_NO_OVERLAY_ENABLE") === "true",
    ...(Number.isInteger(hybrid) && { hybridOverlayPort: hybrid }),
    bridges: readBridges(view),
    agents,
  };
}

function variable(agents: readonly Workload[], name: string): string | undefined {
  return agents.map((agent) => readVariable(agent, name)).find((value) => value !== undefined && value !== "");
}

function readPodClaims(
  view: ClusterView,
  sections: ReadonlyMap<string, string>,
  conf: RawObject | undefined,
  plain: RawObject | undefined,
): readonly Claim[] {
  const fromConf = clusterSubnets(sections.get("default.cluster-subnets"));
  if (conf !== undefined && fromConf.length > 0)
    return claims(fromConf, printIdentity(conf), 'data["ovnkube.conf"] cluster-subnets');
  const fromPlain = clusterSubnets(getStringMap(plain?.object, "data")["net_cidr"]);
  if (plain !== undefined && fromPlain.length > 0) return claims(fromPlain, printIdentity(plain), "data.net_cidr");
  return view.inventory.nodes.flatMap((node) => {
    const subnets = nodeSubnets(node.annotations["k8s.ovn.org/node-subnets"]);
    return claims(subnets, printIdentity(node), 'metadata.annotations["k8s.ovn.org/node-subnets"]');
  });
}

const claims = (cidrs: readonly string[], object: string, field: string): readonly Claim[] =>
  cidrs.flatMap((cidr) => claim(cidr, object, field));

// A subnet may carry the length of each node's part behind it: 10.128.0.0/14/23.
function clusterSubnets(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").map((part) => part.trim().split("/").slice(0, 2).join("/"));
}

/** The default network's subnets of a node: a list since 2020, a single text before. */
function nodeSubnets(text: string | undefined): readonly string[] {
  const reading = text === undefined ? { problem: "" } : readJson(text);
  if ("problem" in reading) return [];
  const told = reading.value["default"];
  if (typeof told === "string") return [told];
  return getArray(told).filter((cidr): cidr is string => typeof cidr === "string");
}

function readGateway(
  view: ClusterView,
  sections: ReadonlyMap<string, string>,
  conf: RawObject | undefined,
  agents: readonly Workload[],
  operator: RawObject | undefined,
): Pick<OvnConfig, "gatewayMode" | "gatewayFrom"> {
  // One shared node is enough: its pods do not reach the host's routes.
  const told = view.inventory.nodes.flatMap((node) => {
    const mode = getString(gatewayConfig(node), "default", "mode");
    return mode === undefined ? [] : [{ mode, object: printIdentity(node) }];
  });
  const node = told.find((one) => one.mode === "shared") ?? told[0];
  if (node !== undefined)
    return {
      gatewayMode: node.mode,
      gatewayFrom: { object: node.object, field: `metadata.annotations["${gatewayKey}"]` },
    };
  const inConf = sections.get("gateway.mode");
  if (inConf !== undefined && conf !== undefined)
    return {
      gatewayMode: inConf,
      gatewayFrom: { object: printIdentity(conf), field: 'data["ovnkube.conf"] [gateway] mode' },
    };
  const inVariable = variable(agents, "OVN_GATEWAY_MODE");
  const [agent] = agents;
  if (inVariable !== undefined && agent !== undefined)
    return { gatewayMode: inVariable, gatewayFrom: { object: printIdentity(agent), field: "env OVN_GATEWAY_MODE" } };
  const path = ["spec", "defaultNetwork", "ovnKubernetesConfig", "gatewayConfig", "routingViaHost"] as const;
  const isViaHost = getBoolean(operator?.object, ...path);
  if (isViaHost === undefined || operator === undefined) return {};
  return {
    gatewayMode: isViaHost ? "local" : "shared",
    gatewayFrom: { object: printIdentity(operator), field: path.join(".") },
  };
}

const gatewayKey = "k8s.ovn.org/l3-gateway-config";

/** A node's own word about its gateway; `undefined` when it has none or it is no JSON. */
function gatewayConfig(node: Node): JsonObject | undefined {
  const text = node.annotations[gatewayKey];
  const reading = text === undefined ? undefined : readJson(text);
  return reading !== undefined && "value" in reading ? reading.value : undefined;
}

function readBridges(view: ClusterView): readonly string[] {
  return sortedUnique(
    view.inventory.nodes.flatMap((node) => getString(gatewayConfig(node), "default", "bridge-id") ?? []),
  );
}

function combine(view: ClusterView): SourceFacts {
  const config = readConfig(view);
  return buildFacts(view, {
    agents: config.agents,
    claims: config.pods,
    serviceClaims: config.services,
    usesNodeCIDRs: false,
    encapsulation: config.isNoOverlay ? "none" : "geneve",
    ...(!config.isNoOverlay && { tunnelPort: config.encapPort }),
    ...(config.mtu !== undefined && { mtu: config.mtu }),
    dataplane: "openvswitch",
    serviceProxy: { kind: "source", mode: "ovn" },
    installation: installationOf(view, config.agents),
    enforcedPolicyKinds: [
      "NetworkPolicy.networking.k8s.io",
      "AdminNetworkPolicy.policy.networking.k8s.io",
      "BaselineAdminNetworkPolicy.policy.networking.k8s.io",
      "EgressFirewall.k8s.ovn.org",
    ],
    // br-ex is no device of the overlay: it carries the node's address, so Cilium has to attach to it.
    devices: ["br-int", "genev_sys_+", "ovn-k8s-mp0"],
    cniConfFile: "10-ovn-kubernetes.conf",
    cniNetworkName: "ovn-kubernetes",
    uplinks: config.bridges,
    details: {
      gatewayMode: config.gatewayMode,
      gatewayFrom:
        config.gatewayFrom === undefined ? undefined : `${config.gatewayFrom.object} ${config.gatewayFrom.field}`,
      hybridOverlay: config.hybridOverlayPort === undefined ? undefined : `VXLAN, UDP ${config.hybridOverlayPort}`,
      interconnect: zones(view),
    },
  });
}

function zones(view: ClusterView): string | undefined {
  const told = sortedUnique(view.inventory.nodes.flatMap((node) => node.annotations["k8s.ovn.org/zone-name"] ?? []));
  if (told.length === 0) return undefined;
  return told.length === 1 && told[0] === "global" ? "off" : `${told.length} zones`;
}

function decideLive(_view: ClusterView, facts: SourceFacts): LiveSupport {
  if (facts.installation === "openshift")
    return {
      kind: "refused",
      reason:
        "OpenShift's cluster network operator owns the network and brings it back; neither Red Hat nor Cilium's community supports a live move",
      alternatives: [
        "a new OpenShift cluster with a certified CNI operator and blue-green",
        "Red Hat's documented offline change of the network plugin, where it names the target",
      ],
    };
  const mode = facts.details["gatewayMode"];
  if (mode !== "local")
    return {
      kind: "refused",
      reason:
        mode === "shared"
          ? "in shared gateway mode a pod's packets stay inside Open vSwitch and leave on the gateway bridge: the host's route to Cilium's pool is never asked"
          : "the gateway mode is not told, and the default is shared, where a pod's packets never ask the host's routes",
      alternatives: [
        "in-place",
        "blue-green",
        "change to the local gateway mode first (OVN_GATEWAY_MODE=local), prove it in a lab, and take the inventory again",
      ],
    };
  return {
    kind: "conditional",
    conditions: [
      "prove it in a lab first: nobody has published a live move off the local gateway mode",
      "Cilium uses VXLAN: OVN-Kubernetes holds Geneve's port",
      "the pool avoids 100.64.0.0/16, 100.88.0.0/16 and 169.254.0.0/17, which OVN-Kubernetes uses inside",
      "OVN-Kubernetes answers for Services: Cilium's kube-proxy replacement takes over, with k8sServiceHost set",
    ],
  };
}

function findHazards(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const config = readConfig(view);
  const [agent] = config.agents;
  if (facts.installation === "openshift") return [openshiftFinding(view), ...sharedGateway(config)];
  const proxy = sourceFinding("source/service-proxy", {
    message: "OVN-Kubernetes answers for Services by its own load balancers; kube-proxy does not run",
    ...(agent !== undefined && { where: whereOf(agent, agent.position) }),
    reason: "on a migrated node nothing translates ClusterIPs unless Cilium does",
    remedy: "set target.kubeProxyReplacement: true with k8sServiceHost and k8sServicePort",
  });
  return [...sharedGateway(config), proxy];
}

function sharedGateway(config: OvnConfig): readonly Finding[] {
  if (config.gatewayMode === "local") return [];
  const mode = config.gatewayMode ?? "not told, and shared by default";
  return [
    sourceFinding("source/shared-gateway", {
      message: `OVN-Kubernetes' gateway mode is ${mode}: pods cannot reach Cilium's pool through the host`,
      ...(config.gatewayFrom !== undefined && { where: config.gatewayFrom }),
      reason:
        "traffic of pods stays in Open vSwitch and leaves on the gateway bridge; the host's main routing table is never asked",
      remedy:
        "set strategy: in-place or blue-green in the plan; or change to gateway mode local first and take the inventory again",
    }),
  ];
}

/** Says that OpenShift owns the network, and the vendor's way. */
export function openshiftFinding(view: ClusterView): Finding {
  const [network] = [
    ...objectsOf(view.inventory, "Network", "operator.openshift.io"),
    ...objectsOf(view.inventory, "Network", "config.openshift.io"),
  ];
  return sourceFinding("source/openshift", {
    message: "the network belongs to OpenShift's cluster network operator",
    ...(network !== undefined && { where: whereOf(network, network.position, "spec.defaultNetwork") }),
    reason:
      "the operator brings deleted DaemonSets back and reports the cluster as degraded; the vendor does not support another CNI beside it",
    remedy: "use strategy: blue-green with a cluster that is installed with its CNI, or the vendor's documented way",
  });
}

function removalTable(view: ClusterView): readonly KnownObject[] {
  const agents = findAgents(ovnKubernetes.signals, view);
  const namespace = agents[0]?.namespace ?? "ovn-kubernetes";
  const beside = view.daemonSets.filter(
    (one) => one.namespace === namespace && /^(?:ovs-node|ovnkube-identity)$/u.test(one.name) && isRunning(one),
  );
  const only = "only OVN-Kubernetes used it";
  const policies = ["EgressFirewall", "EgressIP", "EgressQoS", "EgressService"].flatMap((kind) =>
    ofInventory(
      objectsOf(view.inventory, kind, "k8s.ovn.org"),
      "policies",
      "Cilium has taken its task over; without agents it would mean nothing",
    ),
  );
  const list = [
    ...policies,
    ...ofWorkloads(agents, "agents", "OVN-Kubernetes' agents"),
    known("agents", "DaemonSet", "ovnkube-node", namespace, "OVN-Kubernetes' agents"),
    ...ofWorkloads(beside, "agents", "after the agents: they talk to its Open vSwitch"),
    known(
      "controllers",
      "Deployment",
      "ovnkube-control-plane",
      namespace,
      "it writes node annotations again while it runs",
    ),
    ...rolesOf(["ovnkube-node", "ovnkube-node-reader"], only),
    ...["ovnkube-node-configmaps", "ovnkube-node-ep", "ovnkube-node-ic-configmaps-update"].map((name) =>
      known("access", "RoleBinding", name, namespace, only),
    ),
    ...["ovn-k8s-configmap", "ovnkube-node-ep"].map((name) => known("access", "Role", name, namespace, only)),
    ...accountsOf(["ovnkube-node"], namespace, only),
    known("configuration", "ConfigMap", "ovn-config", namespace, only),
    known("configuration", "ConfigMap", "ovnkube-config", namespace, only),
    ...definitionsOf(
      view,
      ["k8s.ovn.org"],
      ["egressfirewalls", "egressips", "egressqoses", "egressservices", "adminpolicybasedexternalroutes"].map(
        (plural) => `${plural}.k8s.ovn.org`,
      ),
      "deleting a definition deletes its objects: last, when no agent reads them",
    ),
  ];
  return [...list, ...ownNamespace(view, namespace, list)];
}

function leftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  return {
    // The gateway bridge (br-ex) stays: it carries the node's own address, and deleting it cuts the node off.
    devices: facts.devices,
    iptablesChainPrefixes: ["OVN-KUBE-"],
    iptablesRuleTags: [],
    nftTables: ["ovn-kubernetes"],
    ipsetPrefixes: [],
    files: [
      `${facts.cniConfDirectory}/10-ovn-kubernetes.conf`,
      `${facts.cniConfDirectory}/10-ovn-kubernetes.conf.cilium_bak`,
      `${facts.cniBinDirectory}/ovn-k8s-cni-overlay`,
      "/var/lib/cni/networks/ovn-k8s-cni-overlay",
      "/var/lib/ovn",
      "/var/lib/ovn-kubernetes",
      "/etc/openvswitch",
    ],
    nodeAnnotationPrefixes: ["k8s.ovn.org/"],
    portmapNetworks: [],
  };
}
