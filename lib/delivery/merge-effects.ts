import type { Plan } from "../plan/plan.ts";
import type { HelmRelease, Stage } from "../stages/stage.ts";
import type { EngineName } from "./kubectl/watch-commands.ts";
import { engineObjectName, repositoryPath, stageFolder } from "./layout.ts";

/** A stage whose opening, closing or rolling back a reviewer reads about. */
export interface MergedStage {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly previous?: Stage | undefined;
  /** The release that the stage installs or changes. */
  readonly release?: HelmRelease | undefined;
}

/** What an engine does when a stage in its present state is merged: sentences in the order of events, without full stops. */
export function mergeEffects(engine: EngineName, merged: MergedStage): readonly string[] {
  switch (engine) {
    case "argocd":
      return argocdEffects(merged);
    case "flux":
      return fluxEffects(merged);
    case "kubectl":
      return merged.stage.state === "open" || merged.stage.state === "rollback"
        ? ["Nothing happens by itself: a person applies the stage with the commands below"]
        : ["Nothing: nobody has to apply or to delete anything"];
  }
}

function argocdEffects({ plan, stage, release }: MergedStage): readonly string[] {
  const name = engineObjectName(stage.id);
  switch (stage.state) {
    case "held":
    case "done":
      return [`The root Application switches the automation of ${name} off; nothing else changes`];
    case "open":
    case "rollback":
      return [
        `The root Application ${stage.attempt > 1 || stage.state === "rollback" ? "changes" : "creates"} Application ${name}, ${pinOf(plan, stage)}`,
        ...(release === undefined ? [] : [releaseEffect("Application metachron-cilium", stage, release)]),
        `It applies ${appliedFolder(plan, stage)} once, without retries; Argo CD does not wait for the stage before, the Job does${jobEffect(stage)}`,
      ];
  }
}

function fluxEffects({ plan, stage, previous, release }: MergedStage): readonly string[] {
  const name = engineObjectName(stage.id);
  switch (stage.state) {
    case "held":
      return [`The root Kustomization suspends Kustomization ${name}; nothing else changes`];
    case "done":
      return [
        `Kustomization ${name} waits for nothing any more, and stays at work for the stage after it`,
        ...(previous === undefined
          ? []
          : [`Kustomization ${engineObjectName(previous.id)} is suspended, because nobody waits for it any more`]),
      ];
    case "open":
    case "rollback":
      return [
        `The root Kustomization ${stage.attempt > 1 || stage.state === "rollback" ? "changes" : "creates"} Kustomization ${name}`,
        ...(release === undefined ? [] : [releaseEffect(`HelmRelease ${release.releaseName}`, stage, release)]),
        ...(previous === undefined || stage.state === "rollback"
          ? []
          : [`It waits until ${engineObjectName(previous.id)} is ready and healthy at digest ${previous.digest}`]),
        `It applies ${appliedFolder(plan, stage)}${jobEffect(stage)}`,
      ];
  }
}

function releaseEffect(carrier: string, stage: Stage, release: HelmRelease): string {
  if (stage.state === "rollback")
    return `${carrier} takes the values of the stage that set them before, at once; where there is none it is switched off and uninstalls nothing`;
  return `${carrier} takes the values of this stage, and the chart ${release.chart.name} ${release.chart.version} is installed or upgraded at once`;
}

function appliedFolder(plan: Plan, stage: Stage): string {
  const folder = repositoryPath(plan, stageFolder(plan.name, stage.id));
  return stage.state === "rollback" ? `${folder}/undo` : folder;
}

function pinOf(plan: Plan, stage: Stage): string {
  return plan.spec.delivery.argocd.pinning === "commit" && stage.commit !== undefined
    ? `pinned to commit ${stage.commit}`
    : `which follows branch ${plan.spec.delivery.revision}`;
}

function jobEffect(stage: Stage): string {
  const job = stage.state === "rollback" ? stage.undoJob : stage.job;
  if (job === undefined) return "";
  return `; Job ${job.name} takes at most ${Math.ceil(job.deadlineSeconds / 60)} minutes`;
}
