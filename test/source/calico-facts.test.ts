import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource, planSourcePreparation } from "../../lib/source/detect-source.ts";
import type { SourceFacts } from "../../lib/source/source.ts";
import { configMap, daemonSet, inventoryOf, node, object, pod } from "./inventories.ts";

const calico = (env: Readonly<Record<string, string>> = {}, namespace = "kube-system") =>
  daemonSet("calico-node", {
    namespace,
    containers: [{ name: "calico-node", image: "quay.io/calico/node:v3.31.7", env }],
    initContainers: [
      { name: "install-cni", image: "quay.io/calico/cni:v3.31.7", env: { CNI_CONF_NAME: "10-calico.conflist" } },
    ],
  });
const pool = (name: string, spec: JsonObject, apiVersion = "crd.projectcalico.org/v1") =>
  object(apiVersion, "IPPool", name, { spec });
const felix = (spec: JsonObject) => object("crd.projectcalico.org/v1", "FelixConfiguration", "default", { spec });
const installation = (calicoNetwork: JsonObject, rest: JsonObject = {}) =>
  object("operator.tigera.io/v1", "Installation", "default", {
    spec: { cni: { type: "Calico" }, calicoNetwork, ...rest },
  });
const ipip = pool("default", { cidr: "10.100.0.0/16", ipipMode: "Always", vxlanMode: "Never" });
const vxlan = pool("default", { cidr: "10.100.0.0/16", ipipMode: "Never", vxlanMode: "CrossSubnet" });
const plain = pool("default", { cidr: "10.100.0.0/16", ipipMode: "Never", vxlanMode: "Never" });

async function detect(...parts: readonly JsonObject[]) {
  const inventory = await inventoryOf(
    [...parts, node("a")],
    ["Node", "Pod", "DaemonSet", "Deployment", "ConfigMap", "IPPool"],
  );
  const detection = detectSource(inventory, "auto");
  return { ...detection, preparation: planSourcePreparation(inventory, detection) };
}

describe("encapsulation, port and devices", () => {
  const rows: readonly (readonly [string, readonly JsonObject[], Partial<SourceFacts>])[] = [
    ["IPIP", [calico(), ipip], { encapsulation: "ipip", devices: ["cali+", "tunl0"] }],
    [
      "VXLAN with Felix' defaults",
      [calico(), vxlan],
      { encapsulation: "vxlan", tunnelPort: 4789, vni: 4096, devices: ["cali+", "vxlan.calico"] },
    ],
    [
      "VXLAN with its own port and VNI",
      [calico(), vxlan, felix({ vxlanPort: 8472, vxlanVNI: 17 })],
      { encapsulation: "vxlan", tunnelPort: 8472, vni: 17 },
    ],
    [
      "a variable of the agent wins over the FelixConfiguration",
      [calico({ FELIX_VXLANPORT: "9999" }), vxlan, felix({ vxlanPort: 8472 })],
      { tunnelPort: 9999 },
    ],
    ["BGP without encapsulation", [calico(), plain], { encapsulation: "none", devices: ["cali+"] }],
    [
      "WireGuard without an overlay has WireGuard's port",
      [calico(), plain, felix({ wireguardEnabled: true })],
      { encapsulation: "wireguard", tunnelPort: 51820, devices: ["cali+", "wireguard.cali"] },
    ],
    [
      "WireGuard over VXLAN keeps the VXLAN port in use",
      [calico(), vxlan, felix({ wireguardEnabled: true, wireguardListeningPort: 51900 })],
      { encapsulation: "vxlan", tunnelPort: 4789, devices: ["cali+", "vxlan.calico", "wireguard.cali"] },
    ],
    [
      "pools that differ: the one with a UDP port counts, both devices are there",
      [calico(), vxlan, pool("second", { cidr: "10.101.0.0/16", ipipMode: "Always" })],
      { encapsulation: "vxlan", podCIDRs: ["10.100.0.0/15"], devices: ["cali+", "tunl0", "vxlan.calico"] },
    ],
    [
      "two families",
      [calico(), vxlan, pool("v6", { cidr: "fd00:10:100::/64", vxlanMode: "Always" })],
      {
        families: [4, 6],
        podCIDRs: ["10.100.0.0/16", "fd00:10:100::/64"],
        devices: ["cali+", "vxlan-v6.calico", "vxlan.calico"],
      },
    ],
  ];

  test.each(rows)("%s", async (_what, parts, facts) => {
    expect((await detect(...parts)).facts).toMatchObject(facts);
  });
});

