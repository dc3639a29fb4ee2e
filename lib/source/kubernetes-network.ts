import { addressFamily, isAddress, normaliseCIDR } from "../core/cidr.ts";
import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getString, getStringMap, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { type Inventory, objectsOf, type RawObject, tryFindObject } from "../inventory/inventory.ts";
import type { Distribution } from "./distribution.ts";
import { sourceFinding } from "./findings.ts";
import { isKubeRouter, kubeRouterRole } from "./kube-router-config.ts";
import type { SourceFacts } from "./source.ts";
import { readYaml } from "./text-formats.ts";
import { readFlag, readWorkloadFlag, type Workload } from "./workload.ts";

/** A prefix and where it was read. */
export interface Claim {
  readonly cidr: string;
  /** `Kind/namespace/name`. */
  readonly object: string;
  readonly field: string;
}

/** What Kubernetes itself says about its networks, whatever CNI runs. */
export interface KubernetesNetwork {
  /** Cluster-wide pod prefixes of kubeadm, the controller manager, kube-proxy, k3s and OpenShift. */
  readonly podCIDRs: readonly Claim[];
  /** `spec.podCIDRs` of every node. */
  readonly nodePodCIDRs: readonly Claim[];
  readonly serviceCIDRs: readonly Claim[];
  /** The smallest prefix around all ClusterIPs, one per family; a hint and no fact. */
  readonly serviceCIDRHint: readonly string[];
  readonly serviceProxy: SourceFacts["serviceProxy"];
  /** Arguments of k3s or RKE2 by node, servers first. */
  readonly nodeArguments: readonly { readonly node: string; readonly words: readonly string[] }[];
  readonly findings: readonly Finding[];
}

/**
 * Reads the cluster's own networks from every place that tells: kubeadm-config, kube-proxy's ConfigMap or arguments,
 * static pods of the control plane, ServiceCIDR objects, k3s and RKE2 node arguments, OpenShift's Network, nodes.
 *
 * Findings: `source/unreadable-configuration`.
 */
export function readKubernetesNetwork(
  inventory: Inventory,
  daemonSets: readonly Workload[],
  distribution: Distribution,
): KubernetesNetwork {
  const findings: Finding[] = [];
  const nodeArguments = readNodeArguments(inventory, findings);
  const kubeadm = readKubeadm(inventory, findings);
  const proxy = readKubeProxy(inventory, daemonSets, findings);
  const staticPods = readStaticPods(inventory);
  const rancher = readRancher(nodeArguments, distribution);
  const openshift = readOpenShift(inventory);
  const nodePodCIDRs = inventory.nodes.flatMap((node) =>
    node.podCIDRs.flatMap((cidr) => claim(cidr, printIdentity(node), "spec.podCIDRs")),
  );
  return {
    podCIDRs: [...kubeadm.pods, ...staticPods.pods, ...rancher.pods, ...openshift.pods, ...proxy.pods],
    nodePodCIDRs,
    serviceCIDRs: [
      ...readServiceCIDRs(inventory),
      ...kubeadm.services,
      ...staticPods.services,
      ...rancher.services,
      ...openshift.services,
    ],
    serviceCIDRHint: hintOfServices(inventory),
    serviceProxy: decideServiceProxy(inventory, daemonSets, distribution, proxy, nodeArguments),
    nodeArguments,
    findings,
  };
}

interface Networks {
  readonly pods: readonly Claim[];
  readonly services: readonly Claim[];
}

/** Claims out of a text with prefixes between commas; what is no prefix is left out. */
export function claim(text: string | undefined, object: string, field: string): readonly Claim[] {
  if (text === undefined) return [];
  return text.split(",").flatMap((part) => {
    // A bare address is no prefix, though the normal form of one exists.
    const cidr = part.includes("/") ? normaliseCIDR(part.trim()) : undefined;
    return cidr === undefined ? [] : [{ cidr, object, field }];
  });
}

/** Claims of the smallest prefix around addresses, one per family: what is in use where no configuration tells more. */
export function claimAround(addresses: readonly string[], object: string): readonly Claim[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = sortedUnique(addresses.filter((address) => addressFamily(address) === family));
    return own.length === 0 ? [] : claim(smallestPrefix(own, family), object, "");
  });
}

function unreadable(raw: RawObject, field: string, problem: string): Finding {
  return sourceFinding("source/unreadable-configuration", {
    message: `${field} of ${printIdentity(raw)} cannot be read: ${problem}`,
    where: whereOf(raw, raw.position, field),
    remedy: `dump the object again: kubectl get ${raw.kind.toLowerCase()} ${raw.name} -n ${raw.namespace ?? "default"} -o yaml`,
  });
}

