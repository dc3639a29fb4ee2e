import type { LabelKey } from "../selector/selector.ts";
import type { LabelSet, World, WorldPod } from "./world.ts";

/**
 * One end of a packet, or a class of ends that no policy under comparison can tell apart, with what each engine knows of
 * it. Both views are there because one end may look different: a pod that has not moved yet has its labels for Calico
 * and is `unmanaged` for Cilium.
 */
export interface PacketEnd {
  /** `host` is the pod's own node, `node` another one; `address` is anything outside the cluster. */
  readonly kind: "pod" | "node" | "host" | "address";
  /** How many real ends the class stands for; 1 for a cell of outside addresses. */
  readonly weight: number;
  /** `namespace/pod`, a node's name, an address: the first two of the class. */
  readonly names: readonly string[];
  /** Of a pod: the node that the first of `names` runs on, where known. */
  readonly node?: string;
  /** Of nodes: the address is that of a tunnel device of the source, which nobody connects to. */
  readonly isTunnel?: boolean;
  /** Of nodes: an address of the class for each of them by name. */
  readonly addressOf?: ReadonlyMap<string, string>;
  /** Of a pod: the place of its node's class, where policies tell nodes apart. */
  readonly nodeClass?: number;
  readonly calico: {
    /** Absent when the end is no endpoint of Calico: only its address can match. */
    readonly labels?: LabelSet;
    /** Absent while a pod has none. */
    readonly address?: string;
  };
  readonly cilium: {
    readonly labels: LabelSet;
    /** What CIDR rules compare; absent for pods and nodes, which they never match (unless policyCIDRMatchMode says so). */
    readonly address?: string;
    /** DNS names that resolve to it. */
    readonly fqdns?: readonly string[];
  };
  readonly namedPorts: WorldPod["namedPorts"];
  /** Set for a pod that does not exist: what it would carry. */
  readonly hypothetical?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly namedPorts?: Readonly<Record<string, string>>;
  };
}

const longestServiceAccount = 62;

/**
 * The labels that Calico's selectors see on a pod: its own without those that start with `pcns.` or `pcsa.` (Calico strips
 * them), its namespace's, its service account's, and the names. Source: Calico 3.28
 * libcalico-go/lib/backend/syncersv1/updateprocessors/workloadendpointprocessor.go; reference policy 1.2.
 */
export function calicoLabelsOf(pod: WorldPod, world: World): LabelSet {
  const labels = new Map<LabelKey, string>([
    ["meta:namespace", pod.namespace],
    ["meta:orchestrator", "k8s"],
  ]);
  if (pod.serviceAccount.length <= longestServiceAccount) labels.set("meta:serviceaccount", pod.serviceAccount);
  for (const [key, value] of Object.entries(pod.labels))
    if (!key.startsWith("pcns.") && !key.startsWith("pcsa.")) labels.set(`pod:${key}`, value);
  addInherited(labels, "ns:", world.namespaces.get(pod.namespace));
  addInherited(labels, "sa:", world.serviceAccounts.get(`${pod.namespace}/${pod.serviceAccount}`));
  return labels;
}

/**
 * The labels that Cilium's selectors see on a pod: its own after the label filter, its namespace's, and the names.
 * `keepsLabel` is `createLabelFilter` of the settings. Source: reference policy 2.3.
 */
export function ciliumLabelsOf(pod: WorldPod, world: World, keepsLabel: (key: string) => boolean): LabelSet {
  const labels = new Map<LabelKey, string>([
    ["meta:namespace", pod.namespace],
    ["meta:serviceaccount", pod.serviceAccount],
    ["meta:cluster", world.cilium.clusterName ?? "default"],
  ]);
  for (const [key, value] of Object.entries(pod.labels)) if (keepsLabel(key)) labels.set(`pod:${key}`, value);
  addInherited(labels, "ns:", world.namespaces.get(pod.namespace));
  return labels;
}

function addInherited(
  labels: Map<LabelKey, string>,
  prefix: "ns:" | "sa:",
  inherited: Readonly<Record<string, string>> | undefined,
): void {
  for (const [key, value] of Object.entries(inherited ?? {})) labels.set(`${prefix}${key}`, value);
}
