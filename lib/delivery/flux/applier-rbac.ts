import { apiGroup } from "../../core/identity.ts";
import { getArray, getString, type JsonObject, type JsonValue } from "../../core/json.ts";
import { compareText, sortedUnique } from "../../core/order.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Stage } from "../../stages/stage.ts";
import { engineLabels } from "../engine-labels.ts";
import { applierName } from "./flux-object.ts";

/** Verbs by `group NUL resource`, and by path of the API server. */
interface Rights {
  readonly resources: Map<string, Set<string>>;
  readonly urls: Map<string, Set<string>>;
}

const applyVerbs = ["create", "get", "list", "patch", "update", "watch"];

/**
 * Who Flux applies stages as: a ServiceAccount, a ClusterRole and their binding, made from the objects of all stages, held
 * ones too, so that opening a stage changes no right.
 *
 * The role may apply the kinds that the stages hold, may delete none of them, and holds every right that a stage's own
 * Roles grant: Kubernetes lets nobody grant what they do not hold, and the verb `escalate` would be worth all rights at
 * once. Names of nodes are left out, so that a node more changes nothing here.
 * Source: Kubernetes "Using RBAC Authorization", privilege escalation prevention.
 */
export function applierObjects(plan: Plan, stages: readonly Stage[]): readonly JsonObject[] {
  const namespace = plan.spec.delivery.flux.namespace;
  const labels = engineLabels(plan);
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: applierName };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: applierName, namespace, labels } },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: applierName, labels },
      rules: applierRules(stages),
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: applierName, labels },
      roleRef,
      subjects: [{ kind: "ServiceAccount", name: applierName, namespace }],
    },
  ];
}

function applierRules(stages: readonly Stage[]): readonly JsonObject[] {
  const rights: Rights = { resources: new Map(), urls: new Map() };
  addAll(rights.resources, "helm.toolkit.fluxcd.io\0helmreleases", ["get", "list", "watch"]);
  for (const object of stages.flatMap((stage) => [...stage.objects, ...stage.undo].map((entry) => entry.object))) {
    const group = apiGroup(getString(object, "apiVersion") ?? "");
    const kind = getString(object, "kind") ?? "";
    addAll(rights.resources, `${group}\0${pluralOf(kind)}`, applyVerbs);
    if (group === "rbac.authorization.k8s.io" && (kind === "Role" || kind === "ClusterRole"))
      for (const rule of getArray(object, "rules")) addGranted(rights, rule);
  }
  return printRights(rights);
}

function addGranted(rights: Rights, rule: JsonValue): void {
  const texts = (key: string): string[] => getArray(rule, key).filter((entry) => typeof entry === "string");
  for (const url of texts("nonResourceURLs")) addAll(rights.urls, url, texts("verbs"));
  for (const group of texts("apiGroups"))
    for (const resource of texts("resources")) addAll(rights.resources, `${group}\0${resource}`, texts("verbs"));
}

/** One rule for each group and set of verbs, resources sorted; then the paths. */
function printRights(rights: Rights): readonly JsonObject[] {
  const rules = new Map<string, { readonly group: string; readonly verbs: readonly string[]; resources: string[] }>();
  for (const [key, set] of [...rights.resources].sort(([a], [b]) => compareText(a, b))) {
    const [group = "", resource = ""] = key.split("\0");
    const verbs = sortedUnique(set);
    const rule = rules.get(`${group}\0${verbs.join()}`) ?? { group, verbs, resources: [] };
    rule.resources.push(resource);
    rules.set(`${group}\0${verbs.join()}`, rule);
  }
  return [
    ...[...rules.values()].map(({ group, verbs, resources }) => ({ apiGroups: [group], resources, verbs })),
    ...[...rights.urls]
      .sort(([a], [b]) => compareText(a, b))
      .map(([url, set]) => ({ nonResourceURLs: [url], verbs: sortedUnique(set) })),
  ];
}

function addAll(map: Map<string, Set<string>>, key: string, values: readonly string[]): void {
  const set = map.get(key) ?? new Set<string>();
  for (const value of values) set.add(value);
  map.set(key, set);
}

/**
 * The resource name of a kind, by the rule that Kubernetes and the CRDs in question follow: `NetworkPolicy` is
 * `networkpolicies`, `Ingress` is `ingresses`, `Job` is `jobs`.
 */
function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (/[^aeiou]y$/u.test(lower)) return `${lower.slice(0, -1)}ies`;
  return /(?:s|x|ch|sh)$/u.test(lower) ? `${lower}es` : `${lower}s`;
}
