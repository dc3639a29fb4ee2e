import { expect, test } from "vitest";
import type { Finding } from "../../lib/core/finding.ts";
import type { Transition } from "../../lib/delivery/plan-transition.ts";
import { verifyTransition } from "../../lib/delivery/verify-transition.ts";
import type { StageEntry } from "../../lib/plan/plan.ts";
import { type Fixture, type FixtureOptions, fixture, states } from "./fixture.ts";

const commit = "6d1c2b7f0e7d0c7a4f8b0f1e2d3c4b5a69788796";
const digest = `sha256:${"a".repeat(64)}`;

function verify(before: Fixture, after: Fixture, more: Partial<Transition> = {}): readonly Finding[] {
  return verifyTransition({
    before: { plan: before.plan, tree: before.tree },
    after: { plan: after.plan, tree: after.tree },
    ...more,
  });
}

function step(before: FixtureOptions, after: FixtureOptions, more: Partial<Transition> = {}): readonly Finding[] {
  return verify(fixture(before), fixture(after), more);
}

function codes(findings: readonly Finding[]): readonly string[] {
  return findings.map((finding) => `${finding.severity} ${finding.code}`);
}

/** The fixture with one file of its tree changed, added or (with `undefined`) taken away. */
function withFile(base: Fixture, path: string, change: (text: string) => string | undefined): Fixture {
  const tree = new Map(base.tree);
  const text = change(tree.get(path) ?? "");
  if (text === undefined) tree.delete(path);
  else tree.set(path, text);
  return { ...base, tree };
}

type Entries = readonly (StageEntry["state"] | StageEntry)[];
const done3: Entries = ["done", "done", "done"];

test.each<[string, Entries, Entries]>([
  ["nothing changes", [...done3, "open"], [...done3, "open"]],
  ["the first stage is opened", [], ["open"]],
  ["a stage is done", ["open"], ["done"]],
  ["the next stage is opened", ["done"], ["done", "open"]],
  ["an open stage is taken back", [...done3, "open"], [...done3, "rollback"]],
  ["the last done stage is taken back", [...done3, "done"], [...done3, "rollback"]],
  ["a stage that was taken back is held", [...done3, "rollback"], [...done3, { state: "held", digest }]],
  ["an open stage is tried again", [...done3, "open"], [...done3, { state: "open", attempt: 2 }]],
  ["a rollback is followed by another try", [...done3, "rollback"], [...done3, { state: "open", attempt: 2 }]],
  [
    "a stage that was taken back is opened again",
    [...done3, { state: "held", digest }],
    [...done3, { state: "open", attempt: 2 }],
  ],
])("may be merged: %s", (_what, before, after) => {
  expect(step({ stages: states(...before) }, { stages: states(...after) })).toEqual([]);
});

test.each<[string, Entries, Entries, readonly string[]]>([
  ["two stages change", ["open"], ["done", "open"], ["error delivery/two-changes"]],
  [
    "two stages are opened at once",
    [],
    ["open", "open"],
    ["error delivery/out-of-order", "error delivery/two-changes", "error delivery/two-open"],
  ],
  ["a stage is skipped", ["done"], ["done", "held", "open"], ["error delivery/out-of-order"]],
  ["a stage is done without having been open", [], ["done"], ["error delivery/illegal-move"]],
  [
    "a done stage is opened again",
    [...done3, "done"],
    [...done3, { state: "open", attempt: 2 }],
    ["error delivery/illegal-move"],
  ],
  [
    "a stage in the middle is taken back",
    [...done3, "done"],
    ["done", "done", "rollback", "done"],
    ["error delivery/out-of-order"],
  ],
  [
    "an attempt is left out",
    [...done3, "open"],
    [...done3, { state: "open", attempt: 3 }],
    ["error delivery/body-changed", "error delivery/illegal-move"],
  ],
  [
    "a rollback forgets that the stage was open",
    [...done3, "rollback"],
    [...done3, "held"],
    ["error delivery/engine-object", "error delivery/engine-object"],
  ],
  [
    "a stage that was taken back is opened with its old Job",
    [...done3, { state: "held", digest }],
    [...done3, "open"],
    ["error delivery/illegal-move"],
  ],
])("may not be merged: %s", (_what, before, after, expected) => {
  expect(codes(step({ stages: states(...before) }, { stages: states(...after) }))).toEqual(expected);
});

test("an illegal move is told with the moves that exist", () => {
  const findings = step({ stages: states("open") }, { stages: states("held") });

  expect(findings.find((finding) => finding.code === "delivery/illegal-move")).toMatchObject({
    code: "delivery/illegal-move",
    message: "stage 000-prepare may not go from open to held",
    where: { file: "plans/prod-eu.yaml", field: "stages.000-prepare.state" },
    remedy:
      "from open a stage can go to done (the stage's marker in the cluster says done); open with the next attempt (its Job failed, and the reason is gone); rollback (it shall be taken back before it is done)",
  });
});

