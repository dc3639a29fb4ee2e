import { countFindings, type Finding } from "../../core/finding.ts";
import { planMigration } from "../../migration/plan-migration.ts";
import { bullets, code, prose } from "../../review/markdown.ts";
import { type ExitCode, exitCodeOf } from "../exit-code.ts";
import { loadPlainProject } from "../load-plain-project.ts";
import { loadProject } from "../load-project.ts";
import { endWithoutResult, printFindingsAs, printJson } from "../print-report.ts";
import { readRenderedStages } from "../read-rendered-stages.ts";
import { renderFindings } from "../render-findings.ts";
import type { Streams } from "../streams.ts";
import { wrapLines } from "../wrap-text.ts";

interface CheckOptions {
  readonly plan?: string;
  readonly inventory?: readonly string[];
  readonly out: string;
  readonly format: "text" | "json" | "sarif" | "github" | "markdown";
}

/** `metachron check`: what would break, before anything is touched. Works on an inventory alone, with the default plan. */
export async function check(_operands: readonly string[], options: CheckOptions, streams: Streams): Promise<ExitCode> {
  const project =
    options.inventory === undefined
      ? await loadProject(options.plan, streams)
      : await loadPlainProject(options.inventory, streams);
  if (project.value === undefined) return endWithoutResult(project.findings, 2, options, streams);
  const migration = planMigration({
    ...project.value,
    findings: project.findings,
    rendered: await readRenderedStages(options.out, project.value.plan),
  });
  const findings = migration.findings;
  if (options.format === "json") {
    printJson(
      "PreflightReport",
      {
        findings,
        summary: countFindings(findings),
        notChecked: migration.notChecked.map(({ why, command }) => ({ why, command })),
      },
      streams,
    );
  } else if (options.format === "markdown") {
    streams.out(markdown(findings));
  } else if (options.format === "text") {
    streams.out(
      renderFindings(findings, { useColor: streams.useColor, columns: streams.columns }) || "Nothing to tell.\n",
    );
    if (migration.notChecked.length > 0) streams.out(wrapLines(notChecked(migration.notChecked), streams));
  } else {
    printFindingsAs(options.format, findings, streams);
  }
  return exitCodeOf(findings);
}

function markdown(findings: readonly Finding[]): string {
  const items = findings.map((finding) => {
    const object = finding.where?.object === undefined ? "" : ` ${code(finding.where.object)}`;
    const remedy = finding.remedy === undefined ? "" : ` *${prose(finding.remedy)}.*`;
    return `**${finding.severity}** ${code(finding.code)}${object}: ${prose(finding.message)}.${remedy}`;
  });
  return items.length === 0 ? "Nothing to tell.\n" : `${bullets(items)}\n`;
}

function notChecked(entries: readonly { readonly why: string; readonly command: string }[]): string {
  return `Not checked, because the inventory cannot tell:\n${entries.map((entry) => `  ${entry.why}\n    ${entry.command}`).join("\n")}\n`;
}
