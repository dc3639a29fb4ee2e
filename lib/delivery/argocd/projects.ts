import { apiGroup } from "../../core/identity.ts";
import { getBoolean, getString, type JsonObject } from "../../core/json.ts";
import { byAll, byText, compareText, sortedUnique } from "../../core/order.ts";
import type { Plan } from "../../plan/plan.ts";
import type { HelmRelease, Stage } from "../../stages/stage.ts";
import { isClusterScoped } from "../cluster-scope.ts";
import { migrationName, migrationNamespace } from "../layout.ts";
import { argocdObject, inClusterServer } from "./argocd-object.ts";
import { chartRepositoryOfArgo } from "./cilium-application.ts";

/** Name of the project that the root Application belongs to. */
export const rootProjectName = `${migrationName}-root`;

/** Everything that the projects are made of: all stages, held ones too, so that opening a stage changes no project. */
export interface ProjectScope {
  readonly plan: Plan;
  readonly stages: readonly Stage[];
  readonly releases: readonly HelmRelease[];
}

/**
 * The project of the stages and of the Cilium release: one place to stop everything (add a deny window), exactly the
 * namespaces and cluster-scoped objects that the stages hold, no Node, no Application, no Secret unless the chart renders one.
 *
 * `clusterResourceWhitelist[].name` needs Argo CD 3.3 or newer.
 * Source: argoproj/argo-cd 3.5, docs/operator-manual/project-specification.md.
 */
export function migrationProject(scope: ProjectScope): JsonObject {
  const secrets = scope.releases.some((release) => rendersSecrets(release.values));
  return argocdObject(scope.plan, "AppProject", migrationName, {
    description: `Migration ${scope.plan.name} to Cilium, one Application per stage`,
    sourceRepos: sortedUnique([scope.plan.spec.delivery.repoURL, ...scope.releases.map(chartRepositoryOfArgo)]),
    destinations: namespacesOf(scope).map((namespace) => ({ server: inClusterServer, namespace })),
    clusterResourceWhitelist: clusterResources(scope),
    ...(!secrets && { namespaceResourceBlacklist: [{ group: "", kind: "Secret" }] }),
  });
}

/** The project of the root Application: it may make Applications and nothing else, a stage may make none. */
export function rootProject(plan: Plan): JsonObject {
  const { repoURL, argocd } = plan.spec.delivery;
  return argocdObject(plan, "AppProject", rootProjectName, {
    description: `Root of migration ${plan.name}: the Applications of its stages`,
    sourceRepos: [repoURL],
    destinations: [{ server: inClusterServer, namespace: argocd.namespace }],
    namespaceResourceWhitelist: [{ group: "argoproj.io", kind: "Application" }],
  });
}

/** Namespaces that stages and the chart write to. The chart makes one for secrets of intercepted TLS by default. */
function namespacesOf(scope: ProjectScope): readonly string[] {
  const own = objectsOf(scope.stages).flatMap((object) => getString(object, "metadata", "namespace") ?? []);
  const chart = scope.releases.flatMap((release) => [release.namespace, ...chartNamespaces(release.values)]);
  return sortedUnique([migrationNamespace, ...own, ...chart]);
}

function objectsOf(stages: readonly Stage[]): readonly JsonObject[] {
  return stages.flatMap((stage) => [...stage.objects, ...stage.undo].map((entry) => entry.object));
}

interface ClusterResource {
  readonly group: string;
  readonly kind: string;
  readonly name?: string;
}

const compareResources: (a: ClusterResource, b: ClusterResource) => number = byAll<ClusterResource>(
  byText((resource) => resource.group),
  byText((resource) => resource.kind),
  (a, b) => compareText(a.name ?? "", b.name ?? ""),
);

function clusterResources(scope: ProjectScope): readonly JsonObject[] {
  const own = objectsOf(scope.stages).filter(isClusterScoped).map(resourceOf);
  const chart = scope.releases.flatMap((release) => chartResources(release.values));
  const anyName = new Set(chart.filter((entry) => entry.name === undefined).map(kindKey));
  const wanted = [...own.filter((entry) => !anyName.has(kindKey(entry))), ...chart];
  const unique = new Map(wanted.map((entry) => [`${kindKey(entry)}/${entry.name ?? ""}`, entry]));
  return [...unique.values()].sort(compareResources).map((entry) => ({ ...entry }));
}