describe("prefixes that pods can have", () => {
  test("disabled pools count, because blocks of them may still be in use", async () => {
    const { facts } = await detect(
      calico(),
      vxlan,
      pool("old", { cidr: "10.64.0.0/16", disabled: true, vxlanMode: "Always" }),
    );

    expect(facts.podCIDRs).toEqual(["10.100.0.0/16", "10.64.0.0/16"]);
    expect(facts.details["disabledPools"]).toBe("10.64.0.0/16");
  });

  test("pools for load balancers only give no pod an address", async () => {
    const { facts } = await detect(
      calico(),
      vxlan,
      pool("lb", { cidr: "203.0.113.0/24", allowedUses: ["LoadBalancer"] }),
    );

    expect(facts.podCIDRs).toEqual(["10.100.0.0/16"]);
    expect(facts.details["loadBalancerPools"]).toBe("203.0.113.0/24");
  });

  test("a block of a pool that is gone still counts", async () => {
    const block = object("crd.projectcalico.org/v1", "IPAMBlock", "10-64-0-0-26", { spec: { cidr: "10.64.0.0/26" } });

    expect((await detect(calico(), vxlan, block)).facts.podCIDRs).toEqual(["10.100.0.0/16", "10.64.0.0/26"]);
  });

  test("a dump of both API groups holds every pool twice and is read once", async () => {
    const twice = pool(
      "default",
      { cidr: "10.100.0.0/16", ipipMode: "Never", vxlanMode: "CrossSubnet" },
      "projectcalico.org/v3",
    );

    expect((await detect(calico(), vxlan, twice)).facts.podCIDRs).toEqual(["10.100.0.0/16"]);
  });

  test("without IPPools the Installation tells", async () => {
    const { facts } = await detect(
      calico({}, "calico-system"),
      installation({ ipPools: [{ cidr: "10.66.0.0/16", encapsulation: "VXLAN" }] }),
    );

    expect(facts).toMatchObject({ podCIDRs: ["10.66.0.0/16"], encapsulation: "vxlan", installation: "operator" });
  });

  test("an IP pool of another product is none of Calico's", async () => {
    const other = object("crd.antrea.io/v1beta1", "IPPool", "other", { spec: { cidr: "10.1.0.0/16" } });

    expect((await detect(calico(), vxlan, other)).facts.podCIDRs).toEqual(["10.100.0.0/16"]);
  });

  test("host-local addresses come from the nodes", async () => {
    const map = configMap("calico-config", {
      cni_network_config: '{"name":"n","plugins":[{"type":"calico","ipam":{"type":"host-local"}}]}',
    });
    const inventory = await inventoryOf([
      calico({ CALICO_NETWORKING_BACKEND: "none" }),
      map,
      node("a", { podCIDRs: ["10.9.1.0/24"] }),
    ]);

    expect(detectSource(inventory, "auto").facts).toMatchObject({ podCIDRs: ["10.9.1.0/24"], cniNetworkName: "n" });
  });
});

describe("dataplanes", () => {
  const rows: readonly (readonly [string, readonly JsonObject[], string, string])[] = [
    ["iptables is the default", [calico(), vxlan], "iptables", "supported"],
    ["nftables by Felix", [calico(), vxlan, felix({ nftablesMode: "Enabled" })], "nftables", "supported"],
    [
      "nftables by the operator",
      [calico({}, "calico-system"), vxlan, installation({ linuxDataplane: "Nftables" })],
      "nftables",
      "supported",
    ],
    ["eBPF by Felix", [calico(), vxlan, felix({ bpfEnabled: true })], "ebpf", "refused"],
    ["eBPF by a variable", [calico({ FELIX_BPFENABLED: "true" }), vxlan], "ebpf", "refused"],
    [
      "eBPF switched off by a variable",
      [calico({ FELIX_BPFENABLED: "false" }), vxlan, felix({ bpfEnabled: true })],
      "iptables",
      "supported",
    ],
    [
      "eBPF by the operator",
      [calico({}, "calico-system"), vxlan, installation({ linuxDataplane: "BPF" })],
      "ebpf",
      "refused",
    ],
    [
      "VPP by the operator",
      [calico({}, "calico-system"), vxlan, installation({ linuxDataplane: "VPP" })],
      "none",
      "refused",
    ],
  ];

  test.each(rows)("%s", async (_what, parts, dataplane, live) => {
    const detection = await detect(...parts);

    expect([detection.facts.dataplane, detection.live.kind]).toEqual([dataplane, live]);
  });

  test("the way back from eBPF names kube-proxy first", async () => {
    const { live, facts, findings } = await detect(calico(), vxlan, felix({ bpfEnabled: true }));

    expect(facts.serviceProxy).toEqual({ kind: "source", mode: "ebpf" });
    expect(findings.map(({ code }) => code)).toContain("source/ebpf-dataplane");
    expect(live.kind === "refused" && live.alternatives[0]).toMatch(
      /^bring kube-proxy back: kubectl patch daemonset kube-proxy/u,
    );
  });
});

