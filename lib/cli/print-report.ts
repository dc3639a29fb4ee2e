import type { Finding } from "../core/finding.ts";
import type { JsonObject } from "../core/json.ts";
import { renderFindings, renderGitHubAnnotations } from "./render-findings.ts";
import { renderSarif } from "./render-sarif.ts";
import type { Streams } from "./streams.ts";

/** The version of every JSON shape that commands print. */
const reportVersion = "metachron.dev/v1alpha1";

/** Prints a JSON document with its version and kind first. */
export function printJson(kind: string, content: JsonObject, streams: Streams): void {
  streams.out(`${JSON.stringify({ apiVersion: reportVersion, kind, ...content }, null, 2)}\n`);
}

/** Findings as JSON values, in their order. */
export function findingsJson(findings: readonly Finding[]): JsonObject[] {
  return findings.map((finding) => JSON.parse(JSON.stringify(finding)) as JsonObject);
}

/** Prints findings for people on standard error, beside a result that goes to standard output. */
export function printFindingsBeside(findings: readonly Finding[], streams: Streams, mostPerCode?: number): void {
  streams.error(
    renderFindings(findings, {
      useColor: streams.useColor && streams.isErrorTerminal,
      columns: streams.columns,
      ...(mostPerCode !== undefined && { mostPerCode }),
    }),
  );
}

/** Prints findings in the two forms that only carry findings. */
export function printFindingsAs(
  format: "sarif" | "github",
  findings: readonly Finding[],
  version: string,
  streams: Streams,
): void {
  streams.out(format === "sarif" ? renderSarif(findings, version) : renderGitHubAnnotations(findings));
}
