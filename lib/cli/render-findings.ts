import wrapAnsi from "wrap-ansi";
import { compareFindings, countFindings, type Finding, type Severity, type Where } from "../core/finding.ts";
import { getString, isJsonObject, type JsonValue } from "../core/json.ts";
import { createPaint, type Paint } from "./paint.ts";
import { wrapText } from "./wrap-text.ts";

/** How the text of findings looks. */
export interface FindingTextOptions {
  readonly useColor: boolean;
  /** Longest line; longer sentences are wrapped. */
  readonly columns: number;
  /** Findings of one code beyond this number are counted, not printed. @default every finding */
  readonly mostPerCode?: number;
}

const styles: Readonly<Record<Severity, "red" | "yellow" | "cyan">> = { error: "red", warning: "yellow", info: "cyan" };

/** `file:line:column`, as far as it is known. */
function printPlace(where: Where | undefined): string {
  if (where?.file === undefined) return "";
  const line = where.line === undefined ? "" : `:${where.line}`;
  const column = where.line === undefined || where.column === undefined ? "" : `:${where.column}`;
  return `${where.file}${line}${column}`;
}

/** Findings as a person reads them, sorted, with a closing count. Empty when there are none. */
export function renderFindings(findings: readonly Finding[], options: FindingTextOptions): string {
  if (findings.length === 0) return "";
  const paint = createPaint(options.useColor);
  const sorted = [...findings].sort(compareFindings);
  const most = options.mostPerCode ?? Number.POSITIVE_INFINITY;
  const shown = new Map<string, number>();
  const blocks: string[] = [];
  for (const finding of sorted) {
    const count = (shown.get(finding.code) ?? 0) + 1;
    shown.set(finding.code, count);
    if (count <= most) blocks.push(renderFinding(finding, paint, options.columns));
  }
  const left = [...shown].filter(([, count]) => count > most);
  for (const [code, count] of left) blocks.push(paint("dim", `  … and ${count - most} more of ${code}`));
  return `${blocks.join("\n")}\n\n${renderCounts(findings, paint)}\n`;
}

function renderFinding(finding: Finding, paint: Paint, columns: number): string {
  const heading = [
    paint(["bold", styles[finding.severity]], finding.severity.padEnd(7)),
    paint("bold", finding.code),
    ...[printPlace(finding.where), finding.where?.object ?? "", finding.where?.field ?? ""]
      .filter((part) => part !== "")
      .map((part) => paint("dim", part)),
  ].join("  ");
  const rows: [string, string | undefined][] = [
    ["", finding.message],
    ["why", finding.reason],
    ["do", finding.remedy],
    ["proof", witnessText(finding.data?.["witness"])],
    ...(finding.related ?? []).map((entry): [string, string] => [
      "see",
      [printPlace(entry.where), entry.where.object ?? "", entry.message].filter((part) => part !== "").join("  "),
    ]),
  ];
  const body = rows.flatMap(([label, text]) => (text === undefined ? [] : [row(label, text, paint, columns)]));
  return [wrapText(heading, columns, "", "         "), ...body].join("\n");
}

function row(label: string, text: string, paint: Paint, columns: number): string {
  const indent = label === "" ? "  " : `  ${label.padEnd(6)}`;
  const lines = wrapAnsi(text, Math.max(40, columns - indent.length - 1), { trim: true }).split("\n");
  const rest = " ".repeat(indent.length);
  return lines.map((line, index) => (index === 0 ? paint("dim", indent) : rest) + line).join("\n");
}

function witnessText(witness: JsonValue | undefined): string | undefined {
  if (typeof witness === "string") return witness;
  if (!isJsonObject(witness)) return undefined;
  const end = (name: string): string => getString(witness, name) ?? getString(witness, name, "name") ?? "?";
  const l4 = [getString(witness, "protocol"), witness["port"] ?? witness["icmpType"]].filter(
    (part) => part !== undefined,
  );
  return `${end("from")} -> ${end("to")} ${l4.join(" ")}`.trim();
}

function renderCounts(findings: readonly Finding[], paint: Paint): string {
  const counts = countFindings(findings);
  const part = (severity: Severity, one: string, many: string): string[] =>
    counts[severity] === 0
      ? []
      : [paint(styles[severity], `${counts[severity]} ${counts[severity] === 1 ? one : many}`)];
  return [
    ...part("error", "error", "errors"),
    ...part("warning", "warning", "warnings"),
    ...part("info", "note", "notes"),
  ].join(", ");
}

/** GitHub Actions annotations, one line each. Source: GitHub, "Workflow commands for GitHub Actions". */
export function renderGitHubAnnotations(findings: readonly Finding[]): string {
  const level: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "notice" };
  const escapeData = (text: string): string =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const escapeProperty = (text: string): string => escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const lines = [...findings].sort(compareFindings).map((finding) => {
    const properties = [
      ...(finding.where?.file === undefined ? [] : [`file=${escapeProperty(finding.where.file)}`]),
      ...(finding.where?.line === undefined ? [] : [`line=${finding.where.line}`]),
      ...(finding.where?.column === undefined ? [] : [`col=${finding.where.column}`]),
      `title=${escapeProperty(finding.code)}`,
    ].join(",");
    const text = [finding.message, finding.reason, finding.remedy].filter((part) => part !== undefined).join("\n");
    return `::${level[finding.severity]} ${properties}::${escapeData(text)}`;
  });
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
