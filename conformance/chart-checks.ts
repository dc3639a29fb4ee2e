import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { getString, isJsonObject, type JsonObject, type JsonValue } from "../lib/core/json.ts";
import { detectSource } from "../lib/source/detect-source.ts";
import { planTarget } from "../lib/target/plan-target.ts";
import type { ValuesPhase } from "../lib/target/target.ts";
import { waitingValues } from "../lib/target/waiting-values.ts";
import { plan } from "../test/target/cluster.ts";
import { clusterFolders, readCluster } from "../test/target/read-cluster.ts";
import { absent, configFacts, objectFacts, present, type Rendered } from "./chart-table.ts";
import type { ManifestJudge } from "./manifest-judge.ts";
import { ciliumVersions, type ModuleFolders } from "./modules.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";
import { filesBelow, textOf } from "./trees.ts";
import { objectsIn } from "./yaml-documents.ts";

/** Values for one render of one release's chart. */
interface Case {
  readonly name: string;
  readonly version: string;
  readonly phase: ValuesPhase;
  readonly text: string;
}

/** The real chart of each release, rendered with every values file that we write. */
export async function judgeCharts(judge: ManifestJudge, modules: ModuleFolders, tree: string): Promise<Outcome> {
  const ledger = openLedger();
  const cases = [...writtenCases(tree), ...(await plannedCases(ledger))];
  const distinct = [...new Map(cases.map((one) => [`${one.version} ${one.text}`, one])).values()];
  const charts = new Map(ciliumVersions.map((version) => [version as string, openChart(modules, version)]));
  let objects = 0;
  for (const one of distinct) {
    const chart = charts.get(one.version);
    if (chart === undefined) continue;
    const values = parse(one.text) as JsonObject;
    const name = `${one.name} (${one.phase}, ${one.version})`;
    for (const path of pathsOf(values))
      ledger.check(chart.knows(path), `${name}: the chart has no value ${path.join(".")}`);
    objects += await judgeRender(judge, chart.folder, one, values, ledger);
  }
  return ledger.outcome([
    `${distinct.length} renders of ${ciliumVersions.join(", ")} by helm 4.2.4, ${objects} objects`,
    `${configFacts.length} facts of cilium-config, ${objectFacts.length} of the agents and the operator`,
  ]);
}

/** The values files of the tree, for every release: people change the version first and the values later. */
function writtenCases(tree: string): Case[] {
  return filesBelow(tree, "values.yaml").flatMap((path) => {
    const text = textOf(path);
    return ciliumVersions.map((version) => ({ name: path, version, phase: phaseOf(text), text }));
  });
}

function phaseOf(text: string): ValuesPhase {
  return text.includes("while both networks run") ? "migration" : "final";
}

/** Values of every example cluster, planned for each release. */
async function plannedCases(ledger: Ledger): Promise<Case[]> {
  const cases: Case[] = [];
  for (const name of Object.keys(clusterFolders)) {
    const inventory = await readCluster(name);
    const source = detectSource(inventory, "auto");
    for (const version of ciliumVersions) {
      const spec = { target: { version } };
      const { value } = planTarget({
        plan: plan(spec),
        inventory,
        source,
        requiredValues: { nodeSelectorLabels: true },
      });
      ledger.check(value !== undefined, `${name}: no values for ${version}`);
      if (value === undefined) continue;
      const inPlace = waitingValues(value.final, name);
      cases.push({ name: `${name} in place`, version, phase: inPlace.phase, text: inPlace.text });
      for (const { phase, text } of [value.migration, value.final]) cases.push({ name, version, phase, text });
    }
  }
  return cases;
}

