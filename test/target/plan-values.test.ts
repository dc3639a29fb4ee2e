import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../lib/core/json.ts";
import type { Node, Pod } from "../../lib/inventory/inventory.ts";
import type { SourceDetection } from "../../lib/source/source.ts";
import { isKnownValue } from "../../lib/target/known-values.ts";
import { planTarget } from "../../lib/target/plan-target.ts";
import { detection, facts, inventory, node, plan, pod, port, threeNodes } from "./cluster.ts";

const hubbleMetrics = [
  "drop:labelsContext=source_namespace,source_workload,destination_namespace,destination_workload,traffic_direction",
  "policy:labelsContext=source_namespace,source_workload,destination_namespace,destination_workload,traffic_direction",
  "flow",
  "dns",
  "tcp",
];

/** Canal on three nodes with every default of the plan, Cilium 1.20. */
const canalMigration: JsonObject = {
  ipam: {
    mode: "cluster-pool",
    operator: { clusterPoolIPv4PodCIDRList: ["10.245.0.0/16"], clusterPoolIPv4MaskSize: 24 },
  },
  ipv4: { enabled: true },
  ipv6: { enabled: false },
  enableIPv4Masquerade: true,
  routingMode: "tunnel",
  tunnelProtocol: "vxlan",
  tunnelPort: 8473,
  devices: ["!cali+", "!flannel.1"],
  forceDeviceDetection: true,
  cni: { customConf: true, uninstall: false },
  policyEnforcementMode: "default",
  policyAuditMode: false,
  bpf: { datapathMode: "veth", hostLegacyRouting: true, masquerade: false },
  extraConfig: { "prepend-iptables-chains": "false" },
  kubeProxyReplacement: false,
  enableLBIPAM: false,
  l2announcements: { enabled: false },
  operator: {
    replicas: 2,
    rollOutPods: true,
    tolerations: [{ operator: "Exists" }],
    setNodeTaints: false,
    removeNodeTaints: true,
    unmanagedPodWatcher: { restart: false },
  },
  rollOutCiliumPods: false,
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } },
  daemon: {
    allowedConfigOverrides: "write-cni-conf-when-ready,cni-exclusive,cni-chaining-mode,cni-log-file,custom-cni-conf",
  },
  envoy: { enabled: false },
  hubble: {
    enabled: true,
    relay: { enabled: true },
    metrics: { enabled: hubbleMetrics },
    tls: { auto: { method: "cronJob" } },
  },
};

/** What the final values have otherwise. */
const finalChanges: Changes = {
  "cni.customConf": false,
  "cni.exclusive": true,
  extraConfig: undefined,
  "operator.setNodeTaints": true,
  "operator.unmanagedPodWatcher.restart": true,
  rollOutCiliumPods: true,
  daemon: undefined,
};

type Changes = Readonly<Record<string, JsonValue | undefined>>;

/** The object with values put at dotted paths; `undefined` takes the key away. */
function changed(object: JsonObject, changes: Changes): JsonObject {
  const copy = structuredClone(object) as Record<string, JsonValue>;
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    let at = copy;
    for (const step of steps) {
      at[step] ??= {};
      at = at[step] as Record<string, JsonValue>;
    }
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  return copy;
}

interface Row {
  readonly name: string;
  readonly source?: SourceDetection;
  readonly nodes?: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly others?: readonly JsonObject[];
  readonly spec?: JsonObject;
  readonly required?: JsonObject;
  readonly migration?: Changes;
  readonly final?: Changes;
}

const noPolicy = { enforcedPolicyKinds: [], policyEngines: [] };
const flannelDevices = { devices: ["!flannel.1"] };

