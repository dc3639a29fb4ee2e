import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FileTree } from "../../lib/core/file-tree.ts";
import type { Inventory } from "../../lib/inventory/inventory.ts";
import { readInventory } from "../../lib/inventory/read-inventory.ts";
import { readSourceFiles } from "../../lib/io/read-source-files.ts";
import { planMigration } from "../../lib/migration/plan-migration.ts";
import { renderMigration } from "../../lib/migration/render-migration.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { readPlan } from "../../lib/plan/read-plan.ts";
import type { PlannedMigration } from "../../lib/stages/planned-migration.ts";
import { nothingRendered, type RenderedStages, renderedStagesOf } from "../../lib/stages/rendered-stages.ts";

const root = resolve(import.meta.dirname, "../..");

/** The example's inventory, read once for all tests of a file. */
export const exampleInventory: Inventory = await readExample();

async function readExample(): Promise<Inventory> {
  const files = await readSourceFiles([join(root, "inventory/kind-canal")]);
  const inventory = await readInventory(files.value ?? []);
  if (inventory.value === undefined) throw new Error("the example's inventory cannot be read");
  return inventory.value;
}

/** The example's plan file with texts replaced; throws where a text is not in it. */
export function examplePlan(...changes: readonly (readonly [old: string, young: string])[]): string {
  let text = readFileSync(join(root, "plans/kind-canal.yaml"), "utf8");
  for (const [old, young] of changes) {
    if (!text.includes(old)) throw new Error(`the plan does not hold ${old}`);
    text = text.replace(old, young);
  }
  return text;
}

/** A migration with the tree that synth would write. */
export interface Example {
  readonly migration: PlannedMigration;
  readonly tree: FileTree;
}

/** Plans and renders, on top of a tree that was rendered before. */
export function planExample(planText: string, inventory: Inventory, before?: FileTree): Example {
  const plan = readPlan(planText, "plans/kind-canal.yaml");
  if (plan.value === undefined) throw new Error(plan.findings.map((finding) => finding.message).join("; "));
  const rendered = before === undefined ? nothingRendered : renderedIn(plan.value, before);
  const migration = planMigration({ plan: plan.value, inventory, findings: plan.findings, rendered });
  return { migration, tree: renderMigration(migration).value ?? new Map() };
}

function renderedIn(plan: Plan, tree: FileTree): RenderedStages {
  const stages = new Map<string, Map<string, string>>();
  for (const [path, text] of tree) {
    const [, id, file] = /\/stages\/([^/]+)\/(.+)$/u.exec(path) ?? [];
    if (id === undefined || file === undefined) continue;
    stages.set(id, (stages.get(id) ?? new Map<string, string>()).set(file, text));
  }
  return renderedStagesOf(plan, stages);
}

/** Paths of files that one tree has and the other has not, or has with another text; sorted. */
export function changedFiles(before: FileTree, after: FileTree): readonly string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).sort();
}
