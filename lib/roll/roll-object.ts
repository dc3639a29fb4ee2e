import { getIn, getString, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { metachronNamespace } from "./names.ts";

/** An object of a stage with the file it is written to: the shape that the stages room takes. */
export interface RollObject {
  readonly file: string;
  readonly object: JsonObject;
  readonly comment?: string;
}

/** Order inside one Argo CD Application: rights and texts, then the CiliumNodeConfig, then the Job, then the completion. */
export type SyncWave = -2 | -1 | 0 | 1;

/** Labels of every object that comes from git. */
export function rollLabels(stageId: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/managed-by": "metachron", "metachron.dev/stage": stageId };
}

/**
 * Annotations that keep both engines from deleting an object or from substituting in it.
 *
 * Three layers against pruning exist in Argo CD; the one on the object works in every version. Flux substitutes
 * dollar-brace texts as soon as somebody adds `postBuild` above, hence `substitute: disabled`.
 * Source: argoproj/argo-cd docs/user-guide/sync-options.md; fluxcd/kustomize-controller docs/spec/v1/kustomizations.md.
 */
function protection(syncWave: SyncWave): Readonly<Record<string, string>> {
  return {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "argocd.argoproj.io/sync-wave": String(syncWave),
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "kustomize.toolkit.fluxcd.io/substitute": "disabled",
  };
}

/** Metadata of an object that belongs to a stage. `namespace` absent means cluster-scoped. */
export function stageMetadata(
  stageId: string,
  name: string,
  namespace: string | undefined,
  syncWave: SyncWave,
): JsonObject {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    labels: { ...rollLabels(stageId) },
    annotations: { ...protection(syncWave) },
  };
}

/** Adds labels and annotations of ours to an object that another room made, which keeps its own. */
export function withProtection(
  object: JsonObject,
  stageId: string,
  syncWave: SyncWave,
  annotations: Readonly<Record<string, string>> = {},
): JsonObject {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const merge = (key: string, ours: Readonly<Record<string, string>>): JsonValue => {
    const theirs = getIn(metadata, key);
    return { ...ours, ...(isJsonObject(theirs) && theirs) };
  };
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: merge("labels", rollLabels(stageId)),
      annotations: merge("annotations", { ...protection(syncWave), ...annotations }),
    },
  };
}

/**
 * The file of an object: a number that orders the directory, the kind, the namespace where it is not our own (two Roles
 * of one name may stand in two namespaces), the name.
 */
export function rollObject(order: number, object: JsonObject, comment?: string): RollObject {
  const kind = (getString(object, "kind") ?? "").toLowerCase();
  const namespace = getString(object, "metadata", "namespace");
  const name = getString(object, "metadata", "name") ?? "";
  const middle = namespace === undefined || namespace === metachronNamespace ? "" : `${namespace}-`;
  const file = `${String(order).padStart(2, "0")}-${kind}-${middle}${name}.yaml`;
  return { file, object, ...(comment !== undefined && { comment }) };
}

/**
 * Where a DaemonSet of ours runs: on every Linux node with a network of its own. It tolerates every taint, so nodes that are
 * none (virtual kubelets, Fargate) have to be named.
 */
export const onEveryNode: JsonObject = {
  tolerations: [{ operator: "Exists" }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: "kubernetes.io/os", operator: "In", values: ["linux"] },
              { key: "type", operator: "NotIn", values: ["virtual-kubelet"] },
              { key: "eks.amazonaws.com/compute-type", operator: "NotIn", values: ["fargate"] },
            ],
          },
        ],
      },
    },
  },
};
