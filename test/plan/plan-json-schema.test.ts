import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { isJsonObject, type JsonValue } from "../../lib/core/json.ts";
import { exportPlanSchema } from "../../lib/plan/plan-json-schema.ts";
import { renderPlan } from "../../lib/plan/render-plan.ts";
import { facts, full, minimal } from "./samples.ts";

const root = resolve(import.meta.dirname, "../..");
const ajv = new Ajv({ strict: false });
addFormats.default(ajv);
const validate = ajv.compile(exportPlanSchema());

test("the committed schema is what the code exports (vitest -u writes it)", async () => {
  await expect(`${JSON.stringify(exportPlanSchema(), undefined, 2)}\n`).toMatchFileSnapshot(
    join(root, "schemas/plan.schema.json"),
  );
});

test("every field has a description for the editor", () => {
  const bare: string[] = [];
  const definitions = exportPlanSchema()["definitions"];
  const visit = (node: JsonValue | undefined, path: string): void => {
    if (!isJsonObject(node)) return;
    const properties = isJsonObject(node["properties"]) ? node["properties"] : {};
    for (const [name, child] of Object.entries(properties)) {
      const reference = isJsonObject(child) ? (child["allOf"] ?? child["$ref"]) : undefined;
      if (isJsonObject(child) && reference === undefined && typeof child["description"] !== "string")
        bare.push(`${path}.${name}`);
      visit(child, `${path}.${name}`);
    }
    visit(node["items"], `${path}[]`);
  };
  visit(exportPlanSchema(), "");
  if (isJsonObject(definitions))
    for (const [name, node] of Object.entries(definitions)) {
      // zod's own name for the values inside Helm values.
      if (name.startsWith("__")) continue;
      if (isJsonObject(node) && typeof node["description"] !== "string") bare.push(name);
      visit(node, name);
    }

  expect(bare).toEqual([]);
});

const plans = readdirSync(join(root, "plans")).filter((file) => file.endsWith(".yaml"));

test.each<readonly [string, string]>([
  ["the minimal plan", minimal],
  ["the full plan", full],
  ["a plan that init wrote", renderPlan(facts)],
  ...plans.map((file) => [`plans/${file}`, readFileSync(join(root, "plans", file), "utf8")] as const),
])("ajv accepts %s", (_name, text) => {
  validate(parse(text));

  expect(validate.errors).toBeNull();
});

test.each([
  ["an unknown key", `${minimal}  sorce: auto\n`],
  ["a size of nothing", `${minimal}  waves: { groups: [{ size: 0 }] }\n`],
  ["a stage that is no folder", `${minimal}stages: { canary: { state: open } }\n`],
  ["a percentage that is none", `${minimal}  waves: { budget: { maxUnavailable: 120% } }\n`],
])("ajv refuses %s", (_name, text) => {
  expect(validate(parse(text))).toBe(false);
});
