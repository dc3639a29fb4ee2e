import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

// The program itself in a shell's pipe, as somebody tries it first: no plan, no cluster.

const root = resolve(import.meta.dirname, "../..");
const program = `${process.execPath} --import tsx ${join(root, "lib/main.ts")}`;
const folder = mkdtempSync(join(tmpdir(), "metachron-pipes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const policies = (number: number): string =>
  Array.from(
    { length: number },
    (_, at) => `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: web-${at}, namespace: shop }
spec: { selector: "app == 'web-${at}'", types: [Ingress], ingress: [{ action: Allow }] }
`,
  ).join("---\n");

function run(line: string, input: string) {
  writeFileSync(join(folder, "input"), input);
  const { status, stdout, stderr } = spawnSync("sh", ["-c", `cat ${join(folder, "input")} | ${line}`], {
    cwd: root,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("translate in a pipe", () => {
  test("takes policies from the left and gives YAML to the right, and tells people what it did beside it", () => {
    const { status, stdout, stderr } = run(`${program} translate`, policies(1));

    expect(status).toBe(0);
    expect(stdout).toMatch(/^# From NetworkPolicy\/shop\/web-0 .*\n[\s\S]*\nkind: CiliumNetworkPolicy\n/u);
    expect(stderr).toBe("1 policy: 1 exact, 0 carved, 0 partial, 0 refused\n");
  });

  test("says nothing of a reader that had enough", () => {
    const { stdout, stderr } = run(`${program} translate | head -n 1`, policies(2_000));

    expect(stdout).toMatch(/^# From NetworkPolicy\/shop\/web-0 .*\n$/u);
    expect(stderr).toBe("2,000 policies: 2,000 exact, 0 carved, 0 partial, 0 refused\n");
  });

  test.each([
    ["nothing", "", "inventory/empty", "name files or folders with policies, or dump them"],
    ["a Helm template", "{{ .Values.policies }}\n", "inventory/helm-template", "render it first"],
    ["no YAML", "kind: [\n", "inventory/syntax", "mend the text"],
  ])("says of %s what it is and what to do, once", (_what, input, code, remedy) => {
    const { status, stdout, stderr } = run(`${program} translate`, input);

    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(code);
    expect(stderr).toContain(remedy);
    expect(stderr).toMatch(/\n1 error\n$/u);
  });
});
