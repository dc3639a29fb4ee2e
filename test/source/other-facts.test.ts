import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource, findNodeLeftovers, planSourcePreparation } from "../../lib/source/detect-source.ts";
import type { SourceFacts } from "../../lib/source/source.ts";
import { configMap, daemonSet, inventoryOf, kubeProxy, node, object, pod } from "./inventories.ts";

async function detect(...parts: readonly JsonObject[]) {
  const inventory = await inventoryOf(parts);
  const detection = detectSource(inventory, "auto");
  return {
    ...detection,
    codes: detection.findings.map(({ code, severity }) => `${severity} ${code.replace("source/", "")}`),
    preparation: planSourcePreparation(inventory, detection),
    leftovers: findNodeLeftovers(inventory, detection),
  };
}

const policy = object("networking.k8s.io/v1", "NetworkPolicy", "deny", { spec: { podSelector: {} } }, "shop");

describe("flannel", () => {
  const flannel = daemonSet("kube-flannel-ds", {
    namespace: "kube-flannel",
    containers: [
      {
        name: "kube-flannel",
        image: "flannel/flannel:v0.28.9",
        args: ["--ip-masq", "--kube-subnet-mgr", "--iface=eth1"],
      },
    ],
    configMaps: ["kube-flannel-cfg"],
  });
  const net = (conf: JsonObject) =>
    configMap(
      "kube-flannel-cfg",
      { "net-conf.json": JSON.stringify({ Network: "10.244.0.0/16", ...conf }) },
      "kube-flannel",
    );
  const rows: readonly (readonly [string, JsonObject, Partial<SourceFacts>])[] = [
    [
      "VXLAN",
      { Backend: { Type: "vxlan" } },
      { encapsulation: "vxlan", tunnelPort: 8472, vni: 1, devices: ["cni0", "flannel.1"] },
    ],
    [
      "VXLAN as Talos sets it, with Windows' port and VNI",
      { Backend: { Type: "vxlan", Port: 4789, VNI: 4096 } },
      { tunnelPort: 4789, vni: 4096, devices: ["cni0", "flannel.4096"] },
    ],
    ["host-gw", { Backend: { Type: "host-gw" } }, { encapsulation: "none", devices: ["cni0"] }],
    [
      "WireGuard",
      { Backend: { Type: "wireguard" } },
      { encapsulation: "wireguard", tunnelPort: 51820, devices: ["cni0", "flannel-wg"] },
    ],
    ["WireGuard with a port", { Backend: { Type: "wireguard", ListenPort: 51900 } }, { tunnelPort: 51900 }],
    ["UDP", { Backend: { Type: "udp" } }, { encapsulation: "udp", tunnelPort: 8285, devices: ["cni0", "flannel0"] }],
    ["IPIP", { Backend: { Type: "ipip" } }, { encapsulation: "ipip", devices: ["cni0", "flannel.ipip"] }],
    ["nftables", { EnableNFTables: true, Backend: { Type: "vxlan" } }, { dataplane: "nftables" }],
    ["MTU", { Backend: { Type: "vxlan", MTU: 1400 } }, { mtu: 1400 }],
    [
      "two families",
      { EnableIPv6: true, IPv6Network: "fd00:10:244::/56", Backend: { Type: "vxlan" } },
      {
        families: [4, 6],
        podCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"],
        devices: ["cni0", "flannel-v6.1", "flannel.1"],
      },
    ],
    [
      "IPv6 only",
      { EnableIPv4: false, EnableIPv6: true, IPv6Network: "fd00:10:244::/56", Backend: { Type: "vxlan" } },
      { families: [6], podCIDRs: ["fd00:10:244::/56"] },
    ],
    ["a backend that is new to us", { Backend: { Type: "quantum" } }, { encapsulation: "unknown" }],
  ];

  test.each(rows)("%s", async (_what, conf, facts) => {
    expect((await detect(flannel, net(conf), node("a"))).facts).toMatchObject(facts);
  });

  test("it enforces no policy, and says which interface it was told to use", async () => {
    const { facts } = await detect(flannel, net({ Backend: { Type: "vxlan" } }), node("a"));

    expect([facts.enforcedPolicyKinds, facts.uplinks, facts.details["ipMasq"]]).toEqual([[], ["eth1"], "yes"]);
  });

  test("a node whose podCIDR lies outside the network is not missed", async () => {
    const { facts } = await detect(
      flannel,
      net({ Backend: { Type: "vxlan" } }),
      node("a", { podCIDRs: ["10.50.1.0/24"] }),
    );

    expect(facts.podCIDRs).toEqual(["10.244.0.0/16", "10.50.1.0/24"]);
  });

  test("a net-conf.json that is broken blocks, with its place", async () => {
    const broken = configMap(
      "kube-flannel-cfg",
      { "net-conf.json": '{"Network": "10.244.0.0/16", "Backend": {' },
      "kube-flannel",
    );
    const { findings, facts } = await detect(flannel, broken, node("a"));

    expect(facts.encapsulation).toBe("unknown");
    expect(findings.find(({ code }) => code === "source/unreadable-configuration")).toMatchObject({
      severity: "error",
      where: { object: "ConfigMap/kube-flannel/kube-flannel-cfg", field: 'data["net-conf.json"]' },
    });
  });

  test("the prefix of its annotations can be changed", async () => {
    const renamed = daemonSet("kube-flannel-ds", {
      containers: [
        { name: "kube-flannel", image: "flannel/flannel:v0.28.9", args: ["--kube-annotation-prefix=example.test"] },
      ],
    });
    const { facts } = await detect(renamed, node("a", { annotations: { "example.test/backend-type": "host-gw" } }));

    expect(facts.encapsulation).toBe("none");
  });

  test("kube-network-policies beside it enforces policy, and filters Cilium's pods too", async () => {
    const netpol = daemonSet("kube-flannel-netpol", {
      namespace: "kube-flannel",
      containers: [{ name: "kube-network-policies", image: "registry.k8s.io/networking/kube-network-policies:v0.7.0" }],
    });
    const { facts, live, codes } = await detect(
      flannel,
      netpol,
      net({ Backend: { Type: "vxlan" } }),
      node("a"),
      policy,
    );

    expect([facts.policyEngines, facts.enforcedPolicyKinds]).toEqual([
      ["kube-network-policies"],
      ["NetworkPolicy.networking.k8s.io"],
    ]);
    expect(live.kind).toBe("conditional");
    expect(codes).toEqual(["warning policy-controller", "info policy-engine"]);
  });
});