const rows: readonly Row[] = [
  { name: "Canal" },
  {
    name: "Canal with hostPorts keeps them through the portmap plugin",
    pods: [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })],
    final: { "cni.chainingMode": "portmap" },
  },
  {
    name: "Canal on Cilium 1.19",
    spec: { target: { version: "1.19.6" } },
  },
  {
    name: "Canal on Cilium 1.18, whose uplinks have to be named",
    spec: { target: { version: "1.18.11", devices: ["eth0"] } },
    migration: { devices: ["eth0"], forceDeviceDetection: undefined },
    final: { devices: ["eth0"], forceDeviceDetection: undefined },
  },
  {
    name: "Canal that was told its interface",
    source: detection("canal", facts({ uplinks: ["eth1"] })),
    migration: { devices: ["eth1"], forceDeviceDetection: undefined },
    final: { devices: ["eth1"], forceDeviceDetection: undefined },
  },
  {
    name: "continuity bridge enforces as exact does",
    spec: { policies: { continuity: "bridge" } },
  },
  {
    name: "continuity audit reports and drops nothing",
    spec: { policies: { continuity: "audit" } },
    migration: { policyAuditMode: true },
  },
  {
    name: "continuity off computes nothing",
    spec: { policies: { continuity: "off" } },
    migration: { policyEnforcementMode: "never" },
  },
  {
    name: "Calico IPIP that was told an MTU",
    source: detection(
      "calico",
      facts({
        encapsulation: "ipip",
        tunnelPort: undefined as never,
        mtu: 1480,
        podCIDRs: ["192.168.0.0/16"],
        devices: ["cali+", "tunl0"],
      }),
    ),
    migration: {
      "ipam.operator.clusterPoolIPv4PodCIDRList": ["10.244.0.0/16"],
      tunnelPort: 8472,
      MTU: 1500,
      devices: ["!cali+", "!tunl0"],
    },
    final: {
      "ipam.operator.clusterPoolIPv4PodCIDRList": ["10.244.0.0/16"],
      tunnelPort: 8472,
      MTU: 1500,
      devices: ["!cali+", "!tunl0"],
    },
  },
  {
    name: "Calico VXLAN leaves 8472 free",
    source: detection("calico", facts({ tunnelPort: 4789, devices: ["cali+", "vxlan.calico"] })),
    migration: { tunnelPort: 8472, devices: ["!cali+", "!vxlan.calico"] },
    final: { tunnelPort: 8472, devices: ["!cali+", "!vxlan.calico"] },
  },
  {
    name: "Calico VXLAN where a flannel was installed once",
    source: {
      ...detection("calico", facts({ tunnelPort: 4789, devices: ["cali+", "vxlan.calico"] })),
      evidence: [
        {
          source: "flannel",
          object: "ConfigMap/kube-system/kube-flannel-cfg",
          field: "data",
          value: "",
          weight: "weak",
        },
      ],
    },
    migration: { devices: ["!cali+", "!vxlan.calico"] },
    final: { devices: ["!cali+", "!vxlan.calico"] },
  },
  {
    name: "Flannel dual stack",
    source: detection(
      "flannel",
      facts({ families: [4, 6], podCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"], devices: ["flannel.1"], ...noPolicy }),
    ),
    migration: {
      "ipam.operator.clusterPoolIPv6PodCIDRList": ["fd00:10:244:100::/104"],
      "ipam.operator.clusterPoolIPv6MaskSize": 120,
      "ipv6.enabled": true,
      enableIPv6Masquerade: true,
      ...flannelDevices,
    },
    final: {
      "ipam.operator.clusterPoolIPv6PodCIDRList": ["fd00:10:244:100::/104"],
      "ipam.operator.clusterPoolIPv6MaskSize": 120,
      "ipv6.enabled": true,
      enableIPv6Masquerade: true,
      ...flannelDevices,
    },
  },
  {
    name: "Calico with IPv6 alone on one node",
    source: detection(
      "calico",
      facts({ families: [6], podCIDRs: ["fd00:10:244::/56"], serviceCIDRs: ["fd00:10:96::/112"] }),
    ),
    nodes: [node("a", "fd00:1::2")],
    migration: ipv6Only(),
    final: ipv6Only(),
  },
  {
    name: "Flannel on Talos",
    source: detection(
      "flannel",
      facts({ tunnelPort: 4789, devices: ["flannel.1"], installation: "talos", ...noPolicy }),
    ),
    nodes: threeNodes.map((own) => ({ ...own, nodeInfo: { ...own.nodeInfo, osImage: "Talos (v1.11.6)" } })),
    migration: talos(),
    final: talos(),
  },
  {
    name: "Flannel on k3s writes into k3s' directories",
    source: detection(
      "flannel",
      facts({
        podCIDRs: ["10.42.0.0/16"],
        serviceCIDRs: ["10.43.0.0/16"],
        devices: ["flannel.1"],
        cniConfDirectory: "/var/lib/rancher/k3s/agent/etc/cni/net.d",
        cniBinDirectory: "/var/lib/rancher/k3s/data/cni",
        installation: "k3s",
        ...noPolicy,
      }),
    ),
    nodes: threeNodes.map((own) => ({ ...own, nodeInfo: { ...own.nodeInfo, kubeletVersion: "v1.33.4+k3s1" } })),
    migration: k3s(),
    final: k3s(),
  },
  {
    name: "RKE2's Canal reaches the API server through RKE2's balancer",
    source: detection("canal", facts({ installation: "rke2" })),
    nodes: threeNodes.map((own) => ({ ...own, nodeInfo: { ...own.nodeInfo, kubeletVersion: "v1.33.4+rke2r1" } })),
    migration: { k8sServiceHost: "127.0.0.1", k8sServicePort: 6443 },
    final: { k8sServiceHost: "127.0.0.1", k8sServicePort: 6443 },
  },
  {
    name: "Kube-Router with its Service proxy, replaced at the end",
    source: detection(
      "kube-router",
      facts({
        encapsulation: "ipip",
        tunnelPort: undefined as never,
        devices: ["kube-bridge", "tun-+"],
        serviceProxy: { kind: "source", mode: "ipvs" },
      }),
    ),
    spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2", k8sServicePort: 6443 } },
    migration: {
      tunnelPort: 8472,
      devices: ["!kube-bridge", "!tun-+"],
      k8sServiceHost: "172.18.0.2",
      k8sServicePort: 6443,
    },
    final: {
      tunnelPort: 8472,
      devices: ["!kube-bridge", "!tun-+"],
      k8sServiceHost: "172.18.0.2",
      k8sServicePort: 6443,
      kubeProxyReplacement: true,
      kubeProxyReplacementHealthzBindAddr: "0.0.0.0:10256",
    },
  },
  {
    name: "OVN-Kubernetes in local gateway mode leaves Geneve's port",
    source: detection(
      "ovn-kubernetes",
      facts({
        encapsulation: "geneve",
        tunnelPort: 6081,
        devices: ["genev_sys_6081", "ovn-k8s-mp0"],
        serviceProxy: { kind: "source" },
        dataplane: "openvswitch",
      }),
    ),
    others: [kubeadmConfig("172.18.0.100:6443")],
    migration: {
      tunnelPort: 8472,
      devices: ["!genev_sys_6081", "!ovn-k8s-mp0"],
      k8sServiceHost: "172.18.0.100",
      k8sServicePort: 6443,
    },
    final: {
      tunnelPort: 8472,
      devices: ["!genev_sys_6081", "!ovn-k8s-mp0"],
      k8sServiceHost: "172.18.0.100",
      k8sServicePort: 6443,
    },
  },
  {
    name: "AWS VPC CNI keeps its SNAT rules until its pods are gone",
    source: detection(
      "aws-vpc-cni",
      facts({
        encapsulation: "none",
        tunnelPort: undefined as never,
        podCIDRs: ["10.0.0.0/16"],
        devices: ["eni+"],
        mtu: 9001,
        ...noPolicy,
      }),
    ),
    nodes: [node("a", "10.0.1.2"), node("b", "10.0.2.2")],
    migration: {
      "ipam.operator.clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"],
      tunnelPort: 8472,
      MTU: 9001,
      devices: ["!eni+"],
      "cni.iptablesRemoveAWSRules": false,
    },
    final: {
      "ipam.operator.clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"],
      tunnelPort: 8472,
      MTU: 9001,
      devices: ["!eni+"],
      "cni.iptablesRemoveAWSRules": true,
    },
  },
  {
    name: "Multus in front keeps its file",
    source: detection("calico", facts({ companions: ["multus"] })),
    final: { "cni.exclusive": false },
  },
  {
    name: "Istio needs to see Services' addresses, and its CNI plugin keeps its file",
    source: detection("canal", facts({ companions: ["istio-cni"] })),
    migration: { "socketLB.hostNamespaceOnly": true },
    final: { "socketLB.hostNamespaceOnly": true, "cni.exclusive": false },
  },
  {
    name: "what translated policies need is there from the first day",
    required: { nodeSelectorLabels: true, policyCIDRMatchMode: ["nodes"] },
    migration: { nodeSelectorLabels: true, policyCIDRMatchMode: ["nodes"] },
    final: { nodeSelectorLabels: true, policyCIDRMatchMode: ["nodes"] },
  },
  {
    name: "what a policy needs goes before the rules",
    required: { envoy: { enabled: true } },
    migration: { envoy: { enabled: true } },
    final: { envoy: { enabled: true } },
  },
  {
    name: "kube-proxy replaced at the end serves hostPorts itself then",
    pods: [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })],
    spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2" } },
    migration: { k8sServiceHost: "172.18.0.2", k8sServicePort: 6443 },
    final: {
      k8sServiceHost: "172.18.0.2",
      k8sServicePort: 6443,
      kubeProxyReplacement: true,
      kubeProxyReplacementHealthzBindAddr: "0.0.0.0:10256",
    },
  },
  {
    name: "without Hubble",
    spec: { observability: { hubble: false } },
    migration: { hubble: { enabled: false } },
    final: { hubble: { enabled: false } },
  },
  {
    name: "with gates that ask Prometheus",
    spec: { roll: { prometheus: { url: "http://prometheus.monitoring:9090" } } },
    migration: { prometheus: { enabled: true } },
    final: { prometheus: { enabled: true } },
  },
  {
    name: "the plan's own pool with smaller blocks",
    spec: { target: { podCIDRs: ["10.250.0.0/17"], podCIDRMaskSize: 25 } },
    migration: { "ipam.operator": { clusterPoolIPv4PodCIDRList: ["10.250.0.0/17"], clusterPoolIPv4MaskSize: 25 } },
    final: { "ipam.operator": { clusterPoolIPv4PodCIDRList: ["10.250.0.0/17"], clusterPoolIPv4MaskSize: 25 } },
  },
  {
    name: "a Cilium that is installed already keeps its pool and its port",
    others: [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "cilium-config", namespace: "kube-system" },
        data: { "cluster-pool-ipv4-cidr": "10.99.0.0/16", "cluster-pool-ipv4-mask-size": "25", "tunnel-port": "8475" },
      },
    ],
    migration: {
      "ipam.operator": { clusterPoolIPv4PodCIDRList: ["10.99.0.0/16"], clusterPoolIPv4MaskSize: 25 },
      tunnelPort: 8475,
    },
    final: {
      "ipam.operator": { clusterPoolIPv4PodCIDRList: ["10.99.0.0/16"], clusterPoolIPv4MaskSize: 25 },
      tunnelPort: 8475,
    },
  },
];

