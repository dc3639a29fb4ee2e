import type { JsonObject } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import { engineLabels } from "../engine-labels.ts";

/** Server address of the cluster that Argo CD itself runs in. */
export const inClusterServer = "https://kubernetes.default.svc";

/** An object of Argo CD's own API in the namespace that Argo CD runs in. */
export function argocdObject(
  plan: Plan,
  kind: "Application" | "AppProject",
  name: string,
  spec: JsonObject,
  options: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  } = {},
): JsonObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind,
    metadata: {
      name,
      namespace: plan.spec.delivery.argocd.namespace,
      labels: options.labels ?? engineLabels(plan),
      ...(options.annotations !== undefined && { annotations: options.annotations }),
    },
    spec,
  };
}

/**
 * Sync options of everything that Argo CD applies for us: server-side apply, so that defaulted fields of a Job show no
 * difference; no pruning and no deletion, also at the level of the Application (Argo CD 3.4 and newer; the objects carry
 * the same as annotations for older ones); two Applications that claim one object fail loudly.
 * Source: argoproj/argo-cd 3.5, docs/user-guide/sync-options.md.
 */
export const syncOptions: readonly string[] = [
  "ServerSideApply=true",
  "FailOnSharedResource=true",
  "CreateNamespace=false",
  "Prune=false",
  "Delete=false",
];
