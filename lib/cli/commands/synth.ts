import type { FileTree } from "../../core/file-tree.ts";
import { type Checked, compareFindings, countFindings, type Finding } from "../../core/finding.ts";
import { checkTree, writeTree } from "../../io/write-tree.ts";
import { planMigration } from "../../migration/plan-migration.ts";
import { renderMigration } from "../../migration/render-migration.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { type ExitCode, exitCodeOf } from "../exit-code.ts";
import { loadProject } from "../load-project.ts";
import { createPaint, type Paint } from "../paint.ts";
import { endWithoutResult, printFindingsAs, printFindingsBeside, printJson } from "../print-report.ts";
import { readRenderedStages } from "../read-rendered-stages.ts";
import type { Streams } from "../streams.ts";
import { textTable } from "../text-table.ts";
import { wrapLines } from "../wrap-text.ts";

/** Options of `synth`. */
export interface SynthOptions {
  readonly plan?: string;
  readonly out: string;
  readonly check: boolean;
  readonly overwriteEdited: boolean;
  readonly format: "text" | "json" | "sarif" | "github";
}

/** What was planned and rendered from one plan file. */
export interface Synthesis {
  readonly migration: PlannedMigration;
  /** Paths relative to the output folder. Empty when a finding blocks so early that there is nothing to show. */
  readonly tree: FileTree;
  readonly findings: readonly Finding[];
}

/** Reads, plans and renders; writes nothing. Waves that stages in `out` already have are kept. */
export async function synthesise(
  planFile: string | undefined,
  out: string,
  streams: Streams,
): Promise<Checked<Synthesis>> {
  const project = await loadProject(planFile, streams);
  if (project.value === undefined) return { value: undefined, findings: project.findings };
  const { plan, inventory } = project.value;
  const migration = planMigration({
    plan,
    inventory,
    findings: project.findings,
    rendered: await readRenderedStages(out, plan),
  });
  const rendered = renderMigration(migration);
  const findings = [...migration.findings, ...rendered.findings].toSorted(compareFindings);
  return { value: { migration, tree: rendered.value ?? new Map(), findings }, findings };
}

/** `metachron synth`: writes the stages, or says whether they are up to date. */
export async function synth(_operands: readonly string[], options: SynthOptions, streams: Streams): Promise<ExitCode> {
  const synthesis = await synthesise(options.plan, options.out, streams);
  if (synthesis.value === undefined) return endWithoutResult(synthesis.findings, 2, options, streams);
  const { migration, tree, findings } = synthesis.value;
  const settled = await settle(migration.plan.name, tree, options);
  const all = [...findings, ...settled.findings].toSorted(compareFindings);
  print(migration, tree, all, settled, options, streams);
  return exitCodeOf(all);
}

/** What became of the files. */
interface Settled {
  readonly findings: readonly Finding[];
  readonly written: number;
  readonly removed: number;
  readonly unchanged: number;
}

async function settle(name: string, tree: FileTree, options: SynthOptions): Promise<Settled> {
  if (tree.size === 0) return { findings: [], written: 0, removed: 0, unchanged: 0 };
  if (options.check) {
    return { findings: await checkTree(options.out, name, tree), written: 0, removed: 0, unchanged: tree.size };
  }
  return writeTree(options.out, name, tree, { overwriteEdited: options.overwriteEdited });
}

function print(
  migration: PlannedMigration,
  tree: FileTree,
  findings: readonly Finding[],
  settled: Settled,
  options: SynthOptions,
  streams: Streams,
): void {
  if (options.format === "json") {
    const root = `${migration.plan.name}/stages/`;
    const stages = migration.stages.map((stage) => ({
      id: stage.id,
      state: stage.state,
      nodes: [...stage.nodes],
      files: [...tree.keys()].filter((path) => path.startsWith(`${root}${stage.id}/`)),
    }));
    printJson("SynthReport", { plan: migration.plan.name, stages, findings }, streams);
    return;
  }
  if (options.format !== "text") {
    printFindingsAs(options.format, findings, streams);
    return;
  }
  const paint = createPaint(streams.useColor);
  if (migration.stages.length > 0)
    streams.out(
      `${stageTable(migration, paint, streams.isOutTerminal ? streams.columns : Number.POSITIVE_INFINITY)}\n\n`,
    );
  const notes = findings.filter((finding) => finding.severity === "info").length;
  printFindingsBeside(
    findings.filter((finding) => finding.severity !== "info"),
    streams,
    3,
  );
  if (notes > 0) streams.error(createPaint(streams.useErrorColor)("dim", `${notes} notes are in PLAN.md\n\n`));
  streams.out(wrapLines(closing(migration, settled, options, paint), streams));
}

function stageTable(migration: PlannedMigration, paint: Paint, columns: number): string {
  const rows = migration.stages.map((stage) => [
    paint("bold", stage.id),
    stage.state === "held" ? paint("dim", stage.state) : stage.state,
    stage.nodes.length === 0 ? "" : stage.nodes.length <= 3 ? stage.nodes.join(", ") : `${stage.nodes.length} nodes`,
    stage.title,
  ]);
  return textTable(rows, columns);
}

function closing(migration: PlannedMigration, settled: Settled, options: SynthOptions, paint: Paint): string {
  const { name, file } = migration.plan;
  const folder = `${options.out}/${name}`;
  const isByPeople = migration.stages.length === 0 && (migration.strategyPages ?? []).length > 0;
  if (migration.stages.length === 0 && !isByPeople)
    return "No stage can be made yet: nothing was written. Follow the remedies above.\n";
  if (options.check)
    return settled.findings.length === 0
      ? `${folder} is up to date\n`
      : `${folder} is not up to date: run metachron synth\n`;
  const next = migration.stages.find((stage) => stage.state === "held");
  const { error: errors } = countFindings(migration.findings);
  const lines = [
    `${settled.written} files written, ${settled.removed} removed, ${settled.unchanged} unchanged in ${folder}`,
    "",
    paint("bold", "Read on"),
    ...pages(folder, next?.id, isByPeople),
    ...(next === undefined ? [] : ["", whatNext(file, next.id, errors)]),
  ];
  return `${lines.join("\n")}\n`;
}

function pages(folder: string, next: string | undefined, isByPeople: boolean): readonly string[] {
  const rows = [
    ["PLAN.md", "what happens, in order, with numbers"],
    ["policies.md", "what became of each policy, and the proof"],
    ...(next === undefined ? [] : [[`stages/${next}/STAGE.md`, "the next stage"]]),
    ...(isByPeople ? [] : [["report.html", "the same, in a browser"]]),
  ];
  const width = Math.max(...rows.map(([file = ""]) => file.length));
  return rows.map(([file = "", what = ""]) => `  ${folder}/${file.padEnd(width)}  ${what}`);
}

function whatNext(file: string, next: string, errors: number): string {
  if (errors === 0)
    return /\.ya?ml$/u.test(file)
      ? `Open the next stage with: metachron next --plan ${file}`
      : `Open the next stage: set stages["${next}"].state to "open" in ${file}, then run synth again`;
  return `No stage can be opened yet: follow the remedies of ${errors === 1 ? "the error" : `the ${errors} errors`} above, then run synth again.`;
}