function ipv6Only(): Changes {
  return {
    "ipam.operator": { clusterPoolIPv6PodCIDRList: ["fd00:10:244:100::/104"], clusterPoolIPv6MaskSize: 120 },
    "ipv4.enabled": false,
    "ipv6.enabled": true,
    enableIPv4Masquerade: undefined,
    enableIPv6Masquerade: true,
    underlayProtocol: "ipv6",
    "operator.replicas": 1,
  };
}

function talos(): Changes {
  return {
    tunnelPort: 8472,
    ...flannelDevices,
    k8sServiceHost: "localhost",
    k8sServicePort: 7445,
    "securityContext.capabilities": {
      ciliumAgent:
        "CHOWN KILL NET_ADMIN NET_RAW IPC_LOCK SYS_ADMIN SYS_RESOURCE DAC_OVERRIDE FOWNER SETGID SETUID".split(" "),
      cleanCiliumState: ["NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE"],
    },
    cgroup: { autoMount: { enabled: false }, hostRoot: "/sys/fs/cgroup" },
  };
}

function k3s(): Changes {
  return {
    "ipam.operator.clusterPoolIPv4PodCIDRList": ["10.41.0.0/16"],
    ...flannelDevices,
    "cni.confPath": "/var/lib/rancher/k3s/agent/etc/cni/net.d",
    "cni.binPath": "/var/lib/rancher/k3s/data/cni",
  };
}

