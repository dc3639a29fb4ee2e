import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { type KnownKind, knownKinds } from "../../lib/inventory/kind-names.ts";
import { type CommandResult, runCommand } from "../cli/run-command.ts";

const root = resolve(import.meta.dirname, "../..");

/** A whole run over one cluster, as a person does it: detect, init, synth with the plan as it was written, next. */
export interface ScenarioRun {
  readonly folder: string;
  readonly inventory: string;
  readonly detect: CommandResult;
  readonly init: CommandResult;
  readonly synth: CommandResult;
  readonly next: CommandResult;
  /** Text of a file below the folder, digests and the folder's own name blanked; empty where there is none. */
  readonly read: (path: string) => string;
  /** Paths below a folder, sorted; empty where there is none. */
  readonly list: (path: string) => readonly string[];
}

/** Where the cluster of a scenario comes from: a folder of the repository, or objects. */
export type ScenarioInventory = { readonly from: string } | { readonly objects: readonly JsonObject[] };

/** Runs the four commands in a folder of its own, which goes when the test ends. */
export async function runScenario(name: string, cluster: ScenarioInventory): Promise<ScenarioRun> {
  const folder = mkdtempSync(join(tmpdir(), "metachron-scenario-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const inventory = join(folder, "inventory", name);
  if ("from" in cluster) cpSync(join(root, cluster.from), inventory, { recursive: true });
  else writeInventory(inventory, cluster.objects);
  const plan = join(folder, "plans", `${name}.yaml`);
  const out = join(folder, "dist");
  const detect = await runCommand("detect", "--inventory", inventory, "--format", "json");
  const init = await runCommand("init", "--inventory", inventory, "--plan", plan);
  const synth = await runCommand("synth", "--plan", plan, "--out", out, "--format", "json");
  const read = (path: string): string =>
    existsSync(join(folder, path)) ? blank(folder, readFileSync(join(folder, path), "utf8")) : "";
  const list = (path: string): readonly string[] =>
    existsSync(join(folder, path)) ? readdirSync(join(folder, path), { recursive: true, encoding: "utf8" }).sort() : [];
  // The pages and the plan are read before next changes them.
  const before = new Map([...list("dist"), ...list("plans")].map((path) => [path, ""]));
  for (const base of ["dist", "plans"])
    for (const path of list(base))
      if (/\.(?:md|yaml)$/u.test(path)) before.set(join(base, path), read(join(base, path)));
  const files = list("dist");
  const next = await runCommand("next", "--plan", plan, "--out", out);
  return {
    folder,
    inventory,
    ...clean(folder, { detect, init, synth, next }),
    read: (path) => before.get(path) ?? "",
    list: (path) => files.filter((file) => join("dist", file).startsWith(`${path}/`)),
  };
}

type Results = Pick<ScenarioRun, "detect" | "init" | "synth" | "next">;

function clean(folder: string, results: Results): Results {
  const of = ({ exitCode, out, error }: CommandResult): CommandResult => ({
    exitCode,
    out: blank(folder, out),
    error: blank(folder, error),
  });
  return { detect: of(results.detect), init: of(results.init), synth: of(results.synth), next: of(results.next) };
}

/** Digests move with every line of a script: what they guard has tests of its own. */
function blank(folder: string, text: string): string {
  return text
    .replaceAll(`${folder}/`, "")
    .replaceAll(/sha256:[0-9a-f]{64}/gu, "sha256:…")
    .replaceAll(/metachron-scripts-[0-9a-f]{12}/gu, "metachron-scripts-…");
}

/** One file with every object, and an empty list for each kind that a plan asks for and the cluster has none of. */
function writeInventory(folder: string, objects: readonly JsonObject[]): void {
  mkdirSync(folder, { recursive: true });
  const list = (items: readonly JsonObject[]): string => JSON.stringify({ apiVersion: "v1", kind: "List", items });
  writeFileSync(join(folder, "objects.json"), list(objects));
  const has = ({ kind, group }: KnownKind): boolean =>
    objects.some((one) => one["kind"] === kind && groupOf(one) === group);
  const isOf = ({ onlyWith }: KnownKind): boolean =>
    onlyWith === undefined || objects.some((one) => groupOf(one).includes(onlyWith) || nameOf(one).includes(onlyWith));
  for (const known of knownKinds.filter((one) => one.consequence !== undefined && isOf(one) && !has(one)))
    writeFileSync(
      join(
        folder,
        [known.plural, known.group]
          .filter((part) => part !== "")
          .join(".")
          .concat(".json"),
      ),
      list([]),
    );
}

function groupOf(object: JsonObject): string {
  const [group = "", version] = String(object["apiVersion"]).split("/");
  return version === undefined ? "" : group;
}

const nameOf = (object: JsonObject): string => String((object["metadata"] as JsonObject | undefined)?.["name"] ?? "");