describe("k3s and RKE2", () => {
  const k3s = (args: readonly string[], annotations: Readonly<Record<string, string>> = {}) =>
    node("a", {
      kubelet: "v1.33.2+k3s1",
      podCIDRs: ["10.42.0.0/24"],
      annotations: {
        "flannel.alpha.coreos.com/backend-type": "vxlan",
        "k3s.io/node-args": JSON.stringify(["server", ...args]),
        ...annotations,
      },
    });
  const rows: readonly (readonly [string, readonly string[], Partial<SourceFacts>])[] = [
    [
      "defaults",
      [],
      {
        installation: "k3s",
        podCIDRs: ["10.42.0.0/16"],
        serviceCIDRs: ["10.43.0.0/16"],
        tunnelPort: 8472,
        cniConfDirectory: "/var/lib/rancher/k3s/agent/etc/cni/net.d",
        cniBinDirectory: "/var/lib/rancher/k3s/data/cni",
        serviceProxy: { kind: "embedded", mode: "iptables" },
        policyEngines: ["k3s"],
      },
    ],
    [
      "prefixes, as two words",
      ["--cluster-cidr", "10.52.0.0/16", "--service-cidr", "10.53.0.0/16"],
      { podCIDRs: ["10.42.0.0/24", "10.52.0.0/16"], serviceCIDRs: ["10.53.0.0/16"] },
    ],
    [
      "prefixes, as one word, two families",
      ["--cluster-cidr=10.42.0.0/16,fd42::/56"],
      { podCIDRs: ["10.42.0.0/16", "fd42::/56"], families: [4, 6] },
    ],
    ["host-gw", ["--flannel-backend=host-gw"], { encapsulation: "none" }],
    ["wireguard-native", ["--flannel-backend=wireguard-native"], { encapsulation: "wireguard", tunnelPort: 51820 }],
    ["no policy controller", ["--disable-network-policy"], { policyEngines: [], enforcedPolicyKinds: [] }],
    ["no kube-proxy", ["--disable-kube-proxy"], { serviceProxy: { kind: "none" } }],
    ["an interface", ["--flannel-iface=ens5"], { uplinks: ["ens5"] }],
  ];

  test.each(rows)("k3s, %s", async (_what, args, facts) => {
    expect((await detect(k3s(args))).facts).toMatchObject(facts);
  });

  test("releases before October 2024 keep the plugins under the release's own folder", async () => {
    const old = node("a", {
      kubelet: "v1.31.1+k3s1",
      annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan" },
    });
    const patched = node("a", {
      kubelet: "v1.31.2+k3s1",
      annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan" },
    });

    expect((await detect(old)).facts.cniBinDirectory).toBe("/var/lib/rancher/k3s/data/current/bin");
    expect((await detect(patched)).facts.cniBinDirectory).toBe("/var/lib/rancher/k3s/data/cni");
  });

  test("with flannel switched off the network is the one that runs, in the usual directories", async () => {
    const calico = daemonSet("calico-node", { containers: [{ name: "calico-node", image: "calico/node:v3.31.7" }] });
    const { source, facts } = await detect(k3s(["--flannel-backend=none"]), calico);

    expect([source, facts.cniConfDirectory, facts.cniBinDirectory]).toEqual([
      "calico",
      "/etc/cni/net.d",
      "/opt/cni/bin",
    ]);
  });

  test("with policies, its controller is switched off first and flannel before the removal", async () => {
    const { preparation, codes } = await detect(k3s([]), policy);

    expect(preparation.map(({ title, before }) => `${before}: ${title}`)).toEqual([
      "install: Switch off k3s' embedded policy controller",
      "removal: Switch off k3s' embedded flannel",
    ]);
    expect(codes).toEqual(["warning operator-reconcile", "warning policy-controller"]);
  });

  test("arguments that are broken are told with the node", async () => {
    const { findings } = await detect(k3s([], { "k3s.io/node-args": "[server" }));

    expect(findings.find(({ code }) => code === "source/unreadable-configuration")).toMatchObject({
      message: 'metadata.annotations["k3s.io/node-args"] of Node/a is not a JSON array of arguments',
      where: { object: "Node/a" },
    });
  });

  test("RKE2's Canal goes by its chart, and its configuration before that", async () => {
    const rke2 = node("a", {
      kubelet: "v1.33.2+rke2r1",
      annotations: { "rke2.io/node-args": '["server","--cni","canal"]' },
    });
    const canal = daemonSet("rke2-canal", {
      containers: [
        { name: "calico-node", image: "rancher/hardened-calico:v3.30.2-build20250711" },
        { name: "kube-flannel", image: "rancher/hardened-flannel:v0.27.1-build20250710" },
      ],
      configMaps: ["rke2-canal-config"],
    });
    const map = configMap("rke2-canal-config", {
      "net-conf.json": '{"Network":"10.42.0.0/16","Backend":{"Type":"vxlan"}}',
    });
    const { source, facts, preparation, codes } = await detect(rke2, canal, map);

    expect([source, facts.installation, facts.version, facts.details["flannelVersion"]]).toEqual([
      "canal",
      "rke2",
      "3.30.2",
      "0.27.1",
    ]);
    expect(preparation.map(({ title }) => title)).toEqual(["Take rke2-canal out of RKE2's configuration"]);
    expect(codes).toEqual(["warning operator-reconcile"]);
  });

  test("RKE2's flannel is known by its nodes where DaemonSets were not dumped", async () => {
    const rke2 = node("a", {
      kubelet: "v1.33.2+rke2r1",
      annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan" },
    });
    const detection = detectSource(await inventoryOf([rke2], ["Node"]), "auto");

    expect([detection.source, detection.confidence, detection.facts.installation]).toEqual([
      "flannel",
      "unsure",
      "rke2",
    ]);
  });

  test("RKE2's Calico is changed in its chart's values", async () => {
    const rke2 = node("a", { kubelet: "v1.33.2+rke2r1" });
    const calico = daemonSet("calico-node", {
      namespace: "calico-system",
      containers: [{ name: "calico-node", image: "rancher/mirrored-calico-node:v3.30.2" }],
    });
    const installation = object("operator.tigera.io/v1", "Installation", "default", {
      spec: { cni: { type: "Calico" } },
    });
    const chart = object("helm.cattle.io/v1", "HelmChart", "rke2-calico", {}, "kube-system");
    const { facts, preparation } = await detect(rke2, calico, installation, chart);

    expect(facts.installation).toBe("rke2");
    expect(preparation[0]?.commands[0]).toMatch(/HelmChartConfig kube-system\/rke2-calico/u);
  });
});

