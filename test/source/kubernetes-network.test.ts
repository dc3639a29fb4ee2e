import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource } from "../../lib/source/detect-source.ts";
import type { SourceFacts } from "../../lib/source/source.ts";
import { configMap, daemonSet, inventoryOf, kubeProxy, node, object, staticPod } from "./inventories.ts";

// kindnet without a configuration of its own: every prefix comes from Kubernetes' own places.
const kindnet = daemonSet("kindnet", {
  containers: [{ name: "kindnet-cni", image: "kindest/kindnetd:v20230809-80a64d96" }],
});
const kubeadm = (text: string) => configMap("kubeadm-config", { ClusterConfiguration: text });
const service = (name: string, ...clusterIPs: readonly string[]) =>
  object("v1", "Service", name, { spec: { clusterIP: clusterIPs[0] ?? "None", clusterIPs: [...clusterIPs] } }, "shop");

const detect = async (...parts: readonly JsonObject[]) => detectSource(await inventoryOf([kindnet, ...parts]), "auto");

const rows: readonly (readonly [string, readonly JsonObject[], Partial<SourceFacts>])[] = [
  [
    "kubeadm tells both prefixes",
    [kubeadm("networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16}"), node("a")],
    { podCIDRs: ["10.244.0.0/16"], serviceCIDRs: ["10.96.0.0/16"] },
  ],
  [
    "kubeadm with two families",
    [
      kubeadm(
        'networking: {podSubnet: "10.244.0.0/16,fd00:10:244::/56", serviceSubnet: "10.96.0.0/16,fd00:10:96::/112"}',
      ),
      node("a"),
    ],
    {
      podCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"],
      serviceCIDRs: ["10.96.0.0/16", "fd00:10:96::/112"],
      families: [4, 6],
    },
  ],
  [
    "static pods of the control plane tell by their flags",
    [
      staticPod("kube-controller-manager-a", [
        "kube-controller-manager",
        "--cluster-cidr=10.66.0.0/16",
        "--service-cluster-ip-range=10.97.0.0/16",
      ]),
      staticPod("kube-apiserver-a", ["kube-apiserver", "--service-cluster-ip-range=10.97.0.0/16"]),
      node("a"),
    ],
    { podCIDRs: ["10.66.0.0/16"], serviceCIDRs: ["10.97.0.0/16"] },
  ],
  [
    "ServiceCIDR objects tell every prefix, those added later too",
    [
      object("networking.k8s.io/v1", "ServiceCIDR", "kubernetes", { spec: { cidrs: ["10.96.0.0/16"] } }),
      object("networking.k8s.io/v1", "ServiceCIDR", "more", { spec: { cidrs: ["10.112.0.0/16"] } }),
      node("a"),
    ],
    { serviceCIDRs: ["10.112.0.0/16", "10.96.0.0/16"] },
  ],
  [
    "without any of these, ClusterIPs give a hint and no fact",
    [
      service("a", "10.96.0.1"),
      service("b", "10.96.14.7"),
      service("headless", "None"),
      node("a", { podCIDRs: ["10.9.0.0/24"] }),
    ],
    { serviceCIDRHint: ["10.96.0.0/20"], podCIDRs: ["10.9.0.0/24"] },
  ],
  [
    "a hint for IPv6 services",
    [service("a", "fd00::1"), service("b", "fd00::ff:1"), node("a")],
    { serviceCIDRHint: ["fd00::/104"] },
  ],
  [
    "node prefixes next to each other are one",
    [node("a", { podCIDRs: ["10.244.0.0/24"] }), node("b", { podCIDRs: ["10.244.1.0/24"] })],
    { podCIDRs: ["10.244.0.0/23"] },
  ],
  [
    "kube-proxy by its ConfigMap",
    [...kubeProxy, node("a")],
    {
      serviceProxy: { kind: "kube-proxy", mode: "nftables", clusterCIDR: "10.244.0.0/16" },
      podCIDRs: ["10.244.0.0/16"],
    },
  ],
  [
    "kube-proxy of EKS keeps its configuration under another name",
    [
      daemonSet("kube-proxy", { containers: [{ name: "kube-proxy", image: "eks/kube-proxy:v1.33.0" }] }),
      configMap("kube-proxy-config", { config: "mode: ipvs\nclusterCIDR: ''\n" }),
      node("a"),
    ],
    { serviceProxy: { kind: "kube-proxy", mode: "ipvs" } },
  ],
  [
    "kube-proxy by its arguments; no mode means iptables",
    [
      daemonSet("kube-proxy", {
        containers: [{ name: "kube-proxy", image: "kube-proxy:v1.33.0", args: ["--cluster-cidr=10.8.0.0/16"] }],
      }),
      node("a"),
    ],
    { serviceProxy: { kind: "kube-proxy", mode: "iptables", clusterCIDR: "10.8.0.0/16" } },
  ],
  [
    "kube-proxy as a static pod",
    [staticPod("kube-proxy-a", ["kube-proxy", "--proxy-mode=ipvs", "--cluster-cidr=10.8.0.0/16"]), node("a")],
    { serviceProxy: { kind: "kube-proxy", mode: "ipvs", clusterCIDR: "10.8.0.0/16" } },
  ],
  ["no kube-proxy in a whole dump means none", [node("a")], { serviceProxy: { kind: "none" } }],
];

test.each(rows)("%s", async (_what, parts, facts) => {
  expect((await detect(...parts)).facts).toMatchObject(facts);
});

test("no kube-proxy in a dump without DaemonSets is not told", async () => {
  const detection = detectSource(await inventoryOf([node("a")], ["Node"]), "auto");

  expect(detection.facts.serviceProxy).toEqual({ kind: "unknown" });
});

test.each([
  ["kubeadm-config", "ClusterConfiguration"],
  ["kube-proxy", "config.conf"],
])("a broken %s is told with its place, and the others still answer", async (name, key) => {
  const detection = await detect(
    configMap(name, { [key]: "networking: [\n  podSubnet" }),
    node("a", { podCIDRs: ["10.9.0.0/24"] }),
  );

  expect(detection.facts.podCIDRs).toEqual(["10.9.0.0/24"]);
  expect(detection.findings).toMatchObject([
    {
      code: "source/unreadable-configuration",
      severity: "error",
      where: { object: `ConfigMap/kube-system/${name}`, field: `data.${key}` },
    },
  ]);
});
