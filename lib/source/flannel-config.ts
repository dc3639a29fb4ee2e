import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getBoolean, getNumber, getString, getStringMap, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { type RawObject, tryFindObject } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { sourceFinding } from "./findings.ts";
import { type Claim, claim, readNodeFlag } from "./kubernetes-network.ts";
import type { Encapsulation } from "./source.ts";
import { readConfListTemplate, readJson } from "./text-formats.ts";
import { mountedConfigMaps, readVariable, readWorkloadFlag, type Workload } from "./workload.ts";

/** Flannel's settings, alone or inside Canal. Absent means that nothing tells. */
export interface FlannelConfig {
  /** Prefixes of net-conf.json. */
  readonly networks: readonly Claim[];
  readonly encapsulation: Encapsulation;
  /** Flannel's own word for the backend: `vxlan`, `host-gw`, `wireguard`, … */
  readonly backend?: string;
  readonly port?: number;
  readonly vni?: number;
  readonly mtu?: number;
  /** VXLAN that leaves out the encapsulation inside one subnet. */
  readonly hasDirectRouting: boolean;
  readonly usesNftables: boolean;
  readonly masquerades?: boolean;
  readonly uplinks: readonly string[];
  readonly cniNetworkName?: string;
  readonly usesIPv6: boolean;
  /** Where the settings were read: the ConfigMap, node arguments, or annotations. */
  readonly origin: string;
  readonly findings: readonly Finding[];
}

/** The beginning of flannel's node annotations, as its agents were told with `--kube-annotation-prefix`. */
export function flannelAnnotationPrefix(agents: readonly Workload[]): string {
  const told = agents.map((agent) => readWorkloadFlag(agent, "kube-annotation-prefix")).find((value) => value);
  return `${(told ?? "flannel.alpha.coreos.com").replace(/\/+$/u, "")}/`;
}

const usualMaps = ["kube-flannel-cfg", "canal-config", "rke2-canal-config", "flannel-config"];

/**
 * Reads flannel's settings from net-conf.json in the ConfigMap that its agent mounts (or a usual name), from k3s'
 * arguments, and from node annotations where those are missing.
 *
 * Ports: VXLAN 8472, UDP backend 8285, WireGuard 51820, as flannel's defaults are on Linux.
 * Findings: `source/unreadable-configuration`, `source/not-checked`.
 * Source: flannel v0.28 Documentation/backends.md, pkg/subnet/config.go.
 */
export function readFlannelConfig(view: ClusterView, agents: readonly Workload[]): FlannelConfig {
  const findings: Finding[] = [];
  const map = findConfigMap(view, agents);
  const net = map === undefined ? undefined : readNetConf(map, findings);
  const backend = readBackend(view, agents, net, findings);
  const mtu = getNumber(net, "Backend", "MTU") ?? 0;
  const masquerades = readMasquerade(agents);
  const cniNetworkName = readNetworkName(map, findings);
  return {
    networks: map === undefined || net === undefined ? [] : networksOf(map, net),
    ...backend,
    ...(mtu > 0 && { mtu }),
    hasDirectRouting: getBoolean(net, "Backend", "DirectRouting") === true,
    usesNftables: getBoolean(net, "EnableNFTables") === true,
    ...(masquerades !== undefined && { masquerades }),
    uplinks: readUplinks(view, agents),
    ...(cniNetworkName !== undefined && { cniNetworkName }),
    origin: map !== undefined && net !== undefined ? printIdentity(map) : backend.origin,
    findings,
  };
}

type Backend = Pick<FlannelConfig, "encapsulation" | "backend" | "port" | "vni" | "usesIPv6" | "origin">;

