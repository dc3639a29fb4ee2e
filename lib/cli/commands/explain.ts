import { planMigration } from "../../migration/plan-migration.ts";
import { type PlannedSides, sidesOf } from "../../migration/plan-policies.ts";
import { explainFlow, type FlowExplanation, type HalfDecision } from "../../policy/prove/explain-flow.ts";
import type { ExitCode } from "../exit-code.ts";
import { loadPlainProject } from "../load-plain-project.ts";
import { loadProject } from "../load-project.ts";
import { createPaint, type Paint } from "../paint.ts";
import { endWithoutResult, printJson, wrongUse } from "../print-report.ts";
import { readRenderedStages } from "../read-rendered-stages.ts";
import type { Streams } from "../streams.ts";

interface ExplainOptions {
  readonly plan?: string;
  readonly inventory?: readonly string[];
  readonly out: string;
  readonly from: string;
  readonly to: string;
  readonly port: string;
  readonly format: "text" | "json";
}

/** `metachron explain`: which rule of which policy decides a flow, before and after. */
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
  const sides: PlannedSides = sidesOf(migration);
  const explained = explainFlow({ from: options.from, to: options.to, ...l4, ...sides });
  if (explained.value === undefined) {
    return endWithoutResult(explained.findings, 2, options, streams);
  }
  if (options.format === "json") printJson("FlowExplanation", explained.value, streams);
  else streams.out(describe(explained.value, createPaint(streams.useColor)));
  return explained.value.before === "allow" && explained.value.after === "allow" ? 0 : 1;
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
  return known.startsWith("ICMP")
    ? { protocol: known, icmpType: Number(number) }
    : { protocol: known, port: Number(number) };
}

function describe(explanation: FlowExplanation, paint: Paint): string {
  const { from, to, protocol, port } = explanation;
  const head = `${from.name} -> ${to.name}  ${port === undefined ? protocol : `${port}/${protocol}`}`;
  const verdict = (value: "allow" | "deny"): string => paint(value === "allow" ? "green" : "red", value);
  const halves = explanation.halves.flatMap((half) => [
    "",
    paint("bold", `${half.half} at ${half.at}`),
    ...side("before", half.before, paint),
    ...side("after", half.after, paint),
  ]);
  return `${[head, `before ${verdict(explanation.before)}, after ${verdict(explanation.after)}`, ...halves].join("\n")}\n`;
}

function side(name: string, decision: HalfDecision, paint: Paint): readonly string[] {
  const looked = decision.lookedAt.map((entry) => {
    const place =
      entry.where.file === undefined
        ? ""
        : `${entry.where.file}${entry.where.line === undefined ? "" : `:${entry.where.line}`}`;
    const mark = entry.isMatch ? paint("bold", "matches") : paint("dim", "no     ");
    return `      ${mark}  ${entry.action.padEnd(5)}  ${entry.rule}  ${paint("dim", place)}`;
  });
  return [`  ${name.padEnd(7)} ${decision.verdict.padEnd(5)}  ${decision.decidedBy}`, ...looked];
}
