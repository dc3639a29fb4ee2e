import { assertNever } from "../core/invariant.ts";
import { catalogueGroups } from "./catalogue.ts";
import type { CatalogueEntry } from "./catalogue-entry.ts";

const head = `# Preflight

What metachron asks before anything is touched. This page is written from the catalogue in \`lib/preflight\`; a test
keeps it up to date.

Each question is answered in one of four ways:

- **check**: by the preflight itself, as the finding \`preflight/<id>\`;
- **elsewhere**: by another part of metachron, with the findings named;
- **value**: the plan sets Helm values that remove the danger; an override of them is refused
  (\`target/override-breaks-invariant\`);
- **not checked**: no inventory can tell; \`metachron check\` and PLAN.md print the command that would.

An \`error\` blocks the plan, a \`warning\` asks a person to look. A person can lower either in the plan, by code and object,
with a reason; it is then printed as accepted:

\`\`\`yaml
spec:
  preflight:
    accept:
      - code: preflight/np-dormant
        object: NetworkPolicy/default/deny   # as the finding prints it, or "*" for every object
        reason: read on 12 May, all of them are meant
        by: jane
        until: 2026-09-30
\`\`\`
`;

/** The manual's page of the catalogue, as Markdown: one table for each group, in the catalogue's order. */
export function renderCatalogue(): string {
  const groups = catalogueGroups.map(({ title, entries }) => {
    const rows = entries.map((entry) => `| ${cells(entry).map(escapeCell).join(" | ")} |`);
    return [
      `## ${title}\n`,
      "| id | severity | when | reads | answer | source |",
      "| --- | --- | --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
  });
  return `${[head.trimEnd(), ...groups].join("\n\n")}\n`;
}

function cells(entry: CatalogueEntry): string[] {
  return [
    `\`${entry.id}\``,
    "severity" in entry ? entry.severity : "–",
    entry.kind === "not-checked" ? `must hold: ${entry.condition}` : entry.condition,
    entry.reads,
    answerOf(entry),
    entry.source,
  ];
}

function answerOf(entry: CatalogueEntry): string {
  switch (entry.kind) {
    case "check":
      return `check: ${entry.remedy}`;
    case "answered":
      return `elsewhere: ${entry.answeredBy.map((code) => `\`${code}\``).join(", ")}`;
    case "settled":
      return `value: ${entry.settledBy.map((path) => `\`${path}\``).join(", ")}`;
    case "not-checked":
      return `not checked: ${entry.why}`;
    default:
      return assertNever(entry);
  }
}

function escapeCell(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
}
