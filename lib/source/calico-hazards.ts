import { type Finding, whereOf } from "../core/finding.ts";
import { getArray, getBoolean, getIn, getString, isJsonObject, type JsonObject } from "../core/json.ts";
import type { RawObject } from "../inventory/inventory.ts";
import type { CalicoConfig } from "./calico-config.ts";
import { sourceFinding } from "./findings.ts";
import { readVariable, type Workload } from "./workload.ts";

/** Says that Calico's objects are in etcd, and what this costs. */
export function etcdFinding(agent: Workload | undefined): Finding {
  return sourceFinding("source/etcd-datastore", {
    message: "Calico keeps its objects in etcd, so kubectl shows none of its policies and pools",
    ...(agent !== undefined && {
      where: whereOf(agent, agent.position, "spec.template.spec.containers[*].env ETCD_ENDPOINTS"),
    }),
    reason:
      "an inventory without them is not complete, and in this mode Calico does not learn the addresses of migrated pods",
    remedy:
      "add its objects to the inventory: calicoctl get ippools,globalnetworkpolicies,networkpolicies,globalnetworksets,networksets,hostendpoints,felixconfigurations --all-namespaces -o yaml",
  });
}

/** How one address family's node address is detected. */
interface Detection {
  readonly family: 4 | 6;
  /** The method in the words of the environment variable: `first-found`, `kubernetes-internal-ip`, … */
  readonly method: string;
  readonly object: RawObject | undefined;
  readonly agent: Workload | undefined;
  readonly field: string;
}

// The only device of Cilium with an address of its own.
const ciliumDevice = "cilium_host";

/**
 * Warns where Calico's address autodetection can pick a device of Cilium. The default, first-found, leaves out many
 * virtual devices by name but not `cilium_*`.
 *
 * Source: Calico node/pkg/lifecycle/startup/autodetection (default exclusions), cilium/cilium issue 31273.
 */
export function autodetectionFindings(config: CalicoConfig): readonly Finding[] {
  // With its networking off, Calico writes no address to the node (calico-node startup, policy-only mode).
  if (config.backend === "none") return [];
  return readDetections(config).flatMap((detection) => judge(detection) ?? []);
}

function judge(detection: Detection): Finding | undefined {
  const verdict = riskOf(detection.method);
  if (verdict === undefined) return undefined;
  const twin = detection.family === 4 ? "V4" : "V6";
  const variable = detection.family === 4 ? "IP_AUTODETECTION_METHOD" : "IP6_AUTODETECTION_METHOD";
  const place = detection.object ?? detection.agent;
  const remedy =
    detection.object === undefined
      ? `set ${variable}=kubernetes-internal-ip on container calico-node (or skip-interface=cilium_.*)`
      : `set Installation default spec.calicoNetwork.nodeAddressAutodetection${twin}: {firstFound: false, kubernetes: NodeInternalIP}`;
  return sourceFinding("source/autodetection", {
    severity: verdict.severity,
    message: `Calico detects its IPv${detection.family} node address by ${detection.method}: ${verdict.what}`,
    ...(place !== undefined && { where: whereOf(place, place.position, detection.field) }),
    reason:
      "once Cilium is installed, cilium_host carries an address; a node that announces it is unreachable for its peers and turns NotReady",
    remedy,
    data: { family: detection.family, method: detection.method },
  });
}

function riskOf(method: string): { readonly severity: Finding["severity"]; readonly what: string } | undefined {
  const [name = "", argument = ""] = method.split(/=(.*)/su);
  switch (name) {
    case "kubernetes-internal-ip":
    case "can-reach":
      return undefined;
    case "interface":
      return matchesCilium(argument)
        ? { severity: "error", what: "the expression matches Cilium's devices" }
        : undefined;
    case "skip-interface":
      return matchesCilium(argument)
        ? undefined
        : { severity: "error", what: "the expression does not leave out cilium_host" };
    case "cidr":
      return { severity: "warning", what: "the new pod pool must lie outside these prefixes" };
    default:
      return { severity: "error", what: "it can pick cilium_host" };
  }
}

function matchesCilium(expressions: string): boolean {
  return expressions.split(",").some((expression) => {
    try {
      return new RegExp(expression.trim(), "u").test(ciliumDevice);
    } catch {
      return false;
    }
  });
}

function readDetections(config: CalicoConfig): readonly Detection[] {
  if (config.installation !== undefined) return operatorDetections(config, config.installation);
  const [agent] = config.agents;
  // Known by its pods alone, the agent's variables are not told.
  if (agent === undefined || agent.from === "pods") return [];
  const ipv4 = readVariable(agent, "IP") ?? "autodetect";
  const ipv6 = readVariable(agent, "IP6") ?? "none";
  return [
    ...(ipv4 === "autodetect" ? [manifestDetection(4, agent, "IP_AUTODETECTION_METHOD")] : []),
    ...(ipv6 === "autodetect" ? [manifestDetection(6, agent, "IP6_AUTODETECTION_METHOD")] : []),
  ];
}

