import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource, planSourcePreparation } from "../../lib/source/detect-source.ts";
import { configMap, daemonSet, inventoryOf, kubeProxy, node, object } from "./inventories.ts";

async function prepare(...parts: readonly JsonObject[]) {
  const inventory = await inventoryOf(parts);
  return planSourcePreparation(inventory, detectSource(inventory, "auto"));
}

const flannel = (labels: Readonly<Record<string, string>> = {}) =>
  daemonSet("kube-flannel-ds", { labels, containers: [{ name: "kube-flannel", image: "flannel/flannel:v0.28.9" }] });

test("kube-proxy that knows the old prefix only is told of the new one, and how to go back", async () => {
  expect(await prepare(flannel(), ...kubeProxy, node("a"))).toEqual([
    {
      title: "Widen kube-proxy's clusterCIDR to the new pool",
      why: "traffic of migrated pods to NodePorts and external addresses would be masqueraded as if it came from outside the cluster",
      commands: [
        'kubectl edit -n kube-system configmap/kube-proxy # set clusterCIDR in config.conf to a prefix that covers 10.244.0.0/16 and the new pool, or to "" where none does',
        "kubectl rollout restart -n kube-system daemonset/kube-proxy",
      ],
      before: "install",
      necessity: "recommended",
      undo: [
        "kubectl edit -n kube-system configmap/kube-proxy # set clusterCIDR in config.conf to 10.244.0.0/16",
        "kubectl rollout restart -n kube-system daemonset/kube-proxy",
      ],
    },
  ]);
});

test("an engine that would revert the changes is suspended first, once for all its objects", async () => {
  const labels = {
    "kustomize.toolkit.fluxcd.io/name": "infra",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
  };
  const steps = await prepare(
    flannel(labels),
    { ...flannel(labels), metadata: { namespace: "kube-system", name: "kube-flannel-ds-arm64", labels } },
    node("a"),
  );

  expect(steps.map(({ title, necessity, commands }) => [title, necessity, commands])).toEqual([
    [
      "Keep Flux from reverting the source: Kustomization flux-system/infra",
      "required",
      [
        "# suspend it before the first stage (flux suspend kustomization infra -n flux-system), and take the source out of its repository with prune off before it is removed",
      ],
    ],
  ]);
});

test("a plain flannel needs nothing", async () => {
  expect(await prepare(flannel(), node("a"))).toEqual([]);
});

test("Talos brings flannel back from the machine configuration", async () => {
  const steps = await prepare(flannel(), node("a", { osImage: "Talos (v1.11.6)" }));

  expect(steps.map(({ title, before }) => `${before}: ${title}`)).toEqual([
    "removal: Take flannel out of Talos' machine configuration",
  ]);
});

const policy = object("networking.k8s.io/v1", "NetworkPolicy", "deny", {}, "shop");
const calicoNode = (labels: Readonly<Record<string, string>> = {}) =>
  daemonSet("calico-node", { labels, containers: [{ name: "calico-node", image: "calico/node:v3.31.7" }] });
const kops = { "addon.kops.k8s.io/name": "networking" };
const clusters: readonly (readonly [string, readonly JsonObject[]])[] = [
  [
    "flannel with kube-proxy, by Flux",
    [flannel({ "kustomize.toolkit.fluxcd.io/name": "infra" }), ...kubeProxy, node("a")],
  ],
  ["flannel on Talos", [flannel(), node("a", { osImage: "Talos (v1.11.6)" })]],
  ["flannel by kOps", [flannel(kops), node("a")]],
  [
    "flannel in k3s",
    [policy, node("a", { kubelet: "v1.33.2+k3s1", annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan" } })],
  ],
  ["Calico", [calicoNode(), node("a")]],
  ["Calico by kOps", [calicoNode(kops), node("a")]],
  ["Calico in MicroK8s", [calicoNode(), node("a", { labels: { "microk8s.io/cluster": "true" } })]],
  [
    "Calico in RKE2",
    [
      calicoNode(),
      object("operator.tigera.io/v1", "Installation", "default", {
        spec: { calicoNetwork: { nodeAddressAutodetectionV4: { firstFound: true } } },
      }),
      object("helm.cattle.io/v1", "HelmChart", "rke2-calico", {}, "kube-system"),
      node("a", { kubelet: "v1.33.2+rke2r1" }),
    ],
  ],
  [
    "kube-router with policies",
    [
      policy,
      node("a"),
      daemonSet("kube-router", {
        containers: [
          { name: "kube-router", image: "cloudnativelabs/kube-router:v2.5.0", args: ["--run-firewall=true"] },
        ],
      }),
    ],
  ],
  [
    "kindnet with policies",
    [
      policy,
      node("a"),
      daemonSet("kindnet", { containers: [{ name: "kindnet-cni", image: "kindest/kindnetd:v20250512-df8de77b" }] }),
    ],
  ],
  [
    "Weave",
    [
      node("a"),
      daemonSet("weave-net", {
        containers: [
          { name: "weave", image: "weaveworks/weave-kube:2.8.1" },
          { name: "weave-npc", image: "weaveworks/weave-npc:2.8.1" },
        ],
      }),
      configMap("weave-net", {}),
    ],
  ],
  [
    "AWS with external SNAT",
    [
      node("a", { kubelet: "v1.33.2-eks-1234567" }),
      daemonSet("aws-node", {
        containers: [
          { name: "aws-node", image: "amazon-k8s-cni:v1.22.4", env: { AWS_VPC_K8S_CNI_EXTERNALSNAT: "true" } },
        ],
      }),
    ],
  ],
];

test.each(clusters)(
  "the lines for %s can be pasted into a shell: commands, and all else behind a hash",
  async (_what, parts) => {
    const steps = await prepare(...parts);

    expect(steps.length).toBeGreaterThan(0);
    for (const line of steps.flatMap(({ commands, undo }) => [...commands, ...undo])) {
      expect(line).toMatch(/^(?:# .*|(?:kubectl|kops|aws|talosctl|microk8s) [^<>]*)$/u);
      expect((line.split("'").length - 1) % 2 === 0 || line.startsWith("#")).toBe(true);
    }
    expect(steps.filter(({ commands, object: patch }) => commands.length === 0 && patch === undefined)).toEqual([]);
  },
);
