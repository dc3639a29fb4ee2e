import type { Where } from "../core/finding.ts";
import type { DuringState, MigrationFlow } from "../migration/explain-migration.ts";
import type { HalfDecision } from "../policy/prove/explain-half.ts";
import type { Paint } from "./paint.ts";

/** A flow for people: the verdicts first, then what decides each half, then how it goes while both networks run. */
export function describeFlow(flow: MigrationFlow, source: string, paint: Paint): string {
  const { from, to, protocol, port, icmpType, during } = flow;
  const packet = port === undefined ? protocol : `${port}/${protocol}`;
  const head = `${from.name} -> ${to.name}  ${icmpType === undefined ? packet : `${protocol} type ${icmpType}`}`;
  const verdicts = [
    `before ${verdict(flow.before, paint)}`,
    ...(during.length === 0 ? [] : [`during ${duringVerdict(during, paint)}`]),
    `after ${verdict(flow.after, paint)}`,
  ].join(", ");
  const halves = flow.halves.flatMap((half) => [
    "",
    paint("bold", `${half.half} at ${half.at}`),
    ...side("before", half.before, paint),
    ...side("after", half.after, paint),
  ]);
  const states = during.flatMap((state) => stateLines(flow, state, source, paint));
  const mixed = states.length === 0 ? [] : ["", paint("bold", "while both networks run"), ...states];
  return `${[head, verdicts, ...halves, ...mixed].join("\n")}\n`;
}

function verdict(value: "allow" | "deny", paint: Paint): string {
  return paint(value === "allow" ? "green" : "red", value);
}

function duringVerdict(during: readonly DuringState[], paint: Paint): string {
  const [first] = during;
  if (first !== undefined && during.every((state) => state.verdict === first.verdict))
    return verdict(first.verdict, paint);
  return paint("yellow", "not always the same");
}

function side(name: string, decision: HalfDecision, paint: Paint): readonly string[] {
  const looked = decision.lookedAt.map((entry) => {
    const mark = entry.isMatch ? paint("bold", "matches") : paint("dim", "no     ");
    return `      ${mark}  ${entry.action.padEnd(5)}  ${entry.rule}  ${paint("dim", place(entry.where))}`;
  });
  return [`  ${name.padEnd(7)} ${decision.verdict.padEnd(5)}  ${decision.decidedBy}`, ...looked];
}

function place(where: Where | undefined): string {
  if (where?.file === undefined) return "";
  return where.line === undefined ? where.file : `${where.file}:${where.line}`;
}

function stateLines(flow: MigrationFlow, state: DuringState, source: string, paint: Paint): readonly string[] {
  const where = (side: "source" | "cilium"): string => (side === "source" ? `on ${source}` : "on Cilium");
  const ends = [
    ...(state.from === undefined ? [] : [`${flow.from.name} ${where(state.from)}`]),
    ...(state.to === undefined ? [] : [`${flow.to.name} ${where(state.to)}`]),
  ].join(", ");
  const near = state.place === undefined ? "" : `, ${state.place}`;
  const halves = state.halves.map(({ half, decision }) =>
    `      ${half.padEnd(7)}  ${decision.verdict.padEnd(5)}  ${decision.decidedBy}  ${paint("dim", place(decision.where))}`.trimEnd(),
  );
  return [
    `  ${verdict(state.verdict, paint).padEnd(5)}  ${ends}${near}  ${paint("dim", stageRange(state))}`,
    ...halves,
  ];
}

function stageRange({ place: at, stages, until }: DuringState): string {
  const [first] = stages;
  if (at === "same node") return "only while the wave of their node is under way";
  if (first === undefined) return "only if an evicted pod lands on the other side";
  return `once ${first} is done${until === undefined ? "" : `, until ${until}`}`;
}