describe("kube-router", () => {
  const router = (args: readonly string[]) =>
    daemonSet("kube-router", {
      containers: [{ name: "kube-router", image: "cloudnativelabs/kube-router:v2.5.0", args }],
    });
  const rows: readonly (readonly [string, readonly string[], Partial<SourceFacts>])[] = [
    ["IPIP by default", [], { encapsulation: "ipip", version: "2.5.0" }],
    ["FoU", ["--overlay-encap=fou"], { encapsulation: "fou", tunnelPort: 5555 }],
    [
      "FoU with a port",
      ["--overlay-encap=fou", "--overlay-encap-port=5566"],
      { encapsulation: "fou", tunnelPort: 5566 },
    ],
    ["no overlay", ["--enable-overlay=false"], { encapsulation: "none" }],
    [
      "all jobs by default",
      [],
      { serviceProxy: { kind: "source", mode: "ipvs" }, enforcedPolicyKinds: ["NetworkPolicy.networking.k8s.io"] },
    ],
    ["no firewall", ["--run-firewall=false"], { enforcedPolicyKinds: [] }],
    ["service prefix", ["--service-cluster-ip-range=10.95.0.0/16"], { serviceCIDRs: ["10.95.0.0/16"] }],
  ];

  test.each(rows)("%s", async (_what, args, facts) => {
    expect((await detect(router(args), node("a", { podCIDRs: ["10.244.0.0/24"] }))).facts).toMatchObject(facts);
  });

  test("beside kube-proxy it leaves Services alone", async () => {
    const { facts, codes } = await detect(router(["--run-service-proxy=false"]), node("a"), ...kubeProxy);

    expect(facts.serviceProxy).toEqual({ kind: "kube-proxy", mode: "nftables", clusterCIDR: "10.244.0.0/16" });
    expect(codes).toEqual([]);
  });

  test("with policies its firewall is switched off first, all other arguments kept", async () => {
    const { preparation, live } = await detect(
      router(["--run-firewall=true", "--run-service-proxy=false", "--bgp-graceful-restart=true"]),
      node("a"),
      policy,
    );

    expect(live.kind).toBe("conditional");
    expect(preparation[0]?.object).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                name: "kube-router",
                args: ["--run-service-proxy=false", "--bgp-graceful-restart=true", "--run-firewall=false"],
              },
            ],
          },
        },
      },
    });
  });

  test("its ipsets are told apart from kube-proxy's", async () => {
    const { leftovers } = await detect(router([]), node("a"));

    expect(leftovers.ipsetPrefixes).not.toContain("KUBE-");
    expect(leftovers.ipsetPrefixes).toContain("KUBE-SRC-");
  });
});

