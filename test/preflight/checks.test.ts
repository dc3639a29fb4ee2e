import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import type { Node } from "../../lib/inventory/inventory.ts";
import { catalogue } from "../../lib/preflight/catalogue.ts";
import { runPreflight } from "../../lib/preflight/run-preflight.ts";
import { node, pod, port, threeNodes } from "../target/cluster.ts";
import { contextOf, global, object, type Setting, workload } from "./setting.ts";

interface Pair {
  readonly id: string;
  readonly fires: Setting;
  /** Severity and message of each finding of this check. */
  readonly told: readonly string[];
  readonly silent: Setting;
}

function nodesWith(info: Partial<Node["nodeInfo"]>): Node[] {
  return threeNodes.map((own) => ({ ...own, nodeInfo: { ...own.nodeInfo, ...info } }));
}

const service = (name: string, spec: JsonObject, status: JsonObject = {}): JsonObject =>
  object("v1", "Service", name, { spec, status });
const webhook = (failurePolicy: string): JsonObject =>
  global("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "gate", {
    webhooks: [{ failurePolicy, clientConfig: { service: { namespace: "default", name: "gate" } } }],
  });
const gateService = service("gate", { selector: { app: "gate" } });
const gatePod = (name: string, nodeName: string, isHostNetwork = false) =>
  pod(name, "10.244.0.20", { labels: { app: "gate" }, nodeName, isHostNetwork });
const eksNodes = nodesWith({ kubeletVersion: "v1.34.1-eks-abc" });
const hostEndpoint = (profiles: readonly string[]): JsonObject =>
  global("projectcalico.org/v3", "HostEndpoint", "a-eth0", {
    metadata: { labels: { role: "worker" } },
    spec: { node: "a", interfaceName: "eth0", profiles },
  });
const hostPolicy = (rules: readonly JsonObject[]): JsonObject =>
  global("projectcalico.org/v3", "GlobalNetworkPolicy", "nodes", {
    spec: { selector: "has(role)", types: ["Ingress"], ingress: rules },
  });
const flannel: Setting = { source: "flannel", facts: { enforcedPolicyKinds: [] } };
const networkPolicy = object("networking.k8s.io/v1", "NetworkPolicy", "deny", { spec: { podSelector: {} } });
const calicoPolicy = (rule: JsonObject): JsonObject =>
  object("projectcalico.org/v3", "NetworkPolicy", "web", { spec: { selector: "all()", ingress: [rule] } });
const lbPool = global("projectcalico.org/v3", "IPPool", "lb", {
  spec: { cidr: "10.60.0.0/24", allowedUses: ["LoadBalancer"] },
});
const stored = (versions: readonly string[]): JsonObject =>
  global("apiextensions.k8s.io/v1", "CustomResourceDefinition", "ciliumnodeconfigs.cilium.io", {
    status: { storedVersions: versions },
  });
const budget = (status: JsonObject, policy?: string): JsonObject =>
  object("policy/v1", "PodDisruptionBudget", "web", {
    spec: { ...(policy !== undefined && { unhealthyPodEvictionPolicy: policy }) },
    status,
  });
const autoscaler = (args: readonly string[]): JsonObject =>
  workload("Deployment", "cluster-autoscaler", "images.example/autoscaling/cluster-autoscaler:v1.32.0", {
    container: { args },
  });

