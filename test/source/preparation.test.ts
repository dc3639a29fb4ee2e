import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource, planSourcePreparation } from "../../lib/source/detect-source.ts";
import { daemonSet, inventoryOf, kubeProxy, node } from "./inventories.ts";

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
        'kubectl edit -n kube-system configmap/kube-proxy: set clusterCIDR in config.conf to a prefix that covers 10.244.0.0/16 and the new pool, or to "" where none does',
        "kubectl rollout restart -n kube-system daemonset/kube-proxy",
      ],
      before: "install",
      necessity: "recommended",
      undo: [
        "kubectl edit -n kube-system configmap/kube-proxy: set clusterCIDR in config.conf to 10.244.0.0/16",
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
        "suspend it before the first stage (flux suspend kustomization infra -n flux-system), and take the source out of its repository with prune off before it is removed",
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