test("a node that joins a wave which is done is refused", () => {
  const stages = states(...done3, "done");
  const findings = step({ stages }, { stages, nodes: ["node-a", "node-b"] });

  expect(codes(findings)).toEqual(["error delivery/body-changed"]);
  expect(findings[0]?.data).toEqual({
    stage: "100-canary",
    files: [
      "05-clusterrole-roll-100-canary.yaml",
      "10-ciliumnodeconfig-metachron-100-canary.yaml",
      "20-job-roll-100-canary-a1.yaml",
      "undo/10-ciliumnodeconfig-metachron-100-canary-undo.yaml",
      "undo/20-job-undo-100-canary-a1.yaml",
    ],
  });
});

test.each<[StageEntry["state"], StageEntry["state"]]>([
  ["open", "done"],
  ["open", "rollback"],
  ["done", "rollback"],
])("a body that changes while its stage goes from %s to %s is refused", (before, after) => {
  const findings = step({ stages: states(...done3, before) }, { stages: states(...done3, after), nodes: ["node-b"] });

  expect(codes(findings)).toEqual(["error delivery/body-changed"]);
});

test("a node may join a wave that is held, whatever the stages before it are", () => {
  const stages = states(...done3);

  expect(step({ stages }, { stages, nodes: ["node-a", "node-b"] })).toEqual([]);
});

test("a stage that is opened and changed in one pull request is pointed out", () => {
  const findings = step({ stages: states(...done3) }, { stages: states(...done3, "open"), drainSeconds: 900 });

  expect(codes(findings)).toEqual(["warning delivery/opened-with-changes"]);
});

test("a new attempt may change its Job, and each field is named", () => {
  const findings = step(
    { stages: states(...done3, "open") },
    { stages: states(...done3, { state: "open", attempt: 2 }), drainSeconds: 900 },
  );

  expect(codes(findings)).toEqual(["warning delivery/attempt-changes-job"]);
  expect(findings[0]?.data).toEqual({
    stage: "100-canary",
    fields: ["spec.template.spec.containers[roll].env[DRAIN_TIMEOUT].value"],
  });
});

test("a new attempt may change nothing but its Job", () => {
  const findings = step(
    { stages: states(...done3, "open") },
    { stages: states(...done3, { state: "open", attempt: 2 }), nodes: ["node-a", "node-b"] },
  );

  expect(codes(findings)).toEqual(["error delivery/attempt-changes-body", "warning delivery/attempt-changes-job"]);
  expect(findings[0]?.data?.["files"]).toEqual([
    "05-clusterrole-roll-100-canary.yaml",
    "10-ciliumnodeconfig-metachron-100-canary.yaml",
    "undo/10-ciliumnodeconfig-metachron-100-canary-undo.yaml",
  ]);
});

test("a file of an open stage that somebody edits shows as a changed body with a wrong digest", () => {
  const base = fixture({ stages: states(...done3, "open") });
  const path = "prod-eu/stages/100-canary/10-ciliumnodeconfig-metachron-100-canary.yaml";
  const edited = withFile(base, path, (text) => text.replace("- node-a", "- node-z"));

  expect(codes(verify(base, edited))).toEqual(["error delivery/body-changed", "error delivery/digest-mismatch"]);
});

test("a file that somebody adds to an open stage shows", () => {
  const base = fixture({ stages: states(...done3, "open") });
  const edited = withFile(base, "prod-eu/stages/100-canary/99-extra.yaml", () => "kind: Secret\n");

  expect(codes(verify(base, edited))).toEqual(["error delivery/body-changed", "error delivery/digest-mismatch"]);
});

test("STAGE.md may change at any time", () => {
  const base = fixture({ stages: states(...done3, "open") });

  expect(
    verify(
      base,
      withFile(base, "prod-eu/stages/100-canary/STAGE.md", () => "better words\n"),
    ),
  ).toEqual([]);
});

test("an opened stage that vanishes is refused", () => {
  const base = fixture({ stages: states("open") });
  const tree = new Map([...base.tree].filter(([path]) => !path.includes("/stages/000-prepare/")));

  expect(codes(verify(base, { ...base, tree }))).toContain("error delivery/stage-removed");
});

test("a state for a stage that does not exist is refused", () => {
  const base = fixture();
  const after = fixture({ stages: { "105-typo": { state: "held" } } });

  expect(codes(verify(base, after))).toEqual(["error delivery/unknown-stage"]);
});

