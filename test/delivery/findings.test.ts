import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { deliveryFindings } from "../../lib/delivery/findings.ts";

const room = resolve(import.meta.dirname, "../../lib/delivery");

/** Codes with the severities that the room's sources give them. */
function codesInSources(): ReadonlyMap<string, ReadonlySet<string>> {
  const codes = new Map<string, Set<string>>();
  for (const file of readdirSync(room, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file === "findings.ts") continue;
    const text = readFileSync(join(room, file), "utf8");
    for (const [, code = "", severity] of text.matchAll(/code: "(delivery\/[\w-]+)",(?:\s*severity: "(\w+)",)?/gu)) {
      const severities = codes.get(code) ?? new Set<string>();
      if (severity !== undefined) severities.add(severity);
      codes.set(code, severities);
    }
  }
  return codes;
}

test("every finding of the room is in its table, and nothing else is", () => {
  expect([...codesInSources().keys()].sort()).toEqual(Object.keys(deliveryFindings).sort());
});

test("a finding has the severity that the table says", () => {
  const differing = [...codesInSources()].filter(([code, severities]) =>
    [...severities].some((severity) => severity !== deliveryFindings[code]?.severity),
  );

  expect(differing).toEqual([]);
});
