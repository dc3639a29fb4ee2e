import type { FieldChange } from "../core/field-changes.ts";
import type { FileDiff, ObjectDiff, PlanDiff } from "./diff.ts";
import { patchLines } from "./diff-text.ts";
import {
  appliedKinds,
  counted,
  headline,
  isTextChange,
  nodeWords,
  standingWords,
  valueWords,
  visibleText,
} from "./diff-words.ts";
import { code, escapeMarkdown, table } from "./markdown.ts";

/** A first line that renders as nothing, by which a bot finds its own comment again. */
const commentMarker = "<!-- metachron diff -->";

/** A part of the page that can be printed with fewer units than it has. */
interface Section {
  readonly units: number;
  /** Its Markdown with the first units only, at least one. */
  readonly render: (count: number) => string;
}

const longestFieldList = 40;
const longestPatch = 80;
const longestNameList = 10;

/**
 * A diff as Markdown for a comment, in the order in which a reviewer asks: what changes its state, what does not belong there,
 * nodes, workloads, values, policies, other objects, files.
 *
 * At most `maxBytes` bytes of UTF-8 (GitHub takes comments of 65,536 characters): what does not fit is left out unit by unit,
 * never inside a code fence, and the page says so; the empty text where not even a heading fits. Every text that comes from a
 * cluster, a plan or a repository stands in code: it can make no link, no mention, no HTML and no cell of a table.
 */
export function renderDiffMarkdown(diff: PlanDiff, maxBytes: number): string {
  const head = `${commentMarker}\n### ${escapeText(headline(diff))}\n\n${countsLine(diff)}\n`;
  const sections = sectionsOf(diff);
  const whole = head + sections.map((section) => `\n${section.render(section.units)}\n`).join("");
  if (bytesOf(whole) <= maxBytes) return whole;
  const note = "\n_Not everything fits here: run `metachron diff` to see all of it._\n";
  const limit = maxBytes - bytesOf(note);
  if (bytesOf(head) > limit) return "";
  return sections.reduce((page, section) => page + firstUnits(section, limit - bytesOf(page)), head) + note;
}

