import { replaceTextFile } from "../../io/replace-text-file.ts";
import { renderReport } from "../../review/report/report.tsx";
import type { ExitCode } from "../exit-code.ts";
import { endWithoutResult, printJson, wrongUse } from "../print-report.ts";
import type { Streams } from "../streams.ts";
import { synthesise } from "./synth.ts";

interface ReportOptions {
  readonly plan?: string;
  readonly out?: string;
  readonly format: "text" | "json";
}

/** `metachron report`: the HTML report alone, also where a finding blocks and there is no tree. */
export async function report(
  _operands: readonly string[],
  options: ReportOptions,
  streams: Streams,
): Promise<ExitCode> {
  if (options.format === "json" && options.out === undefined) {
    const use = wrongUse("the page itself is HTML, not JSON", "name the file to write with --out");
    return endWithoutResult([use], 2, options, streams);
  }
  const synthesis = await synthesise(options.plan, "dist", streams);
  if (synthesis.value === undefined) return endWithoutResult(synthesis.findings, 2, options, streams);
  const html = renderReport(synthesis.value.migration);
  if (options.out === undefined) {
    streams.out(html);
    return 0;
  }
  const problems = await replaceTextFile(options.out, html);
  if (problems.length > 0) return endWithoutResult(problems, 2, options, streams);
  if (options.format === "json")
    printJson("HtmlReport", { file: options.out, findings: synthesis.value.findings }, streams);
  return 0;
}
