import { objectsOf } from "../inventory/inventory.ts";
import { hostPortText } from "./host-ports.ts";
import { ownedLoadBalancers } from "./load-balancers.ts";
import type { TargetContext } from "./target-context.ts";
import { byPhase, rule, set, type ValueRule } from "./value-rule.ts";

const chartConfDirectory = "/etc/cni/net.d";
const chartBinDirectory = "/opt/cni/bin";

/** Who has to find its CNI file beside Cilium's, so that Cilium must not rename it; `undefined` when nobody. */
export function sharesDirectory(context: TargetContext): string | undefined {
  return context.source.facts.companions.find((name) => name !== "istio-ambient");
}

/** Whether hostPorts need the portmap plugin: some are used, and Cilium does not serve them itself. */
export function needsPortmap(context: TargetContext): boolean {
  return context.hostPorts.length > 0 && !context.plan.spec.target.kubeProxyReplacement;
}

/** Who answers for Services. */
export const serviceRules: readonly ValueRule[] = [
  rule("kubeProxyReplacement", (context, phase) => {
    const stays = set(
      false,
      "kube-proxy goes on answering for Services: a switch breaks their established connections",
    );
    if (!context.plan.spec.target.kubeProxyReplacement) return stays;
    return byPhase(phase, stays, set(true, "the plan replaces kube-proxy once every pod is on Cilium"));
  }),
  rule("kubeProxyReplacementHealthzBindAddr", (context, phase) =>
    phase === "final" && context.plan.spec.target.kubeProxyReplacement
      ? set("0.0.0.0:10256", "load balancers go on asking kube-proxy's health port")
      : undefined,
  ),
  rule("k8sServiceHost", (context) =>
    context.serviceHost === undefined ? undefined : set(context.serviceHost.host, context.serviceHost.why),
  ),
  rule("k8sServicePort", (context) =>
    context.serviceHost === undefined ? undefined : set(context.serviceHost.port, "the port of k8sServiceHost"),
  ),
  rule("enableLBIPAM", (context) => {
    const owner = ownedLoadBalancers(context.inventory, context.source);
    return set(
      false,
      owner === undefined
        ? "Cilium gives out no load balancer addresses unless the plan says so"
        : `${owner} gives out load balancer addresses; two of them would own the same Services`,
    );
  }),
  rule("l2announcements.enabled", () =>
    set(false, "Cilium announces no load balancer address unless the plan says so"),
  ),
];

/** The CNI files on the nodes. */
export const cniRules: readonly ValueRule[] = [
  rule("cni.customConf", (_context, phase) =>
    byPhase(
      phase,
      set(true, "the agent leaves the CNI directory alone until a CiliumNodeConfig of a wave says otherwise"),
      set(false, "every agent writes its CNI file itself; nodes of no wave are taken over at their agent's next start"),
    ),
  ),
  rule("cni.uninstall", () =>
    set(false, "an agent that stops must not take its CNI file away: pods could no longer start"),
  ),
  rule("cni.exclusive", (context, phase) => {
    const companion = sharesDirectory(context);
    if (phase === "migration") return undefined;
    return companion === undefined
      ? set(true, "other CNI files are renamed, so that the runtime can choose none of them")
      : set(false, `${companion} keeps its file in the same directory and must not be renamed`);
  }),
  rule("cni.chainingMode", (context, phase) =>
    phase === "final" && needsPortmap(context)
      ? set(
          "portmap",
          `the portmap plugin serves the hostPorts ${hostPortText(context.hostPorts)}, as kube-proxy is not replaced`,
        )
      : undefined,
  ),
  rule("cni.confPath", ({ source, distribution }) =>
    source.facts.cniConfDirectory === chartConfDirectory
      ? undefined
      : set(source.facts.cniConfDirectory, `the runtime reads CNI files here (${distribution})`),
  ),
  rule("cni.binPath", ({ source, distribution }) =>
    source.facts.cniBinDirectory === chartBinDirectory
      ? undefined
      : set(source.facts.cniBinDirectory, `the runtime looks for CNI binaries here (${distribution})`),
  ),
  rule("cni.iptablesRemoveAWSRules", (context, phase) => {
    const runsAWS = objectsOf(context.inventory, "DaemonSet").some((daemonSet) => daemonSet.name === "aws-node");
    if (!runsAWS && context.source.source !== "aws-vpc-cni") return undefined;
    return byPhase(
      phase,
      set(false, "old pods leave through aws-node's SNAT rules; removed at install they would lose their way out"),
      set(true, "no pod uses aws-node's rules any more"),
    );
  }),
];