/** A section with as many units as go into some bytes. */
function firstUnits(section: Section, bytes: number): string {
  let fits = 0;
  let above = section.units + 1;
  const render = (count: number): string => `\n${section.render(count)}\n`;
  while (above - fits > 1) {
    const middle = Math.floor((fits + above) / 2);
    if (bytesOf(render(middle)) <= bytes) fits = middle;
    else above = middle;
  }
  return fits === 0 ? "" : render(fits);
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function countsLine({ summary }: PlanDiff): string {
  const counts = [
    counted(summary.nodes, "node"),
    counted(summary.workloads, "workload"),
    counted(summary.values, "Helm value"),
    counted(summary.policies, "policy", "policies"),
    counted(summary.files, "file"),
  ];
  const warning = summary.unexpected === 0 ? "" : ` **${counted(summary.unexpected, "file")} unexpected.**`;
  return `${counts.join(", ")}.${warning}`;
}

/** A name from outside, in code. */
function name(text: string): string {
  return code(visibleText(text));
}

function sectionsOf(diff: PlanDiff): readonly Section[] {
  const unexpected = diff.files.filter((file) => !file.isExpected);
  const expected = diff.files.filter((file) => file.isExpected);
  const fileRow = (file: FileDiff): readonly string[] => [file.change, name(file.path), escapeText(file.why)];
  return [
    tableSection(
      "States",
      ["stage", "before", "after", "nodes"],
      diff.stages.map((stage) => [
        name(stage.stage),
        standingWords(stage.before),
        standingWords(stage.after),
        String(stage.nodes),
      ]),
    ),
    tableSection(
      "⚠️ Files that the change of state does not explain",
      ["change", "file", "why it is here"],
      unexpected.map(fileRow),
    ),
    tableSection(
      "Nodes",
      ["node", "what happens", "stage"],
      diff.nodes.map((node) => [name(node.node), nodeWords[node.change], name(node.stage)]),
    ),
    tableSection(
      "Workloads on these nodes",
      ["workload", "pods there", "of", "PodDisruptionBudget"],
      diff.workloads.map((entry) => [
        name(entry.workload),
        String(entry.replicasInWave),
        String(entry.replicas),
        entry.budgets.length === 0 ? "none" : entry.budgets.map(name).join(", "),
      ]),
    ),
    tableSection(
      "What is applied",
      ["kind", "objects", "names"],
      appliedKinds(diff.applied).map(({ kind, names }) => [
        name(kind),
        String(names.length),
        names.slice(0, longestNameList).map(name).join(", ") +
          (names.length > longestNameList ? ` and ${names.length - longestNameList} more` : ""),
      ]),
    ),
    tableSection(
      "Chart",
      ["before", "after"],
      diff.chart === undefined ? [] : [[name(valueWords(diff.chart.before)), name(valueWords(diff.chart.after))]],
    ),
    tableSection(
      "Helm values",
      ["where", "key", "before", "after", "reason"],
      diff.values.map((value) => [
        name(value.scope),
        name(value.path),
        name(valueWords(value.before)),
        name(valueWords(value.after)),
        value.reason === undefined ? "" : escapeText(value.reason),
      ]),
    ),
    blockSection("Policies", diff.objects.filter((object) => object.isPolicy).map(objectBlock)),
    blockSection("Other objects", diff.objects.filter((object) => !object.isPolicy).map(objectBlock)),
    tableSection("Files as expected", ["change", "file", "why it is here"], expected.map(fileRow)),
  ].filter((section) => section.units > 0);
}

/** A sentence from a user's file: escaped, and its addresses broken so that nothing links them. */
function escapeText(text: string): string {
  return escapeMarkdown(visibleText(text))
    .replaceAll("://", ":\u2060//")
    .replaceAll(/\bwww\./giu, "www\u2060.");
}

function tableSection(title: string, heading: readonly string[], rows: readonly (readonly string[])[]): Section {
  const render = (count: number): string =>
    [`#### ${title}`, "", table(heading, rows.slice(0, count)), ...more(rows.length - count, "row")].join("\n");
  return { units: rows.length, render };
}

function blockSection(title: string, blocks: readonly string[]): Section {
  const render = (count: number): string =>
    [`#### ${title}`, "", blocks.slice(0, count).join("\n\n"), ...more(blocks.length - count, "object")].join("\n");
  return { units: blocks.length, render };
}

function more(number: number, noun: string): readonly string[] {
  return number === 0 ? [] : ["", `… and ${counted(number, `more ${noun}`)}`];
}

function objectBlock(object: ObjectDiff): string {
  const was = object.from === undefined ? "" : `, was ${name(object.from)}`;
  const title = `**${object.change}** ${name(object.object)}${was}`;
  if (object.change === "added" || object.change === "removed") return title;
  if (object.fields.length === 0) return `${title}: only comments or the order of entries`;
  const values = object.fields.filter((change) => !isTextChange(change));
  const texts = object.fields.filter(isTextChange);
  return [title, ...fieldTable(values), ...texts.flatMap(patchBlock)].join("\n\n");
}

function fieldTable(changes: readonly FieldChange[]): readonly string[] {
  if (changes.length === 0) return [];
  const rows = changes
    .slice(0, longestFieldList)
    .map((change) => [name(change.path), name(valueWords(change.before)), name(valueWords(change.after))]);
  const rest = changes.length - rows.length;
  return [table(["field", "before", "after"], rows), ...(rest > 0 ? [`… and ${counted(rest, "more field")}`] : [])];
}

/** The fence is longer than any run of backticks inside, so no text can close it. */
function patchBlock(change: {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}): readonly string[] {
  const lines = patchLines(change);
  const shown = lines.slice(0, longestPatch);
  const runs = shown.flatMap((line) => line.match(/`+/gu) ?? []);
  const fence = "`".repeat(Math.max(2, ...runs.map((run) => run.length)) + 1);
  const rest = lines.length - shown.length;
  return [
    `${name(change.path)}:`,
    [`${fence}diff`, ...shown, fence].join("\n"),
    ...(rest > 0 ? [`… and ${counted(rest, "more line")}`] : []),
  ];
}