const pairs: readonly Pair[] = [
  {
    id: "src-live-conditions",
    fires: { live: { kind: "conditional", conditions: ["the proxy goes last", "etcd is exported"] } },
    told: [
      "warning canal can be left live on a condition: etcd is exported",
      "warning canal can be left live on a condition: the proxy goes last",
    ],
    silent: { live: { kind: "supported" } },
  },
  {
    id: "strategy-in-place",
    fires: {
      spec: { strategy: "in-place" },
      pods: [pod("a", "10.244.0.2"), pod("host", "172.18.0.2", { isHostNetwork: true })],
    },
    told: ["warning in-place cuts 1 pods on 3 nodes off their network for about 8 minutes"],
    silent: { spec: { strategy: "live" } },
  },
  {
    id: "strategy-in-place-control-plane",
    fires: {
      spec: { strategy: "in-place" },
      nodes: [node("a", "172.18.0.2", { isControlPlane: true }), node("b", "172.18.0.3")],
    },
    told: ["error a is the only control plane node, and nothing can be driven through the API while it has no network"],
    silent: {
      spec: { strategy: "in-place" },
      nodes: ["a", "b", "c"].map((name, index) => node(name, `172.18.0.${index + 2}`, { isControlPlane: true })),
    },
  },
  {
    id: "strategy-blue-green-state",
    fires: {
      spec: { strategy: "blue-green" },
      pods: [
        pod("db-0", "10.244.0.2", {
          owner: { apiVersion: "apps/v1", kind: "StatefulSet", name: "db" },
          volumes: [{ kind: "persistentVolumeClaim", name: "data", claimName: "data-db-0" }],
        }),
        pod("lonely", "10.244.0.3"),
      ],
      objects: [object("apps/v1", "StatefulSet", "idle", { spec: { volumeClaimTemplates: [{}] } })],
    },
    told: [
      "warning Pod/default/lonely has no controller: nothing creates it in a second cluster",
      "warning StatefulSet/default/db keeps data that a second cluster does not have",
      "warning StatefulSet/default/idle keeps data that a second cluster does not have",
    ],
    silent: { pods: [pod("lonely", "10.244.0.3")] },
  },
  {
    id: "fam-v6-only",
    fires: {
      nodes: [node("a", "fd00:1::2")],
      facts: { families: [6], podCIDRs: ["fd00:10:244::/56"], serviceCIDRs: ["fd00:10:96::/112"] },
    },
    told: ["warning the pods of canal have IPv6 addresses alone"],
    silent: { facts: { families: [4, 6], podCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"] } },
  },
  {
    id: "port-host",
    fires: {
      pods: [
        pod("exporter-1", "172.18.0.2", {
          isHostNetwork: true,
          ports: [port(9963)],
          workload: { apiVersion: "apps/v1", kind: "DaemonSet", name: "exporter" },
        }),
        pod("exporter-2", "172.18.0.3", {
          isHostNetwork: true,
          ports: [port(9963)],
          workload: { apiVersion: "apps/v1", kind: "DaemonSet", name: "exporter" },
        }),
        pod("web", "10.244.0.7", { ports: [port(80, 4244)] }),
      ],
    },
    told: [
      "error DaemonSet/default/exporter has 9963/TCP on its nodes, which Cilium needs for the operator's metrics",
      "error Pod/default/web has 4244/TCP on its nodes, which Cilium needs for Hubble's server",
    ],
    silent: {
      pods: [
        pod("inside", "10.244.0.7", { ports: [port(9963)] }),
        pod("other-protocol", "172.18.0.2", { isHostNetwork: true, ports: [port(9963, undefined, "UDP")] }),
        pod("envoy", "172.18.0.2", { isHostNetwork: true, ports: [port(9901)] }),
        pod("cilium-x", "172.18.0.2", { isHostNetwork: true, ports: [port(9963)], labels: { "k8s-app": "cilium" } }),
      ],
    },
  },
  {
    id: "mtu-drop",
    fires: { facts: { encapsulation: "ipip", mtu: 1480 } },
    told: ["warning new pods get an MTU that is 30 bytes smaller than that of canal's pods"],
    silent: { facts: { encapsulation: "vxlan", mtu: 1450 } },
  },
  {
    id: "cidr-node-mix",
    fires: { nodes: [node("a", "10.244.200.2"), node("b", "172.18.0.3")] },
    told: ["error Node/a has the address 10.244.200.2 in the pool 10.244.0.0/16 of canal"],
    silent: { source: "aws-vpc-cni", nodes: [node("a", "10.244.200.2")], facts: { enforcedPolicyKinds: [] } },
  },
  {
    id: "kernel",
    fires: { nodes: [...nodesWith({ kernelVersion: "5.4.0-150-generic" }).slice(0, 2), node("z", "172.18.0.9")] },
    told: ["error kernel 5.4.0-150-generic is too old for Cilium: a, b"],
    silent: { nodes: nodesWith({ kernelVersion: "4.18.0-553.16.1.el8_10.x86_64" }) },
  },
  {
    id: "kernel-rhel",
    fires: { nodes: nodesWith({ osImage: "Rocky Linux 8.9 (Green Obsidian)" }) },
    told: ["warning Rocky Linux 8.9 (Green Obsidian) is older than 8.10: a, b, c"],
    silent: { nodes: nodesWith({ osImage: "Rocky Linux 8.10 (Green Obsidian)" }) },
  },
  {
    id: "arch",
    fires: { nodes: [node("p", "172.18.0.2", { nodeInfo: { architecture: "ppc64le" } })] },
    told: ["error there is no Cilium image for ppc64le: p"],
    silent: { nodes: nodesWith({ architecture: "arm64" }) },
  },
  {
    id: "k8s-version",
    fires: { nodes: nodesWith({ kubeletVersion: "v1.31.4" }) },
    told: ["warning Cilium 1.20.2 is not tested with Kubernetes 1.31: a, b, c"],
    silent: { nodes: nodesWith({ kubeletVersion: "v1.31.4+k3s1" }), spec: { target: { version: "1.19.6" } } },
  },
  {
    id: "runtime",
    fires: {
      nodes: [
        node("a", "172.18.0.2", { nodeInfo: { containerRuntimeVersion: "docker://26.1.0" } }),
        node("b", "172.18.0.3", { nodeInfo: { containerRuntimeVersion: "containerd://1.5.18" } }),
        node("c", "172.18.0.4", { nodeInfo: { containerRuntimeVersion: "cri-o://1.31.0" } }),
      ],
    },
    told: [
      "info cri-o://1.31.0 was not measured: c",
      "warning containerd://1.5.18 is too old: b",
      "warning docker://26.1.0 goes through cri-dockerd: a",
    ],
    silent: { nodes: nodesWith({ containerRuntimeVersion: "containerd://2.1.4" }) },
  },
  {
    id: "runtime-restart",
    fires: { nodes: nodesWith({ containerRuntimeVersion: "containerd://1.6.12" }) },
    told: ["warning containerd://1.6.12 recreates every sandbox of a node when it restarts: a, b, c"],
    silent: { nodes: nodesWith({ containerRuntimeVersion: "containerd://1.6.13" }) },
  },
  {
    id: "gpu-nodes",
    fires: { nodes: [node("gpu", "172.18.0.2", { allocatable: { "nvidia.com/gpu": 4 } }), node("b", "172.18.0.3")] },
    told: ["info nvidia.com/gpu is on 1 of 2 nodes: gpu"],
    silent: { nodes: [node("gpu", "172.18.0.2", { allocatable: { "nvidia.com/gpu": 4 } })] },
  },
  {
    id: "kp-absent",
    fires: { facts: { serviceProxy: { kind: "none" } } },
    told: ["error nothing in the inventory answers for Services, and the plan does not let Cilium do it"],
    silent: {
      facts: { serviceProxy: { kind: "none" } },
      spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2" } },
    },
  },
  {
    id: "kpr-switch",
    fires: { spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2" } } },
    told: ["warning Cilium takes Services over from kube-proxy with the final values, node by node"],
    silent: {
      facts: { serviceProxy: { kind: "none" } },
      spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2" } },
    },
  },
  {
    id: "np-node-labels",
    fires: { required: { nodeSelectorLabels: true } },
    told: ["info every label of 3 nodes becomes part of an identity, because nodeLabels is not set"],
    silent: {
      required: { nodeSelectorLabels: true },
      spec: { target: { values: { nodeLabels: "k8s:kubernetes.io/hostname" } } },
    },
  },
  {
    id: "kp-ipvs",
    fires: { facts: { serviceProxy: { kind: "kube-proxy", mode: "ipvs" } } },
    told: ["info kube-proxy runs in the mode ipvs"],
    silent: { facts: { serviceProxy: { kind: "source", mode: "ipvs" } } },
  },
  {
    id: "kp-nft",
    fires: { facts: { serviceProxy: { kind: "kube-proxy", mode: "nftables" } } },
    told: ["info kube-proxy runs in the mode nftables"],
    silent: {},
  },
  {
    id: "kp-clustercidr",
    fires: { facts: { serviceProxy: { kind: "kube-proxy", clusterCIDR: "10.244.0.0/16" } } },
    told: ["warning kube-proxy's clusterCIDR 10.244.0.0/16 does not cover the new pool 10.245.0.0/16"],
    silent: { facts: { serviceProxy: { kind: "kube-proxy", clusterCIDR: "10.244.0.0/15" } } },
  },
  {
    id: "k8s-servicehost",
    fires: {
      nodes: ["a", "b", "c"].map((name, index) => node(name, `172.18.0.${index + 2}`, { isControlPlane: true })),
      spec: { target: { k8sServiceHost: "172.18.0.3" } },
    },
    told: ["warning k8sServiceHost 172.18.0.3 is one of 3 control plane nodes, Node/b"],
    silent: { spec: { target: { k8sServiceHost: "172.18.0.100" } } },
  },
  {
    id: "k8s-servicehost",
    fires: {
      objects: [service("kubernetes", { clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1"] })],
      spec: { target: { k8sServiceHost: "10.96.0.1" } },
    },
    told: ["error k8sServiceHost 10.96.0.1 is the kubernetes Service itself"],
    silent: { spec: { target: { k8sServiceHost: "localhost" } } },
  },
  {
    id: "k8s-servicehost",
    fires: { spec: { target: { k8sServiceHost: "api.example.com" } } },
    told: ["warning k8sServiceHost api.example.com is no address of a node and may be a load balancer outside"],
    silent: {},
  },
  {
    id: "hostport-nodeportrange",
    fires: {
      pods: [pod("web", "10.244.0.7", { ports: [port(80, 30080)] })],
      spec: { target: { kubeProxyReplacement: true, k8sServiceHost: "172.18.0.2" } },
    },
    told: ["error Pod/default/web uses hostPort 30080/TCP, which lies in the range of NodePorts"],
    silent: { pods: [pod("web", "10.244.0.7", { ports: [port(80, 30080)] })] },
  },
  {
    id: "svc-bgp",
    fires: {
      objects: [
        global("crd.projectcalico.org/v1", "BGPConfiguration", "default", {
          spec: { serviceLoadBalancerIPs: [{ cidr: "10.60.0.0/24" }] },
        }),
      ],
    },
    told: ["error BGPConfiguration/default advertises serviceLoadBalancerIPs"],
    silent: {
      objects: [global("crd.projectcalico.org/v1", "BGPConfiguration", "default", { spec: { asNumber: 64512 } })],
    },
  },
  {
    id: "svc-bgp",
    fires: {
      source: "kube-router",
      objects: [
        workload("DaemonSet", "kube-router", "cloudnativelabs/kube-router:v2.5.0", {
          container: {
            args: ["--run-router=true", "--advertise-loadbalancer-ip=true", "--advertise-cluster-ip=false"],
          },
        }),
      ],
    },
    told: ["error DaemonSet/default/kube-router advertises Services: --advertise-loadbalancer-ip=true"],
    silent: {
      source: "kube-router",
      objects: [workload("DaemonSet", "kube-router", "cloudnativelabs/kube-router:v2.5.0")],
    },
  },
  {
    id: "svc-lb-calico",
    fires: {
      objects: [lbPool, service("web", { type: "LoadBalancer" }, { loadBalancer: { ingress: [{ ip: "10.60.0.9" }] } })],
    },
    told: ["error IPPool/lb gives 10.60.0.0/24 to Service/default/web"],
    silent: { objects: [lbPool] },
  },
  {
    id: "nodelocaldns",
    fires: { objects: [workload("DaemonSet", "node-local-dns", "images.example/dns/k8s-dns-node-cache:1.24.0")] },
    told: ["warning DaemonSet/default/node-local-dns caches DNS on every node, and new pods go round it"],
    silent: { objects: [workload("Deployment", "coredns", "images.example/coredns/coredns:v1.12.0")] },
  },
  {
    id: "egress-ip",
    fires: { objects: [global("k8s.ovn.org/v1", "EgressIP", "shop")] },
    told: ["error EgressIP/shop fixes the address with which pods leave the cluster"],
    silent: { objects: [networkPolicy] },
  },
  {
    id: "bandwidth",
    fires: { pods: [pod("slow", "10.244.0.7", { annotations: { "kubernetes.io/egress-bandwidth": "10M" } })] },
    told: ["warning bandwidth limits of 1 pods end with the source: Pod/default/slow"],
    silent: {
      pods: [pod("slow", "10.244.0.7", { annotations: { "kubernetes.io/egress-bandwidth": "10M" } })],
      spec: { target: { values: { bandwidthManager: { enabled: true } } } },
    },
  },
  {
    id: "sctp",
    fires: {
      pods: [pod("sig", "10.244.0.7", { ports: [port(3868, undefined, "SCTP")] })],
      objects: [service("sig", { ports: [{ port: 3868, protocol: "SCTP" }] })],
    },
    told: ["warning SCTP is used by Service/default/sig, Pod/default/sig"],
    silent: {
      pods: [pod("sig", "10.244.0.7", { ports: [port(3868, undefined, "SCTP")] })],
      spec: { target: { values: { sctp: { enabled: true } } } },
    },
  },
  {
    id: "pdb-unhealthy",
    fires: { objects: [budget({ currentHealthy: 1, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0 })] },
    told: [
      "warning PodDisruptionBudget/default/web has 1 of 3 pods healthy, and its unhealthy ones may not be evicted either",
    ],
    silent: { objects: [budget({ currentHealthy: 1, desiredHealthy: 2, expectedPods: 3 }, "AlwaysAllow")] },
  },
  {
    id: "pod-ip-pin",
    fires: {
      pods: [
        pod("fixed", "10.244.0.7", { annotations: { "cni.projectcalico.org/ipAddrs": '["10.244.0.7"]' } }),
        pod("pool", "10.244.0.8", { annotations: { "cni.projectcalico.org/ipv4pools": '["p"]' } }),
      ],
    },
    told: [
      "error Pod/default/fixed asks for an address of the source with cni.projectcalico.org/ipAddrs",
      "warning Pod/default/pool asks for a pool of the source with cni.projectcalico.org/ipv4pools",
    ],
    silent: { pods: [pod("usual", "10.244.0.7", { annotations: { "cni.projectcalico.org/podIP": "10.244.0.7/32" } })] },
  },
  {
    id: "pod-ip-consumers",
    fires: {
      pods: [pod("db", "10.244.0.7")],
      objects: [
        object("v1", "ConfigMap", "app", { data: { config: "db: 10.244.0.7:5432" } }),
        object("v1", "Endpoints", "legacy", { subsets: [{ addresses: [{ ip: "10.244.0.7" }] }] }),
      ],
    },
    told: [
      "warning ConfigMap/default/app names addresses of pods: 10.244.0.7",
      "warning Endpoints/default/legacy names addresses of pods: 10.244.0.7",
    ],
    silent: {
      pods: [pod("db", "10.244.0.7")],
      objects: [
        object("v1", "ConfigMap", "app", { data: { config: "10.244.0.70 and 110.244.0.7 and v10.244.0.7.1" } }),
        object("v1", "Endpoints", "db", { subsets: [{ addresses: [{ ip: "10.244.0.7" }] }] }),
        service("db", { selector: { app: "db" } }),
      ],
    },
  },
  {
    id: "pod-fixed-peers",
    fires: {
      objects: [
        workload("StatefulSet", "etcd", "etcd:3.5", { container: { args: ["--peers=http://10.244.3.4:2380"] } }),
      ],
    },
    told: ["warning StatefulSet/default/etcd has addresses of the old pool in its template: 10.244.3.4"],
    silent: {
      objects: [workload("StatefulSet", "etcd", "etcd:3.5", { container: { args: ["--cluster-cidr=10.244.0.0/16"] } })],
    },
  },
  {
    id: "kubevirt",
    fires: { objects: [object("kubevirt.io/v1", "VirtualMachineInstance", "vm1")] },
    told: ["warning virtual machines run in VirtualMachineInstance/default/vm1"],
    silent: {},
  },
  {
    id: "np-dormant",
    fires: { ...flannel, objects: [networkPolicy] },
    told: ["error flannel enforces no NetworkPolicy, and 1 of them are in the cluster: NetworkPolicy/default/deny"],
    silent: { objects: [networkPolicy] },
  },
  {
    id: "np-present-live",
    fires: { objects: [networkPolicy], spec: { policies: { continuity: "off" } } },
    told: ["error canal enforces 1 policies, and continuity off builds no bridge for them"],
    silent: { objects: [networkPolicy], spec: { policies: { continuity: "bridge" } } },
  },
  {
    id: "port-calico-hep",
    fires: { objects: [hostEndpoint([]), hostPolicy([{ action: "Allow", protocol: "TCP" }])] },
    told: ["error HostEndpoint/a-eth0 lets no UDP 8473 in: none of GlobalNetworkPolicy/nodes allows it"],
    silent: {
      objects: [
        hostEndpoint([]),
        hostPolicy([{ action: "Allow", protocol: "UDP", destination: { ports: ["8000:9000"] } }]),
      ],
    },
  },
  {
    id: "port-calico-hep",
    fires: { objects: [hostEndpoint([])] },
    told: [
      "error HostEndpoint/a-eth0 lets no UDP 8473 in: no policy selects it, so all but the failsafe ports is closed",
    ],
    silent: { objects: [hostEndpoint(["projectcalico-default-allow"])] },
  },
  {
    id: "np-l7-mesh",
    fires: {
      facts: { companions: ["istio-cni"] },
      objects: [calicoPolicy({ action: "Allow", http: { methods: ["GET"] } })],
    },
    told: [
      "warning NetworkPolicy/default/web has HTTP rules, and istio-cni encrypts or redirects the traffic before Cilium sees it",
    ],
    silent: { objects: [calicoPolicy({ action: "Allow", http: { methods: ["GET"] } })] },
  },
  {
    id: "managed-cp-webhook",
    fires: { nodes: eksNodes, pods: [gatePod("g", "a")], objects: [webhook("Ignore"), gateService] },
    told: [
      "warning ValidatingWebhookConfiguration/gate calls Service/default/gate, whose pods get addresses of the new pool",
    ],
    silent: { nodes: eksNodes, pods: [gatePod("g", "a", true)], objects: [webhook("Fail"), gateService] },
  },
  {
    id: "webhook-fail",
    fires: { pods: [gatePod("g1", "a"), gatePod("g2", "a")], objects: [webhook("Fail"), gateService] },
    told: [
      "warning ValidatingWebhookConfiguration/gate depends on Service/default/gate, all of whose pods are on Node/a",
    ],
    silent: { pods: [gatePod("g1", "a"), gatePod("g2", "b")], objects: [webhook("Fail"), gateService] },
  },
  {
    id: "managed-cp-source",
    fires: {
      objects: [
        global("crd.projectcalico.org/v1", "IPAMBlock", "10-244-9-0-26", {
          spec: { affinity: "host:hidden-1", cidr: "10.244.9.0/26" },
        }),
        global("crd.projectcalico.org/v1", "BlockAffinity", "hidden-1-x", {
          spec: { node: "hidden-1", cidr: "10.244.9.0/26" },
        }),
      ],
    },
    told: [
      "error Calico has blocks of addresses for hidden-1, which is no Node of the cluster: BlockAffinity/hidden-1-x, IPAMBlock/10-244-9-0-26",
    ],
    silent: { objects: [global("crd.projectcalico.org/v1", "IPAMBlock", "x", { spec: { affinity: "host:a" } })] },
  },
  {
    id: "psa",
    fires: {
      objects: [
        global("v1", "Namespace", "kube-system", {
          metadata: { labels: { "pod-security.kubernetes.io/enforce": "baseline" } },
        }),
        global("kyverno.io/v1", "ClusterPolicy", "disallow-privileged-containers", {
          spec: { validationFailureAction: "Enforce" },
        }),
        global("constraints.gatekeeper.sh/v1beta1", "K8sPSPHostFilesystem", "no-host", { spec: {} }),
      ],
    },
    told: [
      "error Namespace/kube-system enforces the pod security level baseline",
      "warning ClusterPolicy/disallow-privileged-containers may refuse Cilium's pods in kube-system",
      "warning K8sPSPHostFilesystem/no-host may refuse Cilium's pods in kube-system",
    ],
    silent: {
      objects: [
        global("v1", "Namespace", "kube-system", {
          metadata: { labels: { "pod-security.kubernetes.io/enforce": "privileged" } },
        }),
        global("kyverno.io/v1", "ClusterPolicy", "disallow-privileged-containers", {
          spec: { validationFailureAction: "Audit" },
        }),
        global("constraints.gatekeeper.sh/v1beta1", "K8sPSPHostFilesystem", "no-host", {
          spec: { match: { excludedNamespaces: ["kube-system"] } },
        }),
      ],
    },
  },
  {
    id: "quota",
    fires: {
      objects: [
        object("v1", "ResourceQuota", "q", { metadata: { namespace: "kube-system" }, spec: { hard: { pods: "20" } } }),
      ],
    },
    told: ["warning ResourceQuota/kube-system/q limits pods"],
    silent: { objects: [object("v1", "ResourceQuota", "q", { spec: { hard: { pods: "20" } } })] },
  },
  {
    id: "crd-stored-v2alpha1",
    fires: { objects: [stored(["v2alpha1", "v2"])], spec: { target: { version: "1.20.1" } } },
    told: [
      "error CustomResourceDefinition/ciliumnodeconfigs.cilium.io has v2alpha1 among its stored versions, which Cilium 1.20.1 no longer serves",
    ],
    silent: { objects: [stored(["v2alpha1", "v2"])], spec: { target: { version: "1.20.2" } } },
  },
  {
    id: "cnc-foreign",
    fires: {
      objects: [object("cilium.io/v2", "CiliumNodeConfig", "tuning", { spec: { defaults: { debug: "true" } } })],
    },
    told: ["warning CiliumNodeConfig/default/tuning sets debug for nodes that it selects"],
    silent: { objects: [object("cilium.io/v2", "CiliumNodeConfig", "metachron-100-canary")] },
  },
  {
    id: "monitoring-none",
    fires: {
      spec: { observability: { goldpinger: false } },
      objects: [workload("DaemonSet", "node-exporter", "images.example/prometheus/node-exporter:v1.9.0")],
    },
    told: [
      "warning nothing watches connections between nodes: no Goldpinger and no Prometheus, in the cluster or in the plan",
    ],
    silent: {
      spec: { observability: { goldpinger: false } },
      objects: [workload("StatefulSet", "prometheus-k8s", "images.example/prometheus/prometheus:v3.5.0")],
    },
  },
  {
    id: "autoscaler-ca",
    fires: { objects: [autoscaler(["--scale-down-enabled=false"])] },
    told: ["warning Deployment/default/cluster-autoscaler adds and removes nodes while waves run"],
    silent: { objects: [autoscaler(["--scale-down-enabled=false", "--startup-taint=node.cilium.io/agent-not-ready"])] },
  },
  {
    id: "autoscaler-karpenter",
    fires: { objects: [global("karpenter.sh/v1", "NodePool", "general")] },
    told: ["warning NodePool/general replaces nodes on its own"],
    silent: {},
  },
  {
    id: "autorepair",
    fires: { objects: [object("cluster.x-k8s.io/v1beta1", "MachineHealthCheck", "workers")] },
    told: ["warning MachineHealthCheck/default/workers repairs nodes that are not ready"],
    silent: {},
  },
  {
    id: "kured-active",
    fires: { objects: [workload("DaemonSet", "kured", "images.example/kubereboot/kured:1.23.0")] },
    told: ["warning DaemonSet/default/kured reboots nodes at times of its own"],
    silent: {
      objects: [workload("DaemonSet", "kured", "images.example/kubereboot/kured:1.23.0")],
      spec: { roll: { executor: "kured", mode: "reboot" } },
    },
  },
  {
    id: "descheduler",
    fires: { objects: [workload("Deployment", "descheduler", "images.example/descheduler/descheduler:v0.33.0")] },
    told: ["info Deployment/default/descheduler evicts pods"],
    silent: {},
  },
  {
    id: "spot-nodes",
    fires: {
      nodes: threeNodes.map((own, at) => ({
        ...own,
        labels: { ...own.labels, ...(at > 0 && { "karpenter.sh/capacity-type": "spot" }) },
      })),
    },
    told: ["info 2 of 3 nodes are spot machines: b, c"],
    silent: {
      nodes: threeNodes.map((own) => ({
        ...own,
        labels: { ...own.labels, "karpenter.sh/capacity-type": "on-demand" },
      })),
    },
  },
  {
    id: "daemonset-only",
    fires: {
      pods: [
        pod("log", "10.244.0.5", { nodeName: "a", owner: { apiVersion: "apps/v1", kind: "DaemonSet", name: "log" } }),
        pod("log", "10.244.1.5", { nodeName: "b", owner: { apiVersion: "apps/v1", kind: "DaemonSet", name: "log" } }),
        pod("web", "10.244.1.6", { nodeName: "b", owner: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" } }),
      ],
    },
    told: ["info 1 of 3 nodes run pods of DaemonSets alone: a"],
    silent: {
      pods: [
        pod("log", "10.244.0.5", { nodeName: "a", owner: { apiVersion: "apps/v1", kind: "DaemonSet", name: "log" } }),
        pod("web", "10.244.0.6", { nodeName: "a", owner: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" } }),
      ],
    },
  },
  {
    id: "kubectl-skew",
    fires: { nodes: nodesWith({ kubeletVersion: "v1.34.3" }), spec: { roll: {} } },
    told: ["warning docker.io/alpine/k8s:1.36.3 is kubectl 1.36, the API server is 1.34"],
    silent: {
      nodes: nodesWith({ kubeletVersion: "v1.34.3" }),
      spec: { roll: { image: "registry.example/tools/kubectl:v1.35.0@sha256:aa" } },
    },
  },
];

function told(id: string, setting: Setting): string[] {
  return runPreflight(contextOf(setting))
    .filter((finding) => finding.code === `preflight/${id}`)
    .map((finding) => `${finding.severity} ${finding.message}`)
    .sort();
}

describe("a check fires on its condition, with names, and is silent without it", () => {
  test.each(pairs)("$id", ({ id, fires, told: expected, silent }) => {
    expect(told(id, fires)).toEqual(expected);
    expect(told(id, silent)).toEqual([]);
  });
});

test("every check of the catalogue has a pair", () => {
  const missing = catalogue
    .filter((entry) => entry.kind === "check" && !pairs.some((pair) => pair.id === entry.id))
    .map((entry) => entry.id);

  expect(missing).toEqual([]);
});

test("the usual cluster has nothing wrong", () => {
  expect(runPreflight(contextOf({}))).toEqual([]);
});

test("every finding says why it matters and what to do", () => {
  const findings = pairs.flatMap((pair) => runPreflight(contextOf(pair.fires)));

  expect(findings.filter((finding) => (finding.reason ?? "") === "" || (finding.remedy ?? "") === "")).toEqual([]);
});
