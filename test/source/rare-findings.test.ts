import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { detectSource } from "../../lib/source/detect-source.ts";
import type { SourceFindingCode } from "../../lib/source/findings.ts";
import { configMap, daemonSet, inventoryOf, node, object, pod } from "./inventories.ts";

const flannel = daemonSet("kube-flannel-ds", {
  containers: [{ name: "kube-flannel", image: "flannel/flannel:v0.28.9" }],
  configMaps: ["kube-flannel-cfg"],
});
const flannelMap = configMap("kube-flannel-cfg", {
  "net-conf.json": JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: "vxlan" } }),
});
const flannelPod = pod("web", "10.244.0.9");
const calico = (env: Readonly<Record<string, string>>, namespace = "kube-system") =>
  daemonSet("calico-node", {
    namespace,
    containers: [{ name: "calico-node", image: "quay.io/calico/node:v3.31.7", env }],
  });
const calicoPool = object("crd.projectcalico.org/v1", "IPPool", "default-ipv4-ippool", {
  spec: { cidr: "10.100.0.0/16", vxlanMode: "Always", ipipMode: "Never" },
});
const installation = (linuxDataplane: string) =>
  object("operator.tigera.io/v1", "Installation", "default", { spec: { calicoNetwork: { linuxDataplane } } });
const cilium = daemonSet("cilium", {
  containers: [{ name: "cilium-agent", image: "quay.io/cilium/cilium:v1.20.2" }],
});
const chaining = (mode: string) => configMap("cilium-config", { "cni-chaining-mode": mode });
const vxlanNodes = [calico({ CALICO_NETWORKING_BACKEND: "vxlan" }), calicoPool, pod("one", "10.100.0.9")];
const kubeRouter = (...args: readonly string[]) =>
  daemonSet("kube-router", {
    containers: [{ name: "kube-router", image: "cloudnativelabs/kube-router:v2.5.0", args }],
  });
const awsNode = (externalSNAT: string) =>
  daemonSet("aws-node", {
    containers: [
      { name: "aws-node", image: "amazon-k8s-cni:v1.22.4", env: { AWS_VPC_K8S_CNI_EXTERNALSNAT: externalSNAT } },
    ],
  });
const moving = { labels: { "projectcalico.org/node-network-during-migration": "flannel" } };
const bothNetworks = [flannel, flannelMap, ...vxlanNodes];

const findingsOf = async (code: SourceFindingCode, parts: readonly JsonObject[]) =>
  detectSource(await inventoryOf([node("a"), ...parts]), "auto").findings.filter((finding) => finding.code === code);

interface Row {
  readonly code: SourceFindingCode;
  readonly parts: readonly JsonObject[];
  readonly told: JsonObject;
  /** The same cluster, but for what the finding is about. */
  readonly silent: readonly JsonObject[];
}

