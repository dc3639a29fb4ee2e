import type { JsonObject } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import { engineLabels } from "../engine-labels.ts";
import { migrationName } from "../layout.ts";

const apiVersions = {
  GitRepository: "source.toolkit.fluxcd.io/v1",
  HelmRepository: "source.toolkit.fluxcd.io/v1",
  OCIRepository: "source.toolkit.fluxcd.io/v1",
  Kustomization: "kustomize.toolkit.fluxcd.io/v1",
  HelmRelease: "helm.toolkit.fluxcd.io/v2",
} as const;

/** Name of the ServiceAccount that Flux applies stages as. */
export const applierName = `${migrationName}-applier`;

/** An object of Flux's own API in the namespace that Flux runs in. Fields are those of Flux 2.7 and newer. */
export function fluxObject(
  plan: Plan,
  kind: keyof typeof apiVersions,
  name: string,
  spec: JsonObject,
  labels: Readonly<Record<string, string>> = engineLabels(plan),
): JsonObject {
  return {
    apiVersion: apiVersions[kind],
    kind,
    metadata: {
      name,
      namespace: plan.spec.delivery.flux.namespace,
      labels,
    },
    spec,
  };
}
