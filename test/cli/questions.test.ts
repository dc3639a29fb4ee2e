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

  const withVariables = {
    "before.yaml": `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  selector: app == 'web'
  types: [Ingress]
  ingress: [{ action: Allow, source: { nets: ["\${OFFICE}"] } }]
`,
    "after.yaml": `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  endpointSelector: { matchLabels: { app: web } }
  ingress: [{ fromCIDR: ["\${OFFICE}"] }]
---
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: { name: "\${POOL}" }
spec: { blocks: [] }
`,
  };

  test("fills in variables on both sides, and asks for those of policies only", async () => {
    const { folder } = exampleProject();
    for (const [name, text] of Object.entries(withVariables)) writeFileSync(join(folder, name), text);
    const sides = ["--before", join(folder, "before.yaml"), "--after", join(folder, "after.yaml")];

    const open = await runCommand("prove", ...sides, "--format", "json");
    const filled = await runCommand("prove", ...sides, "--substitute", "OFFICE=192.0.2.0/24");
    const wrong = await runCommand("prove", ...sides, "--substitute", "OFFICE");

    expect(codesOf(open.out)).toEqual([
      "POL001: spec.ingress[0].source.nets[0] holds the variable ${OFFICE}, which has no value here",
      'cilium/cidr: "${OFFICE}" is no prefix and no address',
      "inventory/unresolved-variable: CiliumNetworkPolicy/shop/web holds ${OFFICE}, which nobody has replaced",
    ]);
    expect([filled.error, filled.exitCode]).toEqual(["", 0]);
    expect(filled.out).toMatch(/^equal {2}open world/u);
    expect([wrong.exitCode, wrong.error]).toEqual([2, expect.stringContaining("--substitute takes NAME=VALUE")]);
  });

  test("a side without a policy is told, two of them are nothing to compare", async () => {
    const { folder } = exampleProject();
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const none = file("none.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: b }\n");
    const some = file("some.yaml", policy(80));

    const one = await runCommand("prove", "--before", some, "--after", none);
    const both = await runCommand("prove", "--before", none, "--after", none);

    expect([one.exitCode, one.error]).toEqual([1, expect.stringContaining("none.yaml holds no policy")]);
    expect([both.exitCode, both.error]).toEqual([2, expect.stringContaining("there is nothing to compare")]);
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
