import { compareFindings, type Finding } from "../core/finding.ts";
import type { Plan } from "../plan/plan.ts";
import { canApplyAgain } from "../stages/reapplied-stages.ts";
import { compareStageIds } from "./layout.ts";
import { unknownStage } from "./next-stage.ts";
import type { PlanTree, StageStep, Transition } from "./plan-transition.ts";
import { readStages } from "./stage-tree.ts";
import { findMove, isSamePosition, legalMoves, positionOf, type StagePosition } from "./transitions.ts";
import { bodyFindings } from "./verify-bodies.ts";
import { engineFindings } from "./verify-engines.ts";
import { evidenceFindings } from "./verify-evidence.ts";

/**
 * The merge gate: whether a pull request may be merged, as far as git can tell.
 *
 * It holds when at most one stage changes its state, by a legal move and in order; the bodies of stages that are open, done or
 * rolling back are the reviewed ones; each engine has exactly the objects that the states ask for; policies.md speaks of the
 * policies that are there; pins and, where known, markers agree. Findings are sorted; none of severity error means "merge".
 *
 * Findings: every `delivery/…` code of `findings.ts` that names a change.
 */
export function verifyTransition(transition: Transition): readonly Finding[] {
  const steps = stepsOf(transition);
  return [
    ...unknownFindings(transition.after, steps),
    ...changeFindings(transition, steps),
    ...orderFindings(transition.after.plan, steps),
    ...bodyFindings(transition, steps),
    ...engineFindings(transition, steps),
    ...evidenceFindings(transition, steps),
  ].sort(compareFindings);
}

function stepsOf({ before, after }: Transition): readonly StageStep[] {
  const bodiesBefore = readStages(before.tree);
  const bodiesAfter = readStages(after.tree);
  const named = [...Object.keys(before.plan.stages), ...Object.keys(after.plan.stages)];
  const ids = [...new Set([...bodiesBefore.keys(), ...bodiesAfter.keys(), ...named])].sort(compareStageIds);
  return ids.map((id) => ({
    id,
    before: positionOf(before.plan, id),
    after: positionOf(after.plan, id),
    bodyBefore: bodiesBefore.get(id),
    bodyAfter: bodiesAfter.get(id),
  }));
}

function unknownFindings({ plan }: PlanTree, steps: readonly StageStep[]): readonly Finding[] {
  const known = steps.filter((step) => step.bodyAfter !== undefined);
  const findings: Finding[] = [];
  for (const step of steps) {
    if (step.bodyAfter !== undefined) continue;
    if (step.before.state !== "held") findings.push(removedStage(plan, step));
    else if (Object.hasOwn(plan.stages, step.id)) findings.push(unknownStage(plan, known, step.id));
  }
  return findings;
}

function removedStage(plan: Plan, step: StageStep): Finding {
  return {
    code: "delivery/stage-removed",
    severity: "error",
    message: `stage ${step.id} was ${step.before.state} and is gone from the tree`,
    where: { file: plan.file, field: `stages.${step.id}` },
    reason: "what it changed in the cluster is still there, and nothing describes it any more",
    remedy: `bring stage ${step.id} back, or take it back first with \`metachron rollback ${step.id}\``,
    data: { stage: step.id },
  };
}

/** Rules 1: one change at a time, each of them legal. */
function changeFindings(transition: Transition, steps: readonly StageStep[]): readonly Finding[] {
  const { plan } = transition.after;
  const changed = steps.filter((step) => !isSamePosition(step.before, step.after));
  const findings: Finding[] = changed
    .filter((step) => findMove(step.before, step.after) === undefined || isForbiddenAgain(step))
    .map((step) => illegalMove(plan, step));
  if (changed.length > 1) {
    findings.push({
      code: "delivery/two-changes",
      severity: "error",
      message: `${changed.length} stages change their state: ${changed.map((step) => step.id).join(", ")}`,
      where: { file: plan.file, field: "stages" },
      reason: "a reviewer looks at one change, and a revert takes back one change",
      remedy: "make one pull request for each",
      data: { stages: changed.map((step) => step.id) },
    });
  }
  return findings;
}

/** Most stages cannot be applied again: their Jobs change nodes, or what they look for is not there any more. */
function isForbiddenAgain(step: StageStep): boolean {
  return step.before.state === "done" && step.after.state === "open" && !canApplyAgain(step.id);
}

function illegalMove(plan: Plan, step: StageStep): Finding {
  const allowed = legalMoves
    .filter((move) => move.from === step.before.state)
    .filter((move) => move.from !== "done" || move.to !== "open" || canApplyAgain(step.id))
    .map((move) => `${move.to}${move.attempt === "next" ? " with the next attempt" : ""} (${move.when})`);
  return {
    code: "delivery/illegal-move",
    severity: "error",
    message: `stage ${step.id} may not go from ${print(step.before)} to ${print(step.after)}`,
    where: { file: plan.file, field: `stages.${step.id}.state` },
    reason: "each state stands for what the engines and the cluster have done, and not every step between them exists",
    remedy: `from ${step.before.state} a stage can go to ${allowed.join("; ")}`,
    data: {
      stage: step.id,
      from: step.before.state,
      to: step.after.state,
      attempts: [step.before.attempt, step.after.attempt],
    },
  };
}

function print(position: StagePosition): string {
  return position.attempt === 1 ? position.state : `${position.state} (attempt ${position.attempt})`;
}

/** Rules 1 and 2: one stage at work, and every stage before it done. */
function orderFindings(plan: Plan, steps: readonly StageStep[]): readonly Finding[] {
  const findings: Finding[] = [];
  const active = steps.filter((step) => step.after.state === "open" || step.after.state === "rollback");
  if (active.length > 1) {
    findings.push({
      code: "delivery/two-open",
      severity: "error",
      message: `${active.map((step) => `${step.id} is ${step.after.state}`).join(", ")}: only one stage may be at work`,
      where: { file: plan.file, field: "stages" },
      reason:
        "two stages at work would take away capacity twice, and neither could be told from the other when it fails",
      remedy: "finish or roll back one before the other is opened",
      data: { stages: active.map((step) => step.id) },
    });
  }
  let waiting: StageStep | undefined;
  for (const step of steps) {
    if (step.after.state === "held") waiting ??= step;
    else if (waiting !== undefined) findings.push(outOfOrder(plan, step, waiting));
    // A stage that is applied again was done before: those after it wait for nothing.
    else if (step.after.state !== "done" && !(canApplyAgain(step.id) && step.after.attempt > 1)) waiting = step;
  }
  return findings;
}

function outOfOrder(plan: Plan, step: StageStep, waiting: StageStep): Finding {
  return {
    code: "delivery/out-of-order",
    severity: "error",
    message: `stage ${step.id} is ${step.after.state}, but stage ${waiting.id} before it is ${waiting.after.state}`,
    where: { file: plan.file, field: `stages.${step.id}.state` },
    reason: "each stage stands on the ones before; Argo CD has no gate of its own between Applications",
    remedy: `finish stage ${waiting.id} first`,
    data: { stage: step.id, before: waiting.id },
  };
}
