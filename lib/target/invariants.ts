import type { JsonValue } from "../core/json.ts";
import { sourceDevices } from "./devices.ts";
import { ownedLoadBalancers } from "./load-balancers.ts";
import { allowedNodeConfigKeys, needsPortmap, sharesDirectory } from "./operation-values.ts";
import type { ReasonedValue, ValuesPhase } from "./target.ts";
import type { TargetContext } from "./target-context.ts";
import { hostUDPPorts, overlayPorts } from "./tunnel.ts";

/** What an invariant is judged by: the plan's context, and what the rules put at its path in this phase. */
interface InvariantQuestion {
  readonly context: TargetContext;
  readonly value: JsonValue;
  /** The value that stays when this one is refused; `undefined` when the chart decides. */
  readonly ours: JsonValue | undefined;
}

/** A Helm value that must hold for the migration to be safe. */
export interface ValueInvariant {
  readonly path: readonly string[];
  readonly phases: readonly ValuesPhase[];
  readonly isAllowed: (question: InvariantQuestion) => boolean;
  /** What may stand there, in words. */
  readonly allowed: string;
  /** What would break, one sentence. */
  readonly why: string;
  /** `refuse`: an error; `wait`: a legitimate wish for the end, which is left out of the migration's values. */
  readonly otherwise: "refuse" | "wait";
  /** The plan field to use instead, where there is one. */
  readonly instead?: string;
}

const both: readonly ValuesPhase[] = ["migration", "final"];
const during: readonly ValuesPhase[] = ["migration"];

type Part = Partial<Pick<ValueInvariant, "phases" | "otherwise" | "instead">>;

function only(path: string, values: readonly JsonValue[], why: string, part: Part = {}): ValueInvariant {
  return {
    path: path.split("."),
    phases: both,
    isAllowed: ({ value }) => values.some((allowed) => same(allowed, value)),
    allowed: values.map((value) => JSON.stringify(value)).join(" or "),
    why,
    otherwise: "refuse",
    ...part,
  };
}

function asDecided(path: string, why: string, part: Part = {}): ValueInvariant {
  return {
    path: path.split("."),
    phases: both,
    isAllowed: ({ value, ours }) => same(value, ours ?? null),
    allowed: "the value that the plan leads to",
    why,
    otherwise: "refuse",
    ...part,
  };
}

function checked(
  path: string,
  isAllowed: ValueInvariant["isAllowed"],
  allowed: string,
  why: string,
  part: Part = {},
): ValueInvariant {
  return { path: path.split("."), phases: both, isAllowed, allowed, why, otherwise: "refuse", ...part };
}

/** Equal as JSON; numbers and their texts count as equal, as Helm renders both alike. */
function same(a: JsonValue, b: JsonValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b) || (isScalar(a) && isScalar(b) && String(a) === String(b));
}

function isScalar(value: JsonValue): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Names in a value that may be a list or a text with spaces or commas between them. */
function names(value: JsonValue): string[] {
  const texts = Array.isArray(value) ? value : [value];
  return texts.filter((text): text is string => typeof text === "string").flatMap((text) => text.split(/[\s,]+/u));
}

function takesSourceDevice({ context, value }: InvariantQuestion): boolean {
  const taken = sourceDevices(context.source).map((name) => name.replace(/\+$/u, ""));
  for (const entry of names(value).filter((name) => name !== "")) {
    if (entry.startsWith("!")) continue;
    const isPattern = entry.endsWith("+");
    const bare = entry.replace(/\+$/u, "");
    if (taken.some((name) => (isPattern ? name.startsWith(bare) : bare.startsWith(name)))) return true;
  }
  return false;
}

const unset: readonly JsonValue[] = [null, ""];

/** Every invariant, by area. An override is refused when any that it touches does not allow it. */
export const valueInvariants: readonly ValueInvariant[] = [
  ...enforcement(),
  ...files(),
  ...addresses(),
  ...datapath(),
  ...workloads(),
];

function enforcement(): ValueInvariant[] {
  return [
    asDecided(
      "policyEnforcementMode",
      "switched on late, policy lets denied traffic through for seconds; always would close what no policy selects",
      {
        instead: "spec.policies.continuity",
      },
    ),
    asDecided("policyAuditMode", "an audited policy drops nothing", { instead: "spec.policies.continuity" }),
    only(
      "hostFirewall.enabled",
      [false],
      "policies of nodes would drop the source's overlay on nodes that still need it",
      {
        phases: during,
        otherwise: "wait",
      },
    ),
    only(
      "extraConfig.prepend-iptables-chains",
      ["false"],
      "Cilium's chains in front of the source's bypass its policy after every agent start",
      {
        phases: during,
      },
    ),
    checked(
      "daemon.allowedConfigOverrides",
      ({ value }) => value === null || allowedNodeConfigKeys.every((key) => names(value).includes(key)),
      `null, or a list with ${allowedNodeConfigKeys.join(", ")}`,
      "the waves' CiliumNodeConfigs would be ignored",
    ),
    checked(
      "daemon.blockedConfigOverrides",
      ({ value }) => !allowedNodeConfigKeys.some((key) => names(value).includes(key)),
      `a list without ${allowedNodeConfigKeys.join(", ")}`,
      "the waves' CiliumNodeConfigs would be ignored",
    ),
    checked(
      "daemon.configSources",
      ({ value }) => value === null || names(value).some((name) => name.startsWith("cilium-node-config")),
      "null, or a list with cilium-node-config",
      "without this source agents do not read the waves' CiliumNodeConfigs",
    ),
  ];
}

