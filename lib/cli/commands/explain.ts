import { explainMigration } from "../../migration/explain-migration.ts";
import { planMigration } from "../../migration/plan-migration.ts";
import { describeFlow } from "../describe-flow.ts";
import type { ExitCode } from "../exit-code.ts";
import { loadPlainProject } from "../load-plain-project.ts";
import { loadProject } from "../load-project.ts";
import { createPaint } from "../paint.ts";
import { endWithoutResult, printJson, wrongUse } from "../print-report.ts";
import { readRenderedStages } from "../read-rendered-stages.ts";
import type { Streams } from "../streams.ts";
import { wrapLines } from "../wrap-text.ts";

interface ExplainOptions {
  readonly plan?: string;
  readonly inventory?: readonly string[];
  readonly out: string;
  readonly from: string;
  readonly to: string;
  readonly port: string;
  readonly format: "text" | "json";
}

/** `metachron explain`: which rule of which policy decides a flow, before, during and after. 1 where it is denied after. */
export async function explain(
  _operands: readonly string[],
  options: ExplainOptions,
  streams: Streams,
): Promise<ExitCode> {
  const l4 = parsePort(options.port);
  if (l4 === undefined) {
    return endWithoutResult(
      [wrongUse(`--port takes 443/TCP, 53/UDP or icmp/8, not ${options.port}`)],
      2,
      options,
      streams,
    );
  }
  const project =
    options.inventory === undefined
      ? await loadProject(options.plan, streams)
      : await loadPlainProject(options.inventory, streams);
  if (project.value === undefined) {
    return endWithoutResult(project.findings, 2, options, streams);
  }
  const migration = planMigration({
    ...project.value,
    findings: [],
    rendered: await readRenderedStages(options.out, project.value.plan),
  });
  const tree = `${options.out}/${migration.plan.name}`;
  const explained = explainMigration(migration, { from: options.from, to: options.to, ...l4 }, tree);
  if (explained.value === undefined) {
    return endWithoutResult(explained.findings, 2, options, streams);
  }
  if (options.format === "json") printJson("FlowExplanation", explained.value, streams);
  else
    streams.out(
      wrapLines(describeFlow(explained.value, migration.source.source, createPaint(streams.useColor)), streams),
    );
  return explained.value.after === "allow" ? 0 : 1;
}

/** `443/TCP`, `tcp/443`, `443`, `icmp/8`. */
function parsePort(
  text: string,
): { readonly protocol: string; readonly port?: number; readonly icmpType?: number } | undefined {
  const match = /^(?:(?<port>\d+)(?:\/(?<after>[A-Za-z0-9]+))?|(?<before>[A-Za-z0-9]+)(?:\/(?<value>\d+))?)$/u.exec(
    text,
  );
  if (match?.groups === undefined) return undefined;
  const { port, after, before, value } = match.groups;
  const protocol = (after ?? before ?? "TCP").toUpperCase();
  const number = port ?? value;
  const known = protocol === "ICMPV6" ? "ICMPv6" : protocol;
  if (number === undefined) return { protocol: known };
  const isICMP = known.startsWith("ICMP");
  if (Number(number) > (isICMP ? 255 : 65_535)) return undefined;
  return isICMP ? { protocol: known, icmpType: Number(number) } : { protocol: known, port: Number(number) };
}