function kubeadmConfig(endpoint: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "kubeadm-config", namespace: "kube-system" },
    data: { ClusterConfiguration: `apiVersion: kubeadm.k8s.io/v1beta4\ncontrolPlaneEndpoint: ${endpoint}\n` },
  };
}

function targetOf(row: Row) {
  return planTarget({
    plan: plan(row.spec),
    inventory: inventory(row.nodes ?? threeNodes, row.pods, row.others),
    source: row.source ?? detection("canal", facts()),
    requiredValues: row.required ?? {},
  });
}

describe("values of the migration", () => {
  test.each(rows)("$name", (row) => {
    expect(targetOf(row).value?.migration.values).toEqual(changed(canalMigration, row.migration ?? {}));
  });
});

describe("final values", () => {
  test.each(rows)("$name", (row) => {
    const expected = changed(changed(canalMigration, finalChanges), row.final ?? {});

    expect(targetOf(row).value?.final.values).toEqual(expected);
  });
});

test.each(["1.18", "1.19", "1.20"] as const)(
  "every value that any row leads to is read by the chart of %s",
  (minor) => {
    const unknown = rows.flatMap((row) => {
      const target = targetOf(row).value;
      return [...(target?.migration.reasons ?? []), ...(target?.final.reasons ?? [])]
        .filter(({ path }) => !isKnownValue(minor, path))
        .map(({ path }) => path.join("."));
    });

    expect(unknown).toEqual([]);
  },
);

