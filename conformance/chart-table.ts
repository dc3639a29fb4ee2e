import { getArray, getBoolean, getIn, getString, type JsonObject } from "../lib/core/json.ts";
import type { ValuesPhase } from "../lib/target/target.ts";
import { agentLabel } from "../lib/target/waiting-values.ts";

/** What a key of the ConfigMap `cilium-config` must say. */
export interface ConfigFact {
  readonly key: string;
  /** Only in this phase; both where it is left out. */
  readonly phase?: ValuesPhase;
  /** The exact text; `absent`: the chart must not write the key; `present`: any text. */
  readonly expected: (values: JsonObject) => string | typeof absent | typeof present;
  readonly why: string;
}

/** The chart must not write the key. */
export const absent = Symbol("absent");

/** The chart must write the key. */
export const present = Symbol("present");

const always =
  (text: string | typeof absent | typeof present): ConfigFact["expected"] =>
  () =>
    text;

/** The value at a path as the chart writes scalars. */
const same =
  (...path: readonly string[]): ConfigFact["expected"] =>
  (values) => {
    const value = getIn(values, ...path);
    return value === undefined ? present : String(value);
  };

const joined =
  (...path: readonly string[]): ConfigFact["expected"] =>
  (values) => {
    const list = getArray(values, ...path);
    return list.length === 0 ? absent : list.join(" ");
  };

/** A key that the chart writes as "true", or leaves out. */
const flag =
  (...path: readonly string[]): ConfigFact["expected"] =>
  (values) =>
    getBoolean(values, ...path) === true ? "true" : absent;

const isCustom = (values: JsonObject): boolean => getBoolean(values, "cni", "customConf") === true;