describe("address autodetection", () => {
  const env = (method: string | undefined) => (method === undefined ? {} : { IP_AUTODETECTION_METHOD: method });
  const rows: readonly (readonly [string, string | undefined, string])[] = [
    ["not told is first-found", undefined, "error first-found"],
    ["first-found", "first-found", "error first-found"],
    ["empty is first-found", "", "error first-found"],
    ["kubernetes-internal-ip is safe", "kubernetes-internal-ip", ""],
    ["can-reach is safe", "can-reach=192.0.2.1", ""],
    ["an interface by name is safe", "interface=eth0", ""],
    ["an expression that matches cilium_host is not", "interface=[a-z]+.*", "error interface=[a-z]+.*"],
    ["leaving out Cilium's devices is safe", "skip-interface=docker.*,cilium_.*", ""],
    ["leaving out one of them only is not", "skip-interface=cilium_vxlan", "error skip-interface=cilium_vxlan"],
    ["leaving out others only is not", "skip-interface=docker.*", "error skip-interface=docker.*"],
    ["a prefix asks for care with the new pool", "cidr=10.0.0.0/8", "warning cidr=10.0.0.0/8"],
  ];

  test.each(rows)("%s", async (_what, method, expected) => {
    const { findings } = await detect(calico(env(method)), vxlan);

    const found = findings.filter(({ code }) => code === "source/autodetection");
    expect(found.map(({ severity, data }) => `${severity} ${String(data?.["method"])}`).join()).toBe(expected);
  });

  const told: readonly (readonly [string, JsonObject, boolean])[] = [
    ["nothing told", {}, true],
    ["first found", { firstFound: true }, true],
    ["by Kubernetes", { kubernetes: "NodeInternalIP" }, false],
    ["by Kubernetes with first found off", { firstFound: false, kubernetes: "NodeInternalIP" }, false],
    ["by interface", { interface: "eth0" }, false],
    ["by leaving out Cilium", { skipInterface: "cilium_.*" }, false],
    ["by leaving out others", { skipInterface: "docker.*" }, true],
    ["by a target", { canReach: "192.0.2.1" }, false],
  ];

  test.each(told)("the operator, %s", async (_what, nodeAddressAutodetectionV4, isRisky) => {
    const { findings, preparation } = await detect(
      calico({}, "calico-system"),
      vxlan,
      installation({ nodeAddressAutodetectionV4 }),
    );

    expect(findings.some(({ code }) => code === "source/autodetection")).toBe(isRisky);
    expect(preparation.some(({ object: patch }) => patch?.["kind"] === "Installation")).toBe(isRisky);
  });

  test("with networking off Calico writes no address", async () => {
    const { findings } = await detect(calico({ CALICO_NETWORKING_BACKEND: "none" }), plain);

    expect(findings.map(({ code }) => code)).not.toContain("source/autodetection");
  });

  test("the patch for a manifest sets the variable and takes it back to what it was", async () => {
    const { preparation } = await detect(calico({ IP_AUTODETECTION_METHOD: "first-found" }), vxlan);

    expect(preparation).toEqual([
      {
        title: "Pin Calico's address autodetection to the node's InternalIP",
        why: "Calico's default autodetection does not leave out cilium_host; a node that announces that address turns NotReady (cilium/cilium issue 31273)",
        before: "install",
        necessity: "required",
        object: {
          apiVersion: "apps/v1",
          kind: "DaemonSet",
          metadata: { namespace: "kube-system", name: "calico-node" },
          spec: {
            template: {
              spec: {
                containers: [
                  { name: "calico-node", env: [{ name: "IP_AUTODETECTION_METHOD", value: "kubernetes-internal-ip" }] },
                ],
              },
            },
          },
        },
        commands: [
          "kubectl set env -n kube-system daemonset/calico-node -c calico-node IP_AUTODETECTION_METHOD=kubernetes-internal-ip",
          "kubectl rollout status -n kube-system daemonset/calico-node",
        ],
        undo: [
          "kubectl set env -n kube-system daemonset/calico-node -c calico-node IP_AUTODETECTION_METHOD=first-found",
        ],
      },
    ]);
  });

  test("the patch of an Installation can be taken back to exactly what it was", async () => {
    const { preparation } = await detect(
      calico({}, "calico-system"),
      vxlan,
      installation({ nodeAddressAutodetectionV4: { firstFound: true } }),
    );

    expect(preparation[0]?.undo).toEqual([
      `kubectl patch installation default --type json -p '[{"op":"replace","path":"/spec/calicoNetwork/nodeAddressAutodetectionV4","value":{"firstFound":true}}]'`,
    ]);
  });
});

