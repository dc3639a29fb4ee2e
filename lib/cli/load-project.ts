import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, extname, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Checked, Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { checkPlanSpec } from "../plan/define-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { readPlan } from "../plan/read-plan.ts";
import { loadInventory } from "./load-inventory.ts";
import type { Streams } from "./streams.ts";

/** A plan with the inventory that it names. */
export interface Project {
  readonly plan: Plan;
  readonly inventory: Inventory;
}

/** The plan file that a command means: the one it names, or the only one in `plans/`. */
export async function findPlanFile(named: string | undefined): Promise<Checked<string>> {
  if (named !== undefined) {
    if (existsSync(named)) return { value: named, findings: [] };
    return {
      value: undefined,
      findings: [
        cannotRead(named, "there is no such file", "name the plan with --plan, or make one with metachron init"),
      ],
    };
  }
  const found = existsSync("plans") ? plansOf(await readdir("plans")) : [];
  const [only] = found;
  if (found.length === 1 && only !== undefined) return { value: join("plans", only), findings: [] };
  const message =
    found.length === 0 ? "no plan file in plans/" : `${found.length} plan files in plans/: ${found.join(", ")}`;
  return {
    value: undefined,
    findings: [cannotRead("plans", message, "name one with --plan, or make one with metachron init")],
  };
}

/** Plan files by name; a program beside a YAML file of the same name is that plan's cdk8s app and no plan of its own. */
function plansOf(files: readonly string[]): readonly string[] {
  const plans = files.filter(isPlanFile).sort(compareText);
  const yaml = new Set(plans.filter((file) => /\.ya?ml$/u.test(file)).map((file) => file.replace(/\.[^.]+$/u, "")));
  return plans.filter((file) => /\.ya?ml$/u.test(file) || !yaml.has(file.replace(/\.[^.]+$/u, "")));
}

function isPlanFile(file: string): boolean {
  return /\.(?:ya?ml|ts|mts|js|mjs)$/u.test(file);
}

function cannotRead(file: string, why: string, remedy: string): Finding {
  return { code: "cli/plan-not-found", severity: "error", message: `no plan: ${why}`, where: { file }, remedy };
}

/** Reads a plan file: YAML, or TypeScript and JavaScript whose default export comes from `definePlan`. */
async function loadPlan(named: string | undefined): Promise<Checked<Plan>> {
  const file = await findPlanFile(named);
  if (file.value === undefined) return { value: undefined, findings: file.findings };
  if (extname(file.value) === ".yaml" || extname(file.value) === ".yml") {
    return readPlan(await readFile(file.value, "utf8"), file.value);
  }
  return loadPlanModule(file.value);
}

async function loadPlanModule(file: string): Promise<Checked<Plan>> {
  try {
    const spec = exportedBy(await importModule(file));
    return spec === undefined ? { value: undefined, findings: [withoutPlan(file)] } : checkPlanSpec(spec, file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const finding: Finding = {
      code: "cli/plan-module-failed",
      severity: "error",
      message: `the plan's program ended with: ${message.split("\n")[0] ?? message}`,
      where: { file },
      remedy:
        "run it by itself to see the whole error; on Node 20 install tsx beside metachron, newer Node reads TypeScript itself",
    };
    return { value: undefined, findings: [finding] };
  }
}

/** The default export; in a package that is no ES module it lies one level deeper, as CommonJS is imported. */
function exportedBy(module: Readonly<Record<string, unknown>>): unknown {
  const exported = module["default"];
  const isCommonJS = typeof exported === "object" && exported !== null && "__esModule" in exported;
  return isCommonJS ? (exported as Readonly<Record<string, unknown>>)["default"] : exported;
}

function withoutPlan(file: string): Finding {
  return {
    code: "cli/plan-module-failed",
    severity: "error",
    message: "the plan's program has no default export",
    where: { file },
    remedy: "write `export default definePlan({ … })`, or name the YAML file that the program reads",
  };
}

/** TypeScript needs tsx on Node 20; where it is not installed, Node is asked itself, which newer versions answer. */
async function importModule(file: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(file).href;
  if (!/\.m?ts$/u.test(file)) return import(url);
  const tsx = await import("tsx/esm/api").catch(() => undefined);
  return tsx === undefined ? import(url) : tsx.tsImport(url, import.meta.url);
}

/** An inventory that is not there is a matter of the plan that names it. */
function ofPlan(finding: Finding, path: string, file: string): Finding {
  if (finding.code !== "io/no-such-file" || finding.where?.file !== path) return finding;
  return {
    ...finding,
    message: `the inventory ${path} does not exist`,
    where: { file, field: "spec.inventory" },
    remedy: `set spec.inventory, which is relative to the plan file, or take the inventory with: metachron snapshot --out ${path}`,
  };
}

/** Reads a plan and the inventory that it names, relative to the plan file or absolute. Findings of both, also where one has no value. */
export async function loadProject(named: string | undefined, streams: Streams): Promise<Checked<Project>> {
  const plan = await loadPlan(named);
  if (plan.value === undefined) return { value: undefined, findings: plan.findings };
  const { file, spec } = plan.value;
  const path = isAbsolute(spec.inventory) ? spec.inventory : join(dirname(file), spec.inventory);
  const inventory = await loadInventory([path], "cluster", streams);
  const findings = [...plan.findings, ...inventory.findings.map((finding) => ofPlan(finding, path, file))];
  if (inventory.value === undefined) return { value: undefined, findings };
  return { value: { plan: plan.value, inventory: inventory.value }, findings };
}