function kindKey(resource: ClusterResource): string {
  return `${resource.group}/${resource.kind}`;
}

/** Policies and roles are whitelisted by kind, so that one policy more changes no project; namespaces by name. */
function resourceOf(object: JsonObject): ClusterResource {
  const kind = getString(object, "kind") ?? "";
  const group = apiGroup(getString(object, "apiVersion") ?? "");
  const name = getString(object, "metadata", "name") ?? "";
  return kind === "Namespace" ? { group, kind, name } : { group, kind };
}

/**
 * Cluster-scoped kinds of the Cilium chart under the given values.
 * Source: cilium/cilium 1.20.2, install/kubernetes/cilium/templates.
 */
function chartResources(values: JsonObject): readonly ClusterResource[] {
  const rbac = "rbac.authorization.k8s.io";
  return [
    { group: rbac, kind: "ClusterRole" },
    { group: rbac, kind: "ClusterRoleBinding" },
    ...chartNamespaces(values).map((name) => ({ group: "", kind: "Namespace", name })),
    ...(getBoolean(values, "ingressController", "enabled") === true
      ? [{ group: "networking.k8s.io", kind: "IngressClass" }]
      : []),
    ...(getBoolean(values, "gatewayAPI", "enabled") === true
      ? [{ group: "gateway.networking.k8s.io", kind: "GatewayClass" }]
      : []),
  ];
}

/** Namespaces that the chart creates itself: for secrets of TLS interception by default, for others where they are on. */
function chartNamespaces(values: JsonObject): readonly string[] {
  const features = [
    { key: "tls", isOn: true, creates: true },
    { key: "envoyConfig", isOn: isEnabled(values, "envoyConfig"), creates: true },
    { key: "ingressController", isOn: isEnabled(values, "ingressController"), creates: true },
    { key: "gatewayAPI", isOn: isEnabled(values, "gatewayAPI"), creates: true },
    { key: "bgpControlPlane", isOn: isEnabled(values, "bgpControlPlane"), creates: false },
  ];
  const names = features
    .filter(
      (feature) => feature.isOn && (getBoolean(values, feature.key, "secretsNamespace", "create") ?? feature.creates),
    )
    .map((feature) => getString(values, feature.key, "secretsNamespace", "name") ?? "cilium-secrets");
  return sortedUnique(names);
}

function isEnabled(values: JsonObject, feature: string): boolean {
  return getBoolean(values, feature, "enabled") === true;
}

/**
 * Whether the chart renders Secrets under the given values, as it does by default: Hubble's certificates are made by helm
 * unless a CronJob or cert-manager makes them.
 * Source: cilium/cilium 1.20.2, install/kubernetes/cilium/templates/{hubble/tls-helm,cilium-ca-secret.yaml,clustermesh-*,ztunnel,cilium-operator/secret.yaml}.
 */
export function rendersSecrets(values: JsonObject): boolean {
  return (
    helmMakesCertificates(values) ||
    getString(values, "tls", "ca", "key") !== undefined ||
    getBoolean(values, "clustermesh", "useAPIServer") === true ||
    getBoolean(values, "clustermesh", "config", "enabled") === true ||
    getBoolean(values, "azure", "enabled") === true ||
    getString(values, "encryption", "type") === "ztunnel"
  );
}

/** Whether helm makes Hubble's certificates while it renders, anew each time. */
export function helmMakesCertificates(values: JsonObject): boolean {
  const usesTls =
    getBoolean(values, "hubble", "enabled") !== false && getBoolean(values, "hubble", "tls", "enabled") !== false;
  const method = getString(values, "hubble", "tls", "auto", "method") ?? "helm";
  return usesTls && (getBoolean(values, "hubble", "tls", "auto", "enabled") === false || method === "helm");
}
