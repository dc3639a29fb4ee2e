import { dirname, join } from "node:path";
import { readRenderedStages } from "./cli/read-rendered-stages.ts";
import { Migration } from "./constructs/migration.ts";
import { MigrationApp } from "./constructs/migration-app.ts";
import type { FileTree } from "./core/file-tree.ts";
import { type Checked, compareFindings, type Finding } from "./core/finding.ts";
import { readInventory } from "./inventory/read-inventory.ts";
import { readSourceFiles } from "./io/read-source-files.ts";
import { readTextFile } from "./io/read-text-file.ts";
import { type WriteReport, writeTree } from "./io/write-tree.ts";
import { planMigration } from "./migration/plan-migration.ts";
import { deliveryOf, pagesOf } from "./migration/render-migration.ts";
import { checkPlanSpec } from "./plan/define-plan.ts";
import type { Plan } from "./plan/plan.ts";
import type { PlanSpec } from "./plan/plan-schema.ts";
import { readPlan } from "./plan/read-plan.ts";
import type { PlannedMigration } from "./stages/planned-migration.ts";

/** An app that holds one whole migration. Change its constructs, then write it. */
export interface LoadedApp {
  readonly app: MigrationApp;
  /** The stages as charts, in their order. */
  readonly construct: Migration;
  readonly migration: PlannedMigration;
  /** Everything that was found, sorted. */
  readonly findings: readonly Finding[];
  /** Writes the tree below `out`; see `writeTree`. */
  readonly write: (out?: string) => Promise<WriteReport>;
  /** The tree as it would be written: paths below the output folder to texts. */
  readonly tree: () => FileTree;
}

/** Where a plan comes from and where its tree goes. */
export interface LoadOptions {
  /** The plan file (YAML), or the value of `definePlan`; its inventory is relative to the file. */
  readonly plan: string | PlanSpec;
  /** Name of the file for a plan that is a value. @default plans/plan.ts */
  readonly file?: string;
  /** Folder whose rendered waves keep their nodes. @default dist */
  readonly out?: string;
}

/**
 * Reads a plan and its inventory, plans the migration and builds its constructs: the cdk8s way in.
 *
 * No value when plan or inventory cannot be read; findings say why. Nothing is written before `write`.
 */
export async function loadApp(options: LoadOptions): Promise<Checked<LoadedApp>> {
  const out = options.out ?? "dist";
  const plan = await planOf(options);
  if (plan.value === undefined) return { value: undefined, findings: plan.findings };
  const files = await readSourceFiles([join(dirname(plan.value.file), plan.value.spec.inventory)]);
  const inventory = await readInventory(files.value ?? []);
  const read = [...plan.findings, ...files.findings, ...inventory.findings];
  if (inventory.value === undefined) return { value: undefined, findings: read };
  const migration = planMigration({
    plan: plan.value,
    inventory: inventory.value,
    findings: read,
    rendered: await readRenderedStages(out, plan.value),
  });
  const delivery = deliveryOf(migration);
  const findings = [...migration.findings, ...delivery.findings].toSorted(compareFindings);
  const app = new MigrationApp();
  const construct = new Migration(app, plan.value.name, {
    migration,
    delivery: delivery.value ?? [],
    pages: pagesOf(migration),
  });
  const write = (folder: string = out): Promise<WriteReport> => writeTree(folder, migration.plan.name, app.tree());
  return { value: { app, construct, migration, findings, write, tree: () => app.tree() }, findings };
}

async function planOf(options: LoadOptions): Promise<Checked<Plan>> {
  if (typeof options.plan !== "string") return checkPlanSpec(options.plan, options.file ?? "plans/plan.ts");
  const text = await readTextFile(options.plan);
  return text.value === undefined ? { value: undefined, findings: text.findings } : readPlan(text.value, options.plan);
}
