import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { configMap, daemonSet } from "../source/inventories.ts";
import { runScenario, type ScenarioInventory } from "./run-scenario.ts";
import { applied, calicoDefinitions, cluster, shopPolicy, smallCluster } from "./small-cluster.ts";
import { choicesOf, summaryOf } from "./summary.ts";

interface Scenario {
  readonly name: string;
  readonly cluster: ScenarioInventory;
  /** What stands in the way of the plan as init wrote it; empty where the first stage can be opened. */
  readonly errors?: readonly string[];
}

const calico = "projectcalico+calico/v3.31.7/manifests";
const pinned = (manifest: string): readonly JsonObject[] =>
  [...applied(`${calico}/${manifest}`), ...calicoDefinitions, ...tiers].map((one) =>
    one["kind"] === "DaemonSet"
      ? (JSON.parse(
          JSON.stringify(one).replace(
            '{"name":"IP","value":"autodetect"}',
            '{"name":"IP","value":"autodetect"},{"name":"IP_AUTODETECTION_METHOD","value":"kubernetes-internal-ip"}',
          ),
        ) as JsonObject)
      : one,
  );
const tiers: readonly JsonObject[] = [
  cluster("crd.projectcalico.org/v1", "Tier", "default", { spec: { order: 1_000_000, defaultAction: "Deny" } }),
  cluster("crd.projectcalico.org/v1", "Tier", "adminnetworkpolicy", { spec: { order: 1000, defaultAction: "Pass" } }),
];
const pool = (spec: JsonObject): JsonObject =>
  cluster("crd.projectcalico.org/v1", "IPPool", "default-ipv4-ippool", {
    spec: { cidr: "192.168.0.0/16", blockSize: 26, natOutgoing: true, nodeSelector: "all()", ...spec },
  });
const calicoAddress = (node: number, pod: number): string => `192.168.${node}.${pod}`;
const calicoNodes = { address: calicoAddress, kubeProxy: "192.168.0.0/16" };
const flannelNodes = (type: string) => ({
  nodeAnnotations: (at: number) => ({
    "flannel.alpha.coreos.com/backend-type": type,
    "flannel.alpha.coreos.com/kube-subnet-manager": "true",
    "flannel.alpha.coreos.com/public-ip": `192.0.2.${11 + at}`,
  }),
});
const flannel = (conf: JsonObject): readonly JsonObject[] =>
  applied("flannel-io+flannel/v0.28.9/Documentation/kube-flannel.yml").map((one) =>
    one["kind"] === "ConfigMap"
      ? configMap(
          "kube-flannel-cfg",
          { ...(one["data"] as Record<string, string>), "net-conf.json": JSON.stringify(conf) },
          "kube-flannel",
        )
      : one,
  );
const fixture = (name: string): ScenarioInventory => ({ from: `test/fixtures/clusters/${name}` });
const ovnLocal = [
  daemonSet("ovnkube-node", {
    namespace: "ovn-kubernetes",
    desired: 5,
    containers: [{ name: "ovnkube-controller", image: "ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu:master" }],
  }),
  configMap("ovn-config", { net_cidr: "10.244.0.0/16/24", svc_cidr: "10.96.0.0/12", mtu: "1400" }, "ovn-kubernetes"),
];

