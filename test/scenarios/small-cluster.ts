import { parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject } from "../../lib/core/json.ts";
import { readManifest } from "../source/inventories.ts";

/** What a test changes in the small cluster. */
export interface SmallClusterParts {
  /** Address of the n-th pod of a node, both from 0; from the node's prefix of 10.244.0.0/16 unless told. */
  readonly address?: (node: number, pod: number) => string;
  /** Labels and annotations of every node. */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly nodeAnnotations?: (node: number) => Readonly<Record<string, string>>;
  readonly kubelet?: string;
  /** Address of each node; 192.0.2.11, .12, … unless told. */
  readonly nodeAddress?: (node: number) => string;
  /** The prefixes of each node; one of 10.244.0.0/16 unless told. */
  readonly podCIDRs?: (node: number) => readonly string[];
  /** Whether the provider hides the control plane: no node of it is there. */
  readonly isManaged?: boolean;
  /** `clusterCIDR` of kube-proxy; `none` for a cluster without kube-proxy. */
  readonly kubeProxy?: string;
}

const workers = [
  { name: "a1", zone: "a" },
  { name: "a2", zone: "a" },
  { name: "b1", zone: "b" },
  { name: "b2", zone: "b" },
];
const nodeNames = ["cp-1", ...workers.map(({ name }) => `worker-${name}`)];

/**
 * One control-plane node and four workers in two zones, cluster DNS, a shop of three workloads (a Deployment, one with
 * hostPorts, a StatefulSet with a budget) and its policy: what every network of the scenarios connects.
 */
export function smallCluster(parts: SmallClusterParts = {}): readonly JsonObject[] {
  return [
    ...nodeNames.map((name, at) => node(name, at, parts)).slice(parts.isManaged === true ? 1 : 0),
    ...["default", "kube-system", "shop"].map((name) => cluster("v1", "Namespace", name)),
    ...(parts.kubeProxy === "none" ? [] : kubeProxy(parts.kubeProxy ?? "")),
    ...(parts.isManaged === true ? [] : [kubeadm]),
    ...workload("Deployment", "kube-system", "coredns", [1, 3], parts, { "k8s-app": "kube-dns" }),
    ...workload("Deployment", "shop", "web", [1, 2, 3], parts, { app: "web" }),
    ...workload("Deployment", "shop", "ingress", [2, 4], parts, { app: "ingress" }, 8443),
    ...workload("StatefulSet", "shop", "db", [1, 4], parts, { app: "db" }),
    ...services,
    budget,
  ];
}

/** The policy that a network which enforces some may have: only the web reaches the database. */
export const shopPolicy: JsonObject = {
  ...namespaced("networking.k8s.io/v1", "NetworkPolicy", "shop", "db"),
  spec: {
    podSelector: { matchLabels: { app: "db" } },
    policyTypes: ["Ingress"],
    ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ protocol: "TCP", port: 5432 }] }],
  },
};

/** The objects of manifests of the corpus, every DaemonSet with the status of one that runs on all five nodes. */
export function applied(...paths: readonly string[]): readonly JsonObject[] {
  const status = { desiredNumberScheduled: nodeNames.length, numberReady: nodeNames.length };
  return paths
    .flatMap((path) => parseAllDocuments(readManifest(path), { logLevel: "silent" }))
    .flatMap((document): readonly JsonObject[] => {
      const value: unknown = document.toJS();
      if (!isJsonObject(value)) return [];
      return value["kind"] === "List" ? (value["items"] as readonly JsonObject[]) : [value];
    })
    .map((one) => (one["kind"] === "DaemonSet" ? { ...one, status } : asDumped(one)));
}

/** Vendors write a namespace where there is none; the API server drops it. */
function asDumped(one: JsonObject): JsonObject {
  if (!String(one["kind"]).startsWith("ClusterRole")) return one;
  const { namespace: _, ...metadata } = one["metadata"] as JsonObject;
  return { ...one, metadata };
}

/** The definitions that Calico's manifests bring, by name. */
export const calicoDefinitions: readonly JsonObject[] = [
  "bgpconfigurations",
  "bgppeers",
  "clusterinformations",
  "felixconfigurations",
  "globalnetworkpolicies",
  "globalnetworksets",
  "hostendpoints",
  "ippools",
  "networkpolicies",
  "networksets",
  "tiers",
].map((name) =>
  cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", `${name}.crd.projectcalico.org`, {
    spec: { group: "crd.projectcalico.org", names: { plural: name } },
  }),
);

/** A cluster-scoped object. */
export function cluster(apiVersion: string, kind: string, name: string, rest: JsonObject = {}): JsonObject {
  return { apiVersion, kind, metadata: { name }, ...rest };
}

function namespaced(apiVersion: string, kind: string, namespace: string, name: string): JsonObject {
  return { apiVersion, kind, metadata: { namespace, name } };
}

