import type { JsonObject } from "../../core/json.ts";
import type { LabelTerm, LabelTerms } from "../selector/label-term.ts";
import type { LabelKey } from "../selector/selector.ts";
import { oneOf, presentValue, type ValueSet } from "../selector/value-set.ts";

/** Whose selector is written: of the policy itself or of its peers; a namespaced policy has a namespace of its own. */
export interface SelectorScope {
  readonly position: "subject" | "peer";
  readonly namespace?: string;
}

const namespaceKey = "io.kubernetes.pod.namespace";
const namespaceLabelPrefix = "io.cilium.k8s.namespace.labels.";

/**
 * Selectors for a set of pods, one for each term that Cilium can say.
 *
 * Every one has a positive term on the namespace: its name, one of its labels, or that there is one. Without it a
 * negative selector also matches what is no pod. In a namespaced policy the policy's own namespace goes without saying.
 *
 * Source: cilium/cilium v1.20.2 pkg/policy/utils, pkg/k8s/apis/cilium.io/utils (automatic namespace terms).
 */
export function emitSelectors(terms: LabelTerms, scope: SelectorScope): readonly JsonObject[] {
  return terms.flatMap(splitTerm).map((term) => emitSelector(term, scope));
}

/** How many selectors a set of pods takes. */
export function countSelectors(terms: LabelTerms): number {
  return terms.reduce((count, term) => count + splitTerm(term).length, 0);
}

/** "Missing or one of these" is two selectors. */
function splitTerm(term: LabelTerm): readonly LabelTerm[] {
  for (const [key, set] of term)
    if (set.absent && !set.isNegated && set.values.length > 0) {
      const missing: ValueSet = { ...set, values: [] };
      return [missing, oneOf(set.values)].flatMap((part) => splitTerm(new Map([...term, [key, part]])));
    }
  return [term];
}

function emitSelector(term: LabelTerm, scope: SelectorScope): JsonObject {
  const written = withNamespace(term, scope);
  const labels: Record<string, string> = {};
  const expressions: JsonObject[] = [];
  for (const [key, set] of written) {
    const name = toCiliumKey(key);
    const [only] = set.values;
    if (!set.isNegated && !set.absent && set.values.length === 1 && only !== undefined) labels[name] = only;
    else expressions.push(...emitExpressions(name, set));
  }
  return {
    ...(Object.keys(labels).length > 0 && { matchLabels: labels }),
    ...(expressions.length > 0 && { matchExpressions: expressions }),
  };
}

function withNamespace(term: LabelTerm, scope: SelectorScope): LabelTerm {
  const own = term.get("meta:namespace");
  const namesLabels = [...term].some(([key]) => key.startsWith("ns:"));
  if (scope.namespace !== undefined && own !== undefined && isOnly(own, scope.namespace)) {
    // Naming a label of the namespace switches the automatic namespace off, so it must be written then.
    if (scope.position === "peer" && namesLabels) return term;
    return new Map([...term].filter(([key]) => key !== "meta:namespace"));
  }
  if (own !== undefined) return new Map([...term, ["meta:namespace", { ...own, absent: false }]]);
  const isPositive = [...term].some(([key, set]) => key.startsWith("ns:") && !set.absent);
  return isPositive ? term : new Map([["meta:namespace", presentValue], ...term]);
}

function isOnly(set: ValueSet, value: string): boolean {
  return !set.absent && !set.isNegated && set.values.length === 1 && set.values[0] === value;
}

function emitExpressions(key: string, set: ValueSet): readonly JsonObject[] {
  const values = [...set.values];
  if (!set.isNegated)
    return [values.length === 0 ? { key, operator: "DoesNotExist" } : { key, operator: "In", values }];
  return [
    ...(set.absent ? [] : [{ key, operator: "Exists" }]),
    ...(values.length === 0 ? [] : [{ key, operator: "NotIn", values }]),
  ];
}

function toCiliumKey(key: LabelKey): string {
  const colon = key.indexOf(":");
  const name = key.slice(colon + 1);
  switch (key.slice(0, colon)) {
    case "ns":
      return `${namespaceLabelPrefix}${name}`;
    case "meta":
      return name === "namespace" ? namespaceKey : "io.cilium.k8s.policy.serviceaccount";
    default:
      return name;
  }
}
