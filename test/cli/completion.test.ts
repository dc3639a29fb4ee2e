import { afterEach, expect, test, vi } from "vitest";
import { runCommand } from "./run-command.ts";

// The library prints with console.log, as the shells' scripts expect it.
const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
afterEach(() => printed.mockClear());
const lines = (): readonly string[] => printed.mock.calls.map(([line]) => String(line).replace(/\t.*/u, ""));

test.each([
  { typed: ["syn"], offered: ["synth"] },
  { typed: ["prove", "--world", ""], offered: ["closed", "open"] },
  { typed: ["synth", "--over"], offered: ["--overwrite-edited"] },
  { typed: ["synth", "--plan", "plans/"], offered: ["plans/kind-canal.ts", "plans/kind-canal.yaml"] },
  { typed: ["translate", "inventory/"], offered: ["inventory/kind-canal/"] },
])("after `metachron $typed` the tab key offers $offered", async ({ typed, offered }) => {
  await runCommand("complete", "--", ...typed);

  expect(lines().filter((line) => !line.startsWith(":"))).toEqual(offered);
});

test("the script for a shell is printed, and an unknown shell is wrong use", async () => {
  expect((await runCommand("complete", "bash")).exitCode).toBe(0);
  expect(lines().join("\n")).toContain("metachron complete --");
  expect((await runCommand("complete", "tcsh")).exitCode).toBe(2);
});