test("every value has a reason of one line", () => {
  const reasons = rows.flatMap((row) => targetOf(row).value?.migration.reasons ?? []);

  expect(reasons.filter(({ why }) => why.trim() === "" || why.includes("\n"))).toEqual([]);
});

test("a target that is not Cilium has no values", () => {
  const { value, findings } = targetOf({ name: "flannel", spec: { target: { cni: "flannel" } } });

  expect(value).toBeUndefined();
  expect(findings.map((finding) => finding.code)).toEqual(["target/not-cilium"]);
});

test.each([
  ["nothing to say but the proposal", {}, ["target/pod-cidr-proposed"]],
  [
    "Cilium 1.18 cannot exclude the source's devices",
    { spec: { target: { version: "1.18.11" } } },
    ["target/pod-cidr-proposed", "target/devices-needed"],
  ],
  [
    "an agent that needs the API server's address and finds none",
    {
      source: detection("kube-router", facts({ serviceProxy: { kind: "source" } })),
      spec: { policies: { continuity: "off" } },
    },
    ["target/pod-cidr-proposed", "target/k8s-service-host-needed"],
  ],
  [
    "an address that was derived",
    { spec: { target: { kubeProxyReplacement: true } }, others: [kubeadmConfig("[fd00::1]:6443")] },
    ["target/pod-cidr-proposed", "target/k8s-service-host-derived"],
  ],
  [
    "k3s moves its directories",
    { nodes: threeNodes.map((own) => ({ ...own, nodeInfo: { kubeletVersion: "v1.33.4+k3s1" } })) },
    ["target/pod-cidr-proposed", "target/cni-directory-moves"],
  ],
  [
    "an MTU that was computed",
    { source: detection("canal", facts({ mtu: 1450 })) },
    ["target/pod-cidr-proposed", "target/mtu-estimated"],
  ],
  [
    "a pool that is not the installed one",
    {
      spec: { target: { podCIDRs: ["10.250.0.0/16"] } },
      others: [
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "cilium-config", namespace: "kube-system" },
          data: { "cluster-pool-ipv4-cidr": "10.245.0.0/16", "cluster-pool-ipv4-mask-size": "24" },
        },
      ],
    },
    ["target/pod-cidr-changed"],
  ],
])("findings: %s", (_rule, row, codes) => {
  expect(targetOf({ name: "findings", ...row }).findings.map((finding) => finding.code)).toEqual(codes);
});