function files(): ValueInvariant[] {
  return [
    only("cni.customConf", [true], "every agent would take its node over at once, without a wave", { phases: during }),
    only("cni.customConf", [false], "agents would stop caring for their CNI files", { phases: ["final"] }),
    only("cni.configMap", unset, "with customConf the agents write this file on every node at once", {
      phases: during,
    }),
    only("cni.install", [true], "a node without Cilium's CNI binary cannot start pods"),
    only("cni.uninstall", [false], "an agent that stops would take its CNI file away"),
    only("cni.hostConfDirMountPath", ["/host/etc/cni/net.d"], "the waves' CiliumNodeConfigs write to this path"),
    asDecided("cni.confPath", "the runtime reads CNI files elsewhere"),
    asDecided("cni.binPath", "the runtime looks for CNI binaries elsewhere"),
    only("cni.chainingMode", [null, "none"], "chaining is switched on node by node", { phases: during }),
    checked(
      "cni.chainingMode",
      ({ context, value }) =>
        needsPortmap(context) ? value === "portmap" : [null, "none", "portmap"].includes(value as string | null),
      "portmap where hostPorts are used, otherwise none or portmap",
      "hostPorts would stop, or Cilium would chain to a plugin that is gone",
      { phases: ["final"] },
    ),
    checked(
      "cni.exclusive",
      ({ context, value }) => sharesDirectory(context) === undefined || value === false,
      "false beside Multus or a mesh's CNI plugin",
      "the other plugin's file would be renamed away",
      { phases: ["final"] },
    ),
    checked(
      "cni.iptablesRemoveAWSRules",
      ({ ours, value }) => ours !== false || value === false,
      "false while aws-node runs",
      "pods of the VPC CNI lose their way out",
      { phases: during },
    ),
  ];
}

function addresses(): ValueInvariant[] {
  const pool = "spec.target.podCIDRs";
  return [
    only("ipam.mode", ["cluster-pool"], "other modes take addresses that the source gives out"),
    asDecided("ipam.operator.clusterPoolIPv4PodCIDRList", "the plan checks the pool; here nobody does", {
      instead: pool,
    }),
    asDecided("ipam.operator.clusterPoolIPv6PodCIDRList", "the plan checks the pool; here nobody does", {
      instead: pool,
    }),
    asDecided("ipam.operator.clusterPoolIPv4MaskSize", "the plan checks the blocks; here nobody does", {
      instead: "spec.target.podCIDRMaskSize",
    }),
    asDecided("ipam.operator.clusterPoolIPv6MaskSize", "the plan checks the blocks; here nobody does", {
      instead: "spec.target.podCIDRMaskSizeIPv6",
    }),
    asDecided("ipv4.enabled", "a change of family during a migration is untested"),
    asDecided("ipv6.enabled", "a change of family during a migration is untested"),
    only("enableIPv4Masquerade", [true], "new pods have no way out of the cluster", { phases: during }),
    only("ipv4NativeRoutingCIDR", unset, "it changes which traffic between old and new pods keeps its address", {
      phases: during,
      otherwise: "wait",
    }),
    only("ipv6NativeRoutingCIDR", unset, "it changes which traffic between old and new pods keeps its address", {
      phases: during,
      otherwise: "wait",
    }),
    ...["eni.enabled", "azure.enabled", "alibabacloud.enabled", "gke.enabled", "aksbyocni.enabled"].map((path) =>
      only(path, [false], "it switches to the cloud's own addresses, which the source gives out"),
    ),
  ];
}

