import { type Finding, whereOf } from "../core/finding.ts";
import { apiGroup, type ObjectIdentity, printIdentity } from "../core/identity.ts";
import { getIn, getString, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import { inventoryFinding } from "./findings.ts";
import { compareVersions, firstDifference } from "./first-difference.ts";
import type { Position } from "./inventory.ts";

/** An object on its way into the inventory: what is kept of it, and what tells two readings of it apart. */
export interface Entry<T extends ObjectIdentity & { readonly position: Position }> {
  readonly object: T;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Keeps each object once. */
export interface ObjectStore<T extends ObjectIdentity & { readonly position: Position }> {
  readonly add: (entry: Entry<T>) => void;
  /** The objects in no particular order. */
  readonly objects: () => T[];
  /** `inventory/duplicate-object`, `inventory/conflicting-object`, `inventory/two-clusters`. */
  readonly findings: () => readonly Finding[];
}

/**
 * A store that keeps each object once, whatever the order in which they come: of two readings the one with the higher
 * resource version, else the one that stands first by file and line.
 * `content` gives the part of an object in which two readings must agree; its status is not in it.
 */
export function createObjectStore<T extends ObjectIdentity & { readonly position: Position }>(
  content: (object: T) => JsonValue,
): ObjectStore<T> {
  const entries = new Map<string, Entry<T>>();
  const others = new Map<string, Entry<T>[]>();
  return {
    add: (entry) => {
      const key = keyOf(entry.object);
      const known = entries.get(key);
      if (known === undefined) {
        entries.set(key, entry);
        return;
      }
      const [kept, other] = compareEntries(known, entry) <= 0 ? [known, entry] : [entry, known];
      entries.set(key, kept);
      others.set(key, [...(others.get(key) ?? []), other]);
    },
    objects: () => [...entries.values()].map((entry) => entry.object),
    findings: () =>
      [...others].flatMap(([key, list]) => {
        const kept = entries.get(key);
        return kept === undefined ? [] : list.map((other) => compareReadings(kept, other, content));
      }),
  };
}

function keyOf(object: ObjectIdentity): string {
  return `${apiGroup(object.apiVersion)}\n${printIdentity(object)}`;
}

function compareEntries(a: Entry<{ position: Position } & ObjectIdentity>, b: typeof a): number {
  return (
    -compareVersions(a.resourceVersion, b.resourceVersion) || comparePositions(a.object.position, b.object.position)
  );
}

function comparePositions(a: Position, b: Position): number {
  return compareText(a.file ?? "", b.file ?? "") || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

function compareReadings<T extends ObjectIdentity & { readonly position: Position }>(
  kept: Entry<T>,
  other: Entry<T>,
  content: (object: T) => JsonValue,
): Finding {
  const name = printIdentity(kept.object);
  const [first, second] = [kept.object.position, other.object.position].sort(comparePositions);
  const parts = {
    where: whereOf(kept.object, second ?? {}),
    related: [{ message: `${name} stands here, too`, where: whereOf(kept.object, first ?? {}) }],
  };
  const hasTwoUids = kept.uid !== "" && other.uid !== "" && kept.uid !== other.uid;
  const difference =
    firstDifference(content(kept.object), content(other.object)) ?? (hasTwoUids ? "metadata.uid" : undefined);
  if (difference === undefined)
    return inventoryFinding("inventory/duplicate-object", {
      ...parts,
      message: `${name} is in the input more than once, with the same content`,
    });
  const mark = clusterMarkOf(kept.object);
  if (mark !== undefined && (hasTwoUids || difference.startsWith(mark.field)))
    return inventoryFinding("inventory/two-clusters", {
      ...parts,
      message: `the input mixes two clusters: ${name} has two values of ${mark.field}`,
      reason: `${mark.reason}`,
      remedy: "put the dumps of each cluster in a folder of its own",
    });
  return inventoryFinding("inventory/conflicting-object", {
    ...parts,
    where: { ...parts.where, field: difference },
    message: `${name} is in the input twice with different content (${difference})`,
    reason: "which of the two the cluster has cannot be told: the dumps are of different times or clusters",
    remedy: "keep the newer dump of the two",
  });
}

interface ClusterMark {
  readonly identity: string;
  readonly field: string;
  readonly reason: string;
}

/** Objects that every cluster has once, with the field that is different in every cluster. */
const clusterMarks: readonly ClusterMark[] = [
  {
    identity: "Namespace/kube-system",
    field: "metadata.uid",
    reason: "a cluster has one kube-system namespace, made once with the cluster",
  },
  {
    identity: "ClusterInformation/default",
    field: "spec.clusterGUID",
    reason: "Calico gives each cluster one clusterGUID",
  },
  {
    identity: "ConfigMap/kube-system/kubeadm-config",
    field: "data.ClusterConfiguration",
    reason: "kubeadm keeps one configuration for each cluster",
  },
];

function clusterMarkOf(object: ObjectIdentity): ClusterMark | undefined {
  const identity = printIdentity(object);
  return clusterMarks.find((mark) => mark.identity === identity);
}

/** The part of an object read whole in which two readings must agree: all but its status and the API server's own notes. */
export function contentOf(object: JsonObject): JsonObject {
  const { status: _status, metadata, ...rest } = object;
  if (!isJsonObject(metadata)) return rest;
  const {
    resourceVersion: _v,
    generation: _g,
    managedFields: _m,
    creationTimestamp: _c,
    uid: _u,
    selfLink: _s,
    ...kept
  } = metadata;
  const annotations = isJsonObject(kept["annotations"]) ? kept["annotations"] : {};
  const { "kubectl.kubernetes.io/last-applied-configuration": _l, ...own } = annotations;
  return { ...rest, metadata: { ...kept, annotations: own } };
}

/** The uid and resource version of an object; empty texts where it has none, as in files written by hand. */
export function versionOf(object: JsonObject): { readonly uid: string; readonly resourceVersion: string } {
  return {
    uid: getString(object, "metadata", "uid") ?? "",
    resourceVersion: String(getIn(object, "metadata", "resourceVersion") ?? ""),
  };
}
