import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource, findNodeLeftovers, planSourceRemoval } from "../../lib/source/detect-source.ts";
import { removalSteps } from "../../lib/source/source.ts";
import { configMap, daemonSet, inventoryOf, node, object, pod, readCluster } from "./inventories.ts";

async function remove(parts: readonly JsonObject[], seen?: readonly string[]) {
  const inventory = await inventoryOf(parts, seen);
  const detection = detectSource(inventory, "auto");
  return planSourceRemoval(inventory, detection);
}

const short = (list: Awaited<ReturnType<typeof remove>>) =>
  list.map(
    (one) => `${one.step} ${one.kind} ${one.namespace === undefined ? "" : `${one.namespace}/`}${one.name} ${one.from}`,
  );

const flannel = daemonSet("kube-flannel-ds", {
  namespace: "kube-flannel",
  containers: [{ name: "kube-flannel", image: "flannel/flannel:v0.28.9" }],
  configMaps: ["kube-flannel-cfg"],
});
const flannelMap = configMap(
  "kube-flannel-cfg",
  { "net-conf.json": '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}' },
  "kube-flannel",
);
const namespace = object("v1", "Namespace", "kube-flannel");

test("what was dumped is taken from the inventory, what was not from the manifests, and says so", async () => {
  expect(short(await remove([flannel, flannelMap, node("a")]))).toEqual([
    "agents DaemonSet kube-flannel/kube-flannel-ds inventory",
    "access ClusterRoleBinding flannel manifest",
    "access ClusterRole flannel manifest",
    "access ServiceAccount kube-flannel/flannel manifest",
    "configuration ConfigMap kube-flannel/kube-flannel-cfg inventory",
  ]);
});

test("an object whose kind was dumped without it is not deleted", async () => {
  const other = object("v1", "ServiceAccount", "default", {}, "kube-flannel");

  expect(short(await remove([flannel, node("a"), other]))).toEqual([
    "agents DaemonSet kube-flannel/kube-flannel-ds inventory",
    "access ClusterRoleBinding flannel manifest",
    "access ClusterRole flannel manifest",
  ]);
});

test("a namespace goes only when nothing else lives in it", async () => {
  const guest = { ...pod("web", "10.244.0.9"), metadata: { namespace: "kube-flannel", name: "guest" } };
  const kinds = async (...parts: readonly JsonObject[]) =>
    (await remove([flannel, flannelMap, node("a"), namespace, ...parts])).map(({ kind }) => kind);

  expect(await kinds()).toContain("Namespace");
  expect(await kinds(guest)).not.toContain("Namespace");
});

describe("Calico by the operator", () => {
  const calico = daemonSet("calico-node", {
    namespace: "calico-system",
    containers: [{ name: "calico-node", image: "calico/node:v3.31.7" }],
  });
  const operator = object(
    "apps/v1",
    "Deployment",
    "tigera-operator",
    { spec: { template: { spec: { containers: [] } } } },
    "tigera-operator",
  );
  const installation = object("operator.tigera.io/v1", "Installation", "default", {
    spec: { cni: { type: "Calico" } },
  });
  const definition = (name: string) =>
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, {
      spec: { group: name.slice(name.indexOf(".") + 1) },
    });

  test("its resources go while the operator runs, and each is waited for", async () => {
    const list = await remove([
      calico,
      operator,
      installation,
      node("a"),
      definition("installations.operator.tigera.io"),
      definition("apiservers.operator.tigera.io"),
      definition("ippools.crd.projectcalico.org"),
    ]);

    expect(list.filter(({ waitUntilGone }) => waitUntilGone).map(({ kind }) => kind)).toEqual([
      "APIServer",
      "Installation",
    ]);
    const kinds = list.map(({ kind, name }) => `${kind}/${name}`);
    expect(kinds.indexOf("Installation/default")).toBeLessThan(kinds.indexOf("Deployment/tigera-operator"));
    expect(kinds.indexOf("Deployment/tigera-operator")).toBeLessThan(
      kinds.indexOf("CustomResourceDefinition/installations.operator.tigera.io"),
    );
    // The operator takes its DaemonSet away itself; deleting it by hand only makes it come back.
    expect(kinds).not.toContain("DaemonSet/calico-node");
  });
});

