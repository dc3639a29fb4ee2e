import type { Checked, Finding } from "../core/finding.ts";
import { byText } from "../core/order.ts";
import type { Plan } from "../plan/plan.ts";
import type { HelmRelease, Stage } from "../stages/stage.ts";
import { argocdFiles } from "./argocd/argocd-files.ts";
import { helmMakesCertificates } from "./argocd/projects.ts";
import { pinningFindings } from "./argocd/stage-application.ts";
import type { DeliveryFile } from "./delivery-file.ts";
import { fluxFiles } from "./flux/flux-files.ts";
import { repositoryFindings } from "./flux/git-source.ts";
import { releaseInForce } from "./release-in-force.ts";

/** What the engines' files are made of. */
export interface Delivery {
  readonly plan: Plan;
  /** In their order, with their digests in place. */
  readonly stages: readonly Stage[];
  /** By the id of the stage that installs or changes the release. */
  readonly releases: ReadonlyMap<string, HelmRelease>;
}

/**
 * The files of `argocd/` and `flux/` for the engines that the plan names, sorted by path. Plain kubectl needs none.
 *
 * Findings: `delivery/not-pinned`, `delivery/repo-url`, `delivery/helm-made-certificates`, `delivery/stage-empty`.
 * `lintStages` looks at the stages themselves.
 */
export function renderDelivery(delivery: Delivery): Checked<readonly DeliveryFile[]> {
  const { plan, stages, releases } = delivery;
  const engines = new Set(plan.spec.delivery.engines);
  const inForce = releaseInForce(plan, stages, releases);
  const files: DeliveryFile[] = [];
  const findings: Finding[] = [];
  if (engines.has("argocd")) {
    files.push(...argocdFiles({ plan, stages, releases: [...releases.values()] }, inForce));
    findings.push(...pinningFindings(plan, stages));
  }
  if (engines.has("flux")) {
    files.push(...fluxFiles(plan, stages, releases, inForce));
    findings.push(...repositoryFindings(plan));
  }
  if (engines.has("argocd") || engines.has("flux")) {
    findings.push(...emptyStages(delivery), ...certificateFindings(delivery));
  }
  return { value: files.sort(byText((file) => file.path)), findings };
}

/** An engine that is pointed at a directory without objects fails for ever, and with Flux every later stage with it. */
function emptyStages({ plan, stages }: Delivery): readonly Finding[] {
  return stages
    .filter((stage) => (stage.state === "rollback" ? stage.undo : stage.objects).length === 0)
    .map((stage) => ({
      code: "delivery/stage-empty",
      severity: "error",
      message: `stage ${stage.id} has no object ${stage.state === "rollback" ? "in undo/ " : ""}that an engine could apply`,
      where: { file: plan.file, field: `stages.${stage.id}` },
      reason: "Argo CD and Flux refuse an empty directory, and the stages after it would wait for it for ever",
      remedy: "hold the stage and apply it by hand, or report this as a bug of metachron",
      data: { stage: stage.id },
    }));
}

function certificateFindings({ plan, releases }: Delivery): readonly Finding[] {
  return [...releases]
    .filter(([, release]) => helmMakesCertificates(release.values))
    .map(([stageId]) => ({
      code: "delivery/helm-made-certificates",
      severity: "warning",
      message: `the values of stage ${stageId} let helm make Hubble's certificates`,
      where: { file: plan.file, field: "spec.target.values.hubble.tls.auto.method" },
      reason: "they are new at every rendering, so an engine sees a difference at each look and replaces them for ever",
      remedy: "set spec.target.values.hubble.tls.auto.method to cronJob or certmanager",
      data: { stage: stageId },
    }));
}
