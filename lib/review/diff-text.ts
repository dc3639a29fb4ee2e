import { structuredPatch } from "diff";
import type { FieldChange } from "../core/field-changes.ts";
import type { ObjectDiff, PlanDiff, ValueDiff } from "./diff.ts";
import {
  appliedKinds,
  counted,
  headline,
  isTextChange,
  namesShort,
  nodeWords,
  standingWords,
  valueWords,
  visibleText,
} from "./diff-words.ts";

/** A diff for a terminal: one section after the other, empty ones left out; plain text unless colour is asked for. */
export function renderDiffText(diff: PlanDiff, options: { readonly useColor: boolean } = { useColor: false }): string {
  const sections = [
    section(
      "Stages",
      diff.stages.map((stage) => [stage.stage, standingWords(stage.before), "→", standingWords(stage.after)]),
    ),
    section(
      unexplainedTitle,
      diff.files.filter((file) => !file.isExpected).map((file) => [file.change, file.path, file.why]),
    ),
    section(
      "Nodes",
      diff.nodes.map((node) => [node.node, nodeWords[node.change], node.stage]),
    ),
    section(
      "Workloads on these nodes",
      diff.workloads.map((entry) => [
        entry.workload,
        `${entry.replicasInWave} of ${entry.replicas}`,
        entry.budgets.length === 0 ? "no budget" : entry.budgets.join(", "),
      ]),
    ),
    section(
      "What is applied",
      appliedKinds(diff.applied).map(({ kind, names }) => [kind, String(names.length), namesShort(names)]),
      diff.applied.length,
    ),
    section(
      "Chart",
      diff.chart === undefined ? [] : [[valueWords(diff.chart.before), "→", valueWords(diff.chart.after)]],
    ),
    valueSection(diff.values),
    objectSection(
      "Policies",
      diff.objects.filter((object) => object.isPolicy),
    ),
    objectSection(
      "Objects",
      diff.objects.filter((object) => !object.isPolicy),
    ),
    section(
      "Files as expected",
      diff.files.filter((file) => file.isExpected).map((file) => [file.change, file.path, file.why]),
    ),
  ];
  const text = `${[headline(diff), ...sections].filter((block) => block !== "").join("\n\n")}\n`;
  return options.useColor ? text.split("\n").map(colourLine).join("\n") : text;
}

const unexplainedTitle = "FILES THAT THE CHANGE OF STATE DOES NOT EXPLAIN";

const colours = { bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

function paint(colour: keyof typeof colours, text: string): string {
  return `\u001b[${colours[colour]}m${text}\u001b[0m`;
}

const wordColours: Readonly<Record<string, keyof typeof colours>> = {
  added: "green",
  removed: "red",
  changed: "yellow",
  renamed: "yellow",
  "+": "green",
  "-": "red",
  "@@": "cyan",
};

/** Titles in bold, the first word of a line by what it says. No text from outside holds a line break, so lines are ours. */
function colourLine(line: string): string {
  if (line.startsWith(unexplainedTitle)) return paint("red", line);
  if (/^\S/u.test(line)) return paint("bold", line);
  const [, indent = "", word = "", rest = ""] = /^( +)(added|removed|changed|renamed|\+|-|@@)(.*)$/u.exec(line) ?? [];
  const colour = wordColours[word];
  if (colour === undefined) return line;
  return word.length === 1 ? indent + paint(colour, word + rest) : indent + paint(colour, word) + rest;
}

function section(title: string, rows: readonly (readonly string[])[], count: number = rows.length): string {
  if (rows.length === 0) return "";
  const shown = rows.map((row) => row.map(visibleText));
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...shown.map((row) => [...(row[column] ?? "")].length)));
  const lines = shown.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)))
      .join("  ")
      .trimEnd(),
  );
  return [`${title} (${count})`, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** Values and reasons are long: a table of them would be wider than any terminal. */
function valueSection(values: readonly ValueDiff[]): string {
  if (values.length === 0) return "";
  const lines = values.flatMap((value) => [
    `  ${visibleText(value.scope)}  ${visibleText(value.path)}: ${valueWords(value.before)} → ${valueWords(value.after)}`,
    ...(value.reason === undefined ? [] : [`    ${visibleText(value.reason)}`]),
  ]);
  return [`Helm values (${values.length})`, ...lines].join("\n");
}

function objectSection(title: string, objects: readonly ObjectDiff[]): string {
  if (objects.length === 0) return "";
  const lines = objects.flatMap((object) => [
    `  ${object.change} ${visibleText(object.object)}${object.from === undefined ? "" : `, was ${visibleText(object.from)}`}`,
    ...objectLines(object).map((line) => `    ${line}`),
  ]);
  return [`${title} (${objects.length})`, ...lines].join("\n");
}

function objectLines(object: ObjectDiff): readonly string[] {
  if (object.change === "added" || object.change === "removed") return [];
  if (object.fields.length === 0) return ["only comments or the order of entries"];
  return object.fields.flatMap(fieldLines);
}

function fieldLines(change: FieldChange): readonly string[] {
  const path = visibleText(change.path);
  if (isTextChange(change)) return [`${path}:`, ...patchLines(change).map((line) => `  ${line}`)];
  return [`${path}: ${valueWords(change.before)} → ${valueWords(change.after)}`];
}

/** The lines of two texts that differ, with two lines around, as `diff -u` shows them. */
export function patchLines(change: { readonly before: string; readonly after: string }): readonly string[] {
  const patch = structuredPatch("", "", change.before, change.after, "", "", { context: 2 });
  return patch.hunks.flatMap((hunk) => [
    `@@ line ${hunk.newStart}, ${counted(hunk.newLines, "line")} @@`,
    ...hunk.lines.filter((line) => !line.startsWith("\\")).map(visibleText),
  ]);
}
