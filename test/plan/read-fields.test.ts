import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** Names of all properties of a JSON Schema, however deep. */
function namesIn(schema: unknown, names = new Set<string>()): Set<string> {
  if (typeof schema !== "object" || schema === null) return names;
  for (const [key, inner] of Object.entries(schema)) {
    if (key === "properties" && typeof inner === "object") for (const name of Object.keys(inner)) names.add(name);
    namesIn(inner, names);
  }
  return names;
}

test("every field of the plan is read by some room: a setting that does nothing is a promise that nobody keeps", () => {
  const names = namesIn(JSON.parse(readFileSync(join(root, "schemas/plan.schema.json"), "utf8")));
  const code = readdirSync(join(root, "lib"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("plan/"))
    .map((file) => readFileSync(join(root, "lib", file), "utf8"))
    .join("\n");
  const words = new Set(code.match(/\w+/gu));

  const unread = [...names].filter((name) => !words.has(name));

  expect(unread).toEqual([]);
  expect(names.size).toBeGreaterThan(60);
});
