import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { commandFindings } from "../../lib/cli/findings.ts";
import type { FindingKind } from "../../lib/core/finding.ts";
import { compareText } from "../../lib/core/order.ts";
import { deliveryFindings } from "../../lib/delivery/findings.ts";
import { inventoryFindings } from "../../lib/inventory/findings.ts";
import { ioFindings } from "../../lib/io/findings.ts";
import { migrationFindings } from "../../lib/migration/findings.ts";
import { planFindings } from "../../lib/plan/findings.ts";
import { bridgeFindings } from "../../lib/policy/bridge/findings.ts";
import { calicoFindings } from "../../lib/policy/calico/findings.ts";
import { ciliumFindings } from "../../lib/policy/cilium/findings.ts";
import { proofFindings } from "../../lib/policy/prove/findings.ts";
import { translationFindings } from "../../lib/policy/translate/findings.ts";
import { catalogue } from "../../lib/preflight/catalogue.ts";
import { preflightFindings } from "../../lib/preflight/findings.ts";
import { escapeMarkdown, table } from "../../lib/review/markdown.ts";
import { sourceFindings } from "../../lib/source/findings.ts";
import { stageFindings } from "../../lib/stages/drift-findings.ts";
import { strategyFindings } from "../../lib/strategies/findings.ts";
import { targetFindings } from "../../lib/target/findings.ts";
import { waveFindings } from "../../lib/waves/findings.ts";

const root = resolve(import.meta.dirname, "../..");

type Table = Readonly<Record<string, FindingKind>>;

/** In the order in which a person meets them. */
const rooms: readonly (readonly [title: string, table: Table])[] = [
  ["Commands", commandFindings],
  ["Reading and writing files", ioFindings],
  ["Inventory", inventoryFindings],
  ["Source", sourceFindings],
  ["Plan file", planFindings],
  ["Strategies", strategyFindings],
  ["Preflight", preflightFindings],
  ["Waves", waveFindings],
  ["Target", targetFindings],
  ["Calico's policies", calicoFindings],
  ["Cilium's policies", ciliumFindings],
  ["Translation", translationFindings],
  ["Policy while both networks run", bridgeFindings],
  ["Proof", { ...migrationFindings, ...proofFindings }],
  ["Stages that were opened", stageFindings],
  ["Delivery and the merge gate", deliveryFindings],
];

/** What to do about the checks of the preflight: the one room whose remedies do not depend on the case. */
const remedies: ReadonlyMap<string, string> = new Map(
  catalogue.flatMap((entry) => (entry.kind === "check" ? [[`preflight/${entry.id}`, entry.remedy] as const] : [])),
);

function page(): string {
  const sections = rooms.map(([title, kinds]) => {
    const codes = Object.keys(kinds).sort(compareText);
    const hasRemedies = codes.some((code) => remedies.has(code));
    const rows = codes.map((code) => {
      const kind = kinds[code];
      return [
        `\`${code}\``,
        kind?.severity ?? "",
        escapeMarkdown(kind?.meaning ?? ""),
        ...(hasRemedies ? [escapeMarkdown(remedies.get(code) ?? "")] : []),
        escapeMarkdown(kind?.source ?? ""),
      ];
    });
    const heading = ["code", "severity", "meaning", ...(hasRemedies ? ["what to do"] : []), "source of the rule"];
    return `## ${title}\n\n${table(heading, rows)}`;
  });
  return `# Findings

Every code that a finding of metachron can have. This page is written from the tables in \`lib/\`; a test keeps it up to date.

An \`error\` blocks, a \`warning\` asks a person to look, an \`info\` is good to know. A code keeps its meaning for ever. The
finding itself says more than this page can: the object, the file and line, the numbers, and what to do in that very case.
Findings of the preflight, the waves and the policies can be accepted in the plan, see [preflight.md](preflight.md).

${sections.join("\n\n")}
`;
}

test("the manual's page of findings is written from the tables of all rooms", async () => {
  await expect(page()).toMatchFileSnapshot(join(root, "docs/findings.md"));
});

test("no code is in two tables, and none that the code names is in none", () => {
  const codes = rooms.flatMap(([, kinds]) => Object.keys(kinds));
  const known = new Set(codes);
  const families = new Set(codes.filter((code) => code.includes("/")).map((code) => code.split("/")[0]));
  const named = readdirSync(join(root, "lib"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(join(root, "lib", file), "utf8");
      return [...text.matchAll(/\bcode(?:: | === )"(?<code>(?<family>[a-z]+)\/[a-z0-9-]+|POL\d+)"/gu)];
    })
    .map(({ groups }) => groups?.["code"] ?? "");

  expect(codes.filter((code, at) => codes.indexOf(code) !== at)).toEqual([]);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((code) => !known.has(code))).toEqual([]);
  expect(families.size).toBeGreaterThan(10);
});
