import type { Where } from "../core/finding.ts";
import type { ObjectIdentity } from "../core/identity.ts";
import type { JsonObject } from "../core/json.ts";

/** Where an object stands in the files that were read: file as the user named it, line and column 1-based. */
export type Position = Pick<Where, "file" | "line" | "column">;

/** What every object of the inventory has. */
export interface InventoryObject extends ObjectIdentity {
  /** A map that inherits nothing when it was read from files: `labels["constructor"]` is undefined without such a label. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly position: Position;
}

/** An object kept whole, as it was read. Pods are not: see `Pod`. */
export interface RawObject extends InventoryObject {
  /** The object as read, `status` included; `metadata.managedFields` is left out. */
  readonly object: JsonObject;
  /**
   * Where a field of this object stands in the user's file: `locate("spec.ingress[2].source.nets[0]")`. A key with dots
   * may be written as it is or in brackets: `metadata.labels["app.kubernetes.io/name"]`. For a field of a map it is the
   * place of its key, for an item of a list the place of the item. A field that is not there gives the place of the
   * nearest parent that is. Absent for objects made by other means than reading, and for kinds that come by the
   * thousand (ReplicaSets, Endpoints, …): use `position` then, or call `positionOf`.
   */
  readonly locate?: (field: string) => Position;
}

/** A node. Quantities are in the base unit: cores, bytes, counts. */
export interface Node extends InventoryObject {
  /** The value of the label `kubernetes.io/hostname`: what a CiliumNodeConfig selects. Absent when the label is. */
  readonly hostname?: string;
  readonly isControlPlane: boolean;
  /** Label `topology.kubernetes.io/zone`; absent when the label is. */
  readonly zone?: string;
  /** InternalIP and ExternalIP addresses, in the order of the status. */
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  /** `spec.podCIDRs`, or `spec.podCIDR` alone. */
  readonly podCIDRs: readonly string[];
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly isUnschedulable: boolean;
  readonly isReady: boolean;
  /** Condition types whose status says that the node is unwell (NotReady, DiskPressure, …). */
  readonly unhealthyConditions: readonly string[];
  readonly allocatable: Readonly<Record<string, number>>;
  readonly capacity: Readonly<Record<string, number>>;
  readonly nodeInfo: {
    readonly architecture?: string;
    readonly operatingSystem?: string;
    readonly osImage?: string;
    readonly kernelVersion?: string;
    readonly containerRuntimeVersion?: string;
    readonly kubeletVersion?: string;
  };
}

/** The controller that owns an object, from `metadata.ownerReferences`. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** A container's part that planning reads. */
export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly hostPort?: number;
  readonly hostIP?: string;
  readonly protocol: "TCP" | "UDP" | "SCTP";
}

/** A pod: only what planning and policy read is kept, so that fifty thousand fit into memory. */
export interface Pod extends InventoryObject {
  readonly namespace: string;
  readonly nodeName?: string;
  readonly phase: string;
  readonly isReady: boolean;
  /** `status.podIPs`, or `status.podIP` alone; empty while the pod has none. */
  readonly podIPs: readonly string[];
  readonly isHostNetwork: boolean;
  readonly serviceAccountName: string;
  readonly owner?: Owner;
  /** The workload behind the owner: the Deployment of a ReplicaSet, the CronJob of a Job; the owner itself otherwise. */
  readonly workload?: Owner;
  /** True where `workload` follows from names and labels alone, because the ReplicaSet or Job is not in the inventory. */
  readonly isWorkloadGuessed?: boolean;
  /** True once the API server has marked the pod for deletion (`metadata.deletionTimestamp`). */
  readonly isTerminating?: boolean;
  /** Mirror of a static pod (annotation `kubernetes.io/config.mirror`, or owned by a Node). */
  readonly isMirror: boolean;
  /** Commands and arguments of all containers, in order; only for mirrors of static pods (flags of the control plane). */
  readonly commandLine?: readonly string[];
  readonly restartPolicy: string;
  readonly terminationGracePeriodSeconds: number;
  readonly priorityClassName?: string;
  /** Of every container, init containers included. */
  readonly ports: readonly ContainerPort[];
  /** Names of images of all containers. */
  readonly images: readonly string[];
  /**
   * What the scheduler counts for the pod, in the base unit: cores, bytes, counts. The sum over the containers and the
   * sidecars, or the largest init container where that is more, plus `spec.overhead`; `pods` is not in it.
   */
  readonly requests: Readonly<Record<string, number>>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** `spec.affinity`, `spec.tolerations`, `spec.topologySpreadConstraints` as read; absent when the pod has none. */
  readonly affinity?: JsonObject;
  readonly tolerations?: readonly JsonObject[];
  readonly topologySpreadConstraints?: readonly JsonObject[];
  /** One entry for each volume that ties the pod to something. */
  readonly volumes: readonly PodVolume[];
}

/** A volume that matters when the pod is moved or restarted. */
export type PodVolume =
  | { readonly kind: "emptyDir"; readonly name: string }
  | { readonly kind: "hostPath"; readonly name: string; readonly path: string }
  | { readonly kind: "persistentVolumeClaim"; readonly name: string; readonly claimName: string };

/** What `kubectl version` told, when it is part of the inventory. */
export interface ClusterVersion {
  /** For example `v1.32.2`. */
  readonly gitVersion: string;
  readonly platform?: string;
}

/** A cluster as its dump tells it. Every array is sorted by namespace and name, by code unit. */
export interface Inventory {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /**
   * Every object that is no Node and no Pod, by `kind` (in the group's spelling) and then sorted. Kept whole but for
   * `metadata.managedFields`, the pod template of ReplicaSets that have an owner, and the schemas of CRDs. Secrets and
   * kinds that no step reads (Event, Lease, …) are not in it: they are counted in findings.
   */
  readonly objects: ReadonlyMap<string, readonly RawObject[]>;
  readonly version?: ClusterVersion;
  /**
   * Kinds that were in the input at all, also where the list was empty: "no objects" and "not asked" differ. A kind
   * outside the core group is there twice: `NetworkPolicy` and `NetworkPolicy.networking.k8s.io`.
   */
  readonly kindsSeen: ReadonlySet<string>;
}

/**
 * The objects of one kind, sorted by namespace and name; empty when there are none.
 * `group` narrows to one API group where two groups use a kind (`NetworkPolicy`); without it all are given.
 */
export function objectsOf(inventory: Inventory, kind: string, group?: string): readonly RawObject[] {
  const found = inventory.objects.get(kind) ?? [];
  if (group === undefined) return found;
  return found.filter((object) => groupOf(object.apiVersion) === group);
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** One object by kind, namespace and name; `undefined` when the inventory has none. */
export function tryFindObject(
  inventory: Inventory,
  kind: string,
  name: string,
  namespace?: string,
): RawObject | undefined {
  return inventory.objects.get(kind)?.find((object) => object.name === name && object.namespace === namespace);
}

/** Where a field of an object stands: the field's own place where the object can tell it, else the object's. */
export function positionOf(object: Pick<RawObject, "position" | "locate">, field?: string): Position {
  return field === undefined || object.locate === undefined ? object.position : object.locate(field);
}
