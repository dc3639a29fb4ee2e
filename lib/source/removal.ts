import { apiGroup, type ObjectIdentity } from "../core/identity.ts";
import { getString } from "../core/json.ts";
import { byAll, byText } from "../core/order.ts";
import { objectsOf, type RawObject } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { type RemovalObject, type RemovalStep, removalSteps } from "./source.ts";
import type { Workload } from "./workload.ts";

/** An object that a product's manifests have, whether or not this cluster does. */
export interface KnownObject extends ObjectIdentity {
  readonly step: RemovalStep;
  readonly why: string;
  readonly waitUntilGone?: boolean;
}

/** A shorthand for tables: kind and name, in a namespace or none; the API version follows from the kind. */
export function known(
  step: RemovalStep,
  kind: string,
  name: string,
  namespace: string | undefined,
  why: string,
): KnownObject {
  const apiVersion = apiVersions[kind] ?? "v1";
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }), step, why };
}

const apiVersions: Readonly<Record<string, string>> = {
  DaemonSet: "apps/v1",
  Deployment: "apps/v1",
  Job: "batch/v1",
  PodDisruptionBudget: "policy/v1",
  Role: "rbac.authorization.k8s.io/v1",
  RoleBinding: "rbac.authorization.k8s.io/v1",
  ClusterRole: "rbac.authorization.k8s.io/v1",
  ClusterRoleBinding: "rbac.authorization.k8s.io/v1",
  APIService: "apiregistration.k8s.io/v1",
  MutatingWebhookConfiguration: "admissionregistration.k8s.io/v1",
  ValidatingWebhookConfiguration: "admissionregistration.k8s.io/v1",
  ValidatingAdmissionPolicy: "admissionregistration.k8s.io/v1",
  ValidatingAdmissionPolicyBinding: "admissionregistration.k8s.io/v1",
  CustomResourceDefinition: "apiextensions.k8s.io/v1",
  NetworkPolicy: "networking.k8s.io/v1",
  HelmChart: "helm.cattle.io/v1",
  HelmChartConfig: "helm.cattle.io/v1",
  Installation: "operator.tigera.io/v1",
  APIServer: "operator.tigera.io/v1",
  Goldmane: "operator.tigera.io/v1",
  Whisker: "operator.tigera.io/v1",
};

/** A cluster role and the binding of the same name. */
export function rolesOf(names: readonly string[], why: string): readonly KnownObject[] {
  return names.flatMap((name) => [
    known("access", "ClusterRoleBinding", name, undefined, why),
    known("access", "ClusterRole", name, undefined, why),
  ]);
}

/** Accounts of one namespace. */
export function accountsOf(names: readonly string[], namespace: string, why: string): readonly KnownObject[] {
  return names.map((name) => known("access", "ServiceAccount", name, namespace, why));
}

/** Whether an object may exist: it was dumped, or its kind was not. */
export function mayExist(view: ClusterView, kind: string, name: string, namespace?: string): boolean {
  if (!view.inventory.kindsSeen.has(kind)) return true;
  return objectsOf(view.inventory, kind).some((object) => object.name === name && object.namespace === namespace);
}

/**
 * The removal list of a table: what the inventory shows, and what the manifests have where the kind was not dumped;
 * an object whose kind was dumped without it is left out. In the order of the steps, inside a step as the table has it.
 */
export function planRemoval(view: ClusterView, objects: readonly KnownObject[]): readonly RemovalObject[] {
  const seen = new Set<string>();
  const found = objects.flatMap((object) => {
    const key = `${apiGroup(object.apiVersion)}/${object.kind}/${object.namespace ?? ""}/${object.name}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const dumped = objectsOf(view.inventory, object.kind, apiGroup(object.apiVersion)).find(
      (one) => one.name === object.name && one.namespace === object.namespace,
    );
    if (dumped === undefined && view.inventory.kindsSeen.has(object.kind)) return [];
    const apiVersion = dumped?.apiVersion ?? object.apiVersion;
    return [toRemoval({ ...object, apiVersion }, dumped === undefined ? "manifest" : "inventory")];
  });
  const rank = new Map(removalSteps.map((step, at) => [step, at]));
  return found.sort((a, b) => (rank.get(a.step) ?? 0) - (rank.get(b.step) ?? 0));
}

function toRemoval(object: KnownObject, from: "inventory" | "manifest"): RemovalObject {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(object.namespace !== undefined && { namespace: object.namespace }),
    name: object.name,
    step: object.step,
    from,
    ...(object.waitUntilGone === true && { waitUntilGone: true }),
    why: object.why,
  };
}

/** Table entries for objects of the inventory, sorted by namespace and name. */
export function ofInventory(objects: readonly RawObject[], step: RemovalStep, why: string): readonly KnownObject[] {
  return objects
    .map((object) => ({
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: object.name,
      ...(object.namespace !== undefined && { namespace: object.namespace }),
      step,
      why,
    }))
    .sort(
      byAll<KnownObject>(
        byText((object) => object.kind),
        byText((object) => object.namespace ?? ""),
        byText((object) => object.name),
      ),
    );
}

/** Table entries for workloads, as they are named in this cluster. */
export function ofWorkloads(workloads: readonly Workload[], step: RemovalStep, why: string): readonly KnownObject[] {
  return workloads.map((workload) => known(step, workload.kind, workload.name, workload.namespace, why));
}

/** The definitions of API groups: those of the inventory, or the known names where definitions were not dumped. */
export function definitionsOf(
  view: ClusterView,
  groups: readonly string[],
  names: readonly string[],
  why: string,
): readonly KnownObject[] {
  const dumped = objectsOf(view.inventory, "CustomResourceDefinition").filter((definition) =>
    groups.includes(getString(definition.object, "spec", "group") ?? ""),
  );
  if (view.inventory.kindsSeen.has("CustomResourceDefinition")) return ofInventory(dumped, "definitions", why);
  return names.map((name) => known("definitions", "CustomResourceDefinition", name, undefined, why));
}

/** A namespace that holds nothing but the source: listed only when it was dumped and every pod in it belongs to what goes. */
export function ownNamespace(view: ClusterView, name: string, removed: readonly KnownObject[]): readonly KnownObject[] {
  const pods = view.inventory.pods.filter((pod) => pod.namespace === name);
  const isRemoved = (kind: string, workload: string) =>
    removed.some((one) => one.kind === kind && one.name === workload && one.namespace === name);
  const hasOthers = pods.some((pod) => pod.workload === undefined || !isRemoved(pod.workload.kind, pod.workload.name));
  if (hasOthers || !view.inventory.kindsSeen.has("Namespace")) return [];
  return [
    known(
      "namespaces",
      "Namespace",
      name,
      undefined,
      "nothing but the source lived in it; deleting it takes what is left",
    ),
  ];
}
