import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { exampleProject } from "./project.ts";
import { runCommand } from "./run-command.ts";

const codesOf = (text: string): readonly string[] => {
  const { findings } = JSON.parse(text) as { findings: readonly JsonObject[] };
  return findings.map(({ code, message }) => `${String(code)}: ${String(message)}`).sort();
};

describe("prove", () => {
  const policy = (port: number): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec: { podSelector: {}, policyTypes: [Ingress], ingress: [{ ports: [{ port: ${port} }] }] }
`;

  test("never calls sets equal of which a part could not be read", async () => {
    const { folder } = exampleProject();
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const before = file("before.yaml", `${policy(80)}---\n${policy(81)}`);
    const after = file("after.yaml", policy(80));

    const text = await runCommand("prove", "--before", before, "--after", after);
    const json = await runCommand("prove", "--before", before, "--after", after, "--format", "json");

    expect(text.error).toContain("inventory/conflicting-object");
    expect(text.out).toMatch(/^not proven: no difference in what was compared, but see the errors/u);
    expect([text.exitCode, json.exitCode]).toEqual([1, 1]);
    expect((JSON.parse(json.out) as JsonObject)["equal"]).toBe(false);
  });
});

describe("check and explain", () => {
  test("speak of the waves that were rendered, as synth does, when nodes have joined since", async () => {
    const project = exampleProject();
    const where = ["--plan", project.plan, "--out", project.out];
    await runCommand("synth", ...where);
    project.replace("inventory/kind-canal/nodes.yaml", "    name: kind-worker\n", "    name: kind-worker0\n");
    project.replace(
      "inventory/kind-canal/nodes.yaml",
      "kubernetes.io/hostname: kind-worker\n",
      "kubernetes.io/hostname: kind-worker0\n",
    );

    const check = await runCommand("check", ...where, "--format", "json");
    const synth = await runCommand("synth", ...where, "--format", "json");
    const explained = await runCommand(
      "explain",
      ...where,
      "--from",
      "shop/frontend",
      "--to",
      "shop/cart",
      "--format",
      "json",
    );

    const told = codesOf(check.out);
    expect(told.some((text) => text.startsWith("waves/"))).toBe(true);
    expect(codesOf(synth.out)).toEqual(expect.arrayContaining([...told]));
    const stages = new Set((JSON.parse(synth.out) as { stages: { id: string }[] }).stages.map(({ id }) => id));
    const { during } = JSON.parse(explained.out) as { during: { stages: string[] }[] };
    expect(during.flatMap((state) => state.stages).filter((id) => !stages.has(id))).toEqual([]);
    expect(during.flatMap((state) => state.stages).length).toBeGreaterThan(3);
  });
});
