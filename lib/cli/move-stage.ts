import type { Checked, Finding } from "../core/finding.ts";
import { hasError } from "../core/finding.ts";
import type { MoveContext, StageChange } from "../delivery/next-stage.ts";
import { readTextFile } from "../io/read-text-file.ts";
import { replaceTextFile } from "../io/replace-text-file.ts";
import { writeTree } from "../io/write-tree.ts";
import type { Plan } from "../plan/plan.ts";
import { setStageState } from "../plan/set-stage-state.ts";
import { stageFindings } from "../stages/drift-findings.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import { type Synthesis, synthesise } from "./commands/synth.ts";
import type { ExitCode } from "./exit-code.ts";
import { resolveCommit } from "./git.ts";
import { findPlanFile } from "./load-project.ts";
import { findingsJson, printFindingsBeside, printJson } from "./print-report.ts";
import type { Streams } from "./streams.ts";

/** What `next` and `rollback` share. */
export interface MoveOptions {
  readonly plan?: string;
  readonly out: string;
  readonly commit?: string;
  readonly format: "text" | "json";
}

/** Chooses the stage that moves, and how. */
export type ChooseMove = (plan: Plan, migration: PlannedMigration, context: MoveContext) => Checked<StageChange>;

/**
 * Flips the state of one stage in the plan file, comments kept, and renders anew, ready to commit.
 *
 * Nothing is written when the files are not up to date before: a pull request that opens a stage must change the plan,
 * one engine object and nothing else.
 */
export async function moveStage(choose: ChooseMove, options: MoveOptions, streams: Streams): Promise<ExitCode> {
  const file = await findPlanFile(options.plan);
  if (file.value === undefined) return refuse(file.findings, streams, 2);
  if (!/\.ya?ml$/u.test(file.value)) {
    streams.error(`${file.value} is a program: set the state of the stage in it, then run metachron synth\n`);
    return 2;
  }
  const before = await synthesise(file.value, options.out, streams);
  if (before.value === undefined) return refuse(before.findings, streams, 2);
  const { migration } = before.value;
  const commit = await resolveCommit(options.commit ?? "HEAD");
  const context: MoveContext = commit.value === undefined ? {} : { commit: commit.value };
  const chosen = choose(migration.plan, migration, context);
  if (chosen.value === undefined) return refuse(chosen.findings, streams, hasError(chosen.findings) ? 1 : 0);
  const change = chosen.value;
  const errors = before.value.findings.filter((finding) => isInTheWay(finding, change));
  if (change.after.state === "open" && errors.length > 0) {
    printFindingsBeside(errors, streams, 5);
    streams.error(
      `${change.stageId} stays held: follow the remedies above, or accept a finding in the plan file with a reason\n`,
    );
    return 1;
  }
  return write(file.value, change, options, streams);
}

/** What an opened stage has drifted by is mended by applying it again, one stage after the other. */
function isInTheWay(finding: Finding, change: StageChange): boolean {
  if (finding.severity !== "error") return false;
  return !(change.before.state === "done" && Object.hasOwn(stageFindings, finding.code));
}

async function write(file: string, change: StageChange, options: MoveOptions, streams: Streams): Promise<ExitCode> {
  const text = await readTextFile(file);
  if (text.value === undefined) return refuse(text.findings, streams, 2);
  const problems = await replaceTextFile(file, setStageState(text.value, change.stageId, change.after));
  if (problems.length > 0) return refuse(problems, streams, 2);
  const after = await synthesise(file, options.out, streams);
  const written =
    after.value === undefined
      ? undefined
      : await writeTree(options.out, after.value.migration.plan.name, after.value.tree);
  if (after.value === undefined || written === undefined || hasError(written.findings)) {
    await replaceTextFile(file, text.value);
    return refuse([...after.findings, ...(written?.findings ?? [])], streams, 1);
  }
  tell(file, change, after.value, written.writtenFiles, options, streams);
  return 0;
}

function tell(
  file: string,
  change: StageChange,
  after: Synthesis,
  files: readonly string[],
  options: MoveOptions,
  streams: Streams,
): void {
  const { stageId, before, after: now } = change;
  if (options.format === "json") {
    const changed = {
      stage: stageId,
      before: { ...before },
      after: { ...now },
      files: [file, ...files.map((path) => `${options.out}/${path}`)],
    };
    printJson("StageMove", { ...changed, findings: findingsJson(after.findings) }, streams);
    return;
  }
  const folder = `${options.out}/${after.migration.plan.name}`;
  streams.out(
    [
      `${stageId}: ${before.state} -> ${now.state}${(now.attempt ?? 1) > 1 ? `, attempt ${now.attempt}` : ""}`,
      "",
      "Changed, ready to commit:",
      `  ${file}`,
      ...files.map((path) => `  ${options.out}/${path}`),
      "",
      `Read ${folder}/stages/${stageId}/STAGE.md, then open a pull request. Its gate: metachron verify --base <main branch>`,
      "",
    ].join("\n"),
  );
}

function refuse(findings: Parameters<typeof printFindingsBeside>[0], streams: Streams, code: ExitCode): ExitCode {
  printFindingsBeside(findings, streams);
  return code;
}
