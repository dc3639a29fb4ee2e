import type { JsonObject } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import { migrationName } from "../layout.ts";

/** Server address of the cluster that Argo CD itself runs in. */
export const inClusterServer = "https://kubernetes.default.svc";

/** Labels of every engine object, for people who list them. */
export function engineLabels(plan: Plan, stageId?: string): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/managed-by": migrationName,
    "metachron.dev/plan": plan.name,
    ...(stageId !== undefined && { "metachron.dev/stage": stageId }),
  };
}

/** An object of Argo CD's own API in the namespace that Argo CD runs in. */
export function argocdObject(
  plan: Plan,
  kind: "Application" | "AppProject",
  name: string,
  spec: JsonObject,
  options: { readonly stageId?: string; readonly annotations?: Readonly<Record<string, string>> } = {},
): JsonObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind,
    metadata: {
      name,
      namespace: plan.spec.delivery.argocd.namespace,
      labels: engineLabels(plan, options.stageId),
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
