import { replaceTextFile } from "../../io/replace-text-file.ts";
import { renderReport } from "../../review/report/report.tsx";
import type { ExitCode } from "../exit-code.ts";
import { printFindingsBeside } from "../print-report.ts";
import type { Streams } from "../streams.ts";
import { synthesise } from "./synth.ts";

interface ReportOptions {
  readonly plan?: string;
  readonly out?: string;
}

/** `metachron report`: the HTML report alone, also where a finding blocks and there is no tree. */
export async function report(
  _operands: readonly string[],
  options: ReportOptions,
  streams: Streams,
): Promise<ExitCode> {
  const synthesis = await synthesise(options.plan, "dist", streams);
  if (synthesis.value === undefined) {
    printFindingsBeside(synthesis.findings, streams);
    return 2;
  }
  const html = renderReport(synthesis.value.migration);
  if (options.out === undefined) {
    streams.out(html);
    return 0;
  }
  const problems = await replaceTextFile(options.out, html);
  printFindingsBeside(problems, streams);
  return problems.length > 0 ? 2 : 0;
}