function node(name: string, at: number, parts: SmallClusterParts): JsonObject {
  const isControlPlane = at === 0;
  const zone = workers[at - 1]?.zone ?? "a";
  const podCIDRs = parts.podCIDRs?.(at) ?? [`10.244.${at}.0/24`];
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": `zone-${zone}`,
        ...(isControlPlane && { "node-role.kubernetes.io/control-plane": "" }),
        ...parts.nodeLabels,
      },
      annotations: { ...parts.nodeAnnotations?.(at) },
    },
    spec: {
      podCIDR: podCIDRs[0] ?? "",
      podCIDRs: [...podCIDRs],
      ...(isControlPlane && { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] }),
    },
    status: {
      addresses: [
        { type: "InternalIP", address: parts.nodeAddress?.(at) ?? `192.0.2.${11 + at}` },
        { type: "Hostname", address: name },
      ],
      allocatable: { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi" },
      capacity: { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi" },
      conditions: [{ type: "Ready", status: "True" }],
      nodeInfo: {
        architecture: "amd64",
        containerRuntimeVersion: "containerd://2.1.4",
        kernelVersion: "6.8.0-64-generic",
        kubeletVersion: parts.kubelet ?? "v1.34.3",
        operatingSystem: "linux",
        osImage: "Ubuntu 24.04.3 LTS",
      },
    },
  };
}

const kubeProxy = (clusterCIDR: string): readonly JsonObject[] => [
  {
    ...namespaced("apps/v1", "DaemonSet", "kube-system", "kube-proxy"),
    spec: {
      selector: { matchLabels: { "k8s-app": "kube-proxy" } },
      template: {
        metadata: { labels: { "k8s-app": "kube-proxy" } },
        spec: { hostNetwork: true, containers: [{ name: "kube-proxy", image: "registry.k8s.io/kube-proxy:v1.34.3" }] },
      },
    },
    status: { desiredNumberScheduled: nodeNames.length, numberReady: nodeNames.length },
  },
  {
    ...namespaced("v1", "ConfigMap", "kube-system", "kube-proxy"),
    data: { "config.conf": `kind: KubeProxyConfiguration\nclusterCIDR: "${clusterCIDR}"\nmode: iptables\n` },
  },
];

const kubeadm: JsonObject = {
  ...namespaced("v1", "ConfigMap", "kube-system", "kubeadm-config"),
  data: {
    ClusterConfiguration:
      "kind: ClusterConfiguration\ncontrolPlaneEndpoint: 192.0.2.11:6443\nnetworking:\n  serviceSubnet: 10.96.0.0/12\n",
  },
};

function workload(
  kind: "Deployment" | "StatefulSet",
  namespace: string,
  name: string,
  nodes: readonly number[],
  parts: SmallClusterParts,
  labels: Readonly<Record<string, string>>,
  hostPort?: number,
): readonly JsonObject[] {
  const port = { containerPort: 8080, protocol: "TCP", ...(hostPort !== undefined && { hostPort }) };
  const container = {
    name: "main",
    image: `registry.example/${name}:1`,
    ports: [port],
    resources: { requests: { cpu: "100m", memory: "128Mi" } },
  };
  const hash = "5c9d8b7f64";
  const owner = kind === "Deployment" ? { kind: "ReplicaSet", name: `${name}-${hash}` } : { kind: "StatefulSet", name };
  const pods = nodes.map((at, replica): JsonObject => {
    // Room in the last byte for each workload's pods, so that no two share an address.
    const ip = address(parts, at, replica + offsetOf(name));
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        namespace,
        name: kind === "Deployment" ? `${name}-${hash}-${"abcde"[replica] ?? "x"}` : `${name}-${replica}`,
        labels: { ...labels, ...(kind === "Deployment" && { "pod-template-hash": hash }) },
        ownerReferences: [{ apiVersion: "apps/v1", ...owner, uid: name, controller: true }],
      },
      spec: { nodeName: nodeNames[at] ?? "", containers: [container] },
      status: {
        phase: "Running",
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    };
  });
  const template = { metadata: { labels }, spec: { containers: [container] } };
  return [
    {
      ...namespaced("apps/v1", kind, namespace, name),
      spec: { replicas: nodes.length, selector: { matchLabels: labels }, template },
      status: { replicas: nodes.length, readyReplicas: nodes.length },
    },
    ...pods,
  ];
}

const offsetOf = (name: string): number => 10 * (1 + ["coredns", "web", "ingress", "db"].indexOf(name));

function address(parts: SmallClusterParts, at: number, pod: number): string {
  return parts.address?.(at, pod) ?? `10.244.${at}.${pod}`;
}

const services: readonly JsonObject[] = ["web", "ingress", "db"].map((name, at) => ({
  ...namespaced("v1", "Service", "shop", name),
  spec: { clusterIP: `10.96.7.${at + 1}`, selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
}));

const budget: JsonObject = {
  ...namespaced("policy/v1", "PodDisruptionBudget", "shop", "db"),
  spec: { maxUnavailable: 1, selector: { matchLabels: { app: "db" } } },
  status: { currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2, observedGeneration: 1 },
};
