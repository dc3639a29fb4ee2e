import type { PlannedMigration } from "../../stages/planned-migration.ts";
import type { ExitCode } from "../exit-code.ts";
import { createPaint, type Paint } from "../paint.ts";
import { endWithoutResult, printFindingsBeside, printJson } from "../print-report.ts";
import { type Advice, adviceFor } from "../status/advice.ts";
import { failureOf } from "../status/failure.ts";
import { happenedOf } from "../status/happened.ts";
import { type LiveCluster, readLiveCluster } from "../status/live-cluster.ts";
import { type Situation, situationOf } from "../status/situation.ts";
import { type StageStatus, stageStatus } from "../status/stage-status.ts";
import type { Streams } from "../streams.ts";
import { textTable } from "../text-table.ts";
import { wrapText } from "../wrap-text.ts";
import { synthesise } from "./synth.ts";

interface StatusOptions {
  readonly plan?: string;
  readonly context?: string;
  readonly out: string;
  readonly format: "text" | "json";
}

/** What `status` found out. */
interface Standing {
  readonly migration: PlannedMigration;
  readonly cluster: LiveCluster;
  readonly stages: readonly StageStatus[];
  readonly situation: Situation;
  readonly happened: readonly string[];
  readonly next: readonly Advice[];
}

/** `metachron status`: compares the markers in the cluster with the plan; read-only. */
export async function status(
  _operands: readonly string[],
  options: StatusOptions,
  streams: Streams,
): Promise<ExitCode> {
  const synthesis = await synthesise(options.plan, options.out, streams);
  if (synthesis.value === undefined) return endWithoutResult(synthesis.findings, 2, options, streams);
  const read = await readLiveCluster(options.context);
  if (read.value === undefined) return endWithoutResult(read.findings, 2, options, streams);
  const { migration } = synthesis.value;
  const cluster = read.value;
  const stages = migration.stages.map((stage) => stageStatus(stage, cluster.markers.get(stage.id)));
  const situation = situationOf(migration, stages, cluster);
  const standing: Standing = {
    migration,
    cluster,
    stages,
    situation,
    happened: happenedOf(situation, cluster, Date.now()),
    next: adviceFor(situation, migration.plan, options.out),
  };
  if (options.format === "json") {
    printStatus(standing, read.findings, streams);
  } else {
    printFindingsBeside(read.findings, streams);
    streams.out(describe(standing, createPaint(streams.useColor), streams.columns));
  }
  return 0;
}

function printStatus(
  { migration, cluster, stages, situation, happened, next }: Standing,
  findings: Parameters<typeof printFindingsBeside>[0],
  streams: Streams,
): void {
  const exitCode = situation.kind === "failed" ? failureOf(situation).exitCode : undefined;
  printJson(
    "MigrationStatus",
    {
      plan: migration.plan.name,
      situation: situation.kind,
      ...(situation.kind !== "complete" && { stage: situation.stage.id }),
      happened,
      ...(exitCode !== undefined && { exitCode }),
      next,
      stages,
      ...(cluster.nodes !== undefined && { troubledNodes: cluster.nodes }),
      findings,
    },
    streams,
  );
}

function describe({ stages, situation, happened, next }: Standing, paint: Paint, columns: number): string {
  const rows = stages.map((stage) => [
    paint("bold", stage.id),
    stage.attempt === 1 ? stage.planned : `${stage.planned}, attempt ${stage.attempt}`,
    paintLive(stage, paint),
    stage.title,
  ]);
  const list = (lines: readonly string[]): readonly string[] => lines.map((line) => wrapText(line, columns, "  "));
  const steps = next.flatMap((advice, at) => [
    wrapText(
      `${next.length === 1 ? "" : `${at + 1}. `}${advice.do}`,
      columns,
      "  ",
      next.length === 1 ? "  " : "     ",
    ),
    ...(advice.command === undefined ? [] : [paint("cyan", `     ${advice.command}`)]),
  ]);
  return [
    textTable([["stage", "plan", "cluster", ""].map((heading) => paint("dim", heading)), ...rows], columns),
    "",
    paint(["bold", colors[situation.kind]], "What happened"),
    ...list(happened),
    "",
    paint("bold", "What to do"),
    ...steps,
    "",
  ].join("\n");
}

const colors: Readonly<Record<Situation["kind"], "green" | "yellow" | "red">> = {
  complete: "green",
  between: "green",
  "other-body": "red",
  waiting: "yellow",
  starting: "yellow",
  "at-work": "yellow",
  stopped: "red",
  failed: "red",
  finished: "green",
  "no-job": "yellow",
};

/** What the cluster says of a stage, with what is finished of its nodes while it is at work. */
function paintLive(stage: StageStatus, paint: Paint): string {
  if (!stage.isDigestReviewed) return paint("red", `${stage.live}, other body`);
  if (stage.live === "none") return paint("dim", "-");
  const done = stage.nodes.filter(({ state }) => state === "done").length;
  const isEnd = stage.live === "done" || stage.live === "undone";
  const text = isEnd || stage.nodes.length === 0 ? stage.live : `${stage.live}, ${done} of ${stage.nodes.length} nodes`;
  return stage.live === "failed" ? paint("red", text) : text;
}
