import type { Checked, Finding } from "../core/finding.ts";
import { hasError } from "../core/finding.ts";
import type { Plan, StageEntry } from "../plan/plan.ts";
import { canApplyAgain } from "../stages/reapplied-stages.ts";
import type { Stage } from "../stages/stage.ts";
import { entryOf, positionOf } from "./transitions.ts";

/** One stage's new entry in the plan file: what `next` and `rollback` write. */
export interface StageChange {
  readonly stageId: string;
  readonly before: StageEntry;
  readonly after: StageEntry;
}

/** What a person knows beyond the plan when the state is flipped. */
export interface MoveContext {
  /** Commit on the engines' branch that holds the stage's body as it is now; engines are pinned to it. */
  readonly commit?: string;
}

/**
 * The next step of a migration: the stage that is open is done, one that rolls back is held again, otherwise the first held
 * stage is opened.
 *
 * Whether the cluster agrees is not known here: `verifyTransition` asks its markers.
 * `value` is absent when there is nothing to do or something blocks.
 * Findings: `delivery/no-stage`, `delivery/nothing-to-move`, `delivery/stage-blocked`, `delivery/unknown-stage`.
 */
export function nextStage(plan: Plan, stages: readonly Stage[], context: MoveContext = {}): Checked<StageChange> {
  if (stages.length === 0) return { value: undefined, findings: [noStage(plan)] };
  const unknown = unknownStages(plan, stages);
  const active = stages.find((stage) => isActive(positionOf(plan, stage.id).state));
  const stage = active ?? stages.find((candidate) => positionOf(plan, candidate.id).state === "held");
  if (stage === undefined) {
    const finding: Finding = {
      code: "delivery/nothing-to-move",
      severity: "info",
      message: `every stage of plan ${plan.name} is done`,
      where: { file: plan.file, field: "stages" },
    };
    return { value: undefined, findings: [...unknown, finding] };
  }
  const before = entryOf(plan, stage.id);
  if (before.state === "open") return { value: change(stage, before, { ...before, state: "done" }), findings: unknown };
  if (before.state === "rollback") {
    const after: StageEntry = { ...before, state: "held", digest: before.digest ?? stage.digest };
    return { value: change(stage, before, after), findings: unknown };
  }
  return openStage(plan, stage, context, unknown);
}

function noStage(plan: Plan): Finding {
  return {
    code: "delivery/no-stage",
    severity: "error",
    message: `plan ${plan.name} has no stage that could be opened`,
    where: { file: plan.file, field: "stages" },
    reason: "findings stand in the way of the whole plan, or its strategy has no stages",
    remedy: "run `metachron check` and follow each error's remedy",
  };
}

/**
 * The entry that takes a stage back.
 *
 * Legal for the stage that is open, or for the last one that is done while none is open; a stage without `undo/` objects has
 * no way back of its own.
 * Findings: `delivery/rollback-blocked`, `delivery/unknown-stage`.
 */
export function rollbackStage(plan: Plan, stages: readonly Stage[], stageId: string): Checked<StageChange> {
  const stage = stages.find((candidate) => candidate.id === stageId);
  if (stage === undefined) return { value: undefined, findings: [unknownStage(plan, stages, stageId)] };
  const before = entryOf(plan, stageId);
  const refusal = rollbackRefusal(plan, stages, stage, before);
  if (refusal !== undefined) return { value: undefined, findings: [refusal] };
  return { value: change(stage, before, { ...before, state: "rollback" }), findings: [] };
}

/**
 * The entry that tries an open stage again under a new Job, after the reason of its failure is gone.
 *
 * The commit and the digest of the last attempt go: the new body is in no commit yet, so an Application follows the branch
 * until the entry names one.
 * Findings: `delivery/retry-blocked`, `delivery/unknown-stage`.
 */
export function retryStage(plan: Plan, stages: readonly Stage[], stageId: string): Checked<StageChange> {
  const stage = stages.find((candidate) => candidate.id === stageId);
  if (stage === undefined) return { value: undefined, findings: [unknownStage(plan, stages, stageId)] };
  const before = entryOf(plan, stageId);
  if (isActive(before.state)) return { value: change(stage, before, nextAttempt(before)), findings: [] };
  const finding: Finding = {
    code: "delivery/retry-blocked",
    severity: "error",
    message: `stage ${stageId} is ${before.state}, so there is nothing to try again`,
    where: { file: plan.file, field: `stages.${stageId}.attempt` },
    remedy:
      before.state === "held"
        ? "open it with `metachron next`"
        : `roll it back first with \`metachron rollback ${stageId}\``,
    data: { stage: stageId, state: before.state },
  };
  return { value: undefined, findings: [finding] };
}

/**
 * The entry that applies a stage again that is done: a new attempt with the body of today. Later stages stay as they are.
 *
 * Only for stages whose objects may be applied any number of times (scripts, policies), and while no other stage is at work.
 * Findings: `delivery/again-blocked`, `delivery/unknown-stage`.
 */