async function judgeRender(
  judge: ManifestJudge,
  chart: string,
  one: Case,
  values: JsonObject,
  ledger: Ledger,
): Promise<number> {
  const name = `${one.name} (${one.phase}, ${one.version})`;
  const answer = await judge.ask({
    render: { chart, values: one.text, release: "cilium", namespace: "kube-system", kubeVersion: "v1.34.1" },
  });
  ledger.check(answer.error === undefined, `${name}: the chart refuses the values: ${answer.error}`);
  if (answer.error !== undefined) return 0;
  const objects = Object.values(answer.files ?? {}).flatMap(objectsIn);
  const find = (kind: string, called: string): JsonObject | undefined =>
    objects.find((object) => object["kind"] === kind && getString(object, "metadata", "name") === called);
  const config = find("ConfigMap", "cilium-config")?.["data"];
  const [agent, operator] = [find("DaemonSet", "cilium"), find("Deployment", "cilium-operator")];
  const isWhole = isJsonObject(config) && agent !== undefined && operator !== undefined;
  ledger.check(isWhole, `${name}: cilium-config, the DaemonSet or the operator is missing`);
  if (!isWhole) return objects.length;
  checkConfig(name, one.phase, config, values, ledger);
  const rendered: Rendered = { version: one.version, objects, agent, operator };
  for (const fact of objectFacts) {
    if (fact.phase !== undefined && fact.phase !== one.phase) continue;
    const problem = fact.problem(rendered, values);
    ledger.check(problem === undefined, `${name}: ${fact.what}: ${problem}`);
  }
  return objects.length;
}

function checkConfig(name: string, phase: ValuesPhase, config: JsonObject, values: JsonObject, ledger: Ledger): void {
  for (const [key, value] of Object.entries(config))
    ledger.check(typeof value === "string", `${name}: ${key} is no text: ${JSON.stringify(value)}`);
  for (const fact of configFacts) {
    if (fact.phase !== undefined && fact.phase !== phase) continue;
    const wanted = fact.expected(values);
    const found = config[fact.key];
    const isGood =
      wanted === absent ? found === undefined : wanted === present ? found !== undefined : found === wanted;
    ledger.check(isGood, `${name}: ${fact.key} is ${JSON.stringify(found)}, not ${String(wanted)}: ${fact.why}`);
  }
}

interface Chart {
  readonly folder: string;
  /** Whether the chart reads a value at this path. */
  readonly knows: (path: readonly string[]) => boolean;
}

function openChart(modules: ModuleFolders, version: string): Chart {
  const folder = join(modules.get(`cilium ${version}`) ?? "", "install/kubernetes/cilium");
  const defaults = parse(readFileSync(join(folder, "values.yaml"), "utf8")) as JsonObject;
  const templates = templateText(join(folder, "templates"));
  const isKnown = (path: readonly string[]): boolean => isDefault(defaults, path) || isRead(templates, path);
  return { folder, knows: (path) => isKnown(path) || isWrittenWhole(templates, path.slice(0, -1)) };
}

/** A path of values.yaml, or below a map that is empty there: such maps are free. */
function isDefault(defaults: JsonObject, path: readonly string[]): boolean {
  let at: JsonValue | undefined = defaults;
  for (const key of path) {
    if (!isJsonObject(at)) return false;
    if (at !== defaults && Object.keys(at).length === 0) return true;
    at = at[key];
    if (at === undefined) return false;
  }
  return true;
}

/** A value that values.yaml has only as a comment: the templates must read it by its whole path. */
function isRead(templates: string, path: readonly string[]): boolean {
  const escaped = path.join(".").replace(/[.\\+*?[^\]$(){}=!<>|:-]/gu, "\\$&");
  const parent = path.slice(0, -1).join(".");
  return (
    new RegExp(`\\.Values\\.${escaped}(?![A-Za-z0-9])`, "u").test(templates) ||
    new RegExp(`hasKey +\\.Values${parent === "" ? "" : `\\.${parent}`} +"${path.at(-1)}"`, "u").test(templates)
  );
}

/** A map that a template writes as it is, whatever its keys. */
function isWrittenWhole(templates: string, path: readonly string[]): boolean {
  const whole = `\\{\\{- with \\.Values\\.${path.join("\\.")} \\}\\}\\s+\\w+:\\s+\\{\\{- toYaml \\. `;
  return path.length > 0 && new RegExp(whole, "u").test(templates);
}

function templateText(folder: string): string {
  if (!existsSync(folder)) return "";
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:yaml|tpl|txt)$/u.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}

/** Paths of the values that are no maps, and of empty maps. */
function pathsOf(values: JsonObject, above: readonly string[] = []): string[][] {
  return Object.entries(values).flatMap(([key, value]) =>
    isJsonObject(value) && Object.keys(value).length > 0 ? pathsOf(value, [...above, key]) : [[...above, key]],
  );
}
