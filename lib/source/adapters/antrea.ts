import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { getArray, getBoolean, getNumber, getString, getStringMap, type JsonObject } from "../../core/json.ts";
import { objectsOf, type RawObject } from "../../inventory/inventory.ts";
import { antreaModeOf, isAntreaDaemon } from "../antrea-config.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { sourceFinding } from "../findings.ts";
import { isImage } from "../images.ts";
import { installationOf } from "../installation.ts";
import { claim } from "../kubernetes-network.ts";
import {
  accountsOf,
  definitionsOf,
  type KnownObject,
  known,
  ofInventory,
  ofWorkloads,
  planRemoval,
  rolesOf,
} from "../removal.ts";
import type { Encapsulation, LiveSupport, NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { readYaml } from "../text-formats.ts";
import { versionOfImage, type Workload } from "../workload.ts";

/** Antrea as the network; as policy engine on a cloud's network (networkPolicyOnly) it is no source. */
export const antrea: SourceAdapter = {
  name: "antrea",
  signals: {
    isAgent: (workload, view) => isAntreaDaemon(workload) && antreaModeOf(view) !== "networkPolicyOnly",
    nodeAnnotations: () => ["node.antrea.io/mac-address", "node.antrea.io/transport-addresses"],
    podAnnotations: [],
    configMaps: ["antrea-config"],
    resources: [{ kind: "AntreaAgentInfo", group: "crd.antrea.io" }],
    definitionGroups: ["crd.antrea.io"],
    claims: (view) => {
      const { controller, map } = readFiles(view);
      const cidrs = getArray(controller, "nodeIPAM", "clusterCIDRs");
      if (map === undefined || getBoolean(controller, "nodeIPAM", "enableNodeIPAM") !== true) return [];
      return cidrs.flatMap((cidr) =>
        claim(typeof cidr === "string" ? cidr : "", printIdentity(map), "nodeIPAM.clusterCIDRs"),
      );
    },
  },
  facts: readFacts,
  live: decideLive,
  findings: findHazards,
  preparation: () => [],
  removal: (view) => planRemoval(view, removalTable(view, findAgents(antrea.signals, view))),
  leftovers,
};

interface AntreaFiles {
  readonly map?: RawObject;
  readonly agent: JsonObject;
  readonly controller: JsonObject;
  readonly findings: readonly Finding[];
}

function readFiles(view: ClusterView): AntreaFiles {
  const map = objectsOf(view.inventory, "ConfigMap", "").find((one) => /^antrea-config(?:-|$)/u.test(one.name));
  if (map === undefined) return { agent: {}, controller: {}, findings: [] };
  const findings: Finding[] = [];
  const read = (key: string): JsonObject => {
    const reading = readYaml(getStringMap(map.object, "data")[key] ?? "{}");
    if ("value" in reading) return reading.value;
    const field = `data["${key}"]`;
    findings.push(
      sourceFinding("source/unreadable-configuration", {
        message: `${field} of ${printIdentity(map)} cannot be read: ${reading.problem}`,
        where: whereOf(map, map.position, field),
        remedy: `dump the object again: kubectl get configmap ${map.name} -n ${map.namespace ?? "kube-system"} -o yaml`,
      }),
    );
    return {};
  };
  return { map, agent: read("antrea-agent.conf"), controller: read("antrea-controller.conf"), findings };
}

// Source: Antrea v2.6 build/yamls/antrea.yml, comments of antrea-agent.conf.
const ianaPorts: Readonly<Record<string, number>> = { geneve: 6081, vxlan: 4789, stt: 7471 };

function overlayOf(
  agent: JsonObject,
  mode: string,
): { readonly encapsulation: Encapsulation; readonly tunnelPort?: number } {
  if (mode === "noEncap") return { encapsulation: "none" };
  const encryption = getString(agent, "trafficEncryptionMode") ?? "none";
  if (encryption === "wireGuard")
    return { encapsulation: "wireguard", tunnelPort: getNumber(agent, "wireGuard", "port") ?? 51820 };
  const type = getString(agent, "tunnelType") ?? "geneve";
  const told = getNumber(agent, "tunnelPort") ?? 0;
  const port = told > 0 ? told : ianaPorts[type];
  const isKnown = type === "geneve" || type === "vxlan";
  const encapsulation: Encapsulation = isKnown ? type : encryption === "ipsec" ? "ipsec" : "unknown";
  return { encapsulation, ...(port !== undefined && { tunnelPort: port }) };
}

function readFacts(view: ClusterView) {
  const { agent, findings } = readFiles(view);
  const agents = findAgents(antrea.signals, view);
  const mode = antreaModeOf(view);
  const isProxyAll = getBoolean(agent, "antreaProxy", "proxyAll") === true;
  const mtu = getNumber(agent, "defaultMTU") ?? 0;
  const gateway = getString(agent, "hostGateway") ?? "antrea-gw0";
  const image = agents.flatMap((one) => one.containers).find((one) => isImage(one.image, /antrea-agent/u))?.image ?? "";
  const version = versionOfImage(image);
  const facts = buildFacts(view, {
    agents,
    claims: antrea.signals.claims(view),
    serviceClaims: claim(getString(agent, "serviceCIDR"), "ConfigMap/antrea-config", "antrea-agent.conf serviceCIDR"),
    usesNodeCIDRs: true,
    ...overlayOf(agent, mode),
    ...(mtu > 0 && { mtu }),
    ...(version !== undefined && { version }),
    dataplane: "openvswitch",
    ...(isProxyAll && { serviceProxy: { kind: "source", mode: "antrea-proxy" } as const }),
    installation: installationOf(view, agents),
    enforcedPolicyKinds: [
      "NetworkPolicy.networking.k8s.io",
      "ClusterNetworkPolicy.crd.antrea.io",
      "NetworkPolicy.crd.antrea.io",
    ],
    devices: ["antrea-egress0", gateway, "antrea-ingress0", "antrea-tun0", getString(agent, "ovsBridge") ?? "br-int"],
    cniConfFile: "10-antrea.conflist",
    cniNetworkName: "antrea",
    details: {
      encapMode: mode,
      encryption: getString(agent, "trafficEncryptionMode"),
      tunnelType: getString(agent, "tunnelType"),
      proxyAll: isProxyAll ? "yes" : undefined,
      noSNAT: getBoolean(agent, "noSNAT") === true ? "yes" : undefined,
      antreaIPAM: getBoolean(agent, "featureGates", "AntreaIPAM") === true ? "yes" : undefined,
    },
  });
  return { facts, findings };
}

function decideLive(_view: ClusterView, facts: SourceFacts): LiveSupport {
  const conditions = [
    "prove it in a lab first: by Antrea's design a pod's packets to other networks leave through antrea-gw0 to the host's routes, and nobody has published a live move",
  ];
  if (facts.encapsulation === "geneve") conditions.push("Cilium uses VXLAN: Antrea holds Geneve's port");
  if (facts.serviceProxy.kind === "source")
    conditions.push(
      "Antrea answers for Services (proxyAll): Cilium's kube-proxy replacement takes over, with k8sServiceHost set",
    );
  if (facts.details["encapMode"] === "noEncap")
    conditions.push(
      "without encapsulation the network between nodes must carry pod addresses; it never learns Cilium's pool, so Cilium tunnels",
    );
  if (facts.details["antreaIPAM"] === "yes")
    conditions.push("pods with addresses from Antrea's IPPools lose them: list them first");
  return { kind: "conditional", conditions };
}

function findHazards(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const [agent] = findAgents(antrea.signals, view);
  if (facts.serviceProxy.kind !== "source") return [];
  return [
    sourceFinding("source/service-proxy", {
      message: "AntreaProxy answers for all Services (proxyAll)",
      ...(agent !== undefined && { where: whereOf(agent, agent.position) }),
      reason:
        "on a migrated node nothing translates NodePorts and host traffic to ClusterIPs unless Cilium or kube-proxy does",
      remedy:
        "set target.kubeProxyReplacement: true with k8sServiceHost and k8sServicePort, or bring kube-proxy back and set proxyAll: false",
    }),
  ];
}

function removalTable(view: ClusterView, agents: readonly Workload[]): readonly KnownObject[] {
  const namespace = agents[0]?.namespace ?? "kube-system";
  const only = "only Antrea used it";
  const late = "a webhook without its controller refuses every change it watches";
  const policies = ["ClusterNetworkPolicy", "NetworkPolicy", "Egress", "ClusterGroup", "Group", "Tier"].flatMap(
    (kind) =>
      ofInventory(
        objectsOf(view.inventory, kind, "crd.antrea.io"),
        "policies",
        "Cilium enforces its translation; without agents it would mean nothing",
      ),
  );
  const aggregated = ["antrea-clustergroups", "antrea-policies", "traceflows"].flatMap((name) => [
    `aggregate-${name}-edit`,
    `aggregate-${name}-view`,
  ]);
  const map = objectsOf(view.inventory, "ConfigMap", "").find((one) => /^antrea-config(?:-|$)/u.test(one.name));
  return [
    ...policies,
    ...ofWorkloads(agents, "agents", "Antrea's agents"),
    known("agents", "DaemonSet", "antrea-agent", namespace, "Antrea's agents"),
    known("webhooks", "MutatingWebhookConfiguration", "crdmutator.antrea.io", undefined, late),
    known("webhooks", "ValidatingWebhookConfiguration", "crdvalidator.antrea.io", undefined, late),
    ...["v1alpha1.stats.antrea.io", "v1beta1.system.antrea.io", "v1beta2.controlplane.antrea.io"].map((name) =>
      known(
        "webhooks",
        "APIService",
        name,
        undefined,
        "an aggregated API without its server makes every discovery of the API slow",
      ),
    ),
    known(
      "controllers",
      "Deployment",
      "antrea-controller",
      namespace,
      "it served the webhooks and the aggregated APIs",
    ),
    known("controllers", "Service", "antrea", namespace, only),
    ...rolesOf(["antctl", "antrea-agent", "antrea-controller"], only),
    ...[...aggregated, "antrea-cluster-identity-reader"].map((name) =>
      known("access", "ClusterRole", name, undefined, only),
    ),
    ...accountsOf(["antctl", "antrea-agent", "antrea-controller"], namespace, only),
    ...["antctl-service-account-token", "antrea-agent-service-account-token"].map((name) =>
      known("access", "Secret", name, namespace, only),
    ),
    known("configuration", "ConfigMap", map?.name ?? "antrea-config", namespace, only),
    ...definitionsOf(
      view,
      ["crd.antrea.io"],
      antreaDefinitions,
      "deleting a definition deletes its objects: last, when no agent reads them",
    ),
  ];
}

const antreaDefinitions = [
  "antreaagentinfos",
  "antreacontrollerinfos",
  "bgppolicies",
  "clustergroups",
  "clusternetworkpolicies",
  "egresses",
  "externalentities",
  "externalippools",
  "externalnodes",
  "groups",
  "ippools",
  "networkpolicies",
  "nodelatencymonitors",
  "packetcaptures",
  "supportbundlecollections",
  "tiers",
  "traceflows",
  "trafficcontrols",
].map((plural) => `${plural}.crd.antrea.io`);

function leftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  return {
    devices: facts.devices,
    iptablesChainPrefixes: ["ANTREA-"],
    iptablesRuleTags: ["Antrea:"],
    nftTables: [],
    ipsetPrefixes: ["ANTREA-"],
    files: [
      `${facts.cniConfDirectory}/10-antrea.conflist`,
      `${facts.cniConfDirectory}/10-antrea.conflist.cilium_bak`,
      `${facts.cniBinDirectory}/antrea`,
      "/var/run/antrea",
      "/var/log/antrea",
      "/var/lib/cni/networks/antrea",
    ],
    nodeAnnotationPrefixes: ["node.antrea.io/"],
    portmapNetworks: ["antrea"],
  };
}
