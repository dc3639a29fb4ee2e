import type { PlannedMigration } from "../../stages/planned-migration.ts";
import type { SealedStage } from "../../stages/seal-stages.ts";
import type { LiveCluster, LiveJob } from "./live-cluster.ts";
import type { StageStatus } from "./stage-status.ts";

/** Where the migration stands, as one of few things that a person can act on. */
export type Situation =
  /** Every stage is done. */
  | { readonly kind: "complete" }
  /** No stage is open: the next one can be. */
  | { readonly kind: "between"; readonly stage: SealedStage; readonly isFirst: boolean }
  /** A Job ran with another body than the one in git. */
  | { readonly kind: "other-body"; readonly stage: SealedStage; readonly status: StageStatus }
  | ActiveSituation;

/** What becomes of the stage that is open or rolls back. */
export interface ActiveSituation {
  /**
   * `waiting`: the engine has not made the Job; `starting`: the Job has not spoken yet; `at-work`; `stopped`: the marker says
   * that the Job works, and there is none; `failed`; `finished`; `no-job`: the stage has no Job to ask.
   */
  readonly kind: "waiting" | "starting" | "at-work" | "stopped" | "failed" | "finished" | "no-job";
  readonly stage: SealedStage;
  readonly status: StageStatus;
  readonly job?: LiveJob;
}

/** Reads the situation off the plan's states, the markers and the Jobs. */
export function situationOf(
  { stages }: Pick<PlannedMigration, "stages">,
  statuses: readonly StageStatus[],
  cluster: LiveCluster,
): Situation {
  const pairs = stages.flatMap((stage, at) => {
    const status = statuses[at];
    return status === undefined ? [] : [{ stage, status }];
  });
  const strange = pairs.find(({ status }) => !status.isDigestReviewed && status.planned !== "held");
  if (strange !== undefined) return { kind: "other-body", ...strange };
  const active = pairs.find(({ stage }) => stage.state === "open" || stage.state === "rollback");
  if (active !== undefined) return activeSituation(active.stage, active.status, cluster);
  const next = stages.find((stage) => stage.state === "held");
  if (next === undefined) return { kind: "complete" };
  return { kind: "between", stage: next, isFirst: stages.every((stage) => stage.state === "held") };
}

function activeSituation(stage: SealedStage, status: StageStatus, cluster: LiveCluster): ActiveSituation {
  const planned = stage.state === "rollback" ? stage.undoJob : stage.job;
  if (planned === undefined) return { kind: "no-job", stage, status };
  const job = cluster.jobs?.get(planned.name);
  const rest = { stage, status, ...(job !== undefined && { job }) };
  const isOurs = markerSpeaks(stage, status, cluster, job);
  if (isOurs && status.live === (stage.state === "rollback" ? "undone" : "done")) return { kind: "finished", ...rest };
  if (job?.state === "failed" || (isOurs && status.live === "failed")) return { kind: "failed", ...rest };
  if (!isOurs) return { kind: job === undefined ? "waiting" : "starting", ...rest };
  return { kind: cluster.jobs !== undefined && job === undefined ? "stopped" : "at-work", ...rest };
}

/** Whether the marker is the word of the Job that is at work now, and not of an earlier attempt or of the way there. */
function markerSpeaks(
  stage: SealedStage,
  status: StageStatus,
  cluster: LiveCluster,
  job: LiveJob | undefined,
): boolean {
  if (status.live === "none" || (status.liveAttempt ?? stage.attempt) !== stage.attempt) return false;
  const isWayBack = status.live === "undoing" || status.live === "undone";
  if (stage.state === "open") return !isWayBack;
  if (isWayBack) return true;
  const executor = cluster.markers.get(stage.id)?.["executor"];
  return status.live === "failed" && job !== undefined && executor === job.uid;
}