describe("OVN-Kubernetes", () => {
  const ovn = (env: Readonly<Record<string, string>> = {}) =>
    daemonSet("ovnkube-node", {
      namespace: "ovn-kubernetes",
      containers: [
        { name: "ovnkube-controller", image: "ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu:master", env },
      ],
    });
  const config = configMap(
    "ovn-config",
    { net_cidr: "10.244.0.0/16/24,fd00:10:244::/48/64", svc_cidr: "10.96.0.0/16", mtu: "1400" },
    "ovn-kubernetes",
  );

  test("the chart's ConfigMap tells prefixes with each node's part behind them", async () => {
    const { facts } = await detect(ovn(), config, node("a"));

    expect(facts).toMatchObject({
      podCIDRs: ["10.244.0.0/16", "fd00:10:244::/48"],
      serviceCIDRs: ["10.96.0.0/16"],
      mtu: 1400,
      encapsulation: "geneve",
      tunnelPort: 6081,
      serviceProxy: { kind: "source", mode: "ovn" },
    });
  });

  const gateways: readonly (readonly [string, readonly JsonObject[], string])[] = [
    ["the mode is not told: shared is the default", [ovn(), config, node("a")], "refused"],
    ["shared by a variable", [ovn({ OVN_GATEWAY_MODE: "shared" }), config, node("a")], "refused"],
    ["local by a variable", [ovn({ OVN_GATEWAY_MODE: "local" }), config, node("a")], "conditional"],
    [
      "what a node says counts before what was configured",
      [
        ovn({ OVN_GATEWAY_MODE: "local" }),
        config,
        node("a", { annotations: { "k8s.ovn.org/l3-gateway-config": '{"default":{"mode":"shared"}}' } }),
      ],
      "refused",
    ],
    [
      "one shared node is enough",
      [
        ovn(),
        config,
        node("a", { annotations: { "k8s.ovn.org/l3-gateway-config": '{"default":{"mode":"local"}}' } }),
        node("b", { annotations: { "k8s.ovn.org/l3-gateway-config": '{"default":{"mode":"shared"}}' } }),
      ],
      "refused",
    ],
    [
      "local by the configuration file",
      [ovn(), configMap("ovnkube-config", { "ovnkube.conf": "[gateway]\nmode=local\n" }, "ovn-kubernetes"), node("a")],
      "conditional",
    ],
  ];

  test.each(gateways)("%s", async (_what, parts, live) => {
    const detection = await detect(...parts);

    expect(detection.live.kind).toBe(live);
    expect(detection.codes.includes("error shared-gateway")).toBe(live === "refused");
  });

  test("OpenShift's routingViaHost is the local mode, and still the vendor's network", async () => {
    const operator = object("operator.openshift.io/v1", "Network", "cluster", {
      spec: {
        defaultNetwork: { type: "OVNKubernetes", ovnKubernetesConfig: { gatewayConfig: { routingViaHost: true } } },
      },
    });
    const { live, codes } = await detect(ovn(), config, operator, node("a"));

    expect(live.kind).toBe("refused");
    expect(codes).toEqual(["error openshift"]);
  });

  test("node subnets are read as a text, as older releases wrote them, and as a list", async () => {
    const parts = [
      node("a", { annotations: { "k8s.ovn.org/node-subnets": '{"default":"10.128.0.0/23"}' } }),
      node("b", { annotations: { "k8s.ovn.org/node-subnets": '{"default":["10.128.2.0/23"]}' } }),
    ];

    expect((await detect(ovn(), ...parts)).facts.podCIDRs).toEqual(["10.128.0.0/22"]);
  });

  test("the gateway bridge is an uplink and is never cleaned away", async () => {
    const told = node("a", {
      annotations: { "k8s.ovn.org/l3-gateway-config": '{"default":{"mode":"local","bridge-id":"br-ex"}}' },
    });
    const { facts, leftovers } = await detect(ovn(), config, told);

    expect([facts.uplinks, facts.devices.includes("br-ex"), leftovers.devices.includes("br-ex")]).toEqual([
      ["br-ex"],
      false,
      false,
    ]);
  });

  test("without an overlay no port is taken", async () => {
    const conf = configMap(
      "ovnkube-config",
      { "ovnkube.conf": "[default]\ntransport = no-overlay\n" },
      "ovn-kubernetes",
    );
    const { facts } = await detect(ovn(), config, conf, node("a"));

    expect([facts.encapsulation, facts.tunnelPort]).toEqual(["none", undefined]);
  });
});

