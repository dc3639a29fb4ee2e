import type { Plan } from "../../plan/plan.ts";
import type { HelmRelease } from "../../stages/stage.ts";
import type { DeliveryObjectFile } from "../delivery-file.ts";
import { engineLabels } from "../engine-labels.ts";
import { migrationName } from "../layout.ts";
import type { ReleaseInForce } from "../release-in-force.ts";
import { argocdObject, inClusterServer, syncOptions } from "./argocd-object.ts";

/**
 * The Application of the Cilium release: exact chart version and inline values, one source, so that a pull request shows
 * every value that changes and no upgrade happens in the middle of the migration.
 *
 * Unlike a stage it is retried, with `refresh`, so that a fix is looked at while retries run (Argo CD 3.2 and newer):
 * installing the chart twice does no harm, a half-installed one does.
 */
export function ciliumApplication(plan: Plan, inForce: ReleaseInForce): DeliveryObjectFile {
  const { release, stageId, isSuspended } = inForce;
  const object = argocdObject(
    plan,
    "Application",
    `${migrationName}-cilium`,
    {
      project: migrationName,
      source: {
        repoURL: chartRepositoryOfArgo(release),
        chart: release.chart.name,
        targetRevision: release.chart.version,
        helm: { releaseName: release.releaseName, valuesObject: release.values },
      },
      destination: { server: inClusterServer, namespace: release.namespace },
      syncPolicy: {
        automated: { enabled: !isSuspended, prune: false, selfHeal: false, allowEmpty: false },
        syncOptions,
        retry: { limit: 3, refresh: true, backoff: { duration: "1m", factor: 2, maxDuration: "5m" } },
      },
      revisionHistoryLimit: 10,
    },
    {
      labels: engineLabels(plan, stageId),
      annotations: { "argocd.argoproj.io/compare-options": "ServerSideDiff=true" },
    },
  );
  return {
    path: `${plan.name}/argocd/apps/cilium.yaml`,
    object,
    comment: isSuspended
      ? "The release is being taken back: automation is off, so that Argo CD does not install it again."
      : `Cilium with the values of stage ${stageId}; the reasons stand beside each value in its values.yaml.`,
  };
}

/** A chart repository as Argo CD wants it: an https address, or an OCI registry without `oci://`. */
export function chartRepositoryOfArgo(release: HelmRelease): string {
  const { source, repository } = release.chart;
  return source === "oci" ? repository.replace(/^oci:\/\/|\/$/gu, "") : repository;
}