const scenarios: readonly Scenario[] = [
  { name: "canal-kind", cluster: { from: "inventory/kind-canal" } },
  {
    name: "canal-rke2",
    cluster: {
      objects: [
        ...smallCluster({
          kubelet: "v1.34.3+rke2r1",
          podCIDRs: (at) => [`10.42.${at}.0/24`],
          address: (at, pod) => `10.42.${at}.${pod}`,
          nodeAnnotations: (at) => ({
            "flannel.alpha.coreos.com/backend-type": "vxlan",
            "rke2.io/node-args": JSON.stringify([at === 0 ? "server" : "agent", "--cni", "canal"]),
          }),
        }),
        daemonSet("rke2-canal", {
          desired: 5,
          containers: [
            { name: "calico-node", image: "rancher/hardened-calico:v3.30.2-build20250711" },
            { name: "kube-flannel", image: "rancher/hardened-flannel:v0.27.1-build20250710" },
          ],
          configMaps: ["rke2-canal-config"],
        }),
        ...calicoDefinitions,
        ...tiers,
        configMap("rke2-canal-config", {
          "net-conf.json": '{"Network":"10.42.0.0/16","Backend":{"Type":"vxlan"}}',
        }),
        shopPolicy,
      ],
    },
  },
  { name: "calico-operator-vxlan", cluster: fixture("calico-vxlan-prod"), errors: ["source/autodetection"] },
  {
    name: "calico-multus",
    cluster: fixture("calico-multus"),
    errors: ["POL080", "source/autodetection", "target/devices-needed"],
  },
  {
    name: "calico-manifest-ipip",
    cluster: {
      objects: [
        ...smallCluster(calicoNodes),
        ...pinned("calico.yaml"),
        pool({ ipipMode: "Always", vxlanMode: "Never" }),
        shopPolicy,
      ],
    },
  },
  {
    name: "calico-manifest-vxlan",
    cluster: {
      objects: [
        ...smallCluster(calicoNodes),
        ...pinned("calico-vxlan.yaml"),
        pool({ ipipMode: "Never", vxlanMode: "CrossSubnet" }),
        shopPolicy,
      ],
    },
  },
  {
    name: "calico-bgp",
    cluster: {
      objects: [
        ...smallCluster(calicoNodes),
        ...pinned("calico.yaml"),
        pool({ ipipMode: "Never", vxlanMode: "Never" }),
        cluster("crd.projectcalico.org/v1", "BGPConfiguration", "default", {
          spec: { asNumber: 64512, nodeToNodeMeshEnabled: true },
        }),
        cluster("crd.projectcalico.org/v1", "BGPPeer", "tor", { spec: { peerIP: "192.0.2.1", asNumber: 64513 } }),
        shopPolicy,
      ],
    },
  },
  {
    name: "calico-wireguard",
    cluster: {
      objects: [
        ...smallCluster(calicoNodes),
        ...pinned("calico-vxlan.yaml"),
        pool({ ipipMode: "Never", vxlanMode: "Always" }),
        cluster("crd.projectcalico.org/v1", "FelixConfiguration", "default", { spec: { wireguardEnabled: true } }),
        shopPolicy,
      ],
    },
  },
  { name: "flannel-k3s", cluster: fixture("flannel-k3s") },
  {
    name: "flannel-vxlan",
    cluster: {
      objects: [
        ...smallCluster(flannelNodes("vxlan")),
        ...flannel({ Network: "10.244.0.0/16", Backend: { Type: "vxlan" } }),
      ],
    },
  },
  {
    name: "flannel-host-gw",
    cluster: {
      objects: [
        ...smallCluster(flannelNodes("host-gw")),
        ...flannel({ Network: "10.244.0.0/16", Backend: { Type: "host-gw" } }),
      ],
    },
  },
  {
    name: "flannel-wireguard-dual-stack",
    cluster: {
      objects: [
        ...smallCluster({
          ...flannelNodes("wireguard"),
          podCIDRs: (at) => [`10.244.${at}.0/24`, `fd00:10:244:${at}::/64`],
        }).map(alsoIPv6),
        ...flannel({
          Network: "10.244.0.0/16",
          EnableIPv6: true,
          IPv6Network: "fd00:10:244::/56",
          Backend: { Type: "wireguard" },
        }),
      ],
    },
  },
  {
    name: "flannel-ipv6-only",
    cluster: {
      objects: [
        ...smallCluster({
          ...flannelNodes("vxlan"),
          nodeAddress: (at) => `2001:db8::${11 + at}`,
          podCIDRs: (at) => [`fd00:10:244:${at}::/64`],
          address: (at, pod) => `fd00:10:244:${at}::${pod}`,
        }),
        ...flannel({
          EnableIPv4: false,
          EnableIPv6: true,
          IPv6Network: "fd00:10:244::/56",
          Backend: { Type: "vxlan" },
        }),
      ],
    },
  },
  { name: "kube-router-service-proxy", cluster: fixture("kube-router") },
  {
    name: "kube-router-kube-proxy",
    cluster: {
      objects: [
        ...smallCluster(),
        ...applied("cloudnativelabs+kube-router/v2.5.0/daemonset/kubeadm-kuberouter.yaml"),
        shopPolicy,
      ],
    },
  },
  {
    name: "ovn-local-gateway",
    cluster: {
      objects: [
        ...smallCluster({
          kubeProxy: "none",
          nodeAnnotations: (at) => ({
            "k8s.ovn.org/l3-gateway-config": '{"default":{"mode":"local","bridge-id":"breth0"}}',
            "k8s.ovn.org/node-subnets": JSON.stringify({ default: [`10.244.${at}.0/24`] }),
          }),
        }),
        ...ovnLocal,
        shopPolicy,
      ],
    },
  },
  {
    name: "weave",
    cluster: {
      objects: [
        ...smallCluster({ address: (at, pod) => `10.32.${at}.${pod}` }),
        ...applied("weaveworks+weave/v2.8.1/prog/weave-kube/weave-daemonset-k8s-1.11.yaml"),
        shopPolicy,
      ],
    },
  },
  {
    name: "antrea-encap",
    cluster: { objects: [...smallCluster(), ...applied("antrea-io+antrea/v2.6.3/build/yamls/antrea.yml"), shopPolicy] },
  },
  {
    name: "aws-vpc-cni",
    cluster: {
      objects: [
        ...smallCluster({
          kubelet: "v1.34.3-eks-1234567",
          nodeAddress: (at) => `10.0.${at}.10`,
          address: (at, pod) => `10.0.${at}.${pod + 100}`,
          podCIDRs: () => [],
          isManaged: true,
        }),
        ...applied("aws+amazon-vpc-cni-k8s/v1.22.4/config/master/aws-k8s-cni.yaml"),
      ],
    },
  },
  {
    name: "kindnet",
    cluster: {
      objects: [
        ...smallCluster(),
        daemonSet("kindnet", {
          desired: 5,
          containers: [
            {
              name: "kindnet-cni",
              image: "docker.io/kindest/kindnetd:v20240202-8f1494ea",
              env: { POD_SUBNET: "10.244.0.0/16" },
            },
          ],
        }),
      ],
    },
  },
  {
    name: "multus-thick-before-canal",
    cluster: {
      objects: [
        ...smallCluster(flannelNodes("vxlan")),
        ...applied(
          "k8snetworkplumbingwg+multus-cni/v4.2.4/deployments/multus-daemonset-thick.yml",
          `${calico}/canal.yaml`,
        ),
        ...calicoDefinitions,
        ...tiers,
      ],
    },
  },
];