/** What must be in `cilium-config`, phase by phase. */
export const configFacts: readonly ConfigFact[] = [
  {
    key: "write-cni-conf-when-ready",
    phase: "migration",
    expected: always(absent),
    why: "the dormant agent leaves the CNI directory alone",
  },
  {
    key: "write-cni-conf-when-ready",
    phase: "final",
    expected: always(present),
    why: "after the last wave every agent writes its CNI file",
  },
  {
    key: "cni-exclusive",
    phase: "migration",
    expected: always(absent),
    why: "nobody renames the source's CNI file before the node's wave",
  },
  { key: "cni-exclusive", phase: "final", expected: same("cni", "exclusive"), why: "as the plan says" },
  {
    key: "cni-uninstall",
    expected: always(absent),
    why: "the preStop hook is always there and deletes the CNI file where this says true",
  },
  { key: "custom-cni-conf", expected: (values) => String(isCustom(values)), why: "as the values say" },
  {
    key: "unmanaged-pod-watcher-interval",
    phase: "migration",
    expected: always("0"),
    why: "the operator deletes no old DNS pods",
  },
  {
    key: "unmanaged-pod-watcher-interval",
    phase: "final",
    expected: (values) => (getBoolean(values, "operator", "unmanagedPodWatcher", "restart") === false ? "0" : present),
    why: "leftover pods are found again",
  },
  { key: "enable-policy", expected: same("policyEnforcementMode"), why: "policy holds from the first migrated pod on" },
  { key: "policy-audit-mode", expected: same("policyAuditMode"), why: "a denied packet is dropped" },
  {
    key: "prepend-iptables-chains",
    phase: "migration",
    expected: always("false"),
    why: "in front, Cilium's chains would bypass the source's policy",
  },
  { key: "prepend-iptables-chains", phase: "final", expected: always(absent), why: "the source is gone" },
  { key: "routing-mode", expected: same("routingMode"), why: "an overlay of its own" },
  { key: "tunnel-protocol", expected: same("tunnelProtocol"), why: "an overlay of its own" },
  { key: "tunnel-port", expected: same("tunnelPort"), why: "two overlays cannot share a port" },
  { key: "ipam", expected: same("ipam", "mode"), why: "blocks come from CiliumNode objects" },
  {
    key: "cluster-pool-ipv4-cidr",
    expected: joined("ipam", "operator", "clusterPoolIPv4PodCIDRList"),
    why: "the pool of the plan, never the default 10.0.0.0/8",
  },
  {
    key: "cluster-pool-ipv4-mask-size",
    expected: (values) =>
      getArray(values, "ipam", "operator", "clusterPoolIPv4PodCIDRList").length === 0
        ? absent
        : String(getIn(values, "ipam", "operator", "clusterPoolIPv4MaskSize")),
    why: "the block of a node cannot be changed later",
  },
  {
    key: "cluster-pool-ipv6-cidr",
    expected: joined("ipam", "operator", "clusterPoolIPv6PodCIDRList"),
    why: "families cannot be changed later",
  },
  { key: "enable-ipv4", expected: same("ipv4", "enabled"), why: "families cannot be changed later" },
  { key: "enable-ipv6", expected: same("ipv6", "enabled"), why: "families cannot be changed later" },
  { key: "devices", expected: joined("devices"), why: "the source's devices are no uplinks" },
  {
    key: "force-device-detection",
    expected: flag("forceDeviceDetection"),
    why: "a list of exclusions selects nothing",
  },
  { key: "datapath-mode", expected: same("bpf", "datapathMode"), why: "living pods keep their kind of device" },
  { key: "enable-host-legacy-routing", expected: same("bpf", "hostLegacyRouting"), why: "traffic passes netfilter" },
  { key: "enable-bpf-masquerade", expected: same("bpf", "masquerade"), why: "iptables masquerades" },
  { key: "kube-proxy-replacement", expected: same("kubeProxyReplacement"), why: "kube-proxy stays until its own step" },
  { key: "enable-ipv4-masquerade", expected: same("enableIPv4Masquerade"), why: "pods leave as their node" },
  { key: "enable-lb-ipam", expected: same("enableLBIPAM"), why: "one owner of load balancer addresses" },
  {
    key: "set-cilium-node-taints",
    phase: "migration",
    expected: always(absent),
    why: "the whole cluster would be unschedulable while images are pulled",
  },
  {
    key: "set-cilium-node-taints",
    phase: "final",
    expected: flag("operator", "setNodeTaints"),
    why: "as the plan says",
  },
  {
    key: "remove-cilium-node-taints",
    expected: flag("operator", "removeNodeTaints"),
    why: "start-up taints of new nodes go away",
  },
  { key: "external-envoy-proxy", expected: same("envoy", "enabled"), why: "no DaemonSet more on every node" },
  { key: "enable-hubble", expected: same("hubble", "enabled"), why: "drops can be seen from the first pod on" },
];

/** What must be true of an object of the chart; a text says what is wrong. */
export interface ObjectFact {
  readonly what: string;
  readonly phase?: ValuesPhase;
  readonly problem: (rendered: Rendered, values: JsonObject) => string | undefined;
}

/** The chart's objects that matter. */
export interface Rendered {
  readonly version: string;
  readonly objects: readonly JsonObject[];
  readonly agent: JsonObject;
  readonly operator: JsonObject;
}

const template = ["spec", "template"] as const;

function containers(object: JsonObject, list: "containers" | "initContainers"): readonly JsonObject[] {
  return getArray(object, ...template, "spec", list) as readonly JsonObject[];
}

function named(object: JsonObject, list: "containers" | "initContainers", name: string): JsonObject {
  return containers(object, list).find((one) => one["name"] === name) ?? {};
}

function texts(object: JsonObject, ...path: readonly string[]): string[] {
  return getArray(object, ...path).map(String);
}

