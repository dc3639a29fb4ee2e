import { expect, test } from "vitest";
import { loggedSection } from "../../lib/review/logged-section.ts";
import { exampleInventory, examplePlan, planExample } from "../stages/example-migration.ts";

test("policies.md has a recipe for each rule that logs today, and PLAN.md names the policy", () => {
  const { migration, tree } = planExample(examplePlan(), exampleInventory);

  expect(loggedSection(migration.translation.policies)).toMatchInlineSnapshot(`
    "## Instead of logged drops

    Cilium's policies have no rule that logs. Hubble sees every verdict while it happens; as a number it is the metric \`hubble_drop_total{reason="POLICY_DENIED"}\`, as a file \`hubble.export.static\`. Its buffer is no audit trail.

    | policy | rule that logs today | instead |
    | - | - | - |
    | \`GlobalNetworkPolicy/default-deny\` | \`ingress[0]\` | \`hubble observe --verdict DROPPED --follow\`<br>\`hubble observe --verdict FORWARDED --follow\` |
    | \`GlobalNetworkPolicy/default-deny\` | \`egress[0]\` | \`hubble observe --verdict DROPPED --follow\`<br>\`hubble observe --verdict FORWARDED --follow\` |
    | \`GlobalNetworkPolicy/log-and-drop-metadata\` | \`egress[0]\` | \`hubble observe --verdict DROPPED --follow\`<br>\`hubble observe --verdict FORWARDED --follow\` |"
  `);
  expect(tree.get("kind-canal/policies.md")).toContain("## Instead of logged drops");
  expect(tree.get("kind-canal/PLAN.md")).toMatch(/log-and-drop-metadata.*POL039/u);
});

test("there is no such section where nothing logs", () => {
  expect(loggedSection([])).toBeUndefined();
});
