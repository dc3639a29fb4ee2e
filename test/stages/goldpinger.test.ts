import { describe, expect, test } from "vitest";
import { getString, type JsonObject } from "../../lib/core/json.ts";
import { exampleInventory, examplePlan, planExample } from "./example-migration.ts";

const theirs = "    goldpinger: { url: http://goldpinger.goldpinger.svc:8080, healthyAnswers: 3 }\n";
const installed = ["    goldpinger: false", "    goldpinger: true"] as const;
const threshold = [
  theirs,
  "    goldpinger: { url: http://goldpinger.metachron:8080, maxResponseSeconds: 0.2 }\n",
] as const;
const gates = [
  "    serviceLevelGates: []",
  "    serviceLevelGates: [{ name: errors of the shop, query: 'sum(rate(errors[5m])) < 0.01' }]",
] as const;
const noPrometheus = ["    prometheus: { url: http://prometheus.monitoring.svc:9090 }\n", ""] as const;

describe("Goldpinger as a stage of its own", () => {
  const { migration, tree } = planExample(examplePlan([theirs, ""], installed), exampleInventory);
  const stage = migration.stages.find((one) => one.id === "005-goldpinger");

  test("comes right after the preparation, and is ready and healthy before anything else", () => {
    expect(migration.stages.slice(0, 3).map((one) => one.id)).toEqual(["000-prepare", "005-goldpinger", "010-cilium"]);
    expect(stage?.gate.after).toEqual([
      "a pod of Goldpinger is ready on every node",
      "it says 3 times in a row that the cluster is healthy",
    ]);
  });

  test("installs what it needs and nothing else", () => {
    expect(
      stage?.objects.filter((one) => getString(one.object, "metadata", "name") === "goldpinger"),
    ).toMatchSnapshot();
  });

  test("is asked before and after each node of a wave, and shown in STAGE.md", () => {
    const config = migration.stages
      .find((one) => one.id === "100-canary")
      ?.objects.find((one) => one.object["kind"] === "ConfigMap" && one.file.startsWith("08-"))?.object;

    expect(Object.keys((config?.["data"] ?? {}) as JsonObject)).toContain("signal-goldpinger.yaml");
    expect(tree.get("kind-canal/stages/100-canary/STAGE.md")).toContain(
      "Goldpinger at http://goldpinger.metachron:8080",
    );
  });

  test("its pods may talk where a policy makes the namespace or the cluster default-deny", () => {
    const policies = (migration.stages[0]?.objects ?? []).filter((one) =>
      /NetworkPolicy$/u.test(String(one.object["kind"])),
    );

    expect(policies).toHaveLength(2);
    for (const { object } of policies) expect(JSON.stringify(object["spec"])).toContain("goldpinger");
  });

  test("is not there unless the plan says so", () => {
    expect(planExample(examplePlan(), exampleInventory).migration.stages.map((one) => one.id)).not.toContain(
      "005-goldpinger",
    );
  });
});

describe("gates on the plan's own signals", () => {
  test("thresholds of Goldpinger and service levels are asked by every wave's Job, in this order, and named in STAGE.md", () => {
    const { migration, tree } = planExample(examplePlan(installed, threshold, gates), exampleInventory);
    const job = tree.get("kind-canal/stages/100-canary/20-job-roll-100-canary-a1.yaml") ?? "";

    expect(job).toMatch(/name: SIGNALS\n\s+value: signal-goldpinger signal-slo-1 signal-slo-2 signal-slo-3$/mu);
    expect(
      migration.stages.find((one) => one.id === "100-canary")?.gate.after.find((line) => line.startsWith("the plan's")),
    ).toMatchSnapshot();
    expect(tree.get("kind-canal/stages/100-canary/STAGE.md")).toContain("errors of the shop");
  });

  test("a threshold without a Prometheus is refused", () => {
    const { migration } = planExample(examplePlan(installed, threshold, noPrometheus), exampleInventory);

    expect(
      migration.findings
        .filter((finding) => finding.code === "plan/gates-without-prometheus")
        .map((finding) => finding.where?.field),
    ).toContain("spec.roll.goldpinger.maxResponseSeconds");
  });
});