describe("Weave and Antrea", () => {
  const weave = (env: Readonly<Record<string, string>>, withController = true) =>
    daemonSet("weave-net", {
      containers: [
        { name: "weave", image: "weaveworks/weave-kube:2.8.1", env },
        ...(withController ? [{ name: "weave-npc", image: "weaveworks/weave-npc:2.8.1" }] : []),
      ],
    });

  test("Weave's range is its own, and its controller is switched off first", async () => {
    const { facts, preparation } = await detect(
      weave({ IPALLOC_RANGE: "10.200.0.0/16", WEAVE_MTU: "1337" }),
      node("a", { podCIDRs: ["10.244.0.0/24"] }),
    );

    expect(facts).toMatchObject({
      podCIDRs: ["10.200.0.0/16"],
      mtu: 1337,
      version: "2.8.1",
      enforcedPolicyKinds: ["NetworkPolicy.networking.k8s.io"],
    });
    expect(preparation.map(({ title }) => title)).toEqual(["Switch off Weave's policy controller"]);
  });

  test("Weave without its controller enforces nothing", async () => {
    expect((await detect(weave({}, false), node("a"))).facts.enforcedPolicyKinds).toEqual([]);
    expect((await detect(weave({ EXPECT_NPC: "0" }), node("a"))).facts.enforcedPolicyKinds).toEqual([]);
  });

  test("Weave without the fast path wraps packets in user space", async () => {
    expect((await detect(weave({ WEAVE_NO_FASTDP: "1" }), node("a"))).facts).toMatchObject({
      encapsulation: "udp",
      tunnelPort: 6783,
    });
  });

  const antrea = daemonSet("antrea-agent", {
    containers: [{ name: "antrea-agent", image: "antrea/antrea-agent-ubuntu:v2.6.3" }],
  });
  const conf = (text: string) => configMap("antrea-config", { "antrea-agent.conf": text });
  const rows: readonly (readonly [string, string, Partial<SourceFacts>])[] = [
    ["Geneve by default", "{}", { encapsulation: "geneve", tunnelPort: 6081, version: "2.6.3" }],
    ["VXLAN", "tunnelType: vxlan", { encapsulation: "vxlan", tunnelPort: 4789 }],
    ["a port of its own", "tunnelType: vxlan\ntunnelPort: 8472", { encapsulation: "vxlan", tunnelPort: 8472 }],
    ["no encapsulation", "trafficEncapMode: noEncap", { encapsulation: "none" }],
    ["WireGuard", "trafficEncryptionMode: wireGuard", { encapsulation: "wireguard", tunnelPort: 51820 }],
    ["all Services", "antreaProxy: {proxyAll: true}", { serviceProxy: { kind: "source", mode: "antrea-proxy" } }],
    [
      "device names",
      "hostGateway: gw7\novsBridge: br7",
      { devices: ["antrea-egress0", "antrea-ingress0", "antrea-tun0", "br7", "gw7"] },
    ],
  ];

  test.each(rows)("Antrea, %s", async (_what, text, facts) => {
    const detection = await detect(antrea, conf(text), node("a"));

    expect(detection.facts).toMatchObject(facts);
    expect(detection.live.kind).toBe("conditional");
  });

  test("an Antrea configuration that is broken is told with its place", async () => {
    const { findings } = await detect(antrea, conf("trafficEncapMode: [encap"), node("a"));

    expect(findings.find(({ code }) => code === "source/unreadable-configuration")?.where).toMatchObject({
      object: "ConfigMap/kube-system/antrea-config",
      field: 'data["antrea-agent.conf"]',
    });
  });
});

