import { digestAnnotation } from "../../core/digest-placeholder.ts";
import { apiGroup, identityOf } from "../../core/identity.ts";
import { getString, type JsonObject } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import type { HelmRelease, Stage } from "../../stages/stage.ts";
import type { DeliveryObjectFile } from "../delivery-file.ts";
import { stageLabels } from "../engine-labels.ts";
import { type EngineMode, engineMode } from "../engine-mode.ts";
import { engineFile, engineObjectName, migrationName, repositoryPath, stageFolder } from "../layout.ts";
import { applierName, fluxObject } from "./flux-object.ts";
import { readyExpression } from "./ready-expression.ts";

/** A stage with what its Kustomization waits for. */
export interface FluxStage {
  readonly stage: Stage;
  readonly mode: EngineMode;
  /** The stage before, which has to be ready with the digest that was reviewed; `undefined` for the first. */
  readonly previous: Stage | undefined;
  /** The release that the stage installs or changes. */
  readonly release: HelmRelease | undefined;
}

/**
 * The Kustomization of one stage that was opened.
 *
 * - `dependsOn` with a `readyExpr` is the engine's gate. It replaces Flux's own check, which would walk the whole chain
 *   again at every commit, so it asks for everything itself (see `readyExpression`). It stands there while the stage is open:
 *   what is done has no gate any more, and a rollback must not wait for anything.
 * - The digest stands in `spec`, not in `metadata`: only so does a new digest raise the generation.
 * - Nothing is pruned and nothing is deleted with the Kustomization; nothing is replaced by force.
 * - The health check waits 15 minutes at most, also where the Job may take hours: a new commit is not looked at while a check
 *   waits (`CancelHealthCheckOnNewRevision` is off by default). A Job that still runs then shows as not ready and is read
 *   again a minute later; a Job that failed ends the check at once.
 * Source: fluxcd/kustomize-controller 1.9, docs/spec/v1/kustomizations.md; measured with 1.9.6.
 */
export function stageKustomization(plan: Plan, { stage, mode, previous, release }: FluxStage): DeliveryObjectFile {
  const folder = stageFolder(plan.name, stage.id);
  const spec: JsonObject = {
    sourceRef: { kind: "GitRepository", name: migrationName },
    path: `./${repositoryPath(plan, mode.usesUndo ? `${folder}/undo` : folder)}`,
    interval: "30m",
    retryInterval: "1m",
    timeout: `${healthTimeoutMinutes(mode.usesUndo ? stage.undoJob : stage.job)}m`,
    prune: false,
    deletionPolicy: "Orphan",
    force: false,
    ...(!mode.fluxApplies && { suspend: true }),
    serviceAccountName: applierName,
    commonMetadata: { annotations: { [digestAnnotation]: stage.digest } },
    ...(mode.fluxWaits &&
      previous !== undefined && {
        dependsOn: [
          {
            name: engineObjectName(previous.id),
            readyExpr: readyExpression(plan, previous, !engineMode(plan, previous.id, stage.id).fluxApplies),
          },
        ],
      }),
    ...healthOf(plan, stage, mode.usesUndo ? undefined : release, mode),
  };
  return {
    path: engineFile("flux", plan.name, stage.id),
    object: fluxObject(plan, "Kustomization", engineObjectName(stage.id), spec, stageLabels(plan, stage)),
    comment: commentOf(stage, mode),
  };
}

function commentOf(stage: Stage, mode: EngineMode): string {
  switch (stage.state) {
    case "open":
      return "Flux applies this stage when this file reaches the branch and the stage before is ready.";
    case "rollback":
      return "Rolls the stage back by applying its undo/ directory, at once. Nothing is pruned.";
    case "held":
      return "Taken back: kept, because nothing would remove it from the cluster. Suspended.";
    case "done":
      return mode.fluxApplies
        ? "Done, and not suspended: the stage after this one waits for it to be ready."
        : "Done, and nobody waits for it: suspended, so that Flux brings nothing back that a later stage removes.";
  }
}

/** Ten minutes more than the Job may take, fifteen at most. */
function healthTimeoutMinutes(job: Stage["job"]): number {
  return job === undefined ? 15 : Math.min(15, Math.ceil(job.deadlineSeconds / 60) + 10);
}

/** Kinds whose health says something about a stage; everything else is applied and not waited for. */
const checkedKinds: ReadonlySet<string> = new Set([
  "apps/DaemonSet",
  "apps/Deployment",
  "apps/StatefulSet",
  "batch/Job",
  "cilium.io/CiliumClusterwideNetworkPolicy",
  "cilium.io/CiliumNetworkPolicy",
]);

const policyKinds: readonly string[] = ["CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy"];

/**
 * What Flux waits for. An explicit list, because `wait: true` leaves out objects that carry the annotation
 * `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent` or `Ignore`; a stage of many policies waits for everything instead, and
 * `lintStages` refuses that annotation. Flux has no rule for Cilium policies, so the expressions read their condition
 * `Valid`. A release is waited for by its HelmRelease, which has to be in the list, so such a stage always has one.
 */
function healthOf(plan: Plan, stage: Stage, release: HelmRelease | undefined, mode: EngineMode): JsonObject {
  const objects = (mode.usesUndo ? stage.undo : stage.objects).map((entry) => entry.object);
  const exprs = [
    ...policyKinds
      .filter((kind) => objects.some((object) => kindKey(object) === `cilium.io/${kind}`))
      .map(policyHealthExpression),
    ...(mode.usesUndo ? [] : stage.health.map(executorHealthExpression)),
  ];
  const waits = release === undefined && (exprs.length > 0 || !objects.some(isChecked));
  return {
    ...(waits ? { wait: true } : { wait: false, healthChecks: healthChecks(plan, objects, release) }),
    ...(exprs.length > 0 && { healthCheckExprs: exprs }),
  };
}

function healthChecks(
  plan: Plan,
  objects: readonly JsonObject[],
  release: HelmRelease | undefined,
): readonly JsonObject[] {
  const own = objects.filter(isChecked).map((object) => ({ ...identityOf(object) }));
  if (release === undefined) return own;
  const helm = { apiVersion: "helm.toolkit.fluxcd.io/v2", kind: "HelmRelease", name: release.releaseName };
  return [{ ...helm, namespace: plan.spec.delivery.flux.namespace }, ...own];
}

function policyHealthExpression(kind: string): JsonObject {
  const valid = (status: string): string => `status.conditions.exists(c, c.type == 'Valid' && c.status == '${status}')`;
  return { apiVersion: "cilium.io/v2", kind, failed: valid("False"), current: valid("True") };
}

function executorHealthExpression(rule: Stage["health"][number]): JsonObject {
  const { apiVersion, kind, fluxCurrent, fluxFailed } = rule;
  return { apiVersion, kind, ...(fluxFailed !== undefined && { failed: fluxFailed }), current: fluxCurrent };
}

function isChecked(object: JsonObject): boolean {
  return checkedKinds.has(kindKey(object));
}

function kindKey(object: JsonObject): string {
  return `${apiGroup(getString(object, "apiVersion") ?? "")}/${getString(object, "kind") ?? ""}`;
}