function readKubeadm(inventory: Inventory, findings: Finding[]): Networks {
  const raw = tryFindObject(inventory, "ConfigMap", "kubeadm-config", "kube-system");
  const text = getStringMap(raw?.object, "data")["ClusterConfiguration"];
  if (raw === undefined || text === undefined) return { pods: [], services: [] };
  const reading = readYaml(text);
  if ("problem" in reading) {
    findings.push(unreadable(raw, "data.ClusterConfiguration", reading.problem));
    return { pods: [], services: [] };
  }
  const object = printIdentity(raw);
  const field = "data.ClusterConfiguration networking";
  return {
    pods: claim(getString(reading.value, "networking", "podSubnet"), object, `${field}.podSubnet`),
    services: claim(getString(reading.value, "networking", "serviceSubnet"), object, `${field}.serviceSubnet`),
  };
}

interface KubeProxy {
  readonly pods: readonly Claim[];
  readonly isRunning: boolean;
  readonly mode?: string;
  readonly clusterCIDR?: string;
}

function readKubeProxy(inventory: Inventory, daemonSets: readonly Workload[], findings: Finding[]): KubeProxy {
  const workload = daemonSets.find((one) => /^(?:rke2-)?kube-proxy(?:-(?!windows|win)|$)/u.test(one.name));
  const mirror = inventory.pods.find((pod) => pod.isMirror && pod.name.startsWith("kube-proxy"));
  const config = readKubeProxyConfiguration(inventory, findings);
  const words = mirror?.commandLine ?? [];
  const clusterCIDR =
    config?.clusterCIDR ?? readWorkloadFlag(workload, "cluster-cidr") ?? readFlag(words, "cluster-cidr");
  const mode = config?.mode ?? readWorkloadFlag(workload, "proxy-mode") ?? readFlag(words, "proxy-mode");
  const isRunning = (workload?.desired ?? 0) > 0 || mirror !== undefined;
  const from = config?.object ?? (mirror === undefined ? "DaemonSet/kube-system/kube-proxy" : printIdentity(mirror));
  return {
    pods: claim(clusterCIDR, from, "clusterCIDR"),
    isRunning,
    // An empty mode means iptables on Linux (kubernetes pkg/proxy/apis/config).
    ...(isRunning && { mode: mode === undefined || mode === "" ? "iptables" : mode }),
    ...(clusterCIDR !== undefined && clusterCIDR !== "" && { clusterCIDR }),
  };
}

function readKubeProxyConfiguration(
  inventory: Inventory,
  findings: Finding[],
): { readonly object: string; readonly mode?: string; readonly clusterCIDR?: string } | undefined {
  // EKS calls the map kube-proxy-config and its key config.
  for (const [name, key] of [
    ["kube-proxy", "config.conf"],
    ["kube-proxy-config", "config"],
    ["kube-proxy", "kube-proxy-config.yaml"],
  ] as const) {
    const raw = tryFindObject(inventory, "ConfigMap", name, "kube-system");
    const text = getStringMap(raw?.object, "data")[key];
    if (raw === undefined || text === undefined) continue;
    const reading = readYaml(text);
    if ("problem" in reading) {
      findings.push(unreadable(raw, `data.${key}`, reading.problem));
      continue;
    }
    const mode = getString(reading.value, "mode");
    const clusterCIDR = getString(reading.value, "clusterCIDR");
    return {
      object: printIdentity(raw),
      ...(mode !== undefined && { mode }),
      ...(clusterCIDR !== undefined && { clusterCIDR }),
    };
  }
  return undefined;
}

function readStaticPods(inventory: Inventory): Networks {
  const pods: Claim[] = [];
  const services: Claim[] = [];
  for (const pod of inventory.pods) {
    if (!pod.isMirror || pod.commandLine === undefined) continue;
    const object = printIdentity(pod);
    pods.push(...claim(readFlag(pod.commandLine, "cluster-cidr"), object, "--cluster-cidr"));
    const range = readFlag(pod.commandLine, "service-cluster-ip-range");
    services.push(...claim(range, object, "--service-cluster-ip-range"));
  }
  return { pods, services };
}

function readServiceCIDRs(inventory: Inventory): readonly Claim[] {
  return objectsOf(inventory, "ServiceCIDR", "networking.k8s.io").flatMap((raw) =>
    getArray(raw.object, "spec", "cidrs").flatMap((cidr) =>
      typeof cidr === "string" ? claim(cidr, printIdentity(raw), "spec.cidrs") : [],
    ),
  );
}

function readOpenShift(inventory: Inventory): Networks {
  const [network] = [
    ...objectsOf(inventory, "Network", "config.openshift.io"),
    ...objectsOf(inventory, "Network", "operator.openshift.io"),
  ];
  if (network === undefined) return { pods: [], services: [] };
  const object = printIdentity(network);
  const entries = getArray(network.object, "spec", "clusterNetwork");
  const ranges = getArray(network.object, "spec", "serviceNetwork");
  return {
    pods: entries.flatMap((entry) => claim(getString(entry, "cidr"), object, "spec.clusterNetwork")),
    services: ranges.flatMap((cidr) => claim(typeof cidr === "string" ? cidr : "", object, "spec.serviceNetwork")),
  };
}

