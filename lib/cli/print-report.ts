import { compareFindings, type Finding } from "../core/finding.ts";
import type { ExitCode } from "./exit-code.ts";
import { renderFindings, renderGitHubAnnotations } from "./render-findings.ts";
import { renderSarif } from "./render-sarif.ts";
import type { reportVersion } from "./reports/report-schema.ts";
import type { Report, ReportKind } from "./reports/reports.ts";
import type { Streams } from "./streams.ts";
import { programVersion } from "./version.ts";

const version: typeof reportVersion = "metachron.dev/v1alpha1";

/** How a command's result is printed; not every command has every format. */
export type Format = "text" | "json" | "sarif" | "github" | "markdown";

/** Prints a JSON document with its version and kind first. */
export function printJson<Kind extends ReportKind>(kind: Kind, content: Report<Kind>, streams: Streams): void {
  streams.out(`${JSON.stringify({ apiVersion: version, kind, ...content }, null, 2)}\n`);
}

/**
 * Ends a command that has no result: its input cannot be read, its use is wrong, or there is nothing to do. The findings are
 * what there is to say: a report of their own on standard output where a machine reads, text on standard error for people.
 */
export function endWithoutResult(
  findings: readonly Finding[],
  code: ExitCode,
  { format }: { readonly format?: Format },
  streams: Streams,
): ExitCode {
  const sorted = findings.toSorted(compareFindings);
  if (format === "json") printJson("NoResult", { findings: sorted }, streams);
  else if (format === "sarif" || format === "github") printFindingsAs(format, sorted, streams);
  else printFindingsBeside(sorted, streams, 5);
  return code;
}

/** A command line that asks for what cannot be. */
export function wrongUse(message: string, remedy?: string): Finding {
  return { code: "cli/wrong-use", severity: "error", message, ...(remedy !== undefined && { remedy }) };
}

/** Prints findings for people on standard error, beside a result that goes to standard output. */
export function printFindingsBeside(findings: readonly Finding[], streams: Streams, mostPerCode?: number): void {
  streams.error(
    renderFindings(findings, {
      useColor: streams.useErrorColor,
      columns: streams.columns,
      ...(mostPerCode !== undefined && { mostPerCode }),
    }),
  );
}

/** Prints findings in the two forms that only carry findings. */
export function printFindingsAs(format: "sarif" | "github", findings: readonly Finding[], streams: Streams): void {
  streams.out(format === "sarif" ? renderSarif(findings, programVersion()) : renderGitHubAnnotations(findings));
}