function datapath(): ValueInvariant[] {
  return [
    only(
      "routingMode",
      ["tunnel"],
      "native routing needs routes that the source owns; a later change cuts the cluster",
    ),
    only("tunnelProtocol", ["vxlan", "geneve"], "there is no other overlay"),
    checked(
      "tunnelPort",
      ({ context, value }) => isFreePort(context, Number(value)),
      "a UDP port that neither the source's overlay nor a pod on the host network has",
      "of two overlay devices with one port only one can be up",
    ),
    checked(
      "devices",
      (question) => !takesSourceDevice(question),
      "uplinks only",
      "Cilium would attach to a device of the source",
      { instead: "spec.target.devices" },
    ),
    checked(
      "forceDeviceDetection",
      ({ ours, value }) => ours !== true || value === true,
      "true beside a list of exclusions",
      "a list of exclusions alone selects no device",
      { instead: "spec.target.devices" },
    ),
    only("bpf.datapathMode", ["veth"], "the kind of pod device cannot be changed for living pods"),
    only("bpf.masquerade", [false], "eBPF masquerading goes round the bridge's iptables rules", {
      phases: during,
      otherwise: "wait",
    }),
    only("bpf.hostLegacyRouting", [true], "eBPF host routing goes round the bridge's iptables rules", {
      phases: during,
      otherwise: "wait",
    }),
    checked(
      "bpf.hostLegacyRouting",
      ({ context, value }) => context.distribution !== "talos" || value === true,
      "true on Talos",
      "Talos' host DNS does not work with eBPF host routing",
      { phases: ["final"] },
    ),
    only("installNoConntrackIptablesRules", [false], "traffic between the two networks needs connection tracking", {
      phases: during,
      otherwise: "wait",
    }),
    ...[
      "encryption.strictMode.enabled",
      "encryption.strictMode.egress.enabled",
      "encryption.strictMode.ingress.enabled",
    ].map((path) =>
      only(path, [false], "traffic to and from old pods is outside the encrypted overlay and would be dropped", {
        phases: during,
        otherwise: "wait" as const,
      }),
    ),
    asDecided("kubeProxyReplacement", "two Service datapaths on one node do not know each other's connections", {
      instead: "spec.target.kubeProxyReplacement",
    }),
    checked(
      "k8sServiceHost",
      ({ ours, value }) => ours === undefined || same(value, ours),
      "the address that the plan leads to",
      "an agent without the API server does not start",
      { instead: "spec.target.k8sServiceHost" },
    ),
    checked(
      "k8sServiceHostRef.name",
      ({ context }) => context.serviceHost === undefined,
      "unset beside k8sServiceHost",
      "the chart fails when both are set",
    ),
    checked(
      "enableLBIPAM",
      ({ context, value }) => value === false || ownedLoadBalancers(context.inventory, context.source) === undefined,
      "false while another controller gives out load balancer addresses",
      "two controllers would own the same Services",
      { phases: during, otherwise: "wait" },
    ),
    only("l2announcements.enabled", [false], "the same address would be announced twice", {
      phases: during,
      otherwise: "wait",
    }),
  ];
}

function isFreePort(context: TargetContext, port: number): boolean {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return false;
  return ![...overlayPorts(context.source), ...hostUDPPorts(context.inventory)].some((taken) => taken.port === port);
}

function workloads(): ValueInvariant[] {
  return [
    only(
      "operator.unmanagedPodWatcher.restart",
      [false],
      "the operator would delete old pods past every PodDisruptionBudget",
      {
        phases: during,
      },
    ),
    only(
      "operator.setNodeTaints",
      [false],
      "the whole cluster would become unschedulable while agents pull their image",
      {
        phases: during,
      },
    ),
    only("operator.removeNodeTaints", [true], "start-up taints of new nodes would stay"),
    only("operator.enabled", [true], "without the operator no node gets a block of addresses"),
    only("agent", [true], "without the agent nothing can be migrated"),
    only("preflight.enabled", [false], "the chart then installs a check instead of Cilium"),
    only("rollOutCiliumPods", [false], "agents restart by wave, not because a value changed", {
      phases: during,
      otherwise: "wait",
    }),
    checked(
      "securityContext.capabilities.ciliumAgent",
      ({ context, value }) => context.distribution !== "talos" || !names(value).includes("SYS_MODULE"),
      "a list without SYS_MODULE on Talos",
      "Talos refuses pods that may load kernel modules",
    ),
    checked(
      "cgroup.autoMount.enabled",
      ({ context, value }) => context.distribution !== "talos" || value === false,
      "false on Talos",
      "Talos has mounted cgroup2 already and lets no pod do it",
    ),
    only("cleanState", [false], "an agent would forget its endpoints at every start"),
    only("cleanBpfState", [false], "an agent would drop its datapath at every start"),
    checked(
      "tolerations",
      ({ value }) => Array.isArray(value) && value.some((item) => same(item, { operator: "Exists" })),
      "a list with {operator: Exists}",
      "an agent that a taint keeps off its node leaves that node without network, and dead-locks with the start-up taint",
    ),
  ];
}

/** Invariants that come from what the translated policies need. */
export function requiredInvariants(required: readonly ReasonedValue[]): ValueInvariant[] {
  return required.map(({ path, value }) => ({
    path,
    phases: both,
    isAllowed: (question: InvariantQuestion) => same(question.value, value),
    allowed: JSON.stringify(value),
    why: "a translated policy needs it",
    otherwise: "refuse",
  }));
}
