import { describe, expect, test } from "vitest";
import { hasError } from "../../lib/core/finding.ts";
import { executorModes } from "../../lib/plan/executor-modes.ts";
import { exampleInventory, examplePlan, planExample } from "./example-migration.ts";

const combinations = Object.entries(executorModes).flatMap(([executor, { modes }]) =>
  modes.map((mode) => ({ executor, mode })),
);

describe.each(combinations)("the executor $executor in mode $mode", ({ executor, mode }) => {
  const { migration, tree } = planExample(
    examplePlan(["    executor: job", `    executor: ${executor}`], ["    mode: evict", `    mode: ${mode}`]),
    exampleInventory,
  );
  const canary = migration.stages.find((stage) => stage.id === "100-canary");
  const page = (tree.get("kind-canal/stages/100-canary/STAGE.md") ?? "").replaceAll(
    /sha256:[0-9a-f]{64}/gu,
    "sha256:…",
  );

  test("plans every stage without an error", () => {
    expect(hasError(migration.findings)).toBe(false);
    expect(migration.stages.map((stage) => stage.id)).toContain("910-clean-nodes");
  });

  test("says in STAGE.md who moves the nodes, how the wave is taken back, and what a person does", () => {
    const kinds = canary?.objects.map((entry) => entry.object["kind"]);

    expect({
      page: between(page, "# 100-canary", "## Nodes"),
      back: page.slice(page.indexOf("## The way back")),
      kinds,
    }).toMatchSnapshot();
    expect(canary?.files.map((file) => file.file)).toEqual(executor === "job" ? [] : ["CHECKLIST.md"]);
  });

  test("has new machines come up on Cilium before the first one is replaced", () => {
    const order = migration.stages.map((stage) => stage.id).filter((id) => /canary|new-nodes/u.test(id));

    expect(order).toEqual(mode === "replace" ? ["095-new-nodes", "100-canary"] : ["100-canary", "105-new-nodes"]);
  });
});

function between(text: string, start: string, end: string): string {
  return text.slice(text.indexOf(start), text.indexOf(end));
}

test("replacing machines while new nodes join on the source is refused", () => {
  const { migration } = planExample(
    examplePlan(
      ["    executor: job", "    executor: cluster-api"],
      ["    mode: evict", "    mode: replace"],
      ["newNodes: cilium", "newNodes: source"],
    ),
    exampleInventory,
  );

  expect(migration.findings.map((finding) => finding.code)).toContain("plan/replace-without-new-nodes");
});

test("engines learn how system-upgrade-controller's Plan is healthy", () => {
  const { tree } = planExample(
    examplePlan(
      ["    executor: job", "    executor: system-upgrade-controller"],
      [
        "stages: {}",
        "stages:\n  000-prepare: { state: done }\n  010-cilium: { state: done }\n  020-bridge: { state: done }\n  030-policies: { state: done }\n  100-canary: { state: open }",
      ],
    ),
    exampleInventory,
  );

  expect(tree.get("kind-canal/argocd/argocd-cm.fragment.yaml")).toContain(
    "resource.customizations.health.upgrade.cattle.io_Plan:",
  );
  expect(tree.get("kind-canal/flux/kustomizations/100-canary.yaml")).toMatch(
    /kind: Plan\n\s+current: status\.conditions/u,
  );
});
