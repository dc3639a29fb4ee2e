import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../lib/roll/exit-codes.ts";
import { readScripts, renderScriptsModule, scriptsFolder, scriptsModule } from "./embed-scripts.ts";

const scripts = readScripts();
const names = [...scripts.keys()];
const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const hasShellcheck = has("shellcheck");

test("the packed module holds the scripts to the letter", () => {
  expect(readFileSync(scriptsModule, "utf8")).toBe(renderScriptsModule(scripts));
});

describe.each(names)("%s", (name) => {
  test("is read without a complaint by sh and, where it is installed, by dash", () => {
    const shells = ["sh", "dash"].filter((shell) => spawnSync(shell, ["-c", ":"]).error === undefined);

    const complaints = shells.map(
      (shell) => spawnSync(shell, ["-n", join(scriptsFolder, name)], { encoding: "utf8" }).stderr,
    );

    expect(complaints).toEqual(shells.map(() => ""));
  });

  test("writes no dollar-brace, which Flux would substitute, and no backtick", () => {
    expect(scripts.get(name)).not.toMatch(/\$\{|`/u);
  });
});

// Parts are read with "." and are checked together with roll.sh, which reads all of them. Following them from every other
// script would take half a minute and look at the same lines: there, variables of the parts count as assigned.
test.skipIf(!hasShellcheck).each([
  ["roll.sh and the parts it reads", ["-x", "-a", "-P", "SCRIPTDIR"], ["roll.sh"]],
  [
    "every other script",
    ["-e", "SC1091,SC2034,SC2154"],
    names.filter(
      (name) => name !== "roll.sh" && (scripts.get(name)?.startsWith("#!") === true || name === "probes.sh"),
    ),
  ],
])(
  `shellcheck has nothing to say of %s${hasShellcheck ? "" : " (skipped: shellcheck is not installed)"}`,
  (_what, options, files) => {
    const run = spawnSync("shellcheck", ["-s", "sh", ...options, ...files], { cwd: scriptsFolder, encoding: "utf8" });

    expect(run.stdout).toBe("");
  },
);

test("the table of exit codes is the one that common.sh tells", () => {
  const head = (scripts.get("common.sh") ?? "").split("\nset -u")[0] ?? "";
  const told = [...head.matchAll(/^# {3}(\d\d) {2}(.*)$/gmu)].map((match) => [match[1], match[2]]);

  expect(told).toEqual(Object.entries(exitCodes).map(([code, { meaning }]) => [code, meaning]));
});
