import type { JsonObject } from "../core/json.ts";

/**
 * A kustomization.yaml that lists files one by one, in the given order, and transforms nothing: the file that was read is
 * the object that is applied. With `sortOptions: fifo` plain `kubectl apply -k` keeps the order.
 *
 * Source: kustomize 5.8, `sortOptions`.
 */
export function kustomizationOf(files: readonly string[]): JsonObject {
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    sortOptions: { order: "fifo" },
    resources: files,
  };
}
