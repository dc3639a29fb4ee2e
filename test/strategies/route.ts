import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FileTree } from "../../lib/core/file-tree.ts";
import type { Finding } from "../../lib/core/finding.ts";
import { readInventory } from "../../lib/inventory/read-inventory.ts";
import { readSourceFiles } from "../../lib/io/read-source-files.ts";
import { planMigration } from "../../lib/migration/plan-migration.ts";
import { renderMigration } from "../../lib/migration/render-migration.ts";
import { readPlan } from "../../lib/plan/read-plan.ts";
import type { PlannedMigration } from "../../lib/stages/planned-migration.ts";
import { nothingRendered } from "../../lib/stages/rendered-stages.ts";

const plans = join(import.meta.dirname, "plans");
const repository = resolve(import.meta.dirname, "../..");

/** One of the routes of docs/routes.md, planned and rendered. */
export interface Route {
  readonly migration: PlannedMigration;
  readonly tree: FileTree;
  readonly findings: readonly Finding[];
}

type Change = readonly [old: string, young: string];

/** Plans a committed plan on its committed inventory; `changes` replace texts of the plan and throw where one is not there. */
export function planRoute(name: string, ...changes: readonly Change[]): Promise<Route> {
  return planRouteWith(name, "", ...changes);
}

/** The same with more objects in the inventory. */
export async function planRouteWith(name: string, objects: string, ...changes: readonly Change[]): Promise<Route> {
  const file = join(plans, `${name}.yaml`);
  let text = readFileSync(file, "utf8");
  for (const [old, young] of changes) {
    if (!text.includes(old)) throw new Error(`the plan ${name} does not hold ${old}`);
    text = text.replace(old, young);
  }
  const plan = readPlan(text, `test/strategies/plans/${name}.yaml`);
  if (plan.value === undefined) throw new Error(plan.findings.map((finding) => finding.message).join("; "));
  const files = await readSourceFiles([join(plans, plan.value.spec.inventory)]);
  const inRepository = (files.value ?? []).map((one) => ({ ...one, name: one.name.replace(`${repository}/`, "") }));
  const more = objects === "" ? [] : [{ name: "more.yaml", chunks: [objects] }];
  const inventory = await readInventory([...inRepository, ...more]);
  if (inventory.value === undefined) throw new Error(`the inventory of ${name} cannot be read`);
  const migration = planMigration({
    plan: plan.value,
    inventory: inventory.value,
    findings: [...plan.findings, ...inventory.findings],
    rendered: nothingRendered,
  });
  const rendered = renderMigration(migration);
  return {
    migration,
    tree: rendered.value ?? new Map(),
    findings: [...migration.findings, ...rendered.findings],
  };
}

/** Findings of some codes as lines: severity, code, object, message and remedy. */
export function told(findings: readonly Finding[], codes: RegExp): readonly string[] {
  return findings
    .filter((finding) => codes.test(finding.code))
    .map((finding) => `${finding.severity} ${finding.code}: ${finding.message} -> ${finding.remedy ?? ""}`);
}

/** A page with its digests masked, so that a golden file changes with its words only. */
export function page(tree: FileTree, path: string): string {
  const text = tree.get(path);
  if (text === undefined) throw new Error(`the tree has no ${path}`);
  return text
    .replaceAll(/sha256:[0-9a-f]{64}/gu, "sha256:…")
    .replaceAll(/metachron-scripts-[0-9a-f]+/gu, "metachron-scripts-…");
}
