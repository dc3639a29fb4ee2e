import { assertNever } from "../core/invariant.ts";
import type { RawObject } from "../inventory/inventory.ts";
import type { Workload } from "./workload.ts";

/** A GitOps engine or Helm, and the thing in it that owns an object. */
export interface Ownership {
  readonly engine: "Argo CD" | "Flux" | "Helm";
  /** Application, Kustomization, HelmRelease or release, with its namespace where the mark tells it. */
  readonly owner: string;
  /** The label or annotation that says so. */
  readonly mark: string;
}

/**
 * Who applies an object, by the marks that the engines leave on it; `undefined` when there is none.
 * Source: Argo CD docs user-guide/resource_tracking, Flux kustomize-controller and helm-controller labels, Helm 3 ownership.
 */
export function ownershipOf(object: Pick<Workload | RawObject, "labels" | "annotations">): Ownership | undefined {
  const { labels, annotations } = object;
  const flux = labels["kustomize.toolkit.fluxcd.io/name"];
  if (flux !== undefined)
    return {
      engine: "Flux",
      owner: `Kustomization ${labels["kustomize.toolkit.fluxcd.io/namespace"] ?? "flux-system"}/${flux}`,
      mark: "label kustomize.toolkit.fluxcd.io/name",
    };
  const release = labels["helm.toolkit.fluxcd.io/name"];
  if (release !== undefined)
    return {
      engine: "Flux",
      owner: `HelmRelease ${labels["helm.toolkit.fluxcd.io/namespace"] ?? "flux-system"}/${release}`,
      mark: "label helm.toolkit.fluxcd.io/name",
    };
  const tracking = annotations["argocd.argoproj.io/tracking-id"];
  if (tracking !== undefined)
    return {
      engine: "Argo CD",
      owner: `Application ${tracking.split(":")[0] ?? tracking}`,
      mark: "annotation argocd.argoproj.io/tracking-id",
    };
  const instance = labels["argocd.argoproj.io/instance"];
  if (instance !== undefined)
    return { engine: "Argo CD", owner: `Application ${instance}`, mark: "label argocd.argoproj.io/instance" };
  const helm = annotations["meta.helm.sh/release-name"];
  if (helm !== undefined)
    return {
      engine: "Helm",
      owner: `release ${annotations["meta.helm.sh/release-namespace"] ?? "default"}/${helm}`,
      mark: "annotation meta.helm.sh/release-name",
    };
  return undefined;
}

/** What keeps an engine from bringing the source back, as an order. */
export function handOver({ engine, owner }: Ownership): string {
  switch (engine) {
    case "Flux":
      return `suspend it before the first stage (${fluxSuspend(owner)}), and take the source out of its repository with prune off before it is removed`;
    case "Argo CD":
      return `switch off automated sync and self-heal of ${owner}, and take the source out of its repository without pruning before it is removed`;
    case "Helm":
      return `do not upgrade ${owner} while the migration runs; its values must carry what the prepare stage changes`;
    default:
      return assertNever(engine);
  }
}

function fluxSuspend(owner: string): string {
  const [kind = "", place = ""] = owner.split(" ");
  const [namespace = "", name = ""] = place.split("/");
  return `flux suspend ${kind.toLowerCase()} ${name} -n ${namespace}`;
}
