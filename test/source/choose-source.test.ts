import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import type { SourceName } from "../../lib/core/source-name.ts";
import { detectSource } from "../../lib/source/detect-source.ts";
import type { SourceDetection } from "../../lib/source/source.ts";
import { agentPod, configMap, daemonSet, inventoryOf, node, object, pod } from "./inventories.ts";

const flannelAnnotations = { "flannel.alpha.coreos.com/backend-type": "vxlan" };
const netConf = JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: "vxlan" } });
const flannelMap = configMap("kube-flannel-cfg", { "net-conf.json": netConf }, "kube-flannel");
const flannelSet = daemonSet("kube-flannel-ds", {
  namespace: "kube-flannel",
  containers: [{ name: "kube-flannel", image: "ghcr.io/flannel-io/flannel:v0.28.9" }],
  configMaps: ["kube-flannel-cfg"],
});
const calicoSet = daemonSet("calico-node", {
  containers: [
    { name: "calico-node", image: "quay.io/calico/node:v3.31.7", env: { CALICO_NETWORKING_BACKEND: "vxlan" } },
  ],
  initContainers: [{ name: "install-cni", image: "quay.io/calico/cni:v3.31.7" }],
});
const calicoPool = object("crd.projectcalico.org/v1", "IPPool", "default-ipv4-ippool", {
  spec: { cidr: "10.100.0.0/16", vxlanMode: "Always", ipipMode: "Never" },
});
const canalSet = daemonSet("canal", {
  containers: [
    { name: "calico-node", image: "quay.io/calico/node:v3.31.7", env: { CALICO_NETWORKING_BACKEND: "none" } },
    { name: "kube-flannel", image: "flannel/flannel:v0.24.4" },
  ],
});
const canalMap = configMap("canal-config", { "net-conf.json": netConf });
const ciliumSet = daemonSet("cilium", {
  containers: [{ name: "cilium-agent", image: "quay.io/cilium/cilium:v1.20.2" }],
});
const ciliumNode = (name: string, cidr: string) =>
  object("cilium.io/v2", "CiliumNode", name, { spec: { ipam: { podCIDRs: [cidr] } } });
const chained = configMap("cilium-config", { "cni-chaining-mode": "generic-veth" });
const nodes = [node("a", { annotations: flannelAnnotations }), node("b", { annotations: flannelAnnotations })];
const calicoCRD = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "ippools.crd.projectcalico.org", {
  spec: { group: "crd.projectcalico.org" },
});

const codes = (detection: SourceDetection) =>
  detection.findings.map(({ code, severity }) => `${severity} ${code.replace("source/", "")}`);
const answer = (detection: SourceDetection) => `${detection.source} ${detection.confidence} ${detection.live.kind}`;

async function detect(parts: readonly JsonObject[], seen?: readonly string[], wanted: "auto" | SourceName = "auto") {
  return detectSource(await inventoryOf(parts, seen), wanted);
}

