import { describe, expect, test } from "vitest";
import type { FileTree } from "../../lib/core/file-tree.ts";
import { applyStageAgain, nextStage } from "../../lib/delivery/next-stage.ts";
import { verifyTransition } from "../../lib/delivery/verify-transition.ts";
import type { Inventory, RawObject } from "../../lib/inventory/inventory.ts";
import { driftFindings } from "../../lib/stages/drift-findings.ts";
import { changedFiles, type Example, exampleInventory, examplePlan, planExample } from "./example-migration.ts";

// A migration takes weeks. While it runs, inventories are taken anew, plans are edited, metachron is upgraded.

const opened = ["000-prepare", "010-cilium", "020-bridge", "030-policies", "040-probes", "100-canary"];
const running = examplePlan(["stages: {}", `stages:\n${opened.map((id) => `  ${id}: { state: done }`).join("\n")}`]);
const first = planExample(examplePlan(), exampleInventory);
const before = planExample(running, exampleInventory, first.tree);

const bodies = (tree: FileTree, ids: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    [...tree].filter(([path]) => !path.endsWith("STAGE.md") && ids.some((id) => path.includes(`/stages/${id}/`))),
  );
const codes = (example: Example): readonly string[] =>
  example.migration.findings.map((finding) => finding.code).filter((code) => code.startsWith("stages/"));

/** A team adds a policy: a copy of the example's `shop-web-to-backend` under a new name. */
function withPolicy(inventory: Inventory, name: string): Inventory {
  const policies = inventory.objects.get("GlobalNetworkPolicy") ?? [];
  const pattern = policies.find((policy) => policy.name === "shop-web-to-backend") as RawObject;
  const object = {
    ...pattern.object,
    metadata: { name },
    spec: { ...(pattern.object["spec"] as object), order: 777, selector: "app == 'orders'" },
  };
  const added: RawObject = { ...pattern, name, object };
  return { ...inventory, objects: new Map([...inventory.objects, ["GlobalNetworkPolicy", [...policies, added]]]) };
}

test("what is rendered again without a change says nothing of drift", () => {
  expect(codes(before)).toEqual([]);
  expect(changedFiles(bodies(first.tree, opened), bodies(before.tree, opened))).toEqual([]);
});

describe("a policy that joins the source while waves are under way", () => {
  const grown = withPolicy(exampleInventory, "shop-orders-extra");
  const after = planExample(running, grown, before.tree);

  test("changes no byte of what was opened, nor the digests that gates name", () => {
    expect(changedFiles(bodies(before.tree, opened), bodies(after.tree, opened))).toEqual([]);
    expect(after.migration.stages.find((stage) => stage.id === "105-new-nodes")?.previous).toEqual(
      before.migration.stages.find((stage) => stage.id === "105-new-nodes")?.previous,
    );
  });

  test("stops the migration until the policies are applied again", () => {
    const finding = after.migration.findings.find((candidate) => candidate.code === "stages/policies-differ");

    expect(finding?.severity).toBe("error");
    expect(finding?.message).toContain("12-ciliumclusterwidenetworkpolicy-shop-orders-extra.yaml");
    expect(finding?.remedy).toContain("metachron next --again 030-policies");
  });

  test("gets in by one pull request that the merge gate lets pass, and the next stage follows", () => {
    const change = applyStageAgain(after.migration.plan, after.migration.stages, "030-policies").value;
    expect(change?.after).toEqual({ state: "open", attempt: 2 });

    const again = running.replace("030-policies: { state: done }", "030-policies: { state: open, attempt: 2 }");
    const pull = planExample(again, grown, after.tree);
    expect(
      pull.tree.has("kind-canal/stages/030-policies/12-ciliumclusterwidenetworkpolicy-shop-orders-extra.yaml"),
    ).toBe(true);
    expect(verify(after, pull)).toEqual([]);

    const closed = running.replace("030-policies: { state: done }", "030-policies: { state: done, attempt: 2 }");
    const settled = planExample(closed, grown, pull.tree);
    expect(verify(pull, settled)).toEqual([]);
    expect(codes(settled)).toEqual([]);
    expect(nextStage(settled.migration.plan, settled.migration.stages).value?.stageId).toBe("105-new-nodes");
  });

  test("that goes again stays in the cluster until somebody deletes it, and the merge gate says how", () => {
    const again = running.replace("030-policies: { state: done }", "030-policies: { state: open, attempt: 2 }");
    const closed = running.replace("030-policies: { state: done }", "030-policies: { state: done, attempt: 2 }");
    const third = running.replace("030-policies: { state: done }", "030-policies: { state: open, attempt: 3 }");
    const settled = planExample(closed, grown, planExample(again, grown, after.tree).tree);
    const gone = planExample(third, exampleInventory, planExample(closed, exampleInventory, settled.tree).tree);
    const findings = verifyTransition({
      before: { plan: settled.migration.plan, tree: settled.tree },
      after: { plan: gone.migration.plan, tree: gone.tree },
    });

    expect(
      findings.filter((finding) => finding.code === "delivery/object-left-behind").map((finding) => finding.remedy),
    ).toEqual([
      "after the merge, before the stage's Job ends: kubectl delete ciliumclusterwidenetworkpolicy.cilium.io shop-orders-extra",
    ]);
  });
});

