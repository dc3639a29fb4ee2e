import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandNames } from "../../lib/cli/program.ts";
import { exampleProject } from "./project.ts";
import { runCommand } from "./run-command.ts";

test("init proposes a plan that synth takes as it is, and a second synth changes nothing", async () => {
  const project = exampleProject();
  project.remove("plans/kind-canal.yaml");
  const proposed = await runCommand("init", "--inventory", project.inventory, "--plan", project.plan);
  const first = await runCommand("synth", "--plan", project.plan, "--out", project.out);
  const check = await runCommand("synth", "--plan", project.plan, "--out", project.out, "--check");

  expect([proposed.exitCode, first.exitCode, check.exitCode]).toEqual([0, 0, 0]);
});

test("init does not write over a plan that is there", async () => {
  const project = exampleProject();
  const before = readFileSync(project.plan, "utf8");
  const run = await runCommand("init", "--inventory", project.inventory, "--plan", project.plan);

  expect(run.exitCode).toBe(2);
  expect(readFileSync(project.plan, "utf8")).toBe(before);
});

test("next opens the first stage: one word in the plan, the engines' objects, nothing else", async () => {
  const project = exampleProject();
  const git = (...argv: readonly string[]): string =>
    execFileSync("git", ["-C", project.folder, "-c", "user.name=t", "-c", "user.email=t@example.invalid", ...argv], {
      encoding: "utf8",
    });
  await runCommand("synth", "--plan", project.plan, "--out", project.out);
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message", "plan");
  const commit = git("rev-parse", "HEAD").trim();

  const run = await runCommand("next", "--plan", project.plan, "--out", project.out, "--commit", commit);
  git("add", "--all");
  const changed = git("diff", "--cached", "--name-only")
    .split("\n")
    .filter((line) => line !== "");

  expect(run.exitCode).toBe(0);
  expect(changed.filter((file) => /stages\/\d+[^/]*\/(?!STAGE\.md)/u.test(file))).toEqual([]);
  expect(changed).toContain("plans/kind-canal.yaml");
  expect(changed).toContain("dist/kind-canal/argocd/apps/000-prepare.yaml");
  expect(readFileSync(project.plan, "utf8")).toMatch(/000-prepare:/u);
});

test("every command explains itself, with an example", async () => {
  for (const name of commandNames) {
    const help = await runCommand(name, "--help");
    expect(help.exitCode).toBe(0);
    expect(help.out).toMatch(/Examples:\n {2}metachron /u);
  }
});

test("a wrong command, a wrong option and a wrong value are wrong use: exit code 2 and what to do", async () => {
  const wrong = [["synht"], ["synth", "--chekc"], ["synth", "--format", "xml"], ["verify"]];
  for (const argv of wrong) {
    const run = await runCommand(...argv);
    expect(run.exitCode).toBe(2);
    expect(run.error).toMatch(/error: /u);
  }
});

test("report is one page without a script and without an address to load from", async () => {
  const project = exampleProject();
  const file = join(project.folder, "report.html");
  const run = await runCommand("report", "--plan", project.plan, "--out", file);
  const html = readFileSync(file, "utf8");

  expect(run.exitCode).toBe(0);
  expect(html).not.toMatch(/<script|<link|<img|<iframe|src=|url\(/u);
  for (const text of ["100-canary", "kind-worker2", "GlobalNetworkPolicy/shop-data", "plan/placeholder-repo-url"])
    expect(html).toContain(text);
});