test.each([
  [
    "devices that Cilium 1.18 needs",
    { version: "1.18.11", values: { devices: ["eth0"] } },
    ["target/pod-cidr-proposed", "target/mtu-estimated"],
  ],
  ["an MTU of one's own", { values: { MTU: 9000 } }, ["target/pod-cidr-proposed"]],
  [
    "the API server's address",
    { kubeProxyReplacement: true, values: { k8sServiceHost: "127.0.0.1", k8sServicePort: 6444 } },
    ["target/pod-cidr-proposed", "target/mtu-estimated"],
  ],
])("given among the plan's values, %s is as good as a field of the plan", (_what, target, codes) => {
  const row = { name: "values", spec: { target }, source: detection("canal", facts({ mtu: 1450 })) };

  expect(targetOf(row).findings.map((finding) => finding.code)).toEqual(codes);
});

test("until kube-proxy is replaced a wave's nodes serve hostPorts through the plugin", () => {
  const target = targetOf({
    name: "hostPorts",
    pods: [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })],
    spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2" } },
  }).value;

  expect(target?.nodeConfigDefaults["cni-chaining-mode"]).toBe("portmap");
});

test("the node config of a wave names the portmap plugin where hostPorts are used, and Multus' file stays", () => {
  const target = targetOf({
    name: "node config",
    source: detection("canal", facts({ companions: ["multus"] })),
    pods: [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })],
  }).value;

  expect(target?.nodeConfigDefaults).toEqual({
    "cni-chaining-mode": "portmap",
    "cni-exclusive": "false",
    "cni-log-file": "/var/run/cilium/cilium-cni.log",
    "custom-cni-conf": "false",
    "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
  });
});

test.each([
  ["1.17.9", "1.18"],
  ["1.21.0", "1.20"],
])("Cilium %s is told to be unknown, and its values are those of the nearest minor, %s", (version, nearest) => {
  const { value, findings } = targetOf({ name: version, spec: { target: { version } } });
  const like = targetOf({ name: nearest, spec: { target: { version: `${nearest}.2` } } });

  expect(findings.filter(({ code }) => code === "target/version-unsupported")).toEqual([
    {
      code: "target/version-unsupported",
      severity: "error",
      message: `Cilium ${version} is none of 1.18, 1.19, 1.20; the values follow ${nearest}`,
      where: { file: "plans/test.yaml", field: "spec.target.version" },
      reason:
        "the chart's keys and the agent's behaviour differ by minor, and a value that a chart does not know is ignored",
      remedy: "set spec.target.version to a release of 1.18, 1.19 or 1.20",
    },
  ]);
  expect(value?.final.values).toEqual(like.value?.final.values);
  expect(like.findings.filter(({ code }) => code === "target/version-unsupported")).toEqual([]);
});