function manifestDetection(family: 4 | 6, agent: Workload, variable: string): Detection {
  const method = readVariable(agent, variable) ?? "first-found";
  const field = `spec.template.spec.containers[name=calico-node].env[name=${variable}]`;
  return { family, method: method === "" ? "first-found" : method, object: undefined, agent, field };
}

function operatorDetections(config: CalicoConfig, installation: RawObject): readonly Detection[] {
  const hasIPv4 = config.pools.length === 0 || config.pools.some((pool) => !pool.claim.cidr.includes(":"));
  const hasIPv6 = config.pools.some((pool) => pool.claim.cidr.includes(":"));
  return [
    ...(hasIPv4 ? [operatorDetection(4, installation, "nodeAddressAutodetectionV4")] : []),
    ...(hasIPv6 ? [operatorDetection(6, installation, "nodeAddressAutodetectionV6")] : []),
  ];
}

function operatorDetection(family: 4 | 6, installation: RawObject, key: string): Detection {
  const computed = getIn(installation.object, "status", "computed", "calicoNetwork", key);
  const told = getIn(installation.object, "spec", "calicoNetwork", key) ?? computed;
  const method = isJsonObject(told) ? methodOfInstallation(told) : "first-found";
  return { family, method, object: installation, agent: undefined, field: `spec.calicoNetwork.${key}` };
}

function methodOfInstallation(told: JsonObject): string {
  if (getBoolean(told, "firstFound") === true) return "first-found";
  if (getString(told, "kubernetes") !== undefined) return "kubernetes-internal-ip";
  const names = { interface: "interface", skipInterface: "skip-interface", canReach: "can-reach" } as const;
  for (const [key, name] of Object.entries(names)) {
    const value = getString(told, key);
    if (value !== undefined) return `${name}=${value}`;
  }
  const cidrs = getArray(told, "cidrs").filter((cidr) => typeof cidr === "string");
  return cidrs.length > 0 ? `cidr=${cidrs.join(",")}` : "first-found";
}

/** Says that Calico's eBPF or VPP dataplane runs, with the way back. */
export function dataplaneFindings(config: CalicoConfig): readonly Finding[] {
  const where = dataplanePlace(config);
  if (config.dataplane === "ebpf")
    return [
      sourceFinding("source/ebpf-dataplane", {
        message: "Calico runs its eBPF dataplane",
        ...where,
        reason:
          "its programs sit on the uplinks and on every pod's device and drop traffic of workloads that they do not know; Services would have two eBPF datapaths",
        remedy: wayBackFromEbpf(config).join("; "),
      }),
    ];
  if (config.dataplane !== "vpp") return [];
  return [
    sourceFinding("source/vpp-dataplane", {
      message: "Calico runs its VPP dataplane",
      ...where,
      reason: "VPP takes the uplinks into user space, where the kernel's routes to Cilium's pods do not count",
      remedy:
        "set Installation default spec.calicoNetwork.linuxDataplane: Iptables and remove the VPP DaemonSet, or go in-place or blue-green",
    }),
  ];
}

// Without an Installation the switch is a variable of the DaemonSet, or else in a FelixConfiguration.
function dataplanePlace({ installation, agents: [agent] }: CalicoConfig): Pick<Finding, "where"> {
  if (installation !== undefined)
    return { where: whereOf(installation, installation.position, "spec.calicoNetwork.linuxDataplane") };
  if (agent === undefined) return {};
  const variable = "FELIX_BPFENABLED";
  const field = `spec.template.spec.containers[name=calico-node].env[name=${variable}]`;
  return {
    where: whereOf(agent, agent.position, readVariable(agent, variable) === undefined ? undefined : field),
  };
}

/** The steps from eBPF to iptables: kube-proxy first, then the dataplane, then every node. */
export function wayBackFromEbpf(config: CalicoConfig): readonly string[] {
  const proxy =
    'bring kube-proxy back: kubectl patch daemonset kube-proxy -n kube-system --type merge -p \'{"spec":{"template":{"spec":{"nodeSelector":{"non-calico":null}}}}}\'';
  const dataplane =
    config.installation === undefined
      ? "set FelixConfiguration default spec.bpfEnabled: false (and FELIX_BPFENABLED=false where the DaemonSet sets it)"
      : "set Installation default spec.calicoNetwork.linuxDataplane: Iptables (and bpfNetworkBootstrap and kubeProxyManagement: Disabled where they are on)";
  return [
    proxy,
    dataplane,
    "restart calico-node and wait until it is Ready on every node, then take the inventory again",
  ];
}