describe("what runs decides", () => {
  test("annotations of flannel that a finished move to Calico left do not make flannel the source", async () => {
    const detection = await detect([calicoSet, calicoPool, ...nodes, pod("web", "10.100.3.7")]);

    expect(answer(detection)).toBe("calico certain supported");
    expect(codes(detection)).toEqual(["error autodetection", "warning earlier-leftovers"]);
    expect(detection.evidence.find(({ source }) => source === "flannel")?.weight).toBe("weak");
  });

  test("Calico's definitions that an uninstall left are worth a remark and no more", async () => {
    const detection = await detect([flannelSet, flannelMap, calicoCRD, ...nodes, pod("web", "10.244.0.9")]);

    expect(answer(detection)).toBe("flannel certain supported");
    expect(codes(detection)).toEqual(["info earlier-leftovers"]);
  });

  test("an agent scaled away by a node selector is a leftover", async () => {
    const away = daemonSet("weave-net", {
      containers: [{ name: "weave", image: "weaveworks/weave-kube:2.8.1" }],
      desired: 0,
    });
    const detection = await detect([flannelSet, flannelMap, away, ...nodes, pod("web", "10.244.0.9")]);

    expect(answer(detection)).toBe("flannel certain supported");
    expect(codes(detection)).toEqual(["warning earlier-leftovers"]);
  });

  test("images that a node has cached speak for nothing", async () => {
    const cached = {
      ...node("a"),
      status: { images: [{ names: ["quay.io/calico/node:v3.31.7"] }], conditions: [{ type: "Ready", status: "True" }] },
    };

    expect(answer(await detect([cached, pod("web", "10.244.0.9")]))).toBe("unknown unsure refused");
  });

  test("a DaemonSet that only pulls images of a network is no agent of it", async () => {
    const puller = daemonSet("prepull", {
      containers: [{ name: "pause", image: "registry.k8s.io/pause:3.10" }],
      initContainers: [{ name: "pull", image: "quay.io/cilium/cilium:v1.20.2" }],
    });

    expect(answer(await detect([flannelSet, flannelMap, puller, ...nodes, pod("web", "10.244.0.9")]))).toBe(
      "flannel certain supported",
    );
  });

  test("the annotation csi.tigera.io alone does not mean Calico", async () => {
    const csi = node("a", {
      annotations: { "csi.volume.kubernetes.io/nodeid": '{"csi.tigera.io":"a"}', ...flannelAnnotations },
    });

    expect(answer(await detect([flannelSet, flannelMap, csi, pod("web", "10.244.0.9")]))).toBe(
      "flannel certain supported",
    );
  });
});

describe("dumps that lack kinds", () => {
  test("without DaemonSets the pods of the agent say that it runs", async () => {
    const agents = ["a", "b"].map((name) =>
      agentPod("canal", name, ["quay.io/calico/node:v3.31.7", "flannel/flannel:v0.24.4"]),
    );
    const detection = await detect(
      [...agents, canalMap, ...nodes, pod("web", "10.244.0.9")],
      ["Node", "Pod", "ConfigMap"],
    );

    expect(answer(detection)).toBe("canal certain supported");
    expect(detection.facts.daemonSets).toEqual(["kube-system/canal"]);
    expect(codes(detection)).toEqual(["info not-checked"]);
  });

  test("without ConfigMaps the backend comes from the nodes", async () => {
    const told = node("a", {
      annotations: {
        ...flannelAnnotations,
        "flannel.alpha.coreos.com/backend-data": '{"VNI":7,"VtepMAC":"aa:00:00:00:00:01"}',
      },
      podCIDRs: ["10.244.0.0/24"],
    });
    const detection = await detect([flannelSet, told, pod("web", "10.244.0.9")], ["Node", "Pod", "DaemonSet"]);

    expect(answer(detection)).toBe("flannel certain supported");
    expect(detection.facts).toMatchObject({
      encapsulation: "vxlan",
      vni: 7,
      tunnelPort: 8472,
      podCIDRs: ["10.244.0.0/24"],
    });
    expect(codes(detection)).toEqual(["info not-checked"]);
  });

  test("with nodes alone the answer is unsure and says what to add", async () => {
    const detection = await detect(nodes, ["Node"]);

    expect(answer(detection)).toBe("flannel unsure supported");
    expect(detection.findings.find(({ code }) => code === "source/unsure")?.remedy).toBe(
      "add the output of: kubectl get daemonsets,pods -A -o yaml",
    );
  });

  test("with pods of Calico's plugin, no pools and flannel's annotations it is Canal", async () => {
    const cali = pod("web", "10.244.0.9", "a", { "cni.projectcalico.org/podIP": "10.244.0.9/32" });

    expect((await detect([...nodes, cali], ["Node"])).source).toBe("canal");
  });

  test("a manifest without a status is declared, not running", async () => {
    const { status: _status, ...declared } = flannelSet;
    const detection = await detect([declared, flannelMap], []);

    expect(answer(detection)).toBe("flannel unsure supported");
  });

  test("nothing that speaks for a network is answered by what to send", async () => {
    const detection = await detect([node("a")], ["Node"]);

    expect(detection.findings.find(({ code }) => code === "source/unknown")).toMatchObject({
      reason:
        "the inventory holds no Pod, no DaemonSet, no ConfigMap, no CustomResourceDefinition, so the answer may only be missing",
      remedy: "add the output of: kubectl get pods,daemonsets,configmaps,customresourcedefinitions -A -o yaml",
    });
  });

  test("a network that we do not know is named by the DaemonSet that writes CNI files", async () => {
    const own = {
      ...daemonSet("our-net", { containers: [{ name: "agent", image: "registry.test/our-net:1" }] }),
      spec: {
        template: {
          spec: {
            hostNetwork: true,
            containers: [
              { name: "agent", image: "x", volumeMounts: [{ name: "cni", mountPath: "/host/etc/cni/net.d" }] },
            ],
            volumes: [{ name: "cni", hostPath: { path: "/etc/cni/net.d" } }],
          },
        },
      },
    };
    const detection = await detect([own, node("a"), pod("web", "10.9.0.9")]);

    expect(detection.findings.find(({ code }) => code === "source/unknown")?.message).toBe(
      "no network that we know runs in this cluster; DaemonSet/kube-system/our-net looks like one",
    );
  });
});

