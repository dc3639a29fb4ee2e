import fc from "fast-check";
import { expect, test } from "vitest";
import type { StageEntry } from "../../lib/plan/plan.ts";
import { readPlan } from "../../lib/plan/read-plan.ts";
import { setStageState } from "../../lib/plan/set-stage-state.ts";
import { full, minimal } from "./samples.ts";

const opened: StageEntry = { state: "open", attempt: 2 };

test.each([
  ["no stages yet", "a: 1   # kept\n", "a: 1   # kept\nstages:\n  010-x: { state: open, attempt: 2 }\n"],
  ["no line end at the end", "a: 1", "a: 1\nstages:\n  010-x: { state: open, attempt: 2 }\n"],
  ["an empty map", "stages: {}   # none\n", "stages:\n  010-x: { state: open, attempt: 2 }   # none\n"],
  ["nothing behind the key", "stages:\nz: 1\n", "stages:\n  010-x: { state: open, attempt: 2 }\nz: 1\n"],
  [
    "a new stage between others",
    "stages:      # by next\n  000-a: { state: done }   # first\n  020-y: { state: held }\n# end\n",
    "stages:      # by next\n  000-a: { state: done }   # first\n  010-x: { state: open, attempt: 2 }\n  020-y: { state: held }\n# end\n",
  ],
  [
    "a new stage after the last",
    "stages:\n    000-a: { state: done }   # first\n\nz: 1\n",
    "stages:\n    000-a: { state: done }   # first\n    010-x: { state: open, attempt: 2 }\n\nz: 1\n",
  ],
  [
    "one line of stages",
    "stages: { 000-a: { state: done }, 020-y: { state: held } }\n",
    "stages: { 000-a: { state: done }, 010-x: { state: open, attempt: 2 }, 020-y: { state: held } }\n",
  ],
  [
    "one word",
    "stages:\n  010-x: { state: held, attempt: 2 }  # why\n",
    "stages:\n  010-x: { state: open, attempt: 2 }  # why\n",
  ],
  [
    "fields on lines of their own, one gone and one new",
    "stages:\n  010-x:\n    state: held # s\n    commit: 0123abc\n    # about y\n  020-y:\n    state: held\n",
    "stages:\n  010-x:\n    state: open # s\n    attempt: 2\n    # about y\n  020-y:\n    state: held\n",
  ],
  [
    "an entry without a value",
    "stages:\n  010-x:\n  020-y: { state: held }\n",
    "stages:\n  010-x: { state: open, attempt: 2 }\n  020-y: { state: held }\n",
  ],
  [
    "Windows line ends",
    "stages:\r\n  000-a: { state: done }\r\nz: 1\r\n",
    "stages:\r\n  000-a: { state: done }\r\n  010-x: { state: open, attempt: 2 }\r\nz: 1\r\n",
  ],
])("%s: only what has to change changes", (_what, text, expected) => {
  expect(setStageState(text, "010-x", opened)).toBe(expected);
});

test("a commit of digits stays a text", () => {
  expect(setStageState("stages: {}\n", "010-x", { state: "open", commit: "1234567" })).toBe(
    'stages:\n  010-x: { state: open, commit: "1234567" }\n',
  );
});

test("one word of a plan changes one line of it", () => {
  const before = full.split("\n");
  const after = setStageState(full, "010-cilium", {
    ...readPlan(full, "p").value?.stages["010-cilium"],
    state: "done",
  }).split("\n");

  expect(after.length).toBe(before.length);
  expect(after.filter((line, at) => line !== before[at])).toEqual([
    '  010-cilium: { state: done, commit: 0123abc, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }',
  ]);
});

const someEntry: fc.Arbitrary<StageEntry> = fc
  .record({
    state: fc.constantFrom("held" as const, "open" as const, "done" as const, "rollback" as const),
    attempt: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
    commit: fc.option(fc.stringMatching(/^[0-9a-f]{7,12}$/), { nil: undefined }),
    digest: fc.option(fc.constant(`sha256:${"0".repeat(64)}`), { nil: undefined }),
  })
  .map(
    (entry) =>
      Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as unknown as StageEntry,
  );

test("any number of changes leaves a plan that says exactly these states, with every comment in place", () => {
  const change = fc.tuple(
    fc.constantFrom("000-prepare", "010-cilium", "100-canary", "1105-general-b", "900-remove-canal"),
    someEntry,
  );
  fc.assert(
    fc.property(
      fc.constantFrom(full, minimal, full.replaceAll("\n", "\r\n"), `${minimal}stages: {}\n`),
      fc.array(change, { maxLength: 12 }),
      (text, changes) => {
        let edited = text;
        const expected: Record<string, StageEntry> = { ...readPlan(text, "p").value?.stages };
        for (const [id, entry] of changes) {
          edited = setStageState(edited, id, entry);
          expected[id] = entry;
        }

        const plan = readPlan(edited, "p").value;
        expect(plan?.stages).toEqual(expected);
        expect(plan?.spec).toEqual(readPlan(text, "p").value?.spec);
        expect(edited.match(/#.*/g)).toEqual(text.match(/#.*/g));
      },
    ),
    { numRuns: 80 },
  );
});

test("setting the state that is there changes nothing", () => {
  const entry = readPlan(full, "p").value?.stages["010-cilium"];

  expect(entry && setStageState(full, "010-cilium", entry)).toBe(full);
});