function alsoIPv6(one: JsonObject): JsonObject {
  if (one["kind"] !== "Pod") return one;
  const status = one["status"] as JsonObject;
  const ip = String(status["podIP"]);
  const [, , node = "0", pod = "0"] = ip.split(".");
  return { ...one, status: { ...status, podIPs: [{ ip }, { ip: `fd00:10:244:${node}::${pod}` }] } };
}

describe("a live migration, from the inventory to the stages, with the plan as init wrote it", () => {
  test.each(scenarios)("$name", async ({ name, cluster: inventory, errors = [] }) => {
    const run = await runScenario(name, inventory);
    const golden = (file: string): string => `golden/${name}/${file}`;
    const stages = `dist/${name}/stages`;
    const report = JSON.parse(run.synth.out) as { findings: { code: string; severity: string }[] };
    const blocking = report.findings.filter(({ severity }) => severity === "error").map(({ code }) => code);

    expect([...new Set(blocking)]).toEqual(errors);
    expect([run.init.exitCode, run.synth.exitCode, run.next.exitCode]).toEqual(
      errors.length === 0 ? [0, 0, 0] : [0, 1, 1],
    );
    await expect(await summaryOf(name, run)).toMatchFileSnapshot(golden("summary.txt"));
    await expect(choicesOf(run.read(`plans/${name}.yaml`))).toMatchFileSnapshot(golden("plan.yaml"));
    await expect(run.read(`${stages}/010-cilium/values.yaml`)).toMatchFileSnapshot(golden("values.migration.yaml"));
    await expect(run.read(`${stages}/800-finalise/values.yaml`)).toMatchFileSnapshot(golden("values.final.yaml"));
    await expect(run.read(`dist/${name}/PLAN.md`)).toMatchFileSnapshot(golden("PLAN.md"));
    await expect(run.read(`${stages}/100-canary/STAGE.md`)).toMatchFileSnapshot(golden("STAGE.md"));
  });
});
