import { expect, test } from "vitest";
import type { Finding } from "../../lib/core/finding.ts";
import { nextStage, retryStage, rollbackStage } from "../../lib/delivery/next-stage.ts";
import { verifyTransition } from "../../lib/delivery/verify-transition.ts";
import type { StageEntry } from "../../lib/plan/plan.ts";
import { type Fixture, fixture, states } from "./fixture.ts";

const commit = "6d1c2b7f0e7d0c7a4f8b0f1e2d3c4b5a69788796";

function digestOf(base: Fixture, stageId: string): string {
  return base.stages.find((stage) => stage.id === stageId)?.digest ?? "";
}

test("next opens the first stage that is held, with its digest and the commit that holds it", () => {
  const base = fixture({ stages: states("done") });

  expect(nextStage(base.plan, base.stages, { commit })).toEqual({
    value: {
      stageId: "010-cilium",
      before: { state: "held" },
      after: { state: "open", commit, digest: digestOf(base, "010-cilium") },
    },
    findings: [],
  });
});

test("next closes the stage that is open and keeps what the entry says", () => {
  const entry = { state: "open", attempt: 2, commit } as const;
  const base = fixture({ stages: states("done", entry) });

  expect(nextStage(base.plan, base.stages).value).toEqual({
    stageId: "010-cilium",
    before: entry,
    after: { ...entry, state: "done" },
  });
});

test("next after a rollback holds the stage again and remembers that it was open", () => {
  const base = fixture({ stages: states("done", "done", "done", "rollback") });

  expect(nextStage(base.plan, base.stages).value?.after).toEqual({
    state: "held",
    digest: digestOf(base, "100-canary"),
  });
});

test("next says when everything is done", () => {
  const base = fixture({ stages: states("done", "done", "done", "done", "done") });
  const { value, findings } = nextStage(base.plan, base.stages);

  expect([value, findings.map((finding) => finding.code)]).toEqual([undefined, ["delivery/nothing-to-move"]]);
});

test("next opens no stage that has an error, and names each code once", () => {
  const base = fixture();
  const blocked = { code: "waves/budget-blocks-drain", severity: "error" as const, message: "no" };
  const remark = { code: "waves/cordoned-node", severity: "warning" as const, message: "look" };
  const withFindings = (...findings: readonly Finding[]) => base.stages.map((stage) => ({ ...stage, findings }));

  expect(nextStage(base.plan, withFindings(blocked, blocked, remark))).toEqual({
    value: undefined,
    findings: [
      {
        code: "delivery/stage-blocked",
        severity: "error",
        message: "stage 000-prepare cannot be opened: waves/budget-blocks-drain",
        where: { file: base.plan.file, field: "stages.000-prepare" },
        remedy: "run `metachron check` and follow each finding's remedy, or accept it in the plan file with a reason",
        data: { stage: "000-prepare" },
      },
    ],
  });
  expect(nextStage(base.plan, withFindings(remark)).value?.after.state).toBe("open");
});

test("next of a plan that no stage was made for says where the reasons stand", () => {
  const { plan } = fixture();

  expect(nextStage(plan, [])).toEqual({
    value: undefined,
    findings: [
      {
        code: "delivery/no-stage",
        severity: "error",
        message: "plan prod-eu has no stage that could be opened",
        where: { file: plan.file, field: "stages" },
        reason: "findings stand in the way of the whole plan, or its strategy has no stages",
        remedy: "run `metachron check` and follow each error's remedy",
      },
    ],
  });
});

test("rollback takes back the stage that was opened last, and no other", () => {
  const base = fixture({ stages: states("done", "done", "done", "done") });

  expect(rollbackStage(base.plan, base.stages, "100-canary").value?.after).toEqual({ state: "rollback" });
  expect(rollbackStage(base.plan, base.stages, "030-policies").findings).toMatchObject([
    { code: "delivery/rollback-blocked", remedy: "run `metachron rollback 100-canary` first" },
  ]);
});

test.each([
  ["800-finalise", "delivery/rollback-blocked", "stage 800-finalise was never opened"],
  ["105-typo", "delivery/unknown-stage", "plan prod-eu has no stage 105-typo"],
])("rollback of %s is refused", (stageId, code, message) => {
  const base = fixture({ stages: states("done", "done", "done", "done") });

  expect(rollbackStage(base.plan, base.stages, stageId).findings).toMatchObject([{ code, message }]);
});

test("rollback of a stage without a way back of its own says where to look", () => {
  const base = fixture({ stages: states("done", "open") });

  expect(rollbackStage(base.plan, base.stages, "010-cilium").findings).toMatchObject([
    { message: "stage 010-cilium has nothing in undo/", remedy: "follow the way back that its STAGE.md describes" },
  ]);
});

test("a retry counts the attempt up and lets go of the old commit and digest", () => {
  const base = fixture({ stages: states("done", { state: "open", commit, attempt: 2 }) });

  expect(retryStage(base.plan, base.stages, "010-cilium").value?.after).toEqual({ state: "open", attempt: 3 });
  expect(retryStage(base.plan, base.stages, "000-prepare").findings).toMatchObject([
    { code: "delivery/retry-blocked" },
  ]);
});

test("every step from the first stage to the last, with a detour, passes the merge gate", () => {
  let stages: Readonly<Record<string, StageEntry>> = {};
  let before = fixture({ stages });
  const seen: string[] = [];
  const detours = new Map([
    ["100-canary open", "rollback"],
    ["100-canary open 2", "retry"],
  ]);
  for (let guard = 0; guard < 30; guard += 1) {
    const [id, entry] = Object.entries(stages).findLast(([, candidate]) => candidate.state === "open") ?? [
      "",
      undefined,
    ];
    const key = `${id} ${entry?.state ?? ""}${entry?.attempt === undefined ? "" : ` ${entry.attempt}`}`;
    const detour = detours.get(key);
    const change =
      detour === "rollback"
        ? rollbackStage(before.plan, before.stages, id)
        : detour === "retry"
          ? retryStage(before.plan, before.stages, id)
          : nextStage(before.plan, before.stages);
    if (change.value === undefined) break;
    detours.delete(key);
    stages = { ...stages, [change.value.stageId]: change.value.after };
    const after = fixture({ stages });
    expect(
      verifyTransition({
        before: { plan: before.plan, tree: before.tree },
        after: { plan: after.plan, tree: after.tree },
      }),
    ).toEqual([]);
    seen.push(`${change.value.stageId.slice(0, 3)} ${change.value.after.state} ${change.value.after.attempt ?? 1}`);
    before = after;
  }

  expect(seen).toEqual([
    ...["000", "010", "030"].flatMap((id) => [`${id} open 1`, `${id} done 1`]),
    "100 open 1",
    "100 rollback 1",
    "100 held 1",
    "100 open 2",
    "100 open 3",
    "100 done 3",
    "800 open 1",
    "800 done 1",
  ]);
});
