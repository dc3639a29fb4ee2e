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
  const opened = mixed.differences.filter(({ direction }) => direction === "opened").length;
  const closed = mixed.differences.length - opened;
  const rows = mixed.differences.slice(0, mostShown).map(differenceRow);
  const more = mixed.differences.length - rows.length;
  return [
    `While both networks run, ${count(opened, "pair")} of rules let through what is denied today and ${count(closed, "pair")} cut what works today, compared over ${count(mixed.flows, "flow class", "flow classes")} in four rows. One witness each:`,
    table(["", "between", "for example", "today", "while both run", "flows"], rows),
    ...(more > 0 ? [`… and ${more.toLocaleString("en-US")} more.`] : []),
    ...(mixed.waves.length === 0
      ? []
      : [
          "After each wave, in pairs of pods and kinds of packet:",
          table(["wave", "pods moved", "opened", "closed"], mixed.waves.map(waveRow)),
        ]),
  ].join("\n\n");
}

function differenceRow(difference: MixedDifference): string[] {
  const place = difference.place === undefined ? "" : `, ${difference.place}`;
  return [
    difference.direction === "opened" ? "**opens**" : "closes",
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
  const rows = own.rows.map(({ row, opened, closed }) => {
    const earlier = mixed.waves[at - 1]?.rows.find((entry) => entry.row === row);
    return [
      rowNames[row],
      `${opened.toLocaleString("en-US")} (${change(opened - (earlier?.opened ?? 0))})`,
      `${closed.toLocaleString("en-US")} (${change(closed - (earlier?.closed ?? 0))})`,
    ];
  });
  return [
    heading,
    `${own.pods.new} of ${count(own.pods.old + own.pods.new, "pod")} will be on Cilium. Pairs of pods and kinds of packet that are decided otherwise than today, and the change by this wave; witnesses stand in PLAN.md.`,
    table(["between", "opened", "closed"], rows),
  ].join("\n\n");
}

function change(number: number): string {
  return number > 0 ? `+${number.toLocaleString("en-US")}` : number.toLocaleString("en-US");
}