/** What must be true of the agents' DaemonSet and the operator's Deployment. */
export const objectFacts: readonly ObjectFact[] = [
  {
    what: "a CiliumNodeConfig may set the keys of a wave only",
    phase: "migration",
    problem: ({ agent }, values) => {
      const allowed = getString(values, "daemon", "allowedConfigOverrides");
      const args = [
        ...texts(named(agent, "initContainers", "config"), "command"),
        ...texts(named(agent, "initContainers", "config"), "args"),
      ];
      const wanted = `--allow-config-keys=${allowed}`;
      return allowed !== undefined && args.includes(wanted) ? undefined : `the config step has not ${wanted}`;
    },
  },
  {
    what: "the config step reads CiliumNodeConfigs",
    problem: ({ agent }) =>
      texts(named(agent, "initContainers", "config"), "command").includes("build-config")
        ? undefined
        : "there is no build-config",
  },
  {
    what: "the CNI binary is installed before any wave",
    problem: ({ agent }) =>
      containers(agent, "initContainers").some((one) => one["name"] === "install-cni-binaries")
        ? undefined
        : "no init container install-cni-binaries",
  },
  {
    what: "the agents are of the release asked for",
    problem: ({ agent, version }) => {
      const image = getString(named(agent, "containers", "cilium-agent"), "image") ?? "";
      return image.includes(`:v${version}`) ? undefined : `the image is ${image}`;
    },
  },
  {
    what: "agents of an in-place migration wait for their node's label, and the operator does not",
    problem: ({ agent, operator }, values) => {
      const wanted = getString(values, "nodeSelector", agentLabel);
      const [agents, operators] = [agent, operator].map((object) =>
        getString(object, ...template, "spec", "nodeSelector", agentLabel),
      );
      if (operators !== undefined) return "the operator waits too";
      return agents === wanted ? undefined : `the agents' nodeSelector has ${agents}`;
    },
  },
  {
    what: "agents stay until their wave, whatever value changes",
    phase: "migration",
    problem: ({ agent }) =>
      getString(agent, ...template, "metadata", "annotations", "cilium.io/cilium-configmap-checksum") === undefined
        ? undefined
        : "a checksum of the ConfigMap rolls them",
  },
  {
    what: "the operator starts again when its settings change",
    problem: ({ operator }) =>
      getString(operator, ...template, "metadata", "annotations", "cilium.io/cilium-configmap-checksum") === undefined
        ? "no checksum of the ConfigMap"
        : undefined,
  },
  {
    what: "the operator runs on tainted nodes",
    problem: ({ operator }) =>
      getArray(operator, ...template, "spec", "tolerations").some(
        (one) => JSON.stringify(one) === '{"operator":"Exists"}',
      )
        ? undefined
        : "it does not tolerate everything",
  },
  {
    what: "the operator's replicas are the plan's",
    problem: ({ operator }, values) => {
      const [theirs, ours] = [getIn(operator, "spec", "replicas"), getIn(values, "operator", "replicas")];
      return theirs === ours ? undefined : `${theirs} and not ${ours}`;
    },
  },
  {
    what: "one agent at a time is replaced",
    problem: ({ agent }, values) => {
      const [theirs, ours] = [getIn(agent, "spec", "updateStrategy"), getIn(values, "updateStrategy")];
      return getIn(theirs, "type") === getIn(ours, "type") &&
        String(getIn(theirs, "rollingUpdate", "maxUnavailable")) ===
          String(getIn(ours, "rollingUpdate", "maxUnavailable"))
        ? undefined
        : `${JSON.stringify(theirs)} and not ${JSON.stringify(ours)}`;
    },
  },
  {
    what: "there is no Envoy on every node unless the values ask for it",
    problem: ({ objects }, values) => {
      const has = objects.some(
        (one) => one["kind"] === "DaemonSet" && getString(one, "metadata", "name") === "cilium-envoy",
      );
      return has === (getBoolean(values, "envoy", "enabled") ?? true) ? undefined : `cilium-envoy: ${has}`;
    },
  },
  {
    what: "certificates are not made anew at each render",
    problem: ({ objects }) => {
      const made = objects.filter((one) => one["kind"] === "Secret" && getString(one, "type") === "kubernetes.io/tls");
      return made.length === 0 ? undefined : `${made.length} certificates are in the rendered text`;
    },
  },
];
