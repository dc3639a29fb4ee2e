import { expect, test } from "vitest";
import { getString } from "../../lib/core/json.ts";
import { exampleInventory, examplePlan, planExample } from "./example-migration.ts";

// The lines of the list that the removal Job walks from top to bottom: step|resource|namespace|name|wait.
const { migration } = planExample(examplePlan(), exampleInventory);
const removal = migration.stages.find((stage) => stage.kind === "remove");
const list = removal?.objects
  .map((entry) => getString(entry.object, "data", "removal"))
  .find((text) => text !== undefined);
const lines = (list ?? "")
  .trim()
  .split("\n")
  .map((line) => line.split("|"));
const steps = lines.map(([step]) => step);

test("what admits old pods goes before the mirrors, the mirrors before the source, the bridge's node rules last", () => {
  expect(steps.filter((step, at) => step !== steps[at - 1])).toMatchInlineSnapshot(`
    [
      "bridge-policy",
      "mirrors",
      "policies",
      "agents",
      "controllers",
      "access",
      "configuration",
      "definitions",
      "bridge",
    ]
  `);
});

test("everything that the plan put into the source's own engine is taken away by name", () => {
  const mirrors = lines.filter(([step]) => step === "mirrors").map(([, resource, , name]) => `${resource} ${name}`);
  const planted = migration.stages
    .filter((stage) => stage.kind !== "remove")
    .flatMap((stage) => stage.objects)
    .filter(({ object }) => /projectcalico\.org\//u.test(getString(object, "apiVersion") ?? ""))
    .map(({ object }) => getString(object, "metadata", "name") ?? "");

  expect(mirrors).toMatchInlineSnapshot(`
    [
      "globalnetworkpolicies.v1.crd.projectcalico.org metachron-probes",
      "globalnetworkpolicies.v1.crd.projectcalico.org metachron-mirror.ingress",
      "globalnetworkpolicies.v1.crd.projectcalico.org metachron-mirror.egress",
      "tiers.v1.crd.projectcalico.org metachron-mirror",
    ]
  `);
  expect(mirrors.map((mirror) => mirror.split(" ")[1]).sort()).toEqual(planted.sort());
});
