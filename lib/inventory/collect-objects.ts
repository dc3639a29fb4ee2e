import type { Finding, Where } from "../core/finding.ts";
import { apiGroup, type ObjectIdentity, printIdentity } from "../core/identity.ts";
import { getIn, getString, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import { shownFindings } from "./cap-findings.ts";
import { createInterner, detach, detachText } from "./detach.ts";
import { extractNode } from "./extract-node.ts";
import { extractPod } from "./extract-pod.ts";
import { createFieldFinder } from "./find-field-position.ts";
import { inventoryFinding } from "./findings.ts";
import type { ClusterVersion, Node, Pod, Position, RawObject } from "./inventory.ts";
import { isPolicyGroup, keepsText, kindsNotKept, withoutBulk } from "./kind-handling.ts";
import { qualifiedKind } from "./kind-names.ts";
import { contentOf, createObjectStore, versionOf } from "./object-store.ts";
import { createFieldReader } from "./read-fields.ts";
import type { TextPiece } from "./text-piece.ts";

/** Where a value was read: its place, the text it was parsed from, and its path in that text (empty: the whole). */
export interface ValueSource {
  readonly where: Where;
  readonly piece: TextPiece;
  readonly path: string;
}

/** What was collected from all files. */
export interface Collected {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly objects: readonly RawObject[];
  readonly versions: readonly { readonly version: ClusterVersion; readonly where: Where }[];
  readonly kindsSeen: ReadonlySet<string>;
  readonly findings: readonly Finding[];
}

/** Takes values one by one. */
export interface Collector {
  /** A value that has `apiVersion` and `kind` and is no list. */
  readonly addObject: (object: JsonObject, source: ValueSource) => void;
  readonly addVersion: (version: ClusterVersion, where: Where) => void;
  readonly seeKind: (kind: string, apiVersion: string) => void;
  readonly collected: () => Collected;
}

/** Counts of what was left out, by key, with the first place. */
type Counts = Map<string, { count: number; where: Where }>;

function count(counts: Counts, key: string, where: Where): void {
  const known = counts.get(key);
  if (known === undefined) counts.set(key, { count: 1, where });
  else {
    known.count += 1;
    const isEarlier =
      compareText(where.file ?? "", known.where.file ?? "") || (where.line ?? 0) - (known.where.line ?? 0);
    if (isEarlier < 0) known.where = where;
  }
}

/**
 * A collector that keeps nodes and pods as typed values and all other objects whole.
 * Findings: `inventory/secret-skipped`, `inventory/kind-not-kept`, `inventory/no-name`, `inventory/no-namespace`,
 * `inventory/bad-field`, `inventory/unresolved-variable`, and those of the object store.
 */
export function createCollector(): Collector {
  const findings: Finding[] = [];
  const versions: { version: ClusterVersion; where: Where }[] = [];
  const kindsSeen = new Set<string>();
  const notKept: Counts = new Map();
  let located = 0;
  let current: { readonly where: Where; readonly source: ValueSource } | undefined;
  const interner = createInterner();
  const nodes = createObjectStore<Node>(nodeContent);
  const pods = createObjectStore<Pod>(podContent);
  const raws = createObjectStore<RawObject>((raw) => contentOf(raw.object));

  // One reader for all objects: fifty thousand would take longer to make than to use.
  const read = createFieldReader((field, expected) => {
    if (current === undefined) return;
    located += 1;
    // Finding a field parses the object's text again: not for each of fifty thousand.
    const place = located > shownFindings ? {} : createLocate(current.source)(field);
    findings.push(badField(field, expected, { ...current.where, ...place }));
  });

  const seeKind = (kind: string, apiVersion: string): void => {
    kindsSeen.add(kind);
    kindsSeen.add(qualifiedKind(kind, apiGroup(apiVersion)));
  };

  const addObject = (object: JsonObject, source: ValueSource): void => {
    const apiVersion = String(object["apiVersion"]);
    const kind = String(object["kind"]);
    seeKind(kind, apiVersion);
    if ((kind === "Secret" && apiVersion === "v1") || Object.hasOwn(kindsNotKept, kind)) {
      count(notKept, kind, source.where);
      return;
    }
    const name = getString(object, "metadata", "name");
    if (name === undefined || name === "") {
      findings.push(noName(kind, source.where));
      return;
    }
    const namespace = getString(object, "metadata", "namespace");
    const identity = { apiVersion, kind, ...(namespace !== undefined && namespace !== "" && { namespace }), name };
    const where = { ...source.where, object: printIdentity(identity) };
    findings.push(...placeholderFindings(object, identity, where));
    const known: KnownObject = {
      ...identity,
      position: { file: where.file ?? "", line: where.line ?? 1, column: where.column ?? 1 },
    };
    current = { where, source };
    if (kind === "Node" && apiVersion === "v1") addNode(object, known);
    else if (kind === "Pod" && apiVersion === "v1") addPod(object, known, where);
    else addRaw(object, known, source);
  };

  type KnownObject = ObjectIdentity & { readonly position: Position };

  const addNode = (object: JsonObject, known: KnownObject): void => {
    nodes.add({ object: extractNode(detach(object), known, read), ...detach(versionOf(object)) });
  };

  const addPod = (object: JsonObject, known: KnownObject, where: Where): void => {
    if (known.namespace === undefined) findings.push(noNamespace(known.name, where));
    pods.add(interner.share({ object: extractPod(object, known, read), ...versionOf(object) }));
  };

  const addRaw = (object: JsonObject, known: KnownObject, source: ValueSource): void => {
    const kept = detach(withoutBulk(object));
    const locate = keepsText(known.kind) ? createLocate(source) : undefined;
    const raw: RawObject = {
      ...detach({ ...known, position: null }),
      position: known.position,
      labels: interner.share(read.textMap(kept, "metadata", "labels")),
      annotations: read.textMap(kept, "metadata", "annotations"),
      object: kept,
      ...(locate !== undefined && { locate }),
    };
    raws.add({ object: raw, ...versionOf(kept) });
  };

  return {
    addObject,
    seeKind,
    addVersion: (version, where) => versions.push({ version: detach({ ...version }), where }),
    collected: () => ({
      nodes: nodes.objects(),
      pods: pods.objects(),
      objects: raws.objects(),
      versions,
      kindsSeen,
      findings: [...findings, ...countFindings(notKept), ...nodes.findings(), ...pods.findings(), ...raws.findings()],
    }),
  };
}

function createLocate(source: ValueSource): (field: string) => Position {
  const { piece, path } = source;
  const text = detachText(piece.text);
  const file = source.where.file ?? "";
  const find = createFieldFinder(text, { file, line: piece.line, column: piece.column });
  return (field) => find(path === "" ? field : `${path}.${field}`);
}

/** What two readings of a node must agree in: what an administrator or a cloud sets, not what the kubelet reports. */
function nodeContent(node: Node): JsonValue {
  return {
    metadata: { labels: { ...node.labels } },
    spec: { podCIDRs: node.podCIDRs, taints: node.taints as JsonValue, unschedulable: node.isUnschedulable },
    status: { addresses: node.addresses as JsonValue },
  };
}

function podContent(pod: Pod): JsonValue {
  return {
    metadata: { labels: { ...pod.labels } },
    spec: {
      nodeName: pod.nodeName ?? "",
      hostNetwork: pod.isHostNetwork,
      serviceAccountName: pod.serviceAccountName,
      containers: { images: pod.images, ports: pod.ports as unknown as JsonValue },
    },
    status: { podIPs: pod.podIPs },
  };
}

function countFindings(counts: Counts): Finding[] {
  return [...counts].map(([kind, { count: number, where }]) => {
    const { file, line, column } = where;
    const place = {
      ...(file !== undefined && { file }),
      ...(line !== undefined && { line }),
      ...(column !== undefined && { column }),
    };
    const many = `${number} ${kind} ${number === 1 ? "object" : "objects"}`;
    if (kind === "Secret")
      return inventoryFinding("inventory/secret-skipped", {
        message: `${many} in the input ${number === 1 ? "was" : "were"} counted and dropped unread`,
        where: place,
        reason: "a plan needs no Secret, and an inventory in git must not hold one",
        remedy: "take Secrets out of the dump before it is committed",
        data: { kind, count: number },
      });
    return inventoryFinding("inventory/kind-not-kept", {
      message: `${many} in the input ${number === 1 ? "was" : "were"} left out`,
      where: place,
      reason: `no step reads them: ${kindsNotKept[kind] ?? ""}`,
      data: { kind, count: number },
    });
  });
}

function noName(kind: string, where: Where): Finding {
  return inventoryFinding("inventory/no-name", {
    message: `an object of kind ${kind} has no metadata.name and is left out`,
    where: { ...where, field: "metadata.name" },
    reason: "without a name it cannot be told from other objects of its kind",
    remedy: "give it a name, or dump it from the cluster where it got one",
  });
}

function noNamespace(name: string, where: Where): Finding {
  return inventoryFinding("inventory/no-namespace", {
    message: `the pod ${name} has no metadata.namespace and is taken for default/${name}`,
    where: { ...where, field: "metadata.namespace" },
    reason: "policies and budgets select pods by namespace",
    remedy: "write its namespace",
  });
}

function badField(field: string, expected: string, where: Where): Finding {
  return inventoryFinding("inventory/bad-field", {
    message: `${field} of ${where.object ?? "an object"} is not ${expected} and is left out`,
    where: { ...where, field },
    remedy: "write the dump again: the API server stores no such value",
  });
}

const placeholder = /\$\{[A-Za-z_][A-Za-z0-9_]*(?::?[-=?+#%/,^][^}]*)?\}|\{\{-?\s*[.$a-zA-Z(]/u;

/** A policy is searched as a whole, other objects only in their name and namespace: templates in their data are their own. */
function placeholderFindings(object: JsonObject, identity: ObjectIdentity, where: Where): Finding[] {
  const searched = isPolicyGroup(identity.apiVersion)
    ? JSON.stringify(object)
    : `${identity.namespace ?? ""} ${identity.name}`;
  const found = placeholder.exec(searched);
  if (found === null) return [];
  return [
    inventoryFinding("inventory/unresolved-variable", {
      message: `${printIdentity(identity)} holds ${found[0].startsWith("$") ? found[0] : "a {{ template }}"}, which nobody has replaced`,
      where,
      reason: "what stands there in the cluster is not known, so what the object does is not known",
      remedy: "dump the object from the cluster, or give the rendered file (`flux envsubst`, `helm template`)",
    }),
  ];
}

/** The version of a cluster out of the output of `kubectl version -o yaml`; `undefined` for any other object. */
export function readVersion(object: JsonObject): ClusterVersion | undefined {
  if (object["kind"] !== undefined || !isJsonObject(object["serverVersion"])) return undefined;
  const gitVersion = getString(object, "serverVersion", "gitVersion");
  if (gitVersion === undefined) return undefined;
  const platform = getIn(object, "serverVersion", "platform");
  return { gitVersion, ...(typeof platform === "string" && { platform }) };
}