describe("Cilium beside a source", () => {
  const pools = [ciliumNode("a", "10.245.0.0/24"), ciliumNode("b", "10.245.1.0/24")];

  test("a dormant install is told from a migration that has begun", async () => {
    const detection = await detect([canalSet, canalMap, ciliumSet, ...pools, ...nodes, pod("web", "10.244.0.9")]);

    expect(answer(detection)).toBe("canal certain supported");
    expect(detection.hybrid).toEqual({
      ciliumVersion: "1.20.2",
      ciliumPodCIDRs: ["10.245.0.0/23"],
      podsOnSource: 1,
      podsOnCilium: 0,
      podsElsewhere: 0,
      migratedNodes: [],
      mixedNodes: [],
    });
    expect(detection.findings.find(({ code }) => code === "source/half-migrated")?.message).toBe(
      "Cilium 1.20.2 is installed beside canal and has no pods yet",
    );
  });

  test("pods on both sides are counted, and nodes that are done are named", async () => {
    const parts = [pod("one", "10.245.0.9", "a"), pod("two", "10.244.1.4", "b"), pod("three", "10.245.1.4", "b")];
    const detection = await detect([canalSet, canalMap, ciliumSet, ...pools, ...nodes, ...parts]);

    expect(detection.hybrid).toMatchObject({
      podsOnSource: 1,
      podsOnCilium: 2,
      migratedNodes: ["a"],
      mixedNodes: ["b"],
    });
    expect(codes(detection)).toEqual(["warning half-migrated"]);
    expect(detection.source).toBe("canal");
  });

  test("with every pod moved the source is still the one that runs", async () => {
    const detection = await detect([canalSet, canalMap, ciliumSet, ...pools, ...nodes, pod("one", "10.245.0.9")]);

    expect(detection.source).toBe("canal");
    expect(detection.hybrid).toMatchObject({ podsOnSource: 0, podsOnCilium: 1 });
  });

  test("with the source gone and every pod moved it is Cilium, and the leftovers are named", async () => {
    const detection = await detect([ciliumSet, ...pools, ...nodes, pod("one", "10.245.0.9")]);

    expect(answer(detection)).toBe("cilium certain refused");
    expect(codes(detection)).toEqual(["error already-cilium", "warning earlier-leftovers"]);
  });

  test("Cilium chained on the source is refused", async () => {
    const detection = await detect([calicoSet, calicoPool, ciliumSet, chained, node("a"), pod("one", "10.100.0.9")]);

    expect(answer(detection)).toBe("calico certain refused");
    expect(codes(detection)).toContain("error cilium-chained");
  });
});