describe("clouds", () => {
  const aws = (env: Readonly<Record<string, string>>, args: readonly string[] = []) =>
    daemonSet("aws-node", {
      containers: [
        { name: "aws-node", image: "602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.22.4", env },
        { name: "aws-eks-nodeagent", image: "amazon/aws-network-policy-agent:v1.4.0", args },
      ],
    });
  const eks = node("a", { kubelet: "v1.33.2-eks-1234567", address: "10.0.1.5" });

  test("external SNAT blocks until it is switched off", async () => {
    const { codes, preparation, live } = await detect(
      aws({ AWS_VPC_K8S_CNI_EXTERNALSNAT: "true" }),
      eks,
      pod("web", "10.0.3.7"),
    );

    expect(codes).toEqual(["error external-snat", "info not-checked"]);
    expect(preparation.map(({ title, before }) => `${before}: ${title}`)).toEqual([
      "install: Switch off external SNAT of the AWS VPC CNI",
      "removal: Take the VPC CNI add-on out of EKS",
    ]);
    expect(live.kind === "conditional" && live.conditions[0]).toBe(
      "external SNAT is switched off for the migration (AWS_VPC_K8S_CNI_EXTERNALSNAT=false)",
    );
  });

  test("addresses in use stand for the VPC, which no object tells", async () => {
    const { facts } = await detect(aws({ AWS_VPC_ENI_MTU: "9001" }), eks, pod("web", "10.0.3.7"));

    expect(facts).toMatchObject({
      podCIDRs: ["10.0.0.0/22"],
      mtu: 9001,
      encapsulation: "none",
      enforcedPolicyKinds: [],
    });
  });

  test("its policy agent counts when it is switched on", async () => {
    expect((await detect(aws({}, ["--enable-network-policy=true"]), eks)).facts.enforcedPolicyKinds).toEqual([
      "NetworkPolicy.networking.k8s.io",
    ]);
  });

  test("EKS Auto Mode has no DaemonSet and is refused", async () => {
    const auto = node("a", { kubelet: "v1.33.2-eks-1234567", labels: { "eks.amazonaws.com/compute-type": "auto" } });
    const { source, live, codes, preparation } = await detect(auto);

    expect([source, live.kind, codes, preparation]).toEqual(["aws-vpc-cni", "refused", ["error provider-managed"], []]);
  });

  test("AKS is told its own way", async () => {
    const aks = node("a", { labels: { "kubernetes.azure.com/cluster": "x" } });
    const cns = daemonSet("azure-cns", {
      containers: [{ name: "cns-container", image: "mcr.microsoft.com/containernetworking/azure-cns:v1.6.0" }],
    });
    const { source, live, codes } = await detect(aks, cns);

    expect([source, codes]).toEqual(["azure-cni", ["error provider-managed"]]);
    expect(live.kind === "refused" && live.alternatives[0]).toMatch(/^az aks update/u);
  });

  test("AKS with Cilium is no migration half way", async () => {
    const aks = node("a", {
      labels: { "kubernetes.azure.com/cluster": "x", "kubernetes.azure.com/ebpf-dataplane": "cilium" },
    });
    const cns = daemonSet("azure-cns", {
      containers: [{ name: "cns-container", image: "mcr.microsoft.com/containernetworking/azure-cns:v1.6.0" }],
    });
    const cilium = daemonSet("cilium", {
      containers: [{ name: "cilium-agent", image: "mcr.microsoft.com/containernetworking/cilium/cilium:v1.17.4" }],
    });
    const { source, hybrid, facts, codes } = await detect(aks, cns, cilium);

    expect([source, hybrid, facts.details["dataplane"], codes]).toEqual([
      "azure-cni",
      undefined,
      "cilium",
      ["error provider-managed"],
    ]);
  });

  const gke = node("a", { kubelet: "v1.33.2-gke.1111000", labels: { "cloud.google.com/gke-nodepool": "p" } });

  test("GKE's first dataplane with its Calico add-on is the provider's", async () => {
    const netd = daemonSet("netd", { containers: [{ name: "netd", image: "gke.gcr.io/netd:v0.5.7" }] });
    const calico = daemonSet("calico-node", {
      containers: [{ name: "calico-node", image: "gke.gcr.io/calico/node:v3.27.5" }],
      initContainers: [{ name: "install-cni", image: "gke.gcr.io/calico/cni:v3.27.5" }],
    });
    const { source, facts, live, codes } = await detect(gke, netd, calico);

    expect([source, facts.policyEngines, facts.details["dataplane"], live.kind]).toEqual([
      "gke",
      ["calico"],
      "v1",
      "refused",
    ]);
    expect(codes).toEqual(["error provider-managed", "info policy-engine"]);
  });

  test("GKE's second dataplane is a Cilium that the provider runs", async () => {
    const anetd = daemonSet("anetd", {
      containers: [{ name: "cilium-agent", image: "gke.gcr.io/cilium/cilium:v1.15.6" }],
    });
    const { source, facts, hybrid } = await detect(gke, anetd);

    expect([source, facts.details["dataplane"], hybrid]).toEqual(["gke", "v2", undefined]);
  });

  test("OpenShift SDN goes to OVN-Kubernetes by the vendor's way first", async () => {
    const sdn = daemonSet("sdn", {
      namespace: "openshift-sdn",
      containers: [{ name: "sdn", image: "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:00" }],
    });
    const network = object("config.openshift.io/v1", "Network", "cluster", {
      spec: { clusterNetwork: [{ cidr: "10.128.0.0/14", hostPrefix: 23 }], serviceNetwork: ["172.30.0.0/16"] },
    });
    const { source, facts, codes } = await detect(sdn, network, node("a"));

    expect([source, facts.podCIDRs, facts.serviceCIDRs, codes]).toEqual([
      "openshift-sdn",
      ["10.128.0.0/14"],
      ["172.30.0.0/16"],
      ["error openshift"],
    ]);
  });

  test("Gardener owns the network of its shoots", async () => {
    const shoot = node("a", { labels: { "worker.gardener.cloud/pool": "w" } });
    const calico = daemonSet("calico-node", { containers: [{ name: "calico-node", image: "calico/node:v3.30.0" }] });
    const { facts, findings } = await detect(shoot, calico);

    expect(facts.installation).toBe("gardener");
    expect(findings.find(({ code }) => code === "source/operator-reconcile")?.message).toBe(
      "the source is kept in place by Gardener",
    );
  });
});

describe("kindnet", () => {
  const kindnet = (image: string) =>
    daemonSet("kindnet", { containers: [{ name: "kindnet-cni", image, env: { POD_SUBNET: "10.244.0.0/16" } }] });

  test("kind's build enforces policy since August 2024", async () => {
    expect(
      (await detect(kindnet("docker.io/kindest/kindnetd:v20240813-c6f155d6"), node("a"))).facts.enforcedPolicyKinds,
    ).toHaveLength(1);
    expect(
      (await detect(kindnet("docker.io/kindest/kindnetd:v20240202-8f1494ea"), node("a"))).facts.enforcedPolicyKinds,
    ).toHaveLength(0);
  });

  test("its policies filter Cilium's pods too", async () => {
    const { live, codes } = await detect(kindnet("docker.io/kindest/kindnetd:v20250512-df8de77b"), node("a"), policy);

    expect([live.kind, codes]).toEqual(["conditional", ["warning policy-controller"]]);
  });
});
