import { expect, test } from "vitest";
import { findMove, type StagePosition } from "../../lib/delivery/transitions.ts";
import type { StageState } from "../../lib/plan/plan.ts";

/** Every standing that a plan file can give a stage; `held` comes as never opened and as taken back. */
const standings = ["held", "held again", "open", "done", "rollback"] as const;
type Standing = (typeof standings)[number];

const legal: Readonly<Record<Standing, Readonly<Partial<Record<StageState, readonly number[]>>>>> = {
  // Keys: the new state. Values: by how much the attempt may grow.
  held: { open: [0] },
  "held again": { open: [1] },
  open: { done: [0], open: [1], rollback: [0] },
  // Only for stages that can be applied again, which the merge gate looks at.
  done: { rollback: [0], open: [1] },
  rollback: { held: [0], open: [1] },
};

const states: readonly StageState[] = ["held", "open", "done", "rollback"];
const rows = standings.flatMap((from) =>
  states.flatMap((to) =>
    [-1, 0, 1, 2].map((step): [Standing, StageState, number, boolean] => [
      from,
      to,
      step,
      legal[from][to]?.includes(step) ?? false,
    ]),
  ),
);

function position(standing: Standing, attempt: number): StagePosition {
  const state = standing === "held again" ? "held" : standing;
  return { state, attempt, wasOpened: standing !== "held" };
}

test.each(rows)("from %s to %s with the attempt changed by %i is legal: %s", (from, to, step, expected) => {
  const before = position(from, 2);
  const after: StagePosition = { state: to, attempt: 2 + step, wasOpened: true };

  expect(findMove(before, after) !== undefined).toBe(expected);
});
