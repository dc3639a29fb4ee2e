import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { JsonObject, JsonValue } from "../../lib/core/json.ts";
import type { Inventory } from "../../lib/inventory/inventory.ts";
import { readInventory, readManifests } from "../../lib/inventory/read-inventory.ts";

const root = resolve(import.meta.dirname, "../..");

/** One of the example clusters, read as a user's inventory is. */
export async function readCluster(name: string): Promise<Inventory> {
  const folder = name === "kind-canal" ? join(root, "inventory", name) : join(root, "test/fixtures/clusters", name);
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  const read = await readInventory(
    files.sort().map((file) => ({ name: file, chunks: [readFileSync(join(folder, file), "utf8")] })),
  );
  if (read.value === undefined) throw new Error(`${name} holds no object`);
  return read.value;
}

/** The text of a manifest of the corpus. */
export function readManifest(path: string): string {
  return readFileSync(join(root, "test/corpus/cni", path), "utf8");
}

/** An inventory out of objects and texts. The kinds of `seen` count as dumped even when they hold nothing. */
export async function inventoryOf(
  parts: readonly (JsonObject | string)[],
  seen: readonly string[] = ["Node", "Pod", "DaemonSet", "Deployment", "ConfigMap"],
): Promise<Inventory> {
  const objects = parts.filter((part): part is JsonObject => typeof part !== "string");
  const texts = parts.filter((part): part is string => typeof part === "string");
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects as JsonValue[] });
  const files = [
    { name: "objects.json", chunks: [list] },
    ...texts.map((text, at) => ({ name: `manifest-${at}.yaml`, chunks: [text] })),
  ];
  const read = await readManifests(files);
  if (read.value === undefined) throw new Error("no object in the parts");
  return { ...read.value, kindsSeen: new Set([...read.value.kindsSeen, ...seen]) };
}

/** What a node of a test says of itself. */
interface NodeParts {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly podCIDRs?: readonly string[];
  readonly kubelet?: string;
  readonly osImage?: string;
  readonly address?: string;
  readonly ready?: boolean;
}

/** A node, Ready unless told otherwise. */
export function node(name: string, parts: NodeParts = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: { "kubernetes.io/hostname": name, ...parts.labels },
      annotations: { ...parts.annotations },
    },
    spec: parts.podCIDRs === undefined ? {} : { podCIDR: parts.podCIDRs[0] ?? "", podCIDRs: [...parts.podCIDRs] },
    status: {
      addresses: [{ type: "InternalIP", address: parts.address ?? "192.0.2.10" }],
      conditions: [{ type: "Ready", status: parts.ready === false ? "False" : "True" }],
      nodeInfo: {
        kubeletVersion: parts.kubelet ?? "v1.33.2",
        osImage: parts.osImage ?? "Debian GNU/Linux 12 (bookworm)",
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  };
}

/** A running pod with an address of its own. */
export function pod(
  name: string,
  address: string,
  nodeName = "a",
  annotations: Readonly<Record<string, string>> = {},
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "shop", name, annotations: { ...annotations } },
    spec: { nodeName, containers: [{ name: "app", image: "example.test/app:1" }] },
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

/** A pod of a DaemonSet in the host's network, as it is seen where DaemonSets were not dumped. */
export function agentPod(
  daemonSet: string,
  nodeName: string,
  images: readonly string[],
  namespace = "kube-system",
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace,
      name: `${daemonSet}-${nodeName}`,
      ownerReferences: [{ apiVersion: "apps/v1", kind: "DaemonSet", name: daemonSet, uid: "0", controller: true }],
    },
    spec: { nodeName, hostNetwork: true, containers: images.map((image, at) => ({ name: `c${at}`, image })) },
    status: {
      phase: "Running",
      podIP: "192.0.2.10",
      podIPs: [{ ip: "192.0.2.10" }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

/** A static pod's mirror with its command line. */
export function staticPod(name: string, command: readonly string[]): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "kube-system",
      name,
      annotations: { "kubernetes.io/config.mirror": "x" },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "a", uid: "0", controller: true }],
    },
    spec: {
      nodeName: "a",
      hostNetwork: true,
      containers: [{ name, image: `registry.test/${name}:1`, command: [...command] }],
    },
    status: { phase: "Running", podIP: "192.0.2.10", podIPs: [{ ip: "192.0.2.10" }] },
  };
}

/** A container of a DaemonSet of a test. */
interface ContainerParts {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a DaemonSet of a test has. */
interface DaemonSetParts {
  readonly namespace?: string;
  readonly containers: readonly ContainerParts[];
  readonly initContainers?: readonly ContainerParts[];
  readonly desired?: number;
  readonly ready?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly configMaps?: readonly string[];
}

/** A DaemonSet in the host's network, wanted and ready on two nodes unless told otherwise. */
export function daemonSet(name: string, parts: DaemonSetParts): JsonObject {
  const desired = parts.desired ?? 2;
  const container = ({ env, args, ...rest }: ContainerParts): JsonObject => ({
    ...rest,
    args: [...(args ?? [])],
    env: Object.entries(env ?? {}).map(([key, value]) => ({ name: key, value })),
  });
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: {
      namespace: parts.namespace ?? "kube-system",
      name,
      labels: { ...parts.labels },
      annotations: { ...parts.annotations },
    },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          hostNetwork: true,
          serviceAccountName: name,
          initContainers: (parts.initContainers ?? []).map(container),
          containers: parts.containers.map(container),
          volumes: (parts.configMaps ?? []).map((map, at) => ({ name: `v${at}`, configMap: { name: map } })),
        },
      },
    },
    status: { desiredNumberScheduled: desired, numberReady: parts.ready ?? desired },
  };
}

/** A ConfigMap. */
export function configMap(name: string, data: Readonly<Record<string, string>>, namespace = "kube-system"): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data: { ...data } };
}

/** Any other object, cluster-scoped or not. */
export function object(
  apiVersion: string,
  kind: string,
  name: string,
  rest: JsonObject = {},
  namespace?: string,
): JsonObject {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) }, ...rest };
}

/** kube-proxy as kubeadm installs it. */
export const kubeProxy: readonly JsonObject[] = [
  daemonSet("kube-proxy", { containers: [{ name: "kube-proxy", image: "registry.k8s.io/kube-proxy:v1.33.2" }] }),
  configMap("kube-proxy", {
    "config.conf": "kind: KubeProxyConfiguration\nclusterCIDR: 10.244.0.0/16\nmode: nftables\n",
  }),
];
