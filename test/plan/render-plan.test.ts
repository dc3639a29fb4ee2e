import { describe, expect, test } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/core/json.ts";
import { checkPlanSpec } from "../../lib/plan/define-plan.ts";
import type { InitFacts } from "../../lib/plan/init-facts.ts";
import { initPlan } from "../../lib/plan/init-plan.ts";
import { exportPlanSchema } from "../../lib/plan/plan-json-schema.ts";
import { readPlan } from "../../lib/plan/read-plan.ts";
import { renderPlan } from "../../lib/plan/render-plan.ts";
import { facts } from "./samples.ts";

const variants: readonly (readonly [string, InitFacts])[] = [
  ["a cluster that init knows well", facts],
  [
    "a cluster that it hardly knows",
    {
      name: "x",
      inventory: "dump.yaml",
      source: { name: "unknown", confidence: "unsure", evidence: [], podCIDRs: [] },
      exactBlockers: ["the dataplane is eBPF", "no single prefix covers the pods"],
      podCIDRs: [],
      nodes: 0,
      pools: [],
      engines: ["flux"],
      strategy: { name: "in-place", why: "The source cannot share its nodes." },
    },
  ],
  [
    "texts that YAML could take for something else",
    {
      ...facts,
      inventory: "- {a: b} # c",
      source: { ...facts.source, evidence: ["a: b # c\nspec: { evil: true }", "\ttab"] },
      exactBlockers: ["# no\nstages: {}"],
      podCIDRWhy: "because: of\n- this",
      repoURL: "yes",
      devices: ["0x10", "1e3", "null", "@x"],
      podCIDRMaskSizeIPv6: 64,
      k8sServiceHost: "127.0.0.1",
      k8sServicePort: 6443,
      prometheusURL: "http://prometheus:9090",
      version: "1.19.6",
    },
  ],
];

describe.each(variants)("%s", (_name, given) => {
  test("the rendered plan is the proposed plan", () => {
    const expected = checkPlanSpec(initPlan(given), "plan.yaml");

    const { value, findings } = readPlan(renderPlan(given), "plan.yaml");

    const { positions: _positions, ...plan } = value ?? {};
    expect(findings.filter((finding) => finding.severity === "error")).toEqual([]);
    expect(plan).toEqual(expected.value);
  });

  test("every field that it writes has a comment above it, or above the line that it is written in", () => {
    const lines = renderPlan(given).split("\n");
    const bare = lines.filter((line, at) => /^\s+([\w]+|-)[: ]/.test(line) && !/^\s*#/.test(lines[at - 1] ?? ""));

    expect(bare).toEqual([]);
  });
});

test("the first line tells editors where the schema is", () => {
  expect(renderPlan(facts).split("\n")[0]).toBe(
    "# yaml-language-server: $schema=../node_modules/metachron/schemas/plan.schema.json",
  );
  expect(renderPlan({ ...facts, schema: "./plan.schema.json" }).split("\n")[0]).toBe(
    "# yaml-language-server: $schema=./plan.schema.json",
  );
});

test("every choice of the format is written or named in a comment", () => {
  const text = renderPlan(facts);
  const definitions = exportPlanSchema()["definitions"] as JsonObject;
  const keys = (name: string): string[] => {
    const node = definitions[name] as JsonObject;
    return isJsonObject(node["properties"]) ? Object.keys(node["properties"]) : [];
  };
  const names = [
    "Spec",
    "Target",
    "Waves",
    "Roll",
    "Policies",
    "Delivery",
    "WaveGroup",
    "NodeSelection",
    "Acceptance",
    "ServiceLevelGate",
  ];

  expect(
    names
      .flatMap(keys)
      .filter((key) => !new RegExp(`\\b${key}\\b`).test(text))
      .filter((key) => !optionalForOne.includes(key)),
  ).toEqual([]);
});

/** Written only for clusters with IPv6 pods. */
const optionalForOne: readonly JsonValue[] = ["podCIDRMaskSizeIPv6"];

test("exact is proposed where it holds, else bridge with the reasons", () => {
  const blocked = { ...facts, exactBlockers: ["the dataplane is eBPF"] };

  expect(initPlan(facts).spec.policies?.continuity).toBe("exact");
  expect(initPlan(blocked).spec.policies?.continuity).toBe("bridge");
  expect(renderPlan(blocked)).toContain(
    "    # Policy while both networks run. exact cannot hold here:\n    #   the dataplane is eBPF\n",
  );
});

test("nodes that cannot be drained come before their pool, the control plane only when it has a mode of its own", () => {
  expect(initPlan(facts).spec.waves?.groups).toEqual([
    { names: ["worker-3"], size: 1, roll: { mode: "recycle" } },
    { pool: "general", size: 1 },
    { pool: "gpu", size: 1, roll: { mode: "recycle" } },
  ]);
});
