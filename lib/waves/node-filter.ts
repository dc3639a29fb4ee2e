import { getArray, getString, getStringMap, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { type Inventory, type Node, objectsOf, type Pod } from "../inventory/inventory.ts";
import { type LabelMatcher, readRequirement } from "./match-selector.ts";

/** Tells whether a pod may run on a node at all, whatever else runs there: selector, affinity, taints, volumes. */
export interface NodeFilter {
  /** Number of the pod's set of demands; pods of one workload share one. */
  readonly demandOf: (pod: Pod) => number;
  readonly admits: (demand: number, node: number) => boolean;
  /** The same without taints: which nodes count as domains of a topology spread constraint. */
  readonly selects: (demand: number, node: number) => boolean;
}

type NodeTerm = (node: Node) => boolean;

interface Demand {
  readonly selects: NodeTerm;
  readonly tolerates: NodeTerm;
}

/**
 * A filter over the nodes given, by their position in the list. Answers are worked out once per demand and node.
 * Source: kube-scheduler v1.36 plugins nodeaffinity, tainttoleration, volumebinding and volumezone.
 */
export function buildNodeFilter(inventory: Inventory, nodes: readonly Node[]): NodeFilter {
  const volumes = readVolumeTerms(inventory);
  const demands: Demand[] = [];
  const known = new Map<string, number>();
  const answers: { admits: Uint8Array; selects: Uint8Array }[] = [];
  const answer = (table: Uint8Array, node: number, ask: () => boolean): boolean => {
    if (table[node] === 0) table[node] = ask() ? 1 : 2;
    return table[node] === 1;
  };
  const selects = (demand: number, node: number): boolean => {
    const [tables, terms, object] = [answers[demand], demands[demand], nodes[node]];
    if (tables === undefined || terms === undefined || object === undefined) return false;
    return answer(tables.selects, node, () => terms.selects(object));
  };
  return {
    selects,
    admits(demand, node) {
      const [tables, terms, object] = [answers[demand], demands[demand], nodes[node]];
      if (tables === undefined || terms === undefined || object === undefined) return false;
      return answer(tables.admits, node, () => selects(demand, node) && terms.tolerates(object));
    },
    demandOf(pod) {
      const volumeTerms = pod.volumes.flatMap((volume) =>
        volume.kind === "persistentVolumeClaim" ? (volumes.get(`${pod.namespace}/${volume.claimName}`) ?? []) : [],
      );
      const affinity = requiredNodeAffinity(pod);
      const key = keyOf(pod, affinity, volumeTerms);
      const found = known.get(key);
      if (found !== undefined) return found;
      const terms = [
        ...Object.entries(pod.nodeSelector).map(
          ([label, value]): NodeTerm =>
            (node) =>
              node.labels[label] === value,
        ),
        ...[...(affinity === undefined ? [] : [affinity]), ...volumeTerms].map(readNodeSelector),
      ];
      const demand = demands.push({
        selects: (node) => terms.every((term) => term(node)),
        tolerates: readTolerations(pod.tolerations ?? []),
      });
      answers.push({ admits: new Uint8Array(nodes.length), selects: new Uint8Array(nodes.length) });
      known.set(key, demand - 1);
      return demand - 1;
    },
  };
}

/** Equal for pods with equal demands. Most pods have tolerations only, and there are many pods, so those are cheap. */
function keyOf(pod: Pod, affinity: JsonObject | undefined, volumeTerms: readonly JsonObject[]): string {
  let key = "";
  for (const toleration of pod.tolerations ?? [])
    key += `${toleration["key"]}\t${toleration["operator"]}\t${toleration["value"]}\t${toleration["effect"]}\n`;
  for (const label of Object.keys(pod.nodeSelector).sort()) key += `\r${label}=${pod.nodeSelector[label]}`;
  return affinity === undefined && volumeTerms.length === 0
    ? key
    : key + JSON.stringify([affinity ?? null, volumeTerms]);
}

function requiredNodeAffinity(pod: Pod): JsonObject | undefined {
  const nodeAffinity = pod.affinity?.["nodeAffinity"];
  const required = isJsonObject(nodeAffinity)
    ? nodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"]
    : undefined;
  return isJsonObject(required) ? required : undefined;
}

/** A NodeSelector: any of its terms, all of a term's requirements; a term without any matches nothing. */
function readNodeSelector(selector: JsonObject): NodeTerm {
  const terms = getArray(selector, "nodeSelectorTerms").map((term) => ({
    labels: getArray(term, "matchExpressions").map(readRequirement),
    fields: getArray(term, "matchFields").map(readRequirement),
  }));
  const holds = (matchers: readonly LabelMatcher[], labels: Readonly<Record<string, string>>): boolean =>
    matchers.every((matcher) => matcher.matches(labels));
  return (node) =>
    terms.some(
      ({ labels, fields }) =>
        labels.length + fields.length > 0 &&
        holds(labels, node.labels) &&
        holds(fields, { "metadata.name": node.name }),
    );
}

function readTolerations(tolerations: readonly JsonObject[]): NodeTerm {
  const tolerates = (taint: Node["taints"][number]): boolean =>
    tolerations.some((toleration) => {
      const key = getString(toleration, "key") ?? "";
      const effect = getString(toleration, "effect") ?? "";
      const isExists = getString(toleration, "operator") === "Exists";
      return (
        (effect === "" || effect === taint.effect) &&
        (key === "" ? isExists : key === taint.key) &&
        (isExists || (getString(toleration, "value") ?? "") === (taint.value ?? ""))
      );
    });
  return (node) => node.taints.every((taint) => taint.effect === "PreferNoSchedule" || tolerates(taint));
}

/** What the bound volume of each claim asks of a node, by `namespace/claim`. */
function readVolumeTerms(inventory: Inventory): ReadonlyMap<string, readonly JsonObject[]> {
  const volumes = new Map(objectsOf(inventory, "PersistentVolume").map((volume) => [volume.name, volume]));
  const terms = new Map<string, readonly JsonObject[]>();
  for (const claim of objectsOf(inventory, "PersistentVolumeClaim")) {
    const name = getString(claim.object, "spec", "volumeName");
    const volume = name === undefined ? undefined : volumes.get(name);
    if (volume === undefined) continue;
    const spec = volume.object["spec"];
    const nodeAffinity = isJsonObject(spec) ? spec["nodeAffinity"] : undefined;
    const required = isJsonObject(nodeAffinity) ? nodeAffinity["required"] : undefined;
    const found = [...(isJsonObject(required) ? [required] : []), ...zoneTerms(volume.labels)];
    if (found.length > 0) terms.set(`${claim.namespace ?? ""}/${claim.name}`, found);
  }
  return terms;
}

/** Older volumes carry their zone as a label; several zones are joined by two underscores. */
function zoneTerms(labels: Readonly<Record<string, string>>): readonly JsonObject[] {
  const keys = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];
  return keys.flatMap((key) => {
    const value = labels[key];
    if (value === undefined || value === "") return [];
    const requirement: JsonValue = { key, operator: "In", values: value.split("__") };
    return [{ nodeSelectorTerms: [{ matchExpressions: [requirement] }] }];
  });
}

/** The claims of a pod whose volume exists on its node only: a `local` or `hostPath` PersistentVolume. */
export function readLocalClaims(inventory: Inventory): ReadonlySet<string> {
  const local = new Set(
    objectsOf(inventory, "PersistentVolume")
      .filter((volume) => {
        const spec = volume.object["spec"];
        return isJsonObject(spec) && (spec["local"] !== undefined || spec["hostPath"] !== undefined);
      })
      .map((volume) => volume.name),
  );
  const claims = objectsOf(inventory, "PersistentVolumeClaim").filter((claim) =>
    local.has(getString(claim.object, "spec", "volumeName") ?? ""),
  );
  return new Set(claims.map((claim) => `${claim.namespace ?? ""}/${claim.name}`));
}

/** Labels of each namespace, with the one that the API sets itself. */
export function readNamespaceLabels(inventory: Inventory): ReadonlyMap<string, Readonly<Record<string, string>>> {
  return new Map(
    objectsOf(inventory, "Namespace").map((namespace) => [
      namespace.name,
      { "kubernetes.io/metadata.name": namespace.name, ...getStringMap(namespace.object, "metadata", "labels") },
    ]),
  );
}
