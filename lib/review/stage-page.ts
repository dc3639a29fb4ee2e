import { printIdentity } from "../core/identity.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { SealedStage } from "../stages/seal-stages.ts";
import type { Wave, WaveNode } from "../waves/waves.ts";
import { bullets, code, count, duration, escapeMarkdown, joinBlocks, prose, shell, table } from "./markdown.ts";
import { waveExposureText } from "./mixed-section.ts";

/** What the engines say of a stage, as data: the delivery room knows the commands, this page prints them. */
export interface StageCommands {
  /** What the engine does when the pull request is merged, one sentence per engine. */
  readonly onMerge: readonly string[];
  readonly apply: readonly string[];
  readonly watch: readonly string[];
  readonly stop: readonly string[];
}

/** STAGE.md: one stage for a reviewer who never saw the tool, in the order in which the questions come. */
export function renderStagePage(migration: PlannedMigration, stage: SealedStage, commands: StageCommands): string {
  const wave = migration.waves.waves.find((candidate) => candidate.id === stage.id);
  return joinBlocks([
    `# ${stage.id}: ${escapeMarkdown(stage.title)}`,
    oneLine(migration, stage),
    prose(stage.purpose),
    stage.caveats.length === 0 ? undefined : `## To know\n\n${bullets(stage.caveats.map(prose))}`,
    findings(stage),
    wave === undefined ? undefined : nodeTable(wave),
    wave === undefined ? undefined : blastRadius(wave),
    wave === undefined ? undefined : waveExposureText(migration.mixed, wave.id),
    gate(stage),
    contents(stage),
    rights(stage),
    merge(commands),
    wayBack(migration, stage),
  ]);
}

function oneLine(migration: PlannedMigration, stage: SealedStage): string {
  const rows = [
    ["State", stage.attempt > 1 ? `${stage.state}, attempt ${stage.attempt}` : stage.state],
    [
      "Nodes",
      stage.nodes.length === 0 ? "none is changed" : `${stage.nodes.length}: ${stage.nodes.map(code).join(", ")}`,
    ],
    ["Takes", stage.estimateSeconds === 0 ? "seconds" : `about ${duration(stage.estimateSeconds)}`],
    ["Starts after", stage.previous === undefined ? "nothing: it is the first" : code(stage.previous.id)],
    ["Body digest", code(stage.digest)],
    ["Back", code(`metachron rollback ${stage.id} --plan ${migration.plan.file}`)],
  ];
  return table(["", ""], rows);
}

function findings(stage: SealedStage): string | undefined {
  if (stage.findings.length === 0) return undefined;
  const items = stage.findings.map((finding) => {
    const remedy = finding.remedy === undefined ? "" : ` *${prose(finding.remedy)}.*`;
    return `**${finding.severity}** ${code(finding.code)} ${prose(finding.message)}.${remedy}`;
  });
  return `## Told about this stage\n\n${bullets(items)}`;
}

function nodeTable(wave: Wave): string {
  const rows = wave.nodes.map((node) => [
    code(node.name),
    node.isControlPlane ? "control plane" : escapeMarkdown(node.pool),
    node.zone === undefined ? "" : escapeMarkdown(node.zone),
    String(node.podsToMove),
    String(node.daemonSetPods),
    node.wasUnschedulable ? "stays cordoned" : "",
    attention(node),
  ]);
  return `## Nodes\n\n${table(["node", "pool", "zone", "pods to move", "DaemonSet pods", "cordon", "needs an eye"], rows)}`;
}

function attention(node: WaveNode): string {
  const parts = [
    ...node.barePods.map((pod) => `bare pod ${code(pod)}`),
    ...node.localStoragePods.map((pod) => `local storage ${code(pod)}`),
    ...(node.hostPorts.length === 0 ? [] : [`host ports ${node.hostPorts.join(", ")}`]),
  ];
  return parts.join("; ");
}

