import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { configMap, daemonSet, object } from "../source/inventories.ts";
import { runScenario, type ScenarioInventory } from "./run-scenario.ts";
import { applied, calicoDefinitions, cluster, shopPolicy, smallCluster } from "./small-cluster.ts";
import { choicesOf, summaryOf } from "./summary.ts";

interface Scenario {
  readonly name: string;
  readonly cluster: ScenarioInventory;
  /** The strategy that init wrote, the next best way; live where there is none, as nothing is to be migrated. */
  readonly strategy: "in-place" | "blue-green" | "live";
}

const of = (...objects: readonly JsonObject[]): ScenarioInventory => ({ objects });
const calicoNodes = { address: (node: number, pod: number) => `192.168.${node}.${pod}`, kubeProxy: "none" };
const pool = cluster("crd.projectcalico.org/v1", "IPPool", "default-ipv4-ippool", {
  spec: { cidr: "192.168.0.0/16", natOutgoing: true, ipipMode: "Never", vxlanMode: "Always" },
});
const ovn = daemonSet("ovnkube-node", {
  namespace: "ovn-kubernetes",
  desired: 5,
  containers: [{ name: "ovnkube-controller", image: "ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu:master" }],
});
const ovnConfig = configMap(
  "ovn-config",
  { net_cidr: "10.244.0.0/16/24", svc_cidr: "10.96.0.0/12", mtu: "1400" },
  "ovn-kubernetes",
);

const scenarios: readonly Scenario[] = [
  {
    name: "calico-ebpf",
    strategy: "in-place",
    cluster: of(
      ...smallCluster(calicoNodes),
      ...applied("projectcalico+calico/v3.31.7/manifests/calico-bpf.yaml"),
      ...calicoDefinitions,
      pool,
      cluster("crd.projectcalico.org/v1", "FelixConfiguration", "default", { spec: { bpfEnabled: true } }),
      shopPolicy,
    ),
  },
  {
    name: "ovn-shared-gateway",
    strategy: "in-place",
    cluster: of(...smallCluster({ kubeProxy: "none" }), ovn, ovnConfig, shopPolicy),
  },
  { name: "openshift", strategy: "blue-green", cluster: { from: "test/fixtures/clusters/ovn-kubernetes" } },
  {
    name: "openshift-sdn",
    strategy: "blue-green",
    cluster: of(
      ...smallCluster({ podCIDRs: () => [], address: (at, pod) => `10.128.${at}.${pod}` }),
      daemonSet("sdn", {
        namespace: "openshift-sdn",
        desired: 5,
        containers: [{ name: "sdn", image: "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:00" }],
      }),
      object("config.openshift.io/v1", "Network", "cluster", {
        spec: { clusterNetwork: [{ cidr: "10.128.0.0/14", hostPrefix: 23 }], serviceNetwork: ["172.30.0.0/16"] },
      }),
    ),
  },
  {
    name: "azure-cni",
    strategy: "blue-green",
    cluster: of(
      ...smallCluster({ isManaged: true, nodeLabels: { "kubernetes.azure.com/cluster": "shop" } }),
      daemonSet("azure-cns", {
        desired: 4,
        containers: [{ name: "cns-container", image: "mcr.microsoft.com/containernetworking/azure-cns:v1.6.0" }],
      }),
    ),
  },
  {
    name: "gke-dataplane-v1",
    strategy: "blue-green",
    cluster: of(
      ...smallCluster({
        isManaged: true,
        kubelet: "v1.34.1-gke.1111000",
        nodeLabels: { "cloud.google.com/gke-nodepool": "p" },
      }),
      daemonSet("netd", { desired: 4, containers: [{ name: "netd", image: "gke.gcr.io/netd:v0.5.7" }] }),
    ),
  },
  {
    name: "gke-dataplane-v2",
    strategy: "live",
    cluster: of(
      ...smallCluster({
        isManaged: true,
        kubelet: "v1.34.1-gke.1111000",
        nodeLabels: { "cloud.google.com/gke-nodepool": "p" },
      }),
      daemonSet("anetd", {
        desired: 4,
        containers: [{ name: "cilium-agent", image: "gke.gcr.io/cilium/cilium:v1.15.6" }],
      }),
    ),
  },
  {
    name: "eks-auto-mode",
    strategy: "blue-green",
    cluster: of(
      ...smallCluster({
        isManaged: true,
        kubelet: "v1.34.3-eks-1234567",
        podCIDRs: () => [],
        nodeLabels: { "eks.amazonaws.com/compute-type": "auto" },
      }),
    ),
  },
  {
    name: "already-cilium",
    strategy: "live",
    cluster: of(
      ...smallCluster({ address: (at, pod) => `10.128.${at}.${pod}` }),
      daemonSet("cilium", {
        desired: 5,
        containers: [{ name: "cilium-agent", image: "quay.io/cilium/cilium:v1.19.4" }],
      }),
      configMap("cilium-config", { ipam: "cluster-pool", "cluster-pool-ipv4-cidr": "10.128.0.0/16" }),
    ),
  },
  {
    name: "unknown",
    strategy: "blue-green",
    cluster: of(
      ...smallCluster(),
      daemonSet("kopeio-networking-agent", {
        desired: 5,
        containers: [{ name: "networking-agent", image: "kopeio/networking-agent:1.0.20181028" }],
      }),
    ),
  },
];

describe("a source that cannot be left live is told its way, and synth says the same", () => {
  test.each(scenarios)("$name", async ({ name, cluster: inventory, strategy }) => {
    const run = await runScenario(name, inventory);
    const choices = choicesOf(run.read(`plans/${name}.yaml`));

    expect(run.init.out).toContain("No live migration from here: ");
    expect(choices).toContain(`strategy: ${strategy}\n`);
    expect(`${run.synth.error}${run.next.error}${run.init.error}`).not.toContain("This is a bug");
    await expect(await summaryOf(name, run)).toMatchFileSnapshot(`golden/${name}/summary.txt`);
    await expect(run.read(`dist/${name}/PLAN.md`)).toMatchFileSnapshot(`golden/${name}/PLAN.md`);
  });
});
