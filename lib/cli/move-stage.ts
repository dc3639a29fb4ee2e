import { dirname, isAbsolute, join } from "node:path";
import type { Checked, Finding } from "../core/finding.ts";
import { hasError } from "../core/finding.ts";
import type { MoveContext, StageChange } from "../delivery/next-stage.ts";
import { readTextFile } from "../io/read-text-file.ts";
import { replaceTextFile } from "../io/replace-text-file.ts";
import { checkTree, writeTree } from "../io/write-tree.ts";
import type { Plan, StageState } from "../plan/plan.ts";
import { setStageState } from "../plan/set-stage-state.ts";
import { stageFindings } from "../stages/drift-findings.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import { type Synthesis, synthesise } from "./commands/synth.ts";
import { type ExitCode, exitCodeOf } from "./exit-code.ts";
import { resolveCommit } from "./git.ts";
import { findPlanFile } from "./load-project.ts";
import { endWithoutResult, printFindingsBeside, printJson, wrongUse } from "./print-report.ts";
import type { Streams } from "./streams.ts";
import { wrapLines } from "./wrap-text.ts";

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
  if (file.value === undefined) return endWithoutResult(file.findings, 2, options, streams);
  if (!/\.ya?ml$/u.test(file.value)) {
    const program = wrongUse(
      `${file.value} is a program`,
      'set the state of the stage in it by hand (stages: { "000-prepare": { state: "open" } }) and run metachron synth; or keep the plan in a YAML file that the program hands to loadApp, which metachron next and verify can read',
    );
    return endWithoutResult([program], 2, options, streams);
  }
  const before = await synthesise(file.value, options.out, streams);
  if (before.value === undefined) return endWithoutResult(before.findings, 2, options, streams);
  const { migration, tree } = before.value;
  const drift = (await checkTree(options.out, migration.plan.name, tree)).filter(
    ({ severity }) => severity === "error",
  );
  if (drift.length > 0) return endWithoutResult([...drift, notUpToDate(migration.plan)], 1, options, streams);
  const commit = await resolveCommit(options.commit ?? "HEAD");
  const context: MoveContext = commit.value === undefined ? {} : { commit: commit.value };
  const chosen = choose(migration.plan, migration, context);
  if (chosen.value === undefined)
    return endWithoutResult(chosen.findings, exitCodeOf(chosen.findings), options, streams);
  const change = chosen.value;
  const errors = before.value.findings.filter((finding) => isInTheWay(finding, change));
  if (change.after.state === "open" && errors.length > 0)
    return endWithoutResult([...errors, staysWhereItIs(change)], 1, options, streams);
  return write(file.value, change, options, streams);
}

/** What an opened stage has drifted by is mended by applying it again, one stage after the other. */
function isInTheWay(finding: Finding, change: StageChange): boolean {
  if (finding.severity !== "error") return false;
  return !(change.before.state === "done" && Object.hasOwn(stageFindings, finding.code));
}

/** Also what a run that was killed between the plan and its files leaves: one more move would skip a stage. */
function notUpToDate(plan: Plan): Finding {
  return {
    code: "cli/not-up-to-date",
    severity: "error",
    message: `no stage of ${plan.name} is moved while its files are not what the plan renders to`,
    reason: "a pull request that moves a stage changes one word of the plan, the engines' objects and nothing else",
    remedy: `run metachron synth --plan ${plan.file}, look at what it changes and commit it`,
  };
}

function staysWhereItIs({ stageId, before }: StageChange): Finding {
  return {
    code: "cli/stage-not-moved",
    severity: "error",
    message: `${stageId} stays ${before.state}, because findings block`,
    remedy: "follow their remedies, or accept a finding in the plan file with a reason",
  };
}

async function write(file: string, change: StageChange, options: MoveOptions, streams: Streams): Promise<ExitCode> {
  const text = await readTextFile(file);
  if (text.value === undefined) return endWithoutResult(text.findings, 2, options, streams);
  const problems = await replaceTextFile(file, setStageState(text.value, change.stageId, change.after));
  if (problems.length > 0) return endWithoutResult(problems, 2, options, streams);
  const after = await synthesise(file, options.out, streams);
  const written =
    after.value === undefined
      ? undefined
      : await writeTree(options.out, after.value.migration.plan.name, after.value.tree);
  if (after.value === undefined || written === undefined || hasError(written.findings)) {
    await replaceTextFile(file, text.value);
    const all = [...after.findings, ...(written?.findings ?? [])];
    return endWithoutResult(
      all.filter(({ severity }) => severity === "error"),
      1,
      options,
      streams,
    );
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
      before,
      after: now,
      files: [file, ...files.map((path) => `${options.out}/${path}`)],
    };
    printJson("StageMove", { ...changed, findings: after.findings }, streams);
    return;
  }
  const folder = `${options.out}/${after.migration.plan.name}`;
  // An engine that is told a wrong repository applies nothing, and nothing would say so before the merge.
  if (now.state === "open")
    printFindingsBeside(
      after.findings.filter(({ severity, where }) => severity === "warning" && isOfDelivery(where?.field)),
      streams,
    );
  const text = [
    `${stageId}: ${before.state} -> ${now.state}${(now.attempt ?? 1) > 1 ? `, attempt ${now.attempt}` : ""}`,
    "",
    "Changed, ready to commit:",
    `  ${file}`,
    ...files.map((path) => `  ${options.out}/${path}`),
    "",
    ...whatNow(now.state, `${folder}/stages/${stageId}/STAGE.md`, after.migration.plan),
    "",
  ].join("\n");
  streams.out(wrapLines(text, streams));
}

function isOfDelivery(field: string | undefined): boolean {
  return field?.startsWith("spec.delivery") === true;
}

/** What a person does with the change, and what its gate will ask for. */
function whatNow(state: StageState, page: string, plan: Plan): readonly string[] {
  const gate = "Its gate: metachron verify --base <main branch>";
  if (state === "open" || state === "rollback")
    return [
      `Read ${page}, then open a pull request. ${gate}`,
      ...(plan.spec.delivery.engines.includes("kubectl")
        ? ["When it is merged, a person applies it as that page says."]
        : []),
    ];
  const inventory = join(dirname(plan.file), plan.spec.inventory);
  return [
    `The gate asks the inventory for the stage's marker, which must say ${state === "done" ? "done" : "undone"}. Once its Job has ended take it anew:`,
    `  metachron snapshot --out ${isAbsolute(plan.spec.inventory) ? plan.spec.inventory : inventory}`,
    `then metachron synth, and open a pull request with all of it. ${gate}`,
  ];
}