describe("two at once", () => {
  const kindnet = daemonSet("kindnet", {
    containers: [
      { name: "kindnet-cni", image: "kindest/kindnetd:v20250512-df8de77b", env: { POD_SUBNET: "10.200.0.0/16" } },
    ],
  });

  test("two networks that run are ambiguous; the one whose addresses are in use is shown, and nothing is planned", async () => {
    const detection = await detect([kindnet, flannelSet, flannelMap, ...nodes, pod("web", "10.244.0.9")]);

    expect(answer(detection)).toBe("flannel unsure refused");
    expect(codes(detection)).toContain("error ambiguous");
  });

  test("the plan decides between two that run", async () => {
    const detection = await detect(
      [kindnet, flannelSet, flannelMap, ...nodes, pod("web", "10.244.0.9")],
      undefined,
      "flannel",
    );

    expect(answer(detection)).toBe("flannel likely supported");
    expect(codes(detection)).toContain("warning ambiguous");
  });

  test("flannel and a policy-only Calico with its own plugin are Canal in two DaemonSets", async () => {
    const policyOnly = daemonSet("calico-node", {
      containers: [{ name: "calico-node", image: "calico/node:v3.31.7", env: { CALICO_NETWORKING_BACKEND: "none" } }],
      initContainers: [{ name: "install-cni", image: "calico/cni:v3.31.7" }],
      configMaps: ["calico-config"],
    });
    const map = configMap("calico-config", {
      cni_network_config:
        '{"name":"k8s-pod-network","plugins":[{"type":"calico","mtu":__CNI_MTU__,"ipam":{"type":"host-local"}}]}',
    });
    const detection = await detect([flannelSet, flannelMap, policyOnly, map, ...nodes, pod("web", "10.244.0.9")]);

    expect(answer(detection)).toBe("canal certain supported");
    expect(detection.facts.daemonSets).toEqual(["kube-flannel/kube-flannel-ds", "kube-system/calico-node"]);
  });
});

describe("the plan and the inventory", () => {
  test("a plan that names another source than the one that runs is told so", async () => {
    const detection = await detect([canalSet, canalMap, ...nodes, pod("web", "10.244.0.9")], undefined, "calico");

    expect(detection.source).toBe("calico");
    expect(detection.confidence).toBe("unsure");
    expect(detection.findings.find(({ code }) => code === "source/plan-contradicts-inventory")).toMatchObject({
      severity: "error",
      message: "the plan says source: calico, the inventory shows canal",
      data: { plan: "calico", inventory: "canal" },
    });
  });

  test("a plan that names a source of which nothing shows is followed with a warning", async () => {
    const detection = await detect([node("a")], ["Node"], "weave");

    expect(detection.source).toBe("weave");
    expect(codes(detection)).toContain("warning unsure");
  });

  test("a plan that gives up on a network that we know is corrected", async () => {
    const detection = await detect([canalSet, canalMap, ...nodes], undefined, "unknown");

    expect(detection.source).toBe("canal");
    expect(codes(detection)).toContain("error plan-contradicts-inventory");
  });
});

describe("a source removed by hand half way", () => {
  test("pods with its addresses and no agent anywhere: refused, with what to do", async () => {
    const detection = await detect([canalMap, ...nodes, pod("web", "10.244.0.9")]);

    expect(answer(detection)).toBe("canal likely refused");
    expect(detection.findings.find(({ code }) => code === "source/agent-missing")?.message).toBe(
      "1 of 1 pods in 10.244.0.0/16 of canal, but no DaemonSet or pod of it runs",
    );
  });

  test("an agent that is not ready everywhere blocks", async () => {
    const sick = daemonSet("kube-flannel-ds", {
      namespace: "kube-flannel",
      containers: [{ name: "kube-flannel", image: "flannel/flannel:v0.28.9" }],
      configMaps: ["kube-flannel-cfg"],
      desired: 5,
      ready: 4,
    });
    const detection = await detect([sick, flannelMap, ...nodes, pod("web", "10.244.0.9")]);

    expect(detection.findings.find(({ code }) => code === "source/daemonset-unhealthy")).toMatchObject({
      severity: "error",
      message: "DaemonSet/kube-flannel/kube-flannel-ds is ready on 4 of 5 nodes",
      data: { desired: 5, ready: 4, missing: 1 },
    });
  });

  test("pods outside every known prefix are counted", async () => {
    const detection = await detect([
      flannelSet,
      flannelMap,
      ...nodes,
      pod("web", "10.244.0.9"),
      pod("old", "172.20.0.3"),
    ]);

    expect(codes(detection)).toEqual(["warning pod-cidr-mismatch"]);
  });
});