function readBackend(
  view: ClusterView,
  agents: readonly Workload[],
  net: JsonObject | undefined,
  findings: Finding[],
): Backend {
  const annotated = readAnnotatedBackend(view, agents, findings);
  const flag = readNodeFlag(view.kubernetes, "flannel-backend");
  const told = getString(net, "Backend", "Type") ?? flag ?? annotated.type;
  const backend = (told ?? (isEmbedded(view, agents) ? "vxlan" : undefined))?.toLowerCase();
  const port = portOf(net) ?? defaultPort(backend);
  const vni = getNumber(net, "Backend", "VNI") ?? annotated.vni ?? (backend === "vxlan" ? 1 : undefined);
  return {
    encapsulation: encapsulationOf(backend),
    ...(backend !== undefined && { backend }),
    ...(port !== undefined && { port }),
    ...(vni !== undefined && { vni }),
    usesIPv6: getBoolean(net, "EnableIPv6") === true || annotated.hasIPv6,
    origin: flag === undefined ? "node annotations" : "node arguments",
  };
}

function isEmbedded(view: ClusterView, agents: readonly Workload[]): boolean {
  return agents.length === 0 && (view.distribution === "k3s" || view.distribution === "rancher-desktop");
}

function findConfigMap(view: ClusterView, agents: readonly Workload[]): RawObject | undefined {
  const mounted = agents.flatMap((agent) =>
    mountedConfigMaps(agent).map((name) => ({ name, namespace: agent.namespace })),
  );
  const usual = usualMaps.flatMap((name) => ["kube-flannel", "kube-system"].map((namespace) => ({ name, namespace })));
  for (const { name, namespace } of [...mounted, ...usual]) {
    const map = tryFindObject(view.inventory, "ConfigMap", name, namespace);
    if (map !== undefined && Object.hasOwn(getStringMap(map.object, "data"), "net-conf.json")) return map;
  }
  return undefined;
}

function readNetConf(map: RawObject, findings: Finding[]): JsonObject | undefined {
  const field = 'data["net-conf.json"]';
  const reading = readJson(getStringMap(map.object, "data")["net-conf.json"] ?? "");
  if ("value" in reading) return reading.value;
  findings.push(
    sourceFinding("source/unreadable-configuration", {
      message: `${field} of ${printIdentity(map)} is no JSON: ${reading.problem}`,
      where: whereOf(map, map.position, field),
      reason: "flannel reads its network, backend and port from it; a wrong guess puts two overlays on one UDP port",
      remedy: `dump the object again: kubectl get configmap ${map.name} -n ${map.namespace ?? "default"} -o yaml`,
    }),
  );
  return undefined;
}

function networksOf(map: RawObject, net: JsonObject): readonly Claim[] {
  const object = printIdentity(map);
  const isIPv4 = getBoolean(net, "EnableIPv4") !== false;
  const isIPv6 = getBoolean(net, "EnableIPv6") === true;
  return [
    ...(isIPv4 ? claim(getString(net, "Network"), object, 'data["net-conf.json"].Network') : []),
    ...(isIPv6 ? claim(getString(net, "IPv6Network"), object, 'data["net-conf.json"].IPv6Network') : []),
  ];
}

function portOf(net: JsonObject | undefined): number | undefined {
  const port = getNumber(net, "Backend", "Port") ?? getNumber(net, "Backend", "ListenPort");
  return port === 0 ? undefined : port;
}

function defaultPort(backend: string | undefined): number | undefined {
  switch (backend) {
    case "vxlan":
      return 8472;
    case "udp":
      return 8285;
    case "wireguard":
    case "wireguard-native":
    case "extension":
      return 51820;
    default:
      return undefined;
  }
}

function encapsulationOf(backend: string | undefined): Encapsulation {
  switch (backend) {
    case "vxlan":
    case "udp":
    case "ipip":
    case "ipsec":
    case "wireguard":
      return backend;
    case "wireguard-native":
    case "extension":
      return "wireguard";
    case "host-gw":
    case "alloc":
    case "none":
      return "none";
    default:
      return "unknown";
  }
}

