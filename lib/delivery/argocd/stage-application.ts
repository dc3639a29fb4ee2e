import { digestAnnotation } from "../../core/digest-placeholder.ts";
import type { Finding } from "../../core/finding.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Stage } from "../../stages/stage.ts";
import type { DeliveryObjectFile } from "../delivery-file.ts";
import { stageLabels } from "../engine-labels.ts";
import type { EngineMode } from "../engine-mode.ts";
import {
  engineFile,
  engineObjectName,
  migrationName,
  migrationNamespace,
  repositoryPath,
  stageFolder,
} from "../layout.ts";
import { argocdObject, inClusterServer, syncOptions } from "./argocd-object.ts";

/**
 * The Application of one stage that was opened.
 *
 * - `retry.limit: 0` is written out: without it Argo CD retries five times, always at the same commit, and looks at no fix
 *   meanwhile (measured, 3.5.7).
 * - `selfHeal: false`: a deleted Job is run again when a person opens a new attempt, not at a moment that nobody chose.
 * - No finalizer: deleting the Application leaves the nodes alone.
 * - A stage that is done, or held again, keeps its Application with automation switched off (see `engineMode`).
 * - A stage that rolls back points at `undo/`, a forward step of its own.
 */
export function stageApplication(plan: Plan, stage: Stage, mode: EngineMode): DeliveryObjectFile {
  const folder = stageFolder(plan.name, stage.id);
  const path = repositoryPath(plan, mode.usesUndo ? `${folder}/undo` : folder);
  const object = argocdObject(
    plan,
    "Application",
    engineObjectName(stage.id),
    {
      project: migrationName,
      source: { repoURL: plan.spec.delivery.repoURL, targetRevision: targetRevision(plan, stage), path },
      destination: { server: inClusterServer, namespace: migrationNamespace },
      syncPolicy: {
        automated: { enabled: mode.argocdApplies, prune: false, selfHeal: false, allowEmpty: false },
        syncOptions,
        retry: { limit: 0 },
      },
      revisionHistoryLimit: 10,
      info: [
        { name: "stage", value: stage.title },
        { name: "nodes", value: String(stage.nodes.length) },
        { name: "read first", value: repositoryPath(plan, `${folder}/STAGE.md`) },
      ],
    },
    { labels: stageLabels(plan, stage), annotations: annotations(stage) },
  );
  return { path: engineFile("argocd", plan.name, stage.id), object, comment: commentOf(stage) };
}

/** Manifests are generated again only when the stage's own directory changes; differences are read by a dry-run apply. */
function annotations(stage: Stage): Readonly<Record<string, string>> {
  return {
    [digestAnnotation]: stage.digest,
    "argocd.argoproj.io/compare-options": "ServerSideDiff=true",
    "argocd.argoproj.io/manifest-generate-paths": ".",
  };
}

/** The commit that was reviewed, where the plan knows it and wants it; otherwise the branch. */
function targetRevision(plan: Plan, stage: Stage): string {
  const wantsCommit = plan.spec.delivery.argocd.pinning === "commit";
  return wantsCommit && stage.commit !== undefined ? stage.commit : plan.spec.delivery.revision;
}

function commentOf(stage: Stage): string {
  switch (stage.state) {
    case "done":
      return "Done: kept so that it can be read. Automation is off, Argo CD changes nothing any more.";
    case "held":
      return "Taken back: kept, because nothing would remove it from the cluster. Automation is off.";
    case "rollback":
      return "Rolls the stage back by applying its undo/ directory. Nothing is pruned.";
    case "open":
      return "Argo CD applies this stage when this file reaches the branch, once, and nothing else.";
  }
}

/**
 * Says where the plan wants pinned Applications and a stage has no commit yet.
 *
 * Findings: `delivery/not-pinned`.
 */
export function pinningFindings(plan: Plan, stages: readonly Stage[]): readonly Finding[] {
  if (plan.spec.delivery.argocd.pinning !== "commit") return [];
  return stages
    .filter((stage) => (stage.state === "open" || stage.state === "rollback") && stage.commit === undefined)
    .map((stage) => ({
      code: "delivery/not-pinned",
      severity: "warning",
      message: `Application ${engineObjectName(stage.id)} follows branch ${plan.spec.delivery.revision}, because the plan names no commit for stage ${stage.id}`,
      where: { file: plan.file, field: `stages.${stage.id}.commit` },
      reason:
        "with a branch, a finished Job that somebody deletes is run again at the next commit to any file; its marker makes the second run do nothing",
      remedy: `set stages.${stage.id}.commit to a commit on ${plan.spec.delivery.revision} that holds the stage's files, or delivery.argocd.pinning to branch`,
      data: { stage: stage.id },
    }));
}