function verify(from: Example, to: Example): readonly string[] {
  return verifyTransition({
    before: { plan: from.migration.plan, tree: from.tree },
    after: { plan: to.migration.plan, tree: to.tree },
  })
    .filter((finding) => finding.severity === "error")
    .map((finding) => `${finding.code}: ${finding.message}`);
}

test("a stage that changes nodes cannot be applied again", () => {
  const refused = applyStageAgain(before.migration.plan, before.migration.stages, "100-canary");

  expect(refused.value).toBeUndefined();
  expect(refused.findings.map((finding) => finding.code)).toEqual(["delivery/again-blocked"]);
});

test("another version of Cilium in the plan changes nothing that engines hold, and stops the migration", () => {
  const edited = running.replace("version: 1.20.2", "version: 1.19.6");
  const after = planExample(edited, exampleInventory, before.tree);

  expect(codes(after)).toContain("stages/version-differs");
  for (const file of ["flux/kustomizations/cilium-helmrelease.yaml", "argocd/apps/cilium.yaml"]) {
    expect(after.tree.get(`kind-canal/${file}`)).toContain("1.20.2");
    expect(after.tree.get(`kind-canal/${file}`)).toBe(before.tree.get(`kind-canal/${file}`));
  }
});

test("a value that changes after the install stays as it was installed, and a warning says so", () => {
  const edited = running.replace("values: {}", "values: { debug: { enabled: true } }");
  const after = planExample(edited, exampleInventory, before.tree);

  expect(codes(after)).toContain("stages/values-differ");
  expect(changedFiles(bodies(before.tree, opened), bodies(after.tree, opened))).toEqual([]);
});

test("scripts of another release in held stages are an error: the cluster has only those that 000-prepare brought", () => {
  const [prepare, ...others] = before.migration.stages;
  if (prepare === undefined) throw new Error("no stage");
  const drift = ["08-configmap-metachron-scripts-aaaaaaaaaaaa.yaml", "20-job-gate-000-prepare-a1.yaml"];
  const findings = driftFindings(before.migration, [{ ...prepare, drift }, ...others]);

  expect(findings.map((finding) => [finding.code, finding.severity])).toEqual([["stages/scripts-differ", "error"]]);
});

test("a body that somebody edited is not kept: it is rendered anew, and the merge gate tells", () => {
  const path = [...before.tree.keys()].find((file) => file.includes("/030-policies/12-")) as string;
  const spoilt = new Map(before.tree).set(path, `${before.tree.get(path)}# edited\n`);
  const after = planExample(running, exampleInventory, spoilt);

  expect(after.tree.get(path)).toBe(before.tree.get(path));
});

test("anything else that an opened stage would be rendered with is told and asks for nothing", () => {
  const { plan } = before.migration;
  const longer = before.migration.stages.map((stage) =>
    stage.id === "100-canary" ? { ...stage, drift: ["20-job-roll-100-canary-a1.yaml"] } : stage,
  );

  expect(driftFindings({ plan }, before.migration.stages)).toEqual([]);
  expect(driftFindings({ plan }, longer)).toEqual([
    {
      code: "stages/opened-differs",
      severity: "info",
      message: "100-canary is done and would be rendered otherwise today: 20-job-roll-100-canary-a1.yaml",
      where: { file: plan.file, field: "stages.100-canary" },
      reason: "it keeps the bytes that were reviewed, and the cluster's markers carry their digest",
      remedy: "nothing to do",
      data: { stage: "100-canary", files: ["20-job-roll-100-canary-a1.yaml"] },
    },
  ]);
});
