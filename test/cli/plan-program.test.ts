import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { exampleProject, type Project } from "./project.ts";
import { runCommand } from "./run-command.ts";

// A plan in TypeScript, as somebody keeps it in a repository of their own.

const library = pathToFileURL(resolve(import.meta.dirname, "../../lib/index.ts")).href;

function project(type: "module" | "commonjs", program: (plan: string) => string): Project {
  const made = exampleProject();
  const plan = JSON.stringify(parse(readFileSync(made.plan, "utf8")));
  made.append("package.json", JSON.stringify({ type }));
  made.append("plans/kind-canal.ts", program(plan));
  return made;
}

const treeOf = (made: Project): readonly (readonly [string, string])[] =>
  made
    .written()
    .filter((path) => /\.(?:yaml|md)$/u.test(path))
    .map((path) => [path, readFileSync(join(made.out, path), "utf8")] as const);

const usual = (plan: string): string =>
  `import { definePlan } from ${JSON.stringify(library)};\nexport default definePlan(${plan});\n`;

describe("a plan in TypeScript", () => {
  test.each(["module", "commonjs"] as const)(
    "gives the tree of the YAML plan, in a package of type %s",
    async (type) => {
      const made = project(type, usual);
      const where = ["--out", made.out];
      await runCommand("synth", "--plan", made.plan, ...where);
      const fromYaml = treeOf(made);
      made.remove("dist");

      const program = made.plan.replace(/yaml$/u, "ts");
      const { exitCode, out, error } = await runCommand("synth", "--plan", program, ...where);

      expect(error).not.toContain("plan/missing-key");
      expect(exitCode).toBe(0);
      expect(out).toContain(`set stages["000-prepare"].state to "open" in ${program}`);
      expect(fromYaml.length).toBeGreaterThan(200);
      expect(treeOf(made).map(([path]) => path)).toEqual(fromYaml.map(([path]) => path));
      const stages = (tree: readonly (readonly [string, string])[]) =>
        tree.filter(([path]) => /\/stages\/.*\.yaml$/u.test(path));
      expect(stages(treeOf(made))).toEqual(stages(fromYaml));
    },
  );

  test.each([
    ["has no default export", "export const plan = 1;\n", "write `export default definePlan({ … })`"],
    ["throws", 'throw new Error("no cluster today");\n', "run it by itself to see the whole error"],
    ["exports no plan", "export default { spec: 1 };\n", "Add apiVersion"],
  ])("that %s is told so, and nothing is written", async (_what, program, remedy) => {
    const made = project("module", () => program);

    const { exitCode, error } = await runCommand(
      "synth",
      "--plan",
      made.plan.replace(/yaml$/u, "ts"),
      "--out",
      made.out,
    );

    expect(exitCode).toBe(2);
    expect(error).toContain(remedy);
    expect(made.written()).toEqual([]);
  });
});