test("policies of Calico go before its agents, Kubernetes' own stay, the definitions of others too", async () => {
  const list = await remove([
    daemonSet("calico-node", { containers: [{ name: "calico-node", image: "calico/node:v3.31.7" }] }),
    object("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "deny", {}),
    object("crd.projectcalico.org/v1", "NetworkPolicy", "allow", {}, "shop"),
    object("networking.k8s.io/v1", "NetworkPolicy", "kept", {}, "shop"),
    object("crd.projectcalico.org/v1", "Tier", "security", {}),
    object("crd.projectcalico.org/v1", "Tier", "default", {}),
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "tiers.crd.projectcalico.org", {
      spec: { group: "crd.projectcalico.org" },
    }),
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "adminnetworkpolicies.policy.networking.k8s.io", {
      spec: { group: "policy.networking.k8s.io" },
    }),
    node("a"),
  ]);

  expect(short(list.filter(({ step }) => step === "policies" || step === "agents" || step === "definitions"))).toEqual([
    "policies GlobalNetworkPolicy deny inventory",
    "policies NetworkPolicy shop/allow inventory",
    "policies Tier security inventory",
    "agents DaemonSet kube-system/calico-node inventory",
    "definitions CustomResourceDefinition tiers.crd.projectcalico.org inventory",
  ]);
});

test("without a dump of definitions every one that Calico's releases know is listed", async () => {
  const list = await remove([
    daemonSet("calico-node", { containers: [{ name: "calico-node", image: "calico/node:v3.31.7" }] }),
    node("a"),
  ]);

  const definitions = list.filter(({ step }) => step === "definitions");
  expect(definitions).toHaveLength(22);
  expect(definitions.every(({ from, name }) => from === "manifest" && name.endsWith(".crd.projectcalico.org"))).toBe(
    true,
  );
});

test("Calico that only filtered for another network goes with it, and so do its leftovers", async () => {
  const parts = [
    daemonSet("aws-node", { containers: [{ name: "aws-node", image: "amazon-k8s-cni:v1.22.4" }] }),
    daemonSet("calico-node", {
      containers: [{ name: "calico-node", image: "calico/node:v3.31.7", env: { CALICO_NETWORKING_BACKEND: "none" } }],
    }),
    object("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "deny", {}),
    node("a"),
  ];
  const inventory = await inventoryOf(parts);
  const detection = detectSource(inventory, "auto");

  expect(short(planSourceRemoval(inventory, detection)).filter((line) => /^(?:policies|agents)/u.test(line))).toEqual([
    "policies GlobalNetworkPolicy deny inventory",
    "agents DaemonSet kube-system/aws-node inventory",
    "agents DaemonSet kube-system/calico-node inventory",
  ]);
  expect(findNodeLeftovers(inventory, detection)).toMatchObject({
    iptablesChainPrefixes: ["AWS-SNAT-CHAIN-", "AWS-CONNMARK-CHAIN-", "cali-"],
    nodeAnnotationPrefixes: ["vpc.amazonaws.com/", "projectcalico.org/"],
  });
});

test("what the provider or the distribution's binary owns has no objects to delete", async () => {
  const gke = node("a", { kubelet: "v1.33.2-gke.1111000", labels: { "cloud.google.com/gke-nodepool": "p" } });
  const k3s = node("a", { kubelet: "v1.33.2+k3s1", annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan" } });

  expect(await remove([gke])).toEqual([]);
  expect(await remove([k3s])).toEqual([]);
  expect(
    planSourceRemoval(await readCluster("ovn-kubernetes"), detectSource(await readCluster("ovn-kubernetes"), "auto")),
  ).toEqual([]);
});

test.each(["kind-canal", "calico-vxlan-prod", "calico-multus", "kube-router"])(
  "the list of %s keeps the order of the steps and names nothing twice",
  async (name) => {
    const inventory = await readCluster(name);
    const list = planSourceRemoval(inventory, detectSource(inventory, "auto"));

    const order = list.map(({ step }) => removalSteps.indexOf(step));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    const names = list.map(
      ({ apiVersion, kind, namespace: place, name: own }) => `${apiVersion} ${kind} ${place ?? ""} ${own}`,
    );
    expect(new Set(names).size).toBe(names.length);
  },
);