describe("what else is read", () => {
  test("an MTU of 0 means that Calico detects it", async () => {
    expect((await detect(calico(), vxlan, felix({ vxlanMTU: 0 }))).facts.mtu).toBeUndefined();
    expect((await detect(calico(), vxlan, felix({ vxlanMTU: 8951 }))).facts.mtu).toBe(8951);
    expect((await detect(calico({}, "calico-system"), vxlan, installation({ mtu: 1400 }))).facts.mtu).toBe(1400);
  });

  test("Felix' settings that the bridge depends on are shown in Felix' own words", async () => {
    const { facts } = await detect(
      calico({ FELIX_IPTABLESREFRESHINTERVAL: "60" }),
      vxlan,
      felix({ iptablesBackend: "NFT" }),
    );

    expect(facts.details).toMatchObject({ iptablesBackend: "NFT", iptablesRefreshInterval: "60" });
  });

  test("an interface that autodetection was told by name is an uplink, an expression is not", async () => {
    expect((await detect(calico({ IP_AUTODETECTION_METHOD: "interface=eth1,bond0.12" }), vxlan)).facts.uplinks).toEqual(
      ["bond0.12", "eth1"],
    );
    expect((await detect(calico({ IP_AUTODETECTION_METHOD: "interface=eth.*" }), vxlan)).facts.uplinks).toBeUndefined();
  });

  test("objects in etcd are told by the agent's variables", async () => {
    const { facts, live, findings } = await detect(calico({ DATASTORE_TYPE: "etcdv3" }), vxlan);

    expect([facts.datastore, live.kind]).toEqual(["etcd", "conditional"]);
    expect(findings.map(({ code }) => code)).toContain("source/etcd-datastore");
  });

  test("a tier of the user's own is seen by its object or by a policy in it", async () => {
    const tier = object("crd.projectcalico.org/v1", "Tier", "security", { spec: { order: 10 } });
    const own = object("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "security.x", { spec: { tier: "security" } });
    const usual = object("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "default.x", { spec: { tier: "default" } });

    expect((await detect(calico(), vxlan, tier)).facts.usesTiers).toBe(true);
    expect((await detect(calico(), vxlan, own)).facts.usesTiers).toBe(true);
    expect((await detect(calico(), vxlan, usual)).facts.usesTiers).toBe(false);
    expect((await detect(calico(), vxlan)).facts.usesTiers).toBeUndefined();
  });

  test("the version comes from Calico's own word before the image's", async () => {
    const information = object("crd.projectcalico.org/v1", "ClusterInformation", "default", {
      spec: { calicoVersion: "v3.29.1" },
    });

    expect((await detect(calico(), vxlan, information)).facts.version).toBe("3.29.1");
    expect((await detect(calico(), vxlan)).facts.version).toBe("3.31.7");
  });

  test("a CNI configuration that is broken is told with its place and does not stop the answer", async () => {
    const { facts, findings } = await detect(
      calico(),
      vxlan,
      configMap("calico-config", { cni_network_config: '{"name": ' }),
    );

    expect(facts.encapsulation).toBe("vxlan");
    expect(findings.find(({ code }) => code === "source/unreadable-configuration")).toMatchObject({
      severity: "warning",
      where: {
        object: "ConfigMap/kube-system/calico-config",
        field: 'data["cni_network_config"]',
        file: "objects.json",
      },
    });
  });

  test("pods outside the pools are an address in use that nobody tells of", async () => {
    const { findings } = await detect(calico(), vxlan, pod("old", "10.7.0.9"));

    expect(findings.find(({ code }) => code === "source/pod-cidr-mismatch")?.message).toBe(
      "1 of 1 pods have addresses outside 10.100.0.0/16, the first is Pod/shop/old with 10.7.0.9",
    );
  });
});
