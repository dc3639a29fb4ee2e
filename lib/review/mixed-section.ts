import { describeWitness, rowNames } from "../policy/bridge/mixed-findings.ts";
import type { MixedDifference, MixedProof, WaveExposure } from "../policy/bridge/mixed-proof.ts";
import { code, count, escapeMarkdown, table } from "./markdown.ts";

const mostShown = 30;

/** PLAN.md: what the mixed phase decides otherwise than before, with one witness for each pair of rules; or that nothing does. */
export function mixedPhaseText(mixed: MixedProof): string {
  if (mixed.isTruncated === true)
    return `Not compared: ${count(mixed.classes, "class", "classes")} of pods are too many. Nothing is claimed about what the mixed phase opens or closes.`;
  if (mixed.equal) {
    const rows = mixed.rows.map(({ row, flows }) => `${rowNames[row]} ${flows.toLocaleString("en-US")}`).join(", ");
    return [
      `Proven for every wave: ${count(mixed.flows, "flow class", "flow classes")} in four rows (${rows}), 0 differences.`,
      "What is decided depends only on which side each end is on, so this holds for every set of migrated nodes: each wave, each half-finished wave, each way back.",
    ].join(" ");
  }
  const differences = withoutPlaces(mixed.differences);
  const opened = differences.filter(({ direction }) => direction === "opened").length;
  const closed = differences.length - opened;
  // What is refused is what somebody calls about: it must not be cut off at the end.
  const rows = [
    ...differences.filter(({ direction }) => direction === "closed"),
    ...differences.filter(({ direction }) => direction === "opened"),
  ]
    .slice(0, mostShown)
    .map(differenceRow);
  const more = differences.length - rows.length;
  return [
    `**${count(opened, "kind")} of connection that ${opened === 1 ? "is" : "are"} refused today ${opened === 1 ? "gets" : "get"} through while both networks run, and ${closed} that ${closed === 1 ? "works" : "work"} today ${closed === 1 ? "is" : "are"} refused.** A kind is what one pair of rules decides; ${count(mixed.flows, "flow class", "flow classes")} were compared. One example each:`,
    table(["", "between", "for example", "should be", "while both run", "flows"], rows),
    ...(more > 0 ? [`… and ${more.toLocaleString("en-US")} more.`] : []),
    ...(mixed.waves.length === 0
      ? []
      : [
          "Once each stage is done, in pairs of pods and kinds of packet:",
          table(["stage", "pods on Cilium", "opened", "closed"], mixed.waves.map(waveRow)),
        ]),
  ].join("\n\n");
}

/** Neighbours and distant pods that are decided alike in all but the rule of the bridge are one line. */
function withoutPlaces(differences: readonly MixedDifference[]): readonly MixedDifference[] {
  const isTold = (one: MixedDifference, place: MixedDifference["place"]): boolean =>
    differences.some((other) => other.place === place && kindOf(other) === kindOf(one));
  return differences
    .filter((one) => one.place !== "same node" || !isTold(one, "other node"))
    .map((one) => {
      if (one.place !== "other node" || !isTold(one, "same node")) return one;
      const { place: _place, ...rest } = one;
      return rest;
    });
}

function kindOf(one: MixedDifference): string {
  const { direction, row, half, before, after, flows } = one;
  return [direction, row, half, before.decidedBy, after.verdict, flows, describeWitness(one)].join("|");
}

function differenceRow(difference: MixedDifference): string[] {
  const place = difference.place === undefined ? "" : `, ${difference.place}`;
  return [
    difference.direction === "opened" ? "**opens**" : "**refuses**",
    `${rowNames[difference.row]}${place}`,
    escapeMarkdown(describeWitness(difference)),
    escapeMarkdown(`${difference.before.verdict}: ${difference.before.decidedBy}`),
    escapeMarkdown(`${difference.after.verdict}: ${difference.after.decidedBy}`),
    difference.flows.toLocaleString("en-US"),
  ];
}

function waveRow({ wave, pods, rows }: WaveExposure): string[] {
  const sum = (key: "opened" | "closed"): string =>
    rows.reduce((total, row) => total + row[key], 0).toLocaleString("en-US");
  return [code(wave), `${pods.new} of ${pods.old + pods.new}`, sum("opened"), sum("closed")];
}

/** STAGE.md of a wave: what is open and closed once it is done, by row. Absent when the migration was not compared. */
export function waveExposureText(mixed: MixedProof | undefined, wave: string): string | undefined {
  if (mixed === undefined) return undefined;
  const heading = "## Network policy when this wave is done";
  if (mixed.isTruncated === true) return `${heading}\n\nNot compared for the size of the cluster: nothing is claimed.`;
  if (mixed.equal)
    return `${heading}\n\nEvery flow between pods on the source and pods on Cilium is decided as before, during this wave and after it: see PLAN.md.`;
  const at = mixed.waves.findIndex((entry) => entry.wave === wave);
  const own = mixed.waves[at];
  if (own === undefined) return undefined;
  const pods = `${own.pods.new} of ${count(own.pods.old + own.pods.new, "pod")} will be on Cilium`;
  if (own.rows.every(({ opened, closed }) => opened + closed === 0))
    return `${heading}\n\n${pods}. Every flow is decided as today once this wave is done.`;
  const rows = own.rows.flatMap((exposed) => {
    const { row, opened, closed } = exposed;
    const earlier = mixed.waves[at - 1]?.rows.find((entry) => entry.row === row) ?? { opened: 0, closed: 0 };
    if (opened + closed + earlier.opened + earlier.closed === 0) return [];
    return [
      [
        rowNames[row],
        `${opened.toLocaleString("en-US")} (${change(opened - earlier.opened)})`,
        `${closed.toLocaleString("en-US")} (${change(closed - earlier.closed)})`,
        exampleOf(mixed, exposed),
      ],
    ];
  });
  return [
    heading,
    `${pods}. Pairs of pods and kinds of packet that are decided otherwise than today, with the change by this wave in brackets. All kinds, with the rules that decide, stand in [PLAN.md](../../PLAN.md).`,
    table(["between", "opened", "closed", "for example"], rows),
  ].join("\n\n");
}

/** The kind of packet of a row that most pods are concerned by; one that is refused where there is one: somebody will call. */
function exampleOf({ differences }: MixedProof, { row, opened, closed }: WaveExposure["rows"][number]): string {
  const wanted = closed > 0 ? "closed" : "opened";
  const shown = differences.find((one) => one.row === row && one.direction === wanted && one.place !== "same node");
  if (shown === undefined || opened + closed === 0) return "";
  const word = shown.direction === "opened" ? "gets through" : "is refused";
  return `${escapeMarkdown(describeWitness(shown))} ${word}`;
}

function change(number: number): string {
  return number > 0 ? `+${number.toLocaleString("en-US")}` : number.toLocaleString("en-US");
}