function blastRadius(wave: Wave): string {
  const rows = [...wave.workloads]
    .sort((a, b) => b.replicasInWave / b.replicas - a.replicasInWave / a.replicas)
    .map((entry) => [
      code(entry.workload),
      `${entry.replicasInWave} of ${entry.replicas}`,
      entry.budgets.map(code).join(", ") || "no budget",
    ]);
  const all =
    rows.length === 0
      ? "No workload has a pod here."
      : table(["workload", "pods in this wave", "PodDisruptionBudget"], rows.slice(0, 60));
  const more = rows.length > 60 ? `\n\n… and ${rows.length - 60} more.` : "";
  return `## What it touches\n\n${count(wave.nodes.length, "node")}, ${count(wave.workloads.length, "workload")}.\n\n${all}${more}`;
}

function gate(stage: SealedStage): string {
  return [
    "## Gates",
    "Before anything is changed:",
    bullets(stage.gate.before.map(prose)) || "- nothing: this stage changes no node",
    "Before it counts as done:",
    bullets(stage.gate.after.map(prose)),
  ].join("\n\n");
}

function contents(stage: SealedStage): string {
  const rows = stage.objects.map((entry) => [`[${entry.file}](${entry.file})`, code(identityOf(entry.object))]);
  const files = stage.files.map((file) => [`[${file.file}](${file.file})`, "a file for people and for Helm"]);
  if (rows.length + files.length === 0) return "";
  return `## What is in it\n\n${table(["file", "object"], [...rows, ...files])}`;
}

function identityOf(object: JsonObject): string {
  const metadata = object["metadata"] as { readonly name: string; readonly namespace?: string };
  return printIdentity({ kind: String(object["kind"]), ...metadata });
}

function rights(stage: SealedStage): string | undefined {
  const rows = stage.objects
    .filter((entry) => entry.object["kind"] === "Role" || entry.object["kind"] === "ClusterRole")
    .flatMap((entry) => ruleRows(entry.object));
  if (rows.length === 0) return undefined;
  return `## What its Job may do\n\n${table(["where", "resources", "names", "verbs"], rows)}`;
}

function ruleRows(role: JsonObject): string[][] {
  const metadata = role["metadata"] as { readonly namespace?: string };
  const rules = Array.isArray(role["rules"]) ? role["rules"] : [];
  return rules
    .filter(isJsonObject)
    .map((rule) => [
      metadata.namespace === undefined ? "cluster" : code(metadata.namespace),
      texts(rule["resources"]).map(code).join(", "),
      texts(rule["resourceNames"]).map(code).join(", "),
      texts(rule["verbs"]).join(", "),
    ]);
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

function merge(commands: StageCommands): string {
  return [
    "## When it is merged",
    bullets(commands.onMerge),
    commands.apply.length === 0 ? "" : `Without an engine:\n\n${shell(commands.apply)}`,
    commands.watch.length === 0 ? "" : `Watch:\n\n${shell(commands.watch)}`,
    commands.stop.length === 0 ? "" : `Stop (nodes stay as they are):\n\n${shell(commands.stop)}`,
  ]
    .filter((block) => block !== "")
    .join("\n\n");
}

function wayBack(migration: PlannedMigration, stage: SealedStage): string {
  const words = stage.wayBack === undefined ? [] : [prose(stage.wayBack)];
  if (stage.undo.length === 0) {
    const nothing = `${code(`metachron rollback ${stage.id}`)} stops the engine from managing this stage and changes no object.`;
    return ["## The way back", ...words, nothing].join("\n\n");
  }
  const kinds = sortedUnique(stage.undo.map((entry) => String(entry.object["kind"])));
  return [
    "## The way back",
    ...words,
    `${code("undo/")} is a forward move with objects of its own (${kinds.join(", ")}); nothing is deleted by an engine.`,
    shell([`metachron rollback ${stage.id} --plan ${migration.plan.file}`]),
  ].join("\n\n");
}
