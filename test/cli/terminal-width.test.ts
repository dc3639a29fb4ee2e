import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { exampleProject } from "./project.ts";
import { commitAll, openShell } from "./shell.ts";

const inventory = ["--inventory", "inventory/kind-canal"];
const policies = "inventory/kind-canal/globalnetworkpolicies.crd.projectcalico.org.yaml";

/** Lines that are wider than the terminal although a space stood where they could have been broken. */
function tooWide(text: string, columns: number): readonly string[] {
  return stripVTControlCharacters(text)
    .split("\n")
    .filter(
      (line) =>
        line.length > columns &&
        line
          .trim()
          .replace(/^see +/u, "")
          .includes(" "),
    );
}

test("no command prints a line that a terminal of 80 columns would break", async () => {
  const project = exampleProject();
  const shell = openShell(project.folder, { columns: 80, useColor: true });
  const commands = [
    ["detect", ...inventory],
    ["init", ...inventory, "--plan", "plans/mine.yaml"],
    ["check", "--plan", "plans/kind-canal.yaml"],
    ["synth", "--plan", "plans/kind-canal.yaml"],
    ["next", "--plan", "plans/kind-canal.yaml"],
    ["diff", "--base", "HEAD"],
    ["explain", "--plan", "plans/kind-canal.yaml", "--from", "shop/frontend", "--to", "shop/cart", "--port", "80/TCP"],
    ["prove", "--before", policies, "--after", "inventory/kind-canal/networkpolicies.yaml", ...inventory],
  ];
  const wide: (readonly [string | undefined, readonly string[]])[] = [];
  for (const argv of commands) {
    const run = await shell.metachron(...argv);
    expect(run.exitCode).toBeLessThan(2);
    expect(run.out).not.toBe("");
    wide.push([argv[0], [...tooWide(run.out, 80), ...tooWide(run.error, 80)]]);
    if (argv[0] === "synth") commitAll(shell, "plan");
  }
  expect(wide.filter(([, lines]) => lines.length > 0)).toEqual([]);
});