/** Operator and agents as workloads. */
export const workloadRules: readonly ValueRule[] = [
  rule("operator.replicas", (context) =>
    context.inventory.nodes.length < 2
      ? set(1, "one node: a second operator would have nowhere to go")
      : set(2, "one takes over when the other's node is drained"),
  ),
  rule("operator.rollOutPods", () =>
    set(true, "the operator reads its settings only at its start, so a change restarts it"),
  ),
  rule("operator.tolerations", () =>
    set([{ operator: "Exists" }], "a Pending operator gives no new node a block and validates no policy"),
  ),
  rule("operator.setNodeTaints", (_context, phase) =>
    byPhase(
      phase,
      set(
        false,
        "while agents pull their image their nodes would be tainted: the whole cluster unschedulable at install",
      ),
      set(
        true,
        "a new node takes no pods before its agent is ready; written out because a value of null merges differently per engine",
      ),
    ),
  ),
  rule("operator.removeNodeTaints", () => set(true, "start-up taints of new nodes go away when their agent is ready")),
  rule("operator.unmanagedPodWatcher.restart", (_context, phase) =>
    byPhase(
      phase,
      set(false, "otherwise the operator deletes old DNS pods, one each 15 s, past every PodDisruptionBudget"),
      set(true, "a DNS pod that came up before Cilium is restarted"),
    ),
  ),
  rule("rollOutCiliumPods", (_context, phase) =>
    byPhase(
      phase,
      set(false, "agents restart when their wave says so, not when a value changes"),
      set(true, "agents pick the final values up one by one"),
    ),
  ),
  rule("updateStrategy.type", () =>
    set("RollingUpdate", "OnDelete would leave the engines waiting for a rollout that nobody makes"),
  ),
  rule("updateStrategy.rollingUpdate.maxUnavailable", () =>
    set(1, "one agent at a time: on its node no pod can start meanwhile"),
  ),
  rule("daemon.allowedConfigOverrides", (_context, phase) =>
    byPhase(
      phase,
      set(
        allowedNodeConfigKeys.join(","),
        "a CiliumNodeConfig may set these keys only: a stray one cannot open a node's policy",
      ),
      undefined,
    ),
  ),
  rule("envoy.enabled", () =>
    set(false, "no DaemonSet of its own for L7: the agent starts Envoy where a policy needs it"),
  ),
  rule("securityContext.capabilities.ciliumAgent", ({ distribution }) =>
    distribution === "talos"
      ? set(talosAgentCapabilities, "Talos lets no pod load kernel modules: SYS_MODULE left out")
      : undefined,
  ),
  rule("securityContext.capabilities.cleanCiliumState", ({ distribution }) =>
    distribution === "talos" ? set(talosCleanCapabilities, "the same for the init container") : undefined,
  ),
  rule("cgroup.autoMount.enabled", ({ distribution }) =>
    distribution === "talos" ? set(false, "Talos has mounted cgroup2 already") : undefined,
  ),
  rule("cgroup.hostRoot", ({ distribution }) =>
    distribution === "talos" ? set("/sys/fs/cgroup", "where Talos mounts it") : undefined,
  ),
];

/** Keys that the node configs of a wave, its way back and new nodes set. */
export const allowedNodeConfigKeys = [
  "write-cni-conf-when-ready",
  "cni-exclusive",
  "cni-chaining-mode",
  "cni-log-file",
  "custom-cni-conf",
] as const;

/** Source: cilium/cilium v1.20.2 Documentation/installation/k8s-install-talos-linux.rst. */
const talosAgentCapabilities = [
  "CHOWN",
  "KILL",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "SYS_ADMIN",
  "SYS_RESOURCE",
  "DAC_OVERRIDE",
  "FOWNER",
  "SETGID",
  "SETUID",
];
const talosCleanCapabilities = ["NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE"];

/** What can be seen while it moves. */
export const observationRules: readonly ValueRule[] = [
  rule("hubble.enabled", ({ plan }) =>
    plan.spec.observability.hubble
      ? set(true, "flows and drops of migrated pods, in place of the source's log lines")
      : set(false, "the plan does without Hubble"),
  ),
  rule("hubble.relay.enabled", ({ plan }) =>
    plan.spec.observability.hubble ? set(true, "hubble observe over all nodes") : undefined,
  ),
  rule("hubble.metrics.enabled", ({ plan }) =>
    plan.spec.observability.hubble
      ? set(hubbleMetrics, "drops and policy verdicts by workload, the successors of logged drops")
      : undefined,
  ),
  rule("hubble.tls.auto.method", ({ plan }) =>
    plan.spec.observability.hubble
      ? set(
          "cronJob",
          "certificates are made in the cluster: the helm method makes new ones at every render, which no engine ever settles on",
        )
      : undefined,
  ),
  rule("prometheus.enabled", ({ plan }) =>
    plan.spec.roll.prometheus === undefined
      ? undefined
      : set(true, "the gates between waves ask for the agents' metrics"),
  ),
];

const hubbleMetrics = [
  "drop:labelsContext=source_namespace,source_workload,destination_namespace,destination_workload,traffic_direction",
  "policy:labelsContext=source_namespace,source_workload,destination_namespace,destination_workload,traffic_direction",
  "flow",
  "dns",
  "tcp",
];