function readAnnotatedBackend(
  view: ClusterView,
  agents: readonly Workload[],
  findings: Finding[],
): { readonly type?: string; readonly vni?: number; readonly hasIPv6: boolean } {
  const prefix = flannelAnnotationPrefix(agents);
  const node = view.inventory.nodes.find((one) => one.annotations[`${prefix}backend-type`] !== undefined);
  const type = node?.annotations[`${prefix}backend-type`];
  const text = node?.annotations[`${prefix}backend-data`];
  const hasIPv6 = view.inventory.nodes.some((one) => one.annotations[`${prefix}backend-v6-data`] !== undefined);
  if (node === undefined || type === undefined) return { hasIPv6 };
  // Backends without data write the word null.
  if (text === undefined || text === "null" || text === "") return { type, hasIPv6 };
  const reading = readJson(text);
  if ("problem" in reading) {
    const field = `metadata.annotations["${prefix}backend-data"]`;
    findings.push(
      sourceFinding("source/unreadable-configuration", {
        severity: "warning",
        message: `${field} of ${printIdentity(node)} is no JSON: ${reading.problem}`,
        where: whereOf(node, node.position, field),
        remedy: `dump the node again: kubectl get node ${node.name} -o yaml`,
      }),
    );
    return { type, hasIPv6 };
  }
  const vni = getNumber(reading.value, "VNI");
  return { type, hasIPv6, ...(vni !== undefined && { vni }) };
}

function readMasquerade(agents: readonly Workload[]): boolean | undefined {
  for (const agent of agents) {
    const told = readWorkloadFlag(agent, "ip-masq") ?? readVariable(agent, "FLANNELD_IP_MASQ");
    if (told !== undefined) return told !== "false";
  }
  return undefined;
}

function readUplinks(view: ClusterView, agents: readonly Workload[]): readonly string[] {
  const told = agents.flatMap((agent) => [
    readWorkloadFlag(agent, "iface") ?? "",
    readVariable(agent, "FLANNELD_IFACE") ?? "",
  ]);
  return sortedUnique([...told, readNodeFlag(view.kubernetes, "flannel-iface") ?? ""].filter((name) => name !== ""));
}

function readNetworkName(map: RawObject | undefined, findings: Finding[]): string | undefined {
  const data = getStringMap(map?.object, "data");
  const key = Object.hasOwn(data, "cni-conf.json") ? "cni-conf.json" : "cni_network_config";
  const text = data[key];
  if (map === undefined || text === undefined) return undefined;
  return readCniNetwork(map, key, text, findings).name;
}

/** The name and the plugins of a CNI configuration inside a ConfigMap; a warning when it cannot be read. */
export function readCniNetwork(
  map: RawObject,
  key: string,
  text: string,
  findings: Finding[],
): { readonly name?: string; readonly plugins: readonly JsonObject[] } {
  const reading = readConfListTemplate(text);
  if ("problem" in reading) {
    const field = `data["${key}"]`;
    findings.push(
      sourceFinding("source/unreadable-configuration", {
        severity: "warning",
        message: `${field} of ${printIdentity(map)} is no JSON: ${reading.problem}`,
        where: whereOf(map, map.position, field),
        reason: "the CNI network's name tells which hostPort chains stay on the nodes",
        remedy: `dump the object again: kubectl get configmap ${map.name} -n ${map.namespace ?? "default"} -o yaml`,
      }),
    );
    return { plugins: [] };
  }
  const name = getString(reading.value, "name");
  const many = getArray(reading.value, "plugins");
  const plugins = (many.length > 0 ? many : [reading.value]).filter(
    (plugin): plugin is JsonObject => typeof plugin === "object" && plugin !== null && !Array.isArray(plugin),
  );
  return { ...(name !== undefined && { name }), plugins };
}

/** Devices of flannel by backend, IPv6 twins included where it is on. */
export function flannelDevices(config: FlannelConfig): readonly string[] {
  const vni = config.vni ?? 1;
  switch (config.encapsulation) {
    case "vxlan":
      return config.usesIPv6 ? [`flannel.${vni}`, `flannel-v6.${vni}`] : [`flannel.${vni}`];
    case "wireguard":
      return config.usesIPv6 ? ["flannel-wg", "flannel-wg-v6"] : ["flannel-wg"];
    case "ipip":
      return ["flannel.ipip"];
    case "udp":
      return ["flannel0"];
    default:
      return [];
  }
}