test.each<[string, string, (text: string) => string | undefined, string]>([
  [
    "an Application that is missing",
    "argocd/apps/100-canary.yaml",
    () => undefined,
    "Application metachron-100-canary is missing",
  ],
  [
    "an Application that points at another stage",
    "argocd/apps/100-canary.yaml",
    (text) => text.replace("path: dist/prod-eu/stages/100-canary", "path: dist/prod-eu/stages/110-next"),
    'Application metachron-100-canary should have spec.source.path "dist/prod-eu/stages/100-canary", it has "dist/prod-eu/stages/110-next"',
  ],
  [
    "an Application that heals itself",
    "argocd/apps/100-canary.yaml",
    (text) => text.replace("selfHeal: false", "selfHeal: true"),
    "Application metachron-100-canary should have spec.syncPolicy.automated.selfHeal false, it has true",
  ],
  [
    "an Application for a stage that was never opened",
    "argocd/apps/800-finalise.yaml",
    () => "kind: Application\n",
    "Application metachron-800-finalise is there although the stage was never opened",
  ],
  [
    "a Kustomization that prunes",
    "flux/kustomizations/100-canary.yaml",
    (text) => text.replace("prune: false", "prune: true"),
    "Kustomization metachron-100-canary should have spec.prune false, it has true",
  ],
  [
    "a Kustomization that is suspended by hand",
    "flux/kustomizations/100-canary.yaml",
    (text) => text.replace("  timeout:", "  suspend: true\n  timeout:"),
    "Kustomization metachron-100-canary should have spec.suspend false, it has true",
  ],
  [
    "a Kustomization with a duplicate key",
    "flux/kustomizations/100-canary.yaml",
    (text) => text.replace("  timeout:", "  timeout: 1m\n  timeout:"),
    "Kustomization metachron-100-canary is no YAML object",
  ],
  [
    "a done stage that Flux would bring back",
    "flux/kustomizations/000-prepare.yaml",
    (text) => text.replace("  suspend: true\n", ""),
    "Kustomization metachron-000-prepare should have spec.suspend true, it has false",
  ],
])("engine objects edited by hand are refused: %s", (_what, file, change, message) => {
  const base = fixture({ stages: states(...done3, "open") });
  const findings = verify(base, withFile(base, `prod-eu/${file}`, change));

  expect(findings.map((finding) => [finding.code, finding.message])).toEqual([["delivery/engine-object", message]]);
});

test("an engine may not be dropped while stages are open or done with it", () => {
  const stages = states("open");
  const findings = step({ stages }, { stages, delivery: { engines: ["argocd"] } });

  expect(codes(findings)).toEqual(["error delivery/engine-object"]);
  expect(findings[0]?.where?.field).toBe("spec.delivery.engines");
});

test("policies.md has to name the digest of the policies that are there", () => {
  const base = fixture({ stages: states("done", "done") });
  const stale = withFile(base, "prod-eu/policies.md", () => "# Policies\n");

  expect(codes(verify(base, stale))).toEqual(["error delivery/proof-stale"]);
  expect(
    codes(
      verify(
        base,
        withFile(base, "prod-eu/policies.md", () => undefined),
      ),
    ),
  ).toEqual(["error delivery/proof-stale"]);
});

test("a pin has to lead to a commit that holds the stage as it is", () => {
  const before = { stages: states(...done3) };
  const after = { stages: states(...done3, { state: "open", commit }) };
  const there = fixture(before).tree;
  const other = fixture({ ...before, nodes: ["node-b"] }).tree;

  expect(step(before, after, { treeAt: () => there })).toEqual([]);
  expect(codes(step(before, after, { treeAt: () => other }))).toEqual(["error delivery/pinned-body"]);
  expect(codes(step(before, after, { treeAt: () => undefined }))).toEqual(["error delivery/pinned-body"]);
  expect(step(before, after)).toEqual([]);
});

test("where the cluster's markers are known, a stage is done only when its marker says so", () => {
  const before = { stages: states(...done3, "open") };
  const after = { stages: states(...done3, "done") };
  const own = fixture(before).stages.find((stage) => stage.id === "100-canary")?.digest ?? "";
  const marker = { stageId: "100-canary", state: "done", digest: own };

  expect(step(before, after, { markers: [marker] })).toEqual([]);
  for (const markers of [[], [{ ...marker, state: "running" }], [{ ...marker, digest }]]) {
    expect(codes(step(before, after, { markers }))).toEqual(["error delivery/marker"]);
  }
});

test("a rollback is over when the marker says undone", () => {
  const before = { stages: states(...done3, "rollback") };
  const after = { stages: states(...done3, { state: "held", digest }) };
  const own = fixture(before).stages.find((stage) => stage.id === "100-canary")?.digest ?? "";

  expect(step(before, after, { markers: [{ stageId: "100-canary", state: "undone", digest: own }] })).toEqual([]);
  expect(codes(step(before, after, { markers: [{ stageId: "100-canary", state: "done", digest: own }] }))).toEqual([
    "error delivery/marker",
  ]);
});

test("the plan file's note of a digest has to be the stage's", () => {
  const findings = step(
    { stages: states(...done3, { state: "open", digest }) },
    { stages: states(...done3, { state: "open", digest }) },
  );

  expect(codes(findings)).toEqual(["error delivery/digest-mismatch"]);
});