const rows: readonly Row[] = [
  {
    code: "source/cilium-chained",
    parts: [...vxlanNodes, cilium, chaining("generic-veth")],
    told: {
      severity: "error",
      message: "Cilium 1.20.2 is chained on calico (cni-chaining-mode generic-veth)",
      where: { object: "DaemonSet/kube-system/cilium" },
      remedy: "remove the chained Cilium first, or go node pool by node pool with replacement",
    },
    // Cilium with the portmap plugin behind it is the network itself.
    silent: [...vxlanNodes, cilium, chaining("portmap")],
  },
  {
    code: "source/migration-under-way",
    parts: [...bothNetworks, object("batch/v1", "Job", "flannel-migration", { spec: {} }, "kube-system")],
    told: {
      severity: "error",
      message: "Calico's migration from flannel is under way (Job/kube-system/flannel-migration)",
      where: { object: "Job/kube-system/flannel-migration" },
      remedy:
        "let it end (kubectl get jobs -n kube-system flannel-migration), remove flannel, and take the inventory again",
    },
    silent: bothNetworks,
  },
  {
    code: "source/migration-under-way",
    parts: [...bothNetworks, node("b", moving)],
    told: {
      severity: "error",
      message: "Calico's migration from flannel is under way (Node/b)",
      where: { object: "Node/b" },
    },
    // The label stays on the nodes when the migration is done and flannel is gone.
    silent: [...vxlanNodes, node("b", moving)],
  },
  {
    code: "source/earlier-leftovers",
    parts: [flannel, flannelMap, flannelPod, node("b", { annotations: { "kube-router.io/pod-cidr": "10.9.0.0/24" } })],
    told: {
      severity: "warning",
      message: "traces of kube-router are left, which does not run any more: Node/b",
      where: { object: "Node/b", field: 'metadata.annotations["kube-router.io/pod-cidr"]' },
      remedy:
        "look on one node: iptables-save | grep -E 'FLANNEL|cali-|KUBE-ROUTER|WEAVE|ANTREA|AWS-SNAT'; clean or reboot the nodes before the first wave, then remove the kube-router annotations",
    },
    silent: [flannel, flannelMap, flannelPod, node("b")],
  },
  {
    code: "source/earlier-leftovers",
    parts: [
      flannel,
      flannelMap,
      flannelPod,
      object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "ippools.crd.projectcalico.org", {
        spec: { group: "crd.projectcalico.org" },
      }),
    ],
    told: {
      severity: "info",
      message:
        "traces of calico are left, which does not run any more: CustomResourceDefinition/ippools.crd.projectcalico.org",
      where: { object: "CustomResourceDefinition/ippools.crd.projectcalico.org" },
      remedy: "remove them when nothing uses them: CustomResourceDefinition/ippools.crd.projectcalico.org",
    },
    silent: [flannel, flannelMap, flannelPod],
  },
  {
    code: "source/vpp-dataplane",
    parts: [calico({}, "calico-system"), calicoPool, installation("VPP")],
    told: {
      severity: "error",
      message: "Calico runs its VPP dataplane",
      where: { object: "Installation/default", field: "spec.calicoNetwork.linuxDataplane" },
      remedy:
        "set Installation default spec.calicoNetwork.linuxDataplane: Iptables and remove the VPP DaemonSet, or go in-place or blue-green",
    },
    silent: [calico({}, "calico-system"), calicoPool, installation("Nftables")],
  },
  {
    code: "source/ebpf-dataplane",
    parts: [calico({ FELIX_BPFENABLED: "true" }), calicoPool],
    told: {
      severity: "error",
      message: "Calico runs its eBPF dataplane",
      where: {
        object: "DaemonSet/kube-system/calico-node",
        field: "spec.template.spec.containers[name=calico-node].env[name=FELIX_BPFENABLED]",
      },
    },
    silent: [calico({ FELIX_BPFENABLED: "false" }), calicoPool],
  },
  {
    code: "source/companion",
    parts: [
      flannel,
      flannelMap,
      kubeRouter("--run-router=true", "--enable-cni=false", "--run-firewall=false", "--run-service-proxy=false"),
    ],
    told: {
      severity: "info",
      message: "DaemonSet/kube-system/kube-router speaks BGP beside the network and stays",
      where: { object: "DaemonSet/kube-system/kube-router" },
      remedy: "keep it, or replace it by Cilium's BGP control plane after the migration",
    },
    // What also filters is a policy engine, and goes with the source.
    silent: [flannel, flannelMap, kubeRouter("--enable-cni=false", "--run-service-proxy=false")],
  },
  {
    code: "source/policy-engine",
    parts: [
      flannel,
      flannelMap,
      kubeRouter("--run-router=false", "--enable-cni=false", "--run-firewall=true", "--run-service-proxy=false"),
    ],
    told: {
      severity: "info",
      message: "DaemonSet/kube-system/kube-router enforces policy only; another network connects the pods",
      where: { object: "DaemonSet/kube-system/kube-router" },
      reason: "kinds it enforces: NetworkPolicy.networking.k8s.io",
      remedy: "it is removed with the source, after Cilium enforces the translated policies",
    },
    silent: [
      flannel,
      flannelMap,
      kubeRouter("--run-router=true", "--enable-cni=false", "--run-firewall=false", "--run-service-proxy=false"),
    ],
  },
  {
    code: "source/external-snat",
    parts: [awsNode("true")],
    told: {
      severity: "error",
      message: "DaemonSet/kube-system/aws-node runs with AWS_VPC_K8S_CNI_EXTERNALSNAT=true",
      where: {
        object: "DaemonSet/kube-system/aws-node",
        field: "spec.template.spec.containers[name=aws-node].env[name=AWS_VPC_K8S_CNI_EXTERNALSNAT]",
      },
      remedy: "set AWS_VPC_K8S_CNI_EXTERNALSNAT=false on container aws-node for the migration",
    },
    silent: [awsNode("false")],
  },
];

describe("what is seldom found, with what an engineer is told", () => {
  test.each(rows)("$code: $told.message", async ({ code, parts, told, silent }) => {
    expect(await findingsOf(code, parts)).toMatchObject([told]);
    expect(await findingsOf(code, silent)).toEqual([]);
  });
});
