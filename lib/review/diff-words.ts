import type { FieldChange } from "../core/field-changes.ts";
import type { JsonValue } from "../core/json.ts";
import type { AppliedObject, NodeDiff, PlanDiff, StageStanding } from "./diff.ts";

/** Longest value that is shown in a line; longer ones are cut. */
const longestValue = 160;

/**
 * Text from a cluster, a plan or a repository with every sign made visible that could mislead a reader or a terminal:
 * control characters, line breaks inside, and the marks that turn the direction of writing (CVE-2021-42574).
 */
export function visibleText(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
    (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** A value on one line, cut where it is long, a body digest too; `(none)` where there is none. Images keep their digest. */
export function valueWords(value: JsonValue | undefined): string {
  if (value === undefined) return "(none)";
  const text = visibleText(typeof value === "string" ? value : JSON.stringify(value));
  if (/^sha256:[0-9a-f]{64}$/u.test(text)) return `${text.slice(0, 19)}…`;
  const shown = text === "" ? '""' : text;
  return shown.length <= longestValue ? shown : `${shown.slice(0, longestValue)}… (${shown.length} characters)`;
}

/** Whether a field is a text of several lines on both sides: shown as lines, not as values. */
export function isTextChange(change: FieldChange): change is FieldChange & { before: string; after: string } {
  const isText = (value: JsonValue | undefined): boolean => typeof value === "string" && value.includes("\n");
  return isText(change.before) && isText(change.after);
}

/** `open`, or `open, attempt 2`. */
export function standingWords(standing: StageStanding): string {
  return standing.attempt === 1 ? standing.state : `${standing.state}, attempt ${standing.attempt}`;
}

/** The first line: what changes its state, or that nothing does. */
export function headline(diff: PlanDiff): string {
  if (diff.files.length === 0 && diff.stages.length === 0) return "Nothing changes.";
  const [first, ...others] = diff.stages;
  if (first === undefined)
    return `No stage changes its state; ${counted(diff.summary.files, "file")} of the rendered plan ${diff.summary.files === 1 ? "differs" : "differ"}.`;
  if (others.length > 0) return `${diff.stages.length} stages change their state.`;
  const nodes = first.nodes === 0 ? "" : `, ${counted(first.nodes, "node")}`;
  return `${moveWords(first.before, first.after, `stage ${visibleText(first.stage)}`)}${nodes}.`;
}

function moveWords(before: StageStanding, after: StageStanding, stage: string): string {
  switch (after.state) {
    case "open":
      return before.state === "held" && after.attempt === 1
        ? `Opens ${stage}`
        : `Tries ${stage} again (attempt ${after.attempt})`;
    case "done":
      return `Closes ${stage}`;
    case "rollback":
      return `Takes ${stage} back`;
    case "held":
      return `Holds ${stage} again`;
  }
}

/** What happens to a node, in words. */
export const nodeWords: Readonly<Record<NodeDiff["change"], string>> = {
  rolls: "rolls",
  touched: "touched",
  "rolls-back": "rolls back",
  enters: "enters the batch",
  leaves: "leaves the batch",
};

/** What is applied, kind by kind, in the order in which the kinds first come. */
export function appliedKinds(
  applied: readonly AppliedObject[],
): readonly { readonly kind: string; readonly names: readonly string[] }[] {
  const kinds = new Map<string, string[]>();
  for (const { object } of applied) {
    const kind = object.slice(0, object.indexOf("/"));
    kinds.set(kind, [...(kinds.get(kind) ?? []), object.slice(kind.length + 1)]);
  }
  return [...kinds].map(([kind, names]) => ({ kind, names }));
}

/** The first three of some names, and how many more there are. */
export function namesShort(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length <= 3 ? shown : `${shown} and ${names.length - 3} more`;
}

/** A count with its noun. */
export function counted(number: number, one: string, many: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
