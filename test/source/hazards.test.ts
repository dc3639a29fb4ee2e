import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource } from "../../lib/source/detect-source.ts";
import { sourceFindings } from "../../lib/source/findings.ts";
import { configMap, daemonSet, inventoryOf, node, object } from "./inventories.ts";

const flannel = (
  marks: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> } = {},
) =>
  daemonSet("kube-flannel-ds", { containers: [{ name: "kube-flannel", image: "flannel/flannel:v0.28.9" }], ...marks });

const detect = async (...parts: readonly JsonObject[]) =>
  detectSource(await inventoryOf([...parts, node("a")]), "auto");

describe("who would bring the source back", () => {
  const rows: readonly (readonly [string, Parameters<typeof flannel>[0], string])[] = [
    [
      "Argo CD by annotation",
      { annotations: { "argocd.argoproj.io/tracking-id": "network:apps/DaemonSet:kube-system/kube-flannel-ds" } },
      "Argo CD, Application network",
    ],
    ["Argo CD by label", { labels: { "argocd.argoproj.io/instance": "network" } }, "Argo CD, Application network"],
    [
      "Flux by Kustomization",
      {
        labels: { "kustomize.toolkit.fluxcd.io/name": "infra", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" },
      },
      "Flux, Kustomization flux-system/infra",
    ],
    [
      "Flux by HelmRelease",
      { labels: { "helm.toolkit.fluxcd.io/name": "flannel", "helm.toolkit.fluxcd.io/namespace": "kube-flannel" } },
      "Flux, HelmRelease kube-flannel/flannel",
    ],
    [
      "Helm by hand",
      { annotations: { "meta.helm.sh/release-name": "flannel", "meta.helm.sh/release-namespace": "kube-flannel" } },
      "Helm, release kube-flannel/flannel",
    ],
  ];

  test.each(rows)("%s", async (_what, marks, owner) => {
    const { findings } = await detect(flannel(marks));

    expect(findings.filter(({ code }) => code === "source/gitops-owner").map(({ message }) => message)).toEqual([
      `DaemonSet/kube-system/kube-flannel-ds is applied by ${owner}`,
    ]);
  });

  test("nobody, when no mark is there", async () => {
    expect((await detect(flannel())).findings).toEqual([]);
  });

  test("the addon manager", async () => {
    const { facts, findings } = await detect(flannel({ labels: { "addonmanager.kubernetes.io/mode": "Reconcile" } }));

    expect(facts.installation).toBe("addon-manager");
    expect(findings.map(({ code }) => code)).toEqual(["source/operator-reconcile"]);
  });
});

describe("what stands in front of the source or beside it", () => {
  const multus = (args: readonly string[], maps: readonly string[] = []) =>
    daemonSet("kube-multus-ds", {
      containers: [{ name: "kube-multus", image: "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.4", args }],
      configMaps: maps,
    });
  const remedy = async (...parts: readonly JsonObject[]) =>
    (await detect(flannel(), ...parts)).findings.find(({ code }) => code === "source/multus")?.remedy;

  test("Multus that takes the first file needs no other master", async () => {
    expect(await remedy(multus(["--multus-conf-file=auto"]))).toBe(
      "set Helm value cni.exclusive: false; let Multus take 05-cilium.conflist as its master (it takes the first file of the folder); restart the Multus pod of a node after the switch, the thin entry point reads the folder at start",
    );
  });

  test("Multus with a fixed master and a readiness file is told both changes", async () => {
    expect(
      await remedy(
        multus([
          "--multus-master-cni-file-name=10-flannel.conflist",
          "--readiness-indicator-file=/run/flannel/subnet.env",
        ]),
      ),
    ).toMatch(
      /change Multus' master from 10-flannel\.conflist to 05-cilium\.conflist; change its readiness file from \/run\/flannel\/subnet\.env/u,
    );
  });

  test("the same out of a thick daemon's ConfigMap", async () => {
    const config = configMap("multus-daemon-config", {
      "daemon-config.json": '{"readinessindicatorfile": "/run/x", "clusterNetwork": "10-a.conflist"}',
    });
    const text = await remedy(multus(["/usr/src/multus-cni/bin/multus-daemon"], ["multus-daemon-config"]), config);

    expect(text).toMatch(/master from 10-a\.conflist .*readiness file from \/run\/x .*thick daemon follows/u);
  });

  test.each([
    ["istio-cni-node", "docker.io/istio/install-cni:1.26.0", "istio-cni"],
    ["ztunnel", "docker.io/istio/ztunnel:1.26.0", "istio-ambient"],
    ["linkerd-cni", "cr.l5d.io/linkerd/cni-plugin:v1.6.0", "linkerd-cni"],
  ])("%s is a companion that stays", async (name, image, companion) => {
    const { source, facts, findings } = await detect(
      flannel(),
      daemonSet(name, { containers: [{ name: "c", image }] }),
    );

    expect([source, facts.companions, findings.map(({ code }) => code)]).toEqual([
      "flannel",
      [companion],
      ["source/mesh-cni"],
    ]);
  });
});

test("every code has a meaning of one line and a source", () => {
  for (const [code, kind] of Object.entries(sourceFindings)) {
    expect(code).toMatch(/^source\/[a-z-]+$/u);
    expect(kind.meaning).not.toMatch(/\n|\.$/u);
    expect(kind.source.length).toBeGreaterThan(5);
  }
});

test("findings come in the order in which every command prints them, with what to do in each", async () => {
  const ovn = daemonSet("ovnkube-node", {
    namespace: "openshift-ovn-kubernetes",
    containers: [{ name: "ovnkube-controller", image: "x@sha256:0" }],
    ready: 1,
  });
  const network = object("operator.openshift.io/v1", "Network", "cluster", { spec: {} });
  const { findings } = await detect(
    ovn,
    network,
    daemonSet("multus", { namespace: "openshift-multus", containers: [{ name: "kube-multus", image: "x@sha256:0" }] }),
  );

  expect(findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
    "error source/daemonset-unhealthy",
    "error source/openshift",
    "error source/shared-gateway",
    "warning source/multus",
  ]);
  expect(findings.filter(({ remedy }) => remedy === undefined)).toEqual([]);
});