function readNodeArguments(inventory: Inventory, findings: Finding[]): KubernetesNetwork["nodeArguments"] {
  const read: { node: string; words: readonly string[] }[] = [];
  for (const node of inventory.nodes) {
    for (const key of ["k3s.io/node-args", "rke2.io/node-args"]) {
      const text = node.annotations[key];
      if (text === undefined) continue;
      const words = readWords(text);
      if (words !== undefined) read.push({ node: node.name, words });
      else {
        const field = `metadata.annotations["${key}"]`;
        findings.push(
          sourceFinding("source/unreadable-configuration", {
            message: `${field} of ${printIdentity(node)} is not a JSON array of arguments`,
            where: whereOf(node, node.position, field),
            remedy: `dump the node again: kubectl get node ${node.name} -o yaml`,
          }),
        );
      }
    }
  }
  return [...read.filter((one) => one.words[0] === "server"), ...read.filter((one) => one.words[0] !== "server")];
}

function readWords(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A flag of k3s or RKE2, from the first server that gives it. */
export function readNodeFlag(network: Pick<KubernetesNetwork, "nodeArguments">, name: string): string | undefined {
  for (const { words } of network.nodeArguments) {
    const value = readFlag(words, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function readRancher(nodeArguments: KubernetesNetwork["nodeArguments"], distribution: Distribution): Networks {
  if (distribution !== "k3s" && distribution !== "rke2") return { pods: [], services: [] };
  const server = nodeArguments.find((one) => one.words[0] === "server");
  const object = server === undefined ? `${distribution} defaults` : `Node/${server.node}`;
  const pods = readNodeFlag({ nodeArguments }, "cluster-cidr");
  const services = readNodeFlag({ nodeArguments }, "service-cidr");
  // Defaults of k3s and RKE2 (k3s-io/k3s pkg/cli/cmds/server.go).
  return {
    pods: claim(pods ?? "10.42.0.0/16", object, pods === undefined ? "default of --cluster-cidr" : "--cluster-cidr"),
    services: claim(
      services ?? "10.43.0.0/16",
      object,
      services === undefined ? "default of --service-cidr" : "--service-cidr",
    ),
  };
}

function decideServiceProxy(
  inventory: Inventory,
  daemonSets: readonly Workload[],
  distribution: Distribution,
  proxy: KubeProxy,
  nodeArguments: KubernetesNetwork["nodeArguments"],
): SourceFacts["serviceProxy"] {
  const clusterCIDR = proxy.clusterCIDR === undefined ? {} : { clusterCIDR: proxy.clusterCIDR };
  if (proxy.isRunning)
    return { kind: "kube-proxy", ...(proxy.mode !== undefined && { mode: proxy.mode }), ...clusterCIDR };
  const router = daemonSets.find((one) => isKubeRouter(one) && (one.desired ?? 0) > 0 && kubeRouterRole(one).proxies);
  if (router !== undefined) return { kind: "source", mode: "ipvs" };
  const isSwitchedOff = readNodeFlag({ nodeArguments }, "disable-kube-proxy") === "true";
  if (distribution === "k3s" || distribution === "rancher-desktop")
    return isSwitchedOff ? { kind: "none" } : { kind: "embedded", mode: "iptables", ...clusterCIDR };
  if (distribution === "microk8s") return { kind: "embedded", mode: "iptables", ...clusterCIDR };
  if (distribution === "rke2" && !isSwitchedOff) return { kind: "kube-proxy", mode: "iptables", ...clusterCIDR };
  const isKnown = inventory.kindsSeen.has("DaemonSet") && inventory.kindsSeen.has("Pod");
  return isKnown ? { kind: "none" } : { kind: "unknown", ...clusterCIDR };
}

function hintOfServices(inventory: Inventory): readonly string[] {
  const addresses = objectsOf(inventory, "Service", "").flatMap((raw) => clusterIPsOf(raw.object));
  return claimAround(addresses, "ClusterIPs").map(({ cidr }) => cidr);
}

function clusterIPsOf(service: JsonObject): readonly string[] {
  const many = getArray(service, "spec", "clusterIPs");
  const all = many.length > 0 ? many : [getString(service, "spec", "clusterIP") ?? ""];
  return all.filter((address): address is string => typeof address === "string" && isAddress(address));
}

function smallestPrefix(addresses: readonly string[], family: 4 | 6): string | undefined {
  const bits = addresses.map((address) => bitsOf(address, family));
  const [first = ""] = bits;
  const full = family === 4 ? 32 : 128;
  let shared = first.length;
  for (const other of bits) while (!other.startsWith(first.slice(0, shared))) shared -= 1;
  return normaliseCIDR(`${addresses[0] ?? ""}/${Math.min(shared, full)}`);
}

function bitsOf(address: string, family: 4 | 6): string {
  const canonical = normaliseCIDR(address)?.split("/")[0] ?? address;
  if (family === 4)
    return canonical
      .split(".")
      .map((part) => Number(part).toString(2).padStart(8, "0"))
      .join("");
  const [head = "", tail = ""] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const middle = canonical.includes("::") ? Array.from({ length: 8 - left.length - right.length }, () => "0") : [];
  return [...left, ...middle, ...right].map((part) => Number.parseInt(part, 16).toString(2).padStart(16, "0")).join("");
}
