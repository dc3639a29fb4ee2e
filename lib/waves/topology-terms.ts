import { getArray, getIn, getNumber, getString, isJsonObject, type JsonObject } from "../core/json.ts";
import type { Pod } from "../inventory/inventory.ts";
import { readLabelSelector } from "./match-selector.ts";

/** A rule about which pods may share a domain (a host, a zone), the same for all pods that state it alike. */
export interface TopologyTerm {
  readonly kind: "affinity" | "antiAffinity" | "spread";
  readonly topologyKey: string;
  /** Namespaces of the pods it speaks of. */
  readonly namespaces: readonly string[];
  readonly selector: ReturnType<typeof readLabelSelector>;
  /** Only for `spread`: most difference between domains, and how domains are counted. */
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honoursAffinity: boolean;
  readonly honoursTaints: boolean;
}

type NamespaceLabels = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** A term with a text that is equal for equal terms. */
export interface KeyedTerm {
  readonly key: string;
  readonly read: () => TopologyTerm;
}

/**
 * The hard rules of a pod about its neighbours: required pod affinity and anti-affinity, and spread constraints with
 * `whenUnsatisfiable: DoNotSchedule`. Preferences are left out: they never keep a pod from running.
 * Source: kube-scheduler v1.36 plugins interpodaffinity and podtopologyspread.
 */
export function termsOf(pod: Pod, namespaceLabels: NamespaceLabels): readonly KeyedTerm[] {
  if (pod.affinity === undefined && pod.topologySpreadConstraints === undefined) return [];
  return [
    ...readAffinity(pod, "podAffinity", "affinity", namespaceLabels),
    ...readAffinity(pod, "podAntiAffinity", "antiAffinity", namespaceLabels),
    ...(pod.topologySpreadConstraints ?? [])
      .filter((constraint) => getString(constraint, "whenUnsatisfiable") !== "ScheduleAnyway")
      .map((constraint) => readSpread(pod, constraint)),
  ];
}

function readAffinity(
  pod: Pod,
  field: string,
  kind: "affinity" | "antiAffinity",
  namespaceLabels: NamespaceLabels,
): readonly KeyedTerm[] {
  const terms = getArray(pod.affinity, field, "requiredDuringSchedulingIgnoredDuringExecution");
  return terms.filter(isJsonObject).map((term) => {
    const namespaces = namespacesOf(pod, term, namespaceLabels);
    const selector = withPodLabels(pod, term);
    const topologyKey = getString(term, "topologyKey") ?? "";
    return {
      key: JSON.stringify([kind, topologyKey, namespaces, selector ?? null]),
      read: () => ({
        kind,
        topologyKey,
        namespaces,
        selector: readLabelSelector(selector),
        maxSkew: 0,
        minDomains: 0,
        honoursAffinity: true,
        honoursTaints: false,
      }),
    };
  });
}

function readSpread(pod: Pod, constraint: JsonObject): KeyedTerm {
  const selector = withPodLabels(pod, constraint);
  const topologyKey = getString(constraint, "topologyKey") ?? "";
  const numbers = [getNumber(constraint, "maxSkew") ?? 1, getNumber(constraint, "minDomains") ?? 1] as const;
  const policies = [
    getString(constraint, "nodeAffinityPolicy") ?? "Honor",
    getString(constraint, "nodeTaintsPolicy") ?? "Ignore",
  ];
  return {
    key: JSON.stringify(["spread", topologyKey, pod.namespace, selector ?? null, numbers, policies]),
    read: () => ({
      kind: "spread",
      topologyKey,
      namespaces: [pod.namespace],
      selector: readLabelSelector(selector),
      maxSkew: numbers[0],
      minDomains: numbers[1],
      honoursAffinity: policies[0] === "Honor",
      honoursTaints: policies[1] === "Honor",
    }),
  };
}

/** The namespaces of a term: those it names and those its selector takes; its own when it says neither. */
function namespacesOf(pod: Pod, term: JsonObject, namespaceLabels: NamespaceLabels): readonly string[] {
  const named = getArray(term, "namespaces").map(String);
  const selector = getIn(term, "namespaceSelector");
  if (!isJsonObject(selector)) return named.length > 0 ? [...named].sort() : [pod.namespace];
  const matcher = readLabelSelector(selector);
  const selected = [...namespaceLabels].flatMap(([name, labels]) => (matcher.matches(labels) ? [name] : []));
  return [...new Set([...named, ...selected])].sort();
}

/** The selector of a term with the pod's own values for `matchLabelKeys` and `mismatchLabelKeys`. */
function withPodLabels(pod: Pod, term: JsonObject): JsonObject | undefined {
  const selector = getIn(term, "labelSelector");
  if (!isJsonObject(selector)) return undefined;
  const extra = [
    ["matchLabelKeys", "In"],
    ["mismatchLabelKeys", "NotIn"],
  ].flatMap(([field, operator]) =>
    getArray(term, field ?? "").flatMap((key) => {
      const value = pod.labels[String(key)];
      return value === undefined ? [] : [{ key: String(key), operator: operator ?? "In", values: [value] }];
    }),
  );
  if (extra.length === 0) return selector;
  return { ...selector, matchExpressions: [...getArray(selector, "matchExpressions"), ...extra] };
}
