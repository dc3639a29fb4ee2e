import type { Finding } from "../../core/finding.ts";
import { getArray, getString, isJsonObject, type JsonObject } from "../../core/json.ts";
import { ownNamespace } from "../../core/own-namespace.ts";
import { runProgram } from "../../io/run-program.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import type { SealedStage } from "../../stages/seal-stages.ts";
import type { ExitCode } from "../exit-code.ts";
import { createPaint, type Paint } from "../paint.ts";
import { printFindingsBeside, printJson } from "../print-report.ts";
import type { Streams } from "../streams.ts";
import { textTable } from "../text-table.ts";
import { synthesise } from "./synth.ts";

interface StatusOptions {
  readonly plan?: string;
  readonly context?: string;
  readonly format: "text" | "json";
}

/** One stage as git and the cluster tell it. */
interface StageStatus {
  readonly id: string;
  /** State in the plan. */
  readonly planned: string;
  /** State of the marker; `none` where the stage's Job has not started. */
  readonly live: string;
  readonly isDigestReviewed: boolean;
  readonly message: string;
  readonly nodes: readonly { readonly name: string; readonly step: string }[];
}

/** `metachron status`: compares the markers in the cluster with the plan; read-only. */
export async function status(
  _operands: readonly string[],
  options: StatusOptions,
  streams: Streams,
): Promise<ExitCode> {
  const synthesis = await synthesise(options.plan, "dist", streams);
  if (synthesis.value === undefined) return unreadable(synthesis.findings, streams);
  const context = options.context === undefined ? [] : ["--context", options.context];
  const read = await runProgram("kubectl", [...context, "-n", ownNamespace, "get", "configmaps", "-o", "json"]);
  if (read.value === undefined) return unreadable(read.findings, streams);
  if (read.value.exitCode !== 0) return unreadable([notReached(read.value.stderr)], streams);
  const { migration } = synthesis.value;
  const markers = markersByStage(JSON.parse(read.value.stdout) as JsonObject);
  const stages = migration.stages.map((stage) => statusOf(stage, markers.get(stage.id)));
  if (options.format === "json") {
    printJson(
      "MigrationStatus",
      JSON.parse(JSON.stringify({ plan: migration.plan.name, stages, next: nextStep(migration, stages) })),
      streams,
    );
  } else {
    streams.out(describe(migration, stages, createPaint(streams.useColor)));
  }
  return 0;
}

function unreadable(findings: readonly Finding[], streams: Streams): ExitCode {
  printFindingsBeside(findings, streams);
  return 2;
}

function notReached(stderr: string): Finding {
  return {
    code: "cli/no-cluster",
    severity: "error",
    message: `the markers cannot be read: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    remedy:
      "check kubectl config current-context, or name another with --context; only ConfigMaps of namespace metachron are read",
  };
}

function markersByStage(list: JsonObject): ReadonlyMap<string, JsonObject> {
  const found = getArray(list, "items").filter(isJsonObject);
  return new Map(
    found.flatMap((item): [string, JsonObject][] => {
      const name = getString(item, "metadata", "name") ?? "";
      const data = item["data"];
      return name.startsWith("wave-") && isJsonObject(data) ? [[name.slice("wave-".length), data]] : [];
    }),
  );
}

function statusOf(stage: SealedStage, marker: JsonObject | undefined): StageStatus {
  const nodes = Object.entries(marker ?? {}).flatMap(([key, value]) =>
    key.startsWith("node.") && typeof value === "string"
      ? [{ name: key.slice("node.".length), step: stepOf(value) }]
      : [],
  );
  return {
    id: stage.id,
    planned: stage.state,
    live: getString(marker, "state") ?? "none",
    isDigestReviewed: marker === undefined || getString(marker, "digest") === stage.digest,
    message: getString(marker, "message") ?? "",
    nodes,
  };
}

function stepOf(record: string): string {
  try {
    const parsed: unknown = JSON.parse(record);
    return isJsonObject(parsed) ? (getString(parsed, "step") ?? String(parsed["step"] ?? "")) : record;
  } catch {
    return record;
  }
}

/** What to do next, in one sentence. */
function nextStep(migration: PlannedMigration, stages: readonly StageStatus[]): string {
  const strange = stages.find((stage) => !stage.isDigestReviewed && stage.planned !== "held");
  if (strange !== undefined)
    return `${strange.id} ran with another body than the one in git: find out who changed it before anything else`;
  const active = stages.find((stage) => stage.planned === "open" || stage.planned === "rollback");
  const command = `metachron next --plan ${migration.plan.file}`;
  if (active === undefined) {
    const next = stages.find((stage) => stage.planned === "held");
    return next === undefined ? "the migration is complete" : `open ${next.id}: ${command}`;
  }
  if (active.live === "done" || active.live === "undone") return `close ${active.id}: ${command}`;
  if (active.live === "failed")
    return `${active.id} failed: read its log (kubectl -n ${ownNamespace} get jobs), then try again or metachron rollback ${active.id}`;
  return `${active.id} is at work: wait for its marker to say done`;
}

function describe(migration: PlannedMigration, stages: readonly StageStatus[], paint: Paint): string {
  const rows = stages.map((stage) => [
    paint("bold", stage.id),
    stage.planned,
    stage.live === "none" ? paint("dim", "-") : stage.live,
    stage.isDigestReviewed ? "" : paint("red", "other digest"),
    stage.message,
  ]);
  const nodes = stages
    .filter((stage) => stage.live === "running" || stage.live === "failed")
    .flatMap((stage) => stage.nodes.map((node) => [stage.id, node.name, node.step]));
  return [
    textTable([["stage", "plan", "cluster", "", ""].map((heading) => paint("dim", heading)), ...rows]),
    ...(nodes.length === 0 ? [] : ["", textTable(nodes)]),
    "",
    `${paint("bold", "Next")}  ${nextStep(migration, stages)}`,
    "",
  ].join("\n");
}
