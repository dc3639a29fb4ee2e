import type { Finding } from "../core/finding.ts";
import { getArray, getNumber, getString, getStringMap, type JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { objectsOf, type RawObject, tryFindObject } from "../inventory/inventory.ts";
import { calicoObjects } from "./calico-objects.ts";
import { type CalicoPool, poolEncapsulation, readBlocks, readPools } from "./calico-pools.ts";
import type { ClusterView } from "./cluster-view.ts";
import { anyTrue, type FelixSettings, firstVariable, numberOf, readFelixSettings } from "./felix-settings.ts";
import { readCniNetwork } from "./flannel-config.ts";
import { hasContainer, isCalicoNode, isFlanneld } from "./images.ts";
import type { Claim } from "./kubernetes-network.ts";
import type { Encapsulation, SourceFacts } from "./source.ts";
import { isRunning, mountedConfigMaps, readVariable, type Workload } from "./workload.ts";

/** Calico's settings, alone, inside Canal, or as a policy engine on another network. Absent means that nothing tells. */
export interface CalicoConfig {
  readonly agents: readonly Workload[];
  readonly installation?: RawObject;
  readonly pools: readonly CalicoPool[];
  /** Blocks that are handed out, as IPAMBlock objects tell. */
  readonly blocks: readonly Claim[];
  /** `bird`, `vxlan`, `none`. */
  readonly backend?: string;
  readonly encapsulation: Encapsulation;
  readonly datastore: "kubernetes" | "etcd";
  readonly dataplane: NonNullable<SourceFacts["dataplane"]> | "vpp";
  readonly vxlanPort: number;
  readonly vxlanVNI: number;
  readonly hasWireguard: boolean;
  readonly wireguardPort: number;
  readonly mtu?: number;
  /** `calico-ipam` or `host-local`. */
  readonly ipam: string;
  /** Whether Calico's CNI plugin connects the pods, or another network's does. */
  readonly installsCni: boolean;
  readonly cniNetworkName?: string;
  readonly cniConfFile?: string;
  readonly version?: string;
  readonly usesTiers: boolean | undefined;
  /** Felix' settings that the bridge and the mixed phase depend on, in Felix' own words; absent means its default. */
  readonly felix: FelixSettings;
  /** Interfaces that address autodetection was told by name. */
  readonly uplinks: readonly string[];
  readonly findings: readonly Finding[];
}

/** Whether a DaemonSet is Calico's node agent without flannel beside it in one pod. */
export function isCalicoDaemon(workload: Workload): boolean {
  return workload.isHostNetwork && hasContainer(workload, isCalicoNode) && !hasContainer(workload, isFlanneld);
}

/**
 * Reads Calico's settings from the Installation, IPPools (disabled ones too), FelixConfigurations, IPAM blocks, the
 * agent's variables, its ConfigMap and node annotations, in this order of trust.
 *
 * Findings: `source/unreadable-configuration` for a CNI configuration that is no JSON.
 * Source: Calico v3.34 felix/config/config_params.go, node/pkg/lifecycle/startup, tigera/operator api/v1.
 */
export function readCalicoConfig(view: ClusterView, agents: readonly Workload[]): CalicoConfig {
  const findings: Finding[] = [];
  const installation = tryFindObject(view.inventory, "Installation", "default");
  const pools = readPools(view, installation, agents);
  const felix = calicoObjects(view, "FelixConfiguration").map((object) => object.object["spec"]);
  const backend = readBackend(agents, installation);
  const cni = readCni(view, agents, installation, findings);
  const mtu = readMtu(felix, agents, installation);
  const version = readVersion(view, agents, installation);
  const hasWireguard =
    anyTrue(felix, "wireguardEnabled", agents, "FELIX_WIREGUARDENABLED") ||
    anyTrue(felix, "wireguardEnabledV6", agents, "FELIX_WIREGUARDENABLEDV6");
  return {
    agents,
    ...(installation !== undefined && { installation }),
    pools,
    blocks: readBlocks(view),
    ...(backend !== undefined && { backend }),
    encapsulation: readEncapsulation(view, pools, agents, backend, hasWireguard),
    datastore: isEtcd(agents) ? "etcd" : "kubernetes",
    dataplane: readDataplane(felix, agents, installation),
    vxlanPort: numberOf(felix, "vxlanPort", agents, "FELIX_VXLANPORT") ?? 4789,
    vxlanVNI: numberOf(felix, "vxlanVNI", agents, "FELIX_VXLANVNI") ?? 4096,
    hasWireguard,
    wireguardPort: numberOf(felix, "wireguardListeningPort", agents, "FELIX_WIREGUARDLISTENINGPORT") ?? 51820,
    ...(mtu !== undefined && { mtu }),
    ...cni,
    ...(version !== undefined && { version }),
    usesTiers: readTiers(view),
    felix: readFelixSettings(felix, agents),
    uplinks: readUplinks(agents, installation),
    findings,
  };
}

function readUplinks(agents: readonly Workload[], installation: RawObject | undefined): readonly string[] {
  const variable = firstVariable(agents, "IP_AUTODETECTION_METHOD") ?? "";
  const told = getString(installation?.object, "spec", "calicoNetwork", "nodeAddressAutodetectionV4", "interface");
  const names = (told ?? /^interface=(.*)$/u.exec(variable)?.[1] ?? "").split(",").map((name) => name.trim());
  // Expressions stand for devices that only the nodes know.
  return names.every((name) => /^[A-Za-z0-9_-]+(?:\.\d+)?$/u.test(name)) ? sortedUnique(names) : [];
}

function readBackend(agents: readonly Workload[], installation: RawObject | undefined): string | undefined {
  const told = firstVariable(agents, "CALICO_NETWORKING_BACKEND");
  if (told !== undefined && told !== "") return told;
  const bgp = getString(installation?.object, "spec", "calicoNetwork", "bgp");
  if (bgp === "Enabled") return "bird";
  // Without the variable calico-node runs BIRD (node/filesystem/etc/rc.local).
  return agents.some((agent) => agent.from === "object") ? "bird" : undefined;
}

function readEncapsulation(
  view: ClusterView,
  pools: readonly CalicoPool[],
  agents: readonly Workload[],
  backend: string | undefined,
  hasWireguard: boolean,
): Encapsulation {
  const used = new Set(pools.filter((pool) => !pool.isForLoadBalancersOnly).map((pool) => pool.encapsulation));
  // A VXLAN device takes a UDP port, so it is named first where pools differ.
  if (used.has("vxlan") || annotated(view, "projectcalico.org/IPv4VXLANTunnelAddr")) return "vxlan";
  if (used.has("ipip") || annotated(view, "projectcalico.org/IPv4IPIPTunnelAddr")) return "ipip";
  if (annotated(view, "projectcalico.org/IPv6VXLANTunnelAddr") || backend === "vxlan") return "vxlan";
  const fromVariables = poolEncapsulation(
    firstVariable(agents, "CALICO_IPV4POOL_VXLAN"),
    firstVariable(agents, "CALICO_IPV4POOL_IPIP"),
  );
  if (used.size === 0 && fromVariables !== "none") return fromVariables;
  if (hasWireguard) return "wireguard";
  return used.size > 0 || backend === "none" || agents.some((agent) => agent.from === "object") ? "none" : "unknown";
}

function annotated(view: ClusterView, key: string): boolean {
  return view.inventory.nodes.some((node) => (node.annotations[key] ?? "") !== "");
}

function isEtcd(agents: readonly Workload[]): boolean {
  const told = firstVariable(agents, "DATASTORE_TYPE");
  if (told !== undefined) return told.startsWith("etcd");
  return agents.some((agent) =>
    getArray(agent.object?.object, "spec", "template", "spec", "containers").some((container) =>
      getArray(container, "env").some((entry) => getString(entry, "name") === "ETCD_ENDPOINTS"),
    ),
  );
}

function readDataplane(
  felix: readonly (JsonValue | undefined)[],
  agents: readonly Workload[],
  installation: RawObject | undefined,
): CalicoConfig["dataplane"] {
  const told = getString(installation?.object, "spec", "calicoNetwork", "linuxDataplane");
  if (told === "BPF" || anyTrue(felix, "bpfEnabled", agents, "FELIX_BPFENABLED")) return "ebpf";
  if (told === "VPP") return "vpp";
  const mode = felix.map((spec) => getString(spec, "nftablesMode")).find((value) => value !== undefined);
  const isNftables = (mode ?? firstVariable(agents, "FELIX_NFTABLESMODE")) === "Enabled";
  return told === "Nftables" || isNftables ? "nftables" : "iptables";
}

function readMtu(
  felix: readonly (JsonValue | undefined)[],
  agents: readonly Workload[],
  installation: RawObject | undefined,
): number | undefined {
  const candidates = [
    getNumber(installation?.object, "spec", "calicoNetwork", "mtu"),
    Number(
      agents.flatMap((agent) => agent.initContainers).find((one) => one.env["CNI_MTU"] !== undefined)?.env["CNI_MTU"],
    ),
    numberOf(felix, "vxlanMTU", agents, "FELIX_VXLANMTU"),
    numberOf(felix, "ipipMTU", agents, "FELIX_IPINIPMTU"),
    numberOf(felix, "wireguardMTU", agents, "FELIX_WIREGUARDMTU"),
  ];
  return candidates.find((value) => value !== undefined && Number.isInteger(value) && value > 0);
}

/** How Calico's CNI plugin is set up. */
type CniFacts = Pick<CalicoConfig, "ipam" | "installsCni" | "cniNetworkName" | "cniConfFile">;

function readCni(
  view: ClusterView,
  agents: readonly Workload[],
  installation: RawObject | undefined,
  findings: Finding[],
): CniFacts {
  const map = findCalicoMap(view, agents);
  const text = getStringMap(map?.object, "data")["cni_network_config"];
  const network =
    map === undefined || text === undefined ? undefined : readCniNetwork(map, "cni_network_config", text, findings);
  const plugin = network?.plugins.find((one) => getString(one, "type") === "calico") ?? network?.plugins[0];
  const type = getString(installation?.object, "spec", "cni", "type");
  const operatorIpam = getString(installation?.object, "spec", "cni", "ipam", "type");
  const installer = agents
    .flatMap((agent) => agent.initContainers)
    .find((one) => one.env["CNI_CONF_NAME"] !== undefined);
  const installs = agents.some((agent) => agent.initContainers.some((one) => one.name === "install-cni"));
  const file = installer?.env["CNI_CONF_NAME"] ?? (type === "Calico" || installs ? "10-calico.conflist" : undefined);
  const ipam = operatorIpam === "HostLocal" ? "host-local" : getString(plugin, "ipam", "type");
  return {
    ipam: ipam ?? "calico-ipam",
    installsCni: type === undefined ? installs || agents.every((agent) => agent.from === "pods") : type === "Calico",
    ...(network?.name !== undefined && { cniNetworkName: network.name }),
    ...(file !== undefined && { cniConfFile: file }),
  };
}

function findCalicoMap(view: ClusterView, agents: readonly Workload[]): RawObject | undefined {
  const mounted = agents.flatMap((agent) =>
    mountedConfigMaps(agent).map((name) => ({ name, namespace: agent.namespace })),
  );
  const usual = ["calico-config", "canal-config", "rke2-canal-config"].map((name) => ({
    name,
    namespace: "kube-system",
  }));
  return [...mounted, ...usual]
    .map(({ name, namespace }) => tryFindObject(view.inventory, "ConfigMap", name, namespace))
    .find((map) => map !== undefined && Object.hasOwn(getStringMap(map.object, "data"), "cni_network_config"));
}

function readVersion(
  view: ClusterView,
  agents: readonly Workload[],
  installation: RawObject | undefined,
): string | undefined {
  const information = calicoObjects(view, "ClusterInformation")[0];
  const told =
    getString(information?.object, "spec", "calicoVersion") ??
    getString(installation?.object, "status", "calicoVersion");
  if (told !== undefined && told !== "") return told.replace(/^v/u, "");
  const image = agents.flatMap((agent) => agent.containers).find(isCalicoNode)?.image;
  return image === undefined ? undefined : /:v?(\d+\.\d+\.\d+)/u.exec(image)?.[1];
}

function readTiers(view: ClusterView): boolean | undefined {
  const tiers = calicoObjects(view, "Tier");
  const isOwn = (name: string) => !["default", "adminnetworkpolicy", "baselineadminnetworkpolicy"].includes(name);
  if (tiers.some((tier) => isOwn(tier.name))) return true;
  const policies = ["GlobalNetworkPolicy", "NetworkPolicy"].flatMap((kind) => calicoObjects(view, kind));
  const told = policies.map((policy) => getString(policy.object, "spec", "tier") ?? "default");
  if (told.some((tier) => tier !== "" && isOwn(tier))) return true;
  return view.inventory.kindsSeen.has("Tier") || policies.length > 0 ? false : undefined;
}

/** Devices that Calico makes on every node, by what it has switched on. */
export function calicoDevices(config: CalicoConfig): readonly string[] {
  const encapsulations = new Set<string>([config.encapsulation, ...config.pools.map((pool) => pool.encapsulation)]);
  const hasIPv6 = config.pools.some((pool) => pool.claim.cidr.includes(":"));
  return sortedUnique([
    "cali+",
    ...(encapsulations.has("vxlan") ? ["vxlan.calico", ...(hasIPv6 ? ["vxlan-v6.calico"] : [])] : []),
    ...(encapsulations.has("ipip") ? ["tunl0"] : []),
    ...(config.hasWireguard ? ["wireguard.cali", ...(hasIPv6 ? ["wg-v6.cali"] : [])] : []),
    ...(config.dataplane === "ebpf" ? ["bpfin.cali", "bpfout.cali"] : []),
  ]);
}

/** The policy kinds that this Calico enforces, with their groups. */
export function calicoPolicyKinds(view: ClusterView, config: CalicoConfig): readonly string[] {
  const [major = 0, minor = 0] = (config.version ?? "0.0").split(".").map(Number);
  // RBAC for them came with 3.29 and 3.30 (manifests/calico.yaml of those releases).
  const hasAdmin = major > 3 || (major === 3 && minor >= 29);
  const hasBaseline = major > 3 || (major === 3 && minor >= 30);
  const seen = (kind: string) => objectsOf(view.inventory, kind, "policy.networking.k8s.io").length > 0;
  return [
    "NetworkPolicy.networking.k8s.io",
    "GlobalNetworkPolicy.crd.projectcalico.org",
    "GlobalNetworkPolicy.projectcalico.org",
    "NetworkPolicy.crd.projectcalico.org",
    "NetworkPolicy.projectcalico.org",
    ...(hasAdmin || seen("AdminNetworkPolicy") ? ["AdminNetworkPolicy.policy.networking.k8s.io"] : []),
    ...(hasBaseline || seen("BaselineAdminNetworkPolicy")
      ? ["BaselineAdminNetworkPolicy.policy.networking.k8s.io"]
      : []),
  ];
}

/**
 * Whether Calico only enforces policy here: its networking is off, and it does not install its plugin or another
 * product that connects pods runs beside it. On GKE it is always the provider's policy add-on.
 */
export function isPolicyOnly(view: ClusterView, config: CalicoConfig): boolean {
  if (view.distribution === "gke") return true;
  if (config.backend !== "none") return false;
  return !config.installsCni || view.daemonSets.some((one) => connectors.test(one.name) && isRunning(one));
}

const connectors = /^(?:aws-node|azure-cns|azure-cni(?:-.+)?|kindnet|coild|terway(?:-.+)?|kube-ovn-cni)$/u;

/** Flannel and Calico as two DaemonSets that together are what Canal is in one: flannel's routes, Calico's plugin and policy. */
export function isCanalInTwo(view: ClusterView): boolean {
  const running = view.daemonSets.filter(isRunning);
  const flannel = running.filter(
    (one) => one.isHostNetwork && hasContainer(one, isFlanneld) && !hasContainer(one, isCalicoNode),
  );
  const calico = running.filter(isCalicoDaemon);
  if (flannel.length === 0 || calico.length === 0) return false;
  const hasPlugin = calico.some((one) => one.initContainers.some((init) => init.name === "install-cni"));
  const map = findCalicoMap(view, calico);
  const isHostLocal = (getStringMap(map?.object, "data")["cni_network_config"] ?? "").includes("host-local");
  return hasPlugin && isHostLocal && calico.every((one) => readVariable(one, "CALICO_NETWORKING_BACKEND") === "none");
}
