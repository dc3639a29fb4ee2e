import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
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

// Parts are read with "." and are checked with each script that reads them.
test.skipIf(!hasShellcheck)(
  `shellcheck has nothing to say${hasShellcheck ? "" : " (skipped: shellcheck is not installed)"}`,
  () => {
    const whole = names.filter((name) => scripts.get(name)?.startsWith("#!") === true);
    const run = spawnSync("shellcheck", ["-x", "-a", "-P", "SCRIPTDIR", "-s", "sh", ...whole], {
      cwd: scriptsFolder,
      encoding: "utf8",
    });

    expect(run.stdout).toBe("");
  },
);
