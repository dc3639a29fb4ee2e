import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { replaceTextFile } from "../../lib/io/replace-text-file.ts";
import { manifestName } from "../../lib/io/tree-manifest.ts";
import { writeTextFiles } from "../../lib/io/write-text-files.ts";
import { writeTree } from "../../lib/io/write-tree.ts";

let out = "";
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "metachron-write-"));
  mkdirSync(join(out, "folder/inside"), { recursive: true });
  writeFileSync(join(out, "text"), "a file");
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

/** Everything below the folder but the list of what a tree has begun, from which its next run goes on. */
const present = () =>
  readdirSync(out, { recursive: true, encoding: "utf8" })
    .filter((path) => !path.endsWith(manifestName))
    .sort();

const rerun = "see to the cause and run it again";
const permissions = "see that the folder exists and may be written to";

/** Each way of writing, at a path below a file, or where a folder stands; no right of a user forbids or allows either. */
const rows = [
  ["one file below a file", () => replaceTextFile(join(out, "text/report.html"), "x"), "text/report.html", permissions],
  [
    "one file below nothing",
    () => replaceTextFile(join(out, "none/report.html"), "x"),
    "none/report.html",
    permissions,
  ],
  ["one file in place of a folder", () => replaceTextFile(join(out, "folder"), "x"), "folder", permissions],
  ["files in place of a folder", () => writeTextFiles(out, new Map([["folder", "x"]])), "folder", rerun],
  [
    "a tree in place of a folder",
    async () => (await writeTree(out, "folder", new Map([["folder/inside", "x"]]))).findings,
    "folder/inside",
    rerun,
  ],
] as const;

test.each(rows)(
  "%s that cannot be written are told, and nothing half-written is left",
  async (_name, write, path, remedy) => {
    const before = present();
    const findings = await write();

    expect(findings).toMatchObject([{ code: "io/write-failed", severity: "error", remedy }]);
    expect(findings[0]?.where?.file).toBe(join(out, path));
    expect(findings[0]?.message).toContain(`${join(out, path)} cannot be written: `);
    expect(present()).toEqual(before);
  },
);

test("what can be written is written without a word", async () => {
  expect(await replaceTextFile(join(out, "text"), "x")).toEqual([]);
  expect(await writeTextFiles(out, new Map([["folder/new/a.yaml", "x"]]))).toEqual([]);
});
