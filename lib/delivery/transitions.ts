import type { Plan, StageEntry, StageState } from "../plan/plan.ts";

/** One step that a stage's state may take in a pull request. */
export interface Move {
  readonly from: StageState;
  readonly to: StageState;
  /** Whether the number of the attempt stays or goes up by one. */
  readonly attempt: "same" | "next";
  /** When a person makes it. */
  readonly when: string;
}

/** Every legal move. What is not here is refused by `verifyTransition`; no change at all is no move. */
export const legalMoves: readonly Move[] = [
  { from: "held", to: "open", attempt: "same", when: "it was never opened, and every stage before is done" },
  { from: "held", to: "open", attempt: "next", when: "it was taken back once, and every stage before is done" },
  { from: "open", to: "done", attempt: "same", when: "the stage's marker in the cluster says done" },
  { from: "open", to: "open", attempt: "next", when: "its Job failed, and the reason is gone" },
  { from: "open", to: "rollback", attempt: "same", when: "it shall be taken back before it is done" },
  { from: "done", to: "open", attempt: "next", when: "it can be applied again, and what it holds has changed" },
  {
    from: "done",
    to: "rollback",
    attempt: "same",
    when: "it is the last stage that was opened, and shall be taken back",
  },
  { from: "rollback", to: "held", attempt: "same", when: "the marker says undone" },
  { from: "rollback", to: "open", attempt: "next", when: "it shall be tried again" },
];

/** Where a stage stands in a plan: a stage that is not named is held, at its first attempt. */
export interface StagePosition {
  readonly state: StageState;
  readonly attempt: number;
  /** Whether it was opened at any time: its entry carries the digest that it was opened with, also when it is held again. */
  readonly wasOpened: boolean;
}

/** Where a stage stands in a plan. */
export function positionOf(plan: Plan, stageId: string): StagePosition {
  const entry = entryOf(plan, stageId);
  return {
    state: entry.state,
    attempt: entry.attempt ?? 1,
    wasOpened: entry.state !== "held" || entry.digest !== undefined,
  };
}

/** What the plan file says of a stage; held where it says nothing. */
export function entryOf(plan: Plan, stageId: string): StageEntry {
  return (Object.hasOwn(plan.stages, stageId) ? plan.stages[stageId] : undefined) ?? { state: "held" };
}

/** Whether two positions have the same state and attempt. */
export function isSamePosition(before: StagePosition, after: StagePosition): boolean {
  return before.state === after.state && before.attempt === after.attempt;
}

/**
 * The legal move between two positions; `undefined` where there is none.
 *
 * A stage that was taken back is opened again with its next attempt: the Job of the last one is still in the cluster, and a
 * Job of the same name would count as having run.
 */
export function findMove(before: StagePosition, after: StagePosition): Move | undefined {
  return legalMoves.find((move) => {
    if (move.from !== before.state || move.to !== after.state) return false;
    if (move.from === "held" && before.wasOpened !== (move.attempt === "next")) return false;
    return after.attempt === before.attempt + (move.attempt === "next" ? 1 : 0);
  });
}
