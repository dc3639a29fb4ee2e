import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { FileTree } from "../../lib/core/file-tree.ts";
import { readInventory } from "../../lib/inventory/read-inventory.ts";
import { readSourceFiles } from "../../lib/io/read-source-files.ts";
import { planMigration } from "../../lib/migration/plan-migration.ts";
import { renderMigration } from "../../lib/migration/render-migration.ts";
import { checkPlanSpec, definePlan } from "../../lib/plan/define-plan.ts";
import type { PlannedMigration } from "../../lib/stages/planned-migration.ts";
import { nothingRendered } from "../../lib/stages/rendered-stages.ts";

/*
 * What a reviewer reads of the mixed phase, whole: the section of PLAN.md and that of each wave's STAGE.md, for every
 * continuity and for sources where less holds than was asked for. `vitest -u` writes the golden pages: read them.
 */

const root = resolve(import.meta.dirname, "../..");

interface Case {
  readonly name: string;
  readonly inventory: string;
  readonly continuity: "exact" | "bridge" | "audit" | "off";
  readonly holds: PlannedMigration["continuity"];
}

const cases: readonly Case[] = [
  { name: "canal-exact", inventory: "inventory/kind-canal", continuity: "exact", holds: "exact" },
  { name: "canal-bridge", inventory: "inventory/kind-canal", continuity: "bridge", holds: "bridge" },
  { name: "canal-audit", inventory: "inventory/kind-canal", continuity: "audit", holds: "audit" },
  { name: "canal-off", inventory: "inventory/kind-canal", continuity: "off", holds: "off" },
  {
    name: "calico-net-over-pods",
    inventory: "test/fixtures/clusters/calico-multus",
    continuity: "exact",
    holds: "bridge",
  },
  {
    name: "k3s-controller-switched-off",
    inventory: "test/fixtures/clusters/flannel-k3s",
    continuity: "exact",
    holds: "bridge",
  },
];

async function plan({ name, inventory: folder, continuity }: Case): Promise<PlannedMigration> {
  const files = await readSourceFiles([join(root, folder)]);
  const inventory = await readInventory(files.value ?? []);
  const spec = definePlan({
    apiVersion: "metachron.dev/v1alpha1",
    kind: "MigrationPlan",
    metadata: { name },
    spec: { inventory: "../inventory", policies: { continuity } },
  });
  const checked = checkPlanSpec(spec, `plans/${name}.yaml`);
  if (checked.value === undefined || inventory.value === undefined) throw new Error("the case cannot be read");
  return planMigration({ plan: checked.value, inventory: inventory.value, findings: [], rendered: nothingRendered });
}

/** The text from a heading to the next of the same rank. */
function section(text: string, heading: string): string {
  const from = text.indexOf(heading);
  if (from < 0) return "";
  const to = text.indexOf("\n## ", from + heading.length);
  return text.slice(from, to < 0 ? undefined : to).trim();
}

function pages(tree: FileTree, { plan: { name }, waves }: PlannedMigration): string {
  const stages = waves.waves.map(({ id }) => {
    const text = section(tree.get(`${name}/stages/${id}/STAGE.md`) ?? "", "## Network policy when this wave is done");
    return `# STAGE.md of ${id}\n\n${text}`;
  });
  const whole = section(tree.get(`${name}/PLAN.md`) ?? "", "## Network policy while both networks run");
  return `${[`# PLAN.md\n\n${whole}`, ...stages].join("\n\n")}\n`;
}

describe.each(cases)("$name", (one) => {
  test(`asked for ${one.continuity}, ${one.holds} holds, and its pages say what that means`, async () => {
    const migration = await plan(one);

    expect(migration.continuity).toBe(one.holds);
    const tree = renderMigration(migration).value ?? new Map();
    await expect(pages(tree, migration)).toMatchFileSnapshot(`golden/mixed/${one.name}.md`);
  });
});

test("what is opened and closed at the end of a wave is what the next one begins with", async () => {
  const { mixed } = await plan({
    name: "sums",
    inventory: "inventory/kind-canal",
    continuity: "audit",
    holds: "audit",
  });
  const total = (at: number, key: "opened" | "closed"): number =>
    (mixed?.waves[at]?.rows ?? []).reduce((sum, row) => sum + row[key], 0);

  expect(mixed?.waves[0]?.wave).toBe("030-policies");
  expect([total(0, "opened"), total(0, "closed")]).toEqual([0, 0]);
  expect(total(1, "opened")).toBeGreaterThan(0);
});
