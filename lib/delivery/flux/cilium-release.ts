import type { JsonObject } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import type { HelmRelease } from "../../stages/stage.ts";
import type { DeliveryObjectFile } from "../delivery-file.ts";
import { engineLabels } from "../engine-labels.ts";
import type { ReleaseInForce } from "../release-in-force.ts";
import { fluxObject } from "./flux-object.ts";

/**
 * The Cilium release for Flux: the chart's source, and a HelmRelease with exact version and inline values.
 *
 * - `RetryOnFailure`: the default strategy uninstalls or rolls back, and one wait that ran out must never do that to a CNI.
 * - `storageNamespace` as plain helm would have it, so that `helm list` shows the release and Flux can be left at any time.
 * - `driftDetection: warn`: repairs made by hand at night are shown, not undone.
 * - Cilium's operator creates the CRDs, the chart has none to upgrade.
 * - Suspended while the installing stage rolls back: otherwise Flux would install again what the stage's Job removes. A
 *   HelmRelease that is deleted while it is not suspended uninstalls Cilium.
 * Source: fluxcd/helm-controller 1.6, docs/spec/v2/helmreleases.md.
 */
export function ciliumRelease(plan: Plan, inForce: ReleaseInForce): readonly DeliveryObjectFile[] {
  const { release, stageId, isSuspended } = inForce;
  const folder = `${plan.name}/flux/kustomizations`;
  const spec: JsonObject = {
    releaseName: release.releaseName,
    targetNamespace: release.namespace,
    storageNamespace: release.namespace,
    interval: "30m",
    timeout: "20m",
    ...chartOf(release),
    install: { crds: "Create", strategy: { name: "RetryOnFailure", retryInterval: "5m" } },
    upgrade: { crds: "Skip", cleanupOnFail: false, strategy: { name: "RetryOnFailure", retryInterval: "5m" } },
    driftDetection: { mode: "warn" },
    ...(isSuspended && { suspend: true }),
    values: release.values,
  };
  const comment = isSuspended
    ? "The release is being taken back: suspended, so that Flux does not install it again."
    : `Cilium with the values of stage ${stageId}; the reasons stand beside each value in its values.yaml.`;
  const source = chartSource(plan, release);
  return [
    { ...source, path: `${folder}/cilium-${source.kind.toLowerCase()}.yaml` },
    {
      path: `${folder}/cilium-helmrelease.yaml`,
      object: fluxObject(plan, "HelmRelease", release.releaseName, spec, engineLabels(plan, stageId)),
      comment,
    },
  ].map(({ path, object, comment }) => ({ path, object, ...(comment !== undefined && { comment }) }));
}

interface ChartSource {
  readonly kind: "HelmRepository" | "OCIRepository";
  readonly object: JsonObject;
  readonly comment?: string;
}

function chartSource(plan: Plan, release: HelmRelease): ChartSource {
  const { source, repository, name, version } = release.chart;
  if (source === "https") {
    const spec = { interval: "1h", url: repository };
    return { kind: "HelmRepository", object: fluxObject(plan, "HelmRepository", name, spec) };
  }
  const registry = repository.replace(/^oci:\/\//u, "").replace(/\/$/u, "");
  const spec = {
    interval: "1h",
    url: `oci://${registry}/${name}`,
    layerSelector: { mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", operation: "copy" },
    ref: { tag: version },
  };
  return {
    kind: "OCIRepository",
    object: fluxObject(plan, "OCIRepository", name, spec),
    comment: "Another chart under the same tag would be installed: mirror the chart, or add spec.ref.digest.",
  };
}

function chartOf(release: HelmRelease): JsonObject {
  const { source, name, version } = release.chart;
  return source === "https"
    ? { chart: { spec: { chart: name, version, sourceRef: { kind: "HelmRepository", name } } } }
    : { chartRef: { kind: "OCIRepository", name } };
}
