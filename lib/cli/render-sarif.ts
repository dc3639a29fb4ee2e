import { compareFindings, type Finding, type Severity, type Where } from "../core/finding.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";

const levels: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "note" };

/** Findings as a SARIF 2.1.0 log, the form that code scanning services read. Source: OASIS SARIF 2.1.0. */
export function renderSarif(findings: readonly Finding[], version: string): string {
  const sorted = [...findings].sort(compareFindings);
  const codes = sortedUnique(sorted.map((finding) => finding.code));
  const log: JsonObject = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "metachron", version, rules: codes.map((id) => ({ id })) } },
        results: sorted.map((finding) => result(finding, codes)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function result(finding: Finding, codes: readonly string[]): JsonValue {
  const text = [finding.message, finding.reason, finding.remedy].filter((part) => part !== undefined).join(". ");
  const locations = finding.where === undefined ? [] : [location(finding.where)];
  return {
    ruleId: finding.code,
    ruleIndex: codes.indexOf(finding.code),
    level: levels[finding.severity],
    message: { text },
    ...(locations.length > 0 && { locations }),
    ...(finding.related !== undefined && {
      relatedLocations: finding.related.map((entry) => ({
        ...location(entry.where),
        message: { text: entry.message },
      })),
    }),
    ...(finding.data !== undefined && { properties: finding.data }),
  };
}

function location(where: Where): JsonObject {
  const region = {
    ...(where.line !== undefined && { startLine: where.line }),
    ...(where.column !== undefined && { startColumn: where.column }),
  };
  return {
    ...(where.file !== undefined && {
      physicalLocation: {
        artifactLocation: { uri: encodeURI(where.file.replaceAll("\\", "/")) },
        ...(where.line !== undefined && { region }),
      },
    }),
    ...(where.object !== undefined && {
      logicalLocations: [
        { fullyQualifiedName: where.field === undefined ? where.object : `${where.object}#${where.field}` },
      ],
    }),
  };
}