export function applyStageAgain(plan: Plan, stages: readonly Stage[], stageId: string): Checked<StageChange> {
  const stage = stages.find((candidate) => candidate.id === stageId);
  if (stage === undefined) return { value: undefined, findings: [unknownStage(plan, stages, stageId)] };
  const before = entryOf(plan, stageId);
  const active = stages.find((candidate) => isActive(positionOf(plan, candidate.id).state));
  const why =
    before.state !== "done"
      ? `it is ${before.state}`
      : !canApplyAgain(stageId)
        ? "what it does to nodes cannot be done twice"
        : active === undefined
          ? undefined
          : `${active.id} is ${positionOf(plan, active.id).state}`;
  if (why === undefined) return { value: change(stage, before, nextAttempt(before)), findings: [] };
  const finding: Finding = {
    code: "delivery/again-blocked",
    severity: "error",
    message: `stage ${stageId} cannot be applied again: ${why}`,
    where: { file: plan.file, field: `stages.${stageId}` },
    remedy: active === undefined ? "see `metachron status` for what can be done next" : `finish ${active.id} first`,
    data: { stage: stageId, state: before.state },
  };
  return { value: undefined, findings: [finding] };
}

function nextAttempt(before: StageEntry): StageEntry {
  return { state: "open", attempt: (before.attempt ?? 1) + 1 };
}

function openStage(plan: Plan, stage: Stage, context: MoveContext, unknown: readonly Finding[]): Checked<StageChange> {
  const before = entryOf(plan, stage.id);
  if (hasError(stage.findings)) {
    const codes = stage.findings.filter((finding) => finding.severity === "error").map((finding) => finding.code);
    const finding: Finding = {
      code: "delivery/stage-blocked",
      severity: "error",
      message: `stage ${stage.id} cannot be opened: ${[...new Set(codes)].join(", ")}`,
      where: { file: plan.file, field: `stages.${stage.id}` },
      remedy: "run `metachron check` and follow each finding's remedy, or accept it in the plan file with a reason",
      data: { stage: stage.id },
    };
    return { value: undefined, findings: [...unknown, finding] };
  }
  // A stage that was taken back gets a new Job, hence a new body that no commit and no digest is known of yet.
  const after: StageEntry = positionOf(plan, stage.id).wasOpened
    ? nextAttempt(before)
    : {
        state: "open",
        ...(before.attempt !== undefined && { attempt: before.attempt }),
        ...(context.commit !== undefined && { commit: context.commit }),
        digest: stage.digest,
      };
  return { value: change(stage, before, after), findings: unknown };
}

function rollbackRefusal(plan: Plan, stages: readonly Stage[], stage: Stage, before: StageEntry): Finding | undefined {
  const refuse = (message: string, remedy: string): Finding => ({
    code: "delivery/rollback-blocked",
    severity: "error",
    message,
    where: { file: plan.file, field: `stages.${stage.id}.state` },
    reason: "stages are taken back in the opposite order, one by one: each stands on the one before",
    remedy,
    data: { stage: stage.id, state: before.state },
  });
  if (before.state === "held") return refuse(`stage ${stage.id} was never opened`, "there is nothing to take back");
  if (before.state === "rollback")
    return refuse(`stage ${stage.id} is rolling back already`, "run `metachron next` when its marker says undone");
  const later = stages
    .slice(stages.indexOf(stage) + 1)
    .findLast((other) => positionOf(plan, other.id).state !== "held");
  if (later !== undefined)
    return refuse(
      `stage ${stage.id} cannot be taken back before stage ${later.id}`,
      `run \`metachron rollback ${later.id}\` first`,
    );
  if (stage.undo.length === 0)
    return refuse(`stage ${stage.id} has nothing in undo/`, "follow the way back that its STAGE.md describes");
  return undefined;
}

function isActive(state: StageEntry["state"]): boolean {
  return state === "open" || state === "rollback";
}

function change(stage: Stage, before: StageEntry, after: StageEntry): StageChange {
  return { stageId: stage.id, before, after };
}

function unknownStages(plan: Plan, stages: readonly Stage[]): readonly Finding[] {
  const known = new Set(stages.map((stage) => stage.id));
  return Object.keys(plan.stages)
    .filter((stageId) => !known.has(stageId))
    .map((stageId) => unknownStage(plan, stages, stageId));
}

/** Names a stage of the plan file that the plan does not have. */
export function unknownStage(plan: Plan, stages: readonly { readonly id: string }[], stageId: string): Finding {
  return {
    code: "delivery/unknown-stage",
    severity: "error",
    message: `plan ${plan.name} has no stage ${stageId}`,
    where: { file: plan.file, field: `stages.${stageId}` },
    reason: "a state without a stage says nothing, and may have been meant for another",
    remedy: `the stages are ${stages.map((stage) => stage.id).join(", ")}`,
    data: { stage: stageId },
  };
}
