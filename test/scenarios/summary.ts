import { readInventory } from "../../lib/inventory/read-inventory.ts";
import { readSourceFiles } from "../../lib/io/read-source-files.ts";
import {
  detectSource,
  findNodeLeftovers,
  planSourcePreparation,
  planSourceRemoval,
} from "../../lib/source/detect-source.ts";
import { removalSteps } from "../../lib/source/source.ts";
import type { ScenarioRun } from "./run-scenario.ts";

interface ReportedFinding {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly remedy?: string;
  readonly where?: { readonly object?: string; readonly field?: string; readonly file?: string };
}

interface SynthReport {
  readonly stages: readonly { readonly id: string; readonly nodes: readonly string[] }[];
  readonly findings: readonly ReportedFinding[];
}

/** What a reviewer of a scenario reads first: answers and exit codes, findings, stages with their files, the end of the source. */
export async function summaryOf(name: string, run: ScenarioRun): Promise<string> {
  const report = JSON.parse(run.synth.out) as SynthReport;
  return [
    `detect: exit ${run.detect.exitCode}`,
    `init: exit ${run.init.exitCode}\n${indent(run.init.out)}`,
    `synth: exit ${run.synth.exitCode}`,
    `next: exit ${run.next.exitCode}\n${indent(firstLines(run.next.exitCode === 0 ? run.next.out : run.next.error))}`,
    `findings\n${indent(report.findings.map(findingText).join("\n"))}`,
    `stages\n${indent(stagesText(name, run, report))}`,
    await endOfSource(run),
  ]
    .map((part) => part.trimEnd())
    .join("\n\n")
    .concat("\n");
}

/** The plan as init wrote it, without its comments: the choices alone. */
export function choicesOf(planText: string): string {
  const lines = planText.split("\n").filter((line) => !/^\s*#/u.test(line) && line.trim() !== "");
  return `${lines.join("\n")}\n`;
}

const indent = (text: string): string => text.trimEnd().replaceAll(/^(?=.)/gmu, "  ");

/** Of what `next` says: the move, or what is in its way. */
function firstLines(text: string): string {
  const [first = ""] = text.split("\n\n");
  return first.includes(" -> ") ? first : (text.trimEnd().split("\n").at(-1) ?? "");
}

function findingText({ code, severity, message, remedy, where }: ReportedFinding): string {
  const place = where?.object ?? where?.field ?? (where?.file === undefined ? "" : where.file);
  const head = [severity, code, place].filter((part) => part !== "").join(" ");
  return [`${head}: ${message}`, ...(remedy === undefined ? [] : [`  do: ${remedy}`])].join("\n");
}

/** Each stage with its nodes and files; what only gives rights is counted. */
function stagesText(name: string, run: ScenarioRun, { stages }: SynthReport): string {
  const lines = stages.map(({ id, nodes }) => {
    const files = run
      .list(join("dist", name, "stages", id))
      .map((path) => withoutDigest(path.split(`${id}/`)[1] ?? path));
    const shown = files.filter((file) => file.includes(".") && !/(?:^|\/)05-|(?:^|\/)kustomization\.yaml$/u.test(file));
    const rights = files.filter((file) => /(?:^|\/)05-/u.test(file)).length;
    return [
      [id, ...nodes].join(" "),
      ...shown.map((file) => `  ${file}`),
      ...(rights === 0 ? [] : [`  ${rights} files of rights`]),
    ].join("\n");
  });
  return lines.length === 0 ? "none" : lines.join("\n");
}

const join = (...parts: readonly string[]): string => parts.join("/");

async function endOfSource(run: ScenarioRun): Promise<string> {
  const files = await readSourceFiles([run.inventory]);
  const { value: inventory } = await readInventory(files.value ?? []);
  if (inventory === undefined) return "";
  const detection = detectSource(inventory, "auto");
  const removal = planSourceRemoval(inventory, detection);
  const settings = planSourcePreparation(inventory, detection);
  const leftovers = Object.entries(findNodeLeftovers(inventory, detection)).filter(([, values]) => values.length > 0);
  return [
    `settings that a person changes\n${indent(settings.map((one) => `before ${one.before}, ${one.necessity}: ${one.title}`).join("\n"))}`,
    `what is removed, in this order\n${indent(
      removalSteps
        .flatMap((step) => removal.filter((one) => one.step === step))
        .map(
          (one) => `${one.step} ${[one.kind, one.namespace, one.name].filter((part) => part !== undefined).join("/")}`,
        )
        .join("\n"),
    )}`,
    `what is cleaned from each node\n${indent(leftovers.map(([what, values]) => `${what}: ${values.join(" ")}`).join("\n"))}`,
  ].join("\n\n");
}

/** The scripts' ConfigMap is named after its content, which is read in tests of its own. */
function withoutDigest(path: string): string {
  return path.replace(/(metachron-scripts)-[0-9a-f]{12}/u, "$1-…");
}
