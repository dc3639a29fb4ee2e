import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf, manifestName, renderManifest } from "../../lib/io/tree-manifest.ts";
import { writeTextFiles } from "../../lib/io/write-text-files.ts";
import { checkTree, writeTree } from "../../lib/io/write-tree.ts";

let out = "";
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "metachron-tree-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

const name = "plan";
type Files = Readonly<Record<string, string>>;

const tree = (files: Files): ReadonlyMap<string, string> =>
  new Map(Object.entries(files).map(([path, text]) => [`${name}/${path}`, text]));

/** Every file below the plan's folder but the manifest. */
function present(): Files {
  const folder = join(out, name);
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path !== manifestName && statSync(join(folder, path)).isFile())
    .sort();
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

function put(path: string, text: string): void {
  const file = join(out, name, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
}

const codesOf = (
  findings: readonly { readonly code: string; readonly where?: { readonly file?: string } }[],
): string[] =>
  findings.map(({ code, where }) => `${code} ${where?.file?.replace(`${join(out, name)}/`, "") ?? ""}`.trim());

test("a first run writes everything, a second one nothing, and unchanged files keep their times", async () => {
  const files = { "PLAN.md": "plan", "stages/000/a.yaml": "a", "stages/010/b.yaml": "ü" };
  const first = await writeTree(out, name, tree(files));
  const past = new Date(1_000_000_000_000);
  for (const path of [...Object.keys(files), manifestName]) utimesSync(join(out, name, path), past, past);

  const second = await writeTree(out, name, tree(files));

  expect([first.written, first.removed, first.unchanged, first.findings]).toEqual([3, 0, 0, []]);
  expect(first.writtenFiles).toEqual(["plan/PLAN.md", "plan/stages/000/a.yaml", "plan/stages/010/b.yaml"]);
  expect(second).toEqual({ written: 0, removed: 0, unchanged: 3, writtenFiles: [], removedFiles: [], findings: [] });
  expect(present()).toEqual(files);
  for (const path of [...Object.keys(files), manifestName]) expect(statSync(join(out, name, path)).mtime).toEqual(past);
});

test("a later run writes what changed, removes what it wrote before with the folders that become empty, and nothing else", async () => {
  await writeTree(out, name, tree({ "a.yaml": "1", "old/x/y.yaml": "2", "old/z.yaml": "3" }));
  put("old/mine.txt", "the user's");

  const report = await writeTree(out, name, tree({ "a.yaml": "changed", "new.yaml": "4" }));

  expect(report).toEqual({
    written: 2,
    removed: 2,
    unchanged: 0,
    writtenFiles: ["plan/a.yaml", "plan/new.yaml"],
    removedFiles: ["plan/old/x/y.yaml", "plan/old/z.yaml"],
    findings: [],
  });
  expect(present()).toEqual({ "a.yaml": "changed", "new.yaml": "4", "old/mine.txt": "the user's" });
  expect(existsSync(join(out, name, "old", "x"))).toBe(false);
});

test("a file may become a folder and a folder a file", async () => {
  await writeTree(out, name, tree({ a: "1", "b/c": "2" }));

  const report = await writeTree(out, name, tree({ "a/x": "3", b: "4" }));

  expect(report.findings).toEqual([]);
  expect(present()).toEqual({ "a/x": "3", b: "4" });
});

describe("nothing that a person wrote is lost, and then nothing at all is written", () => {
  test.each<[string, () => void, Files, readonly string[]]>([
    [
      "an edited file would be replaced",
      () => put("a.yaml", "edited"),
      { "a.yaml": "2", "b.yaml": "2" },
      ["io/edited-by-hand a.yaml"],
    ],
    ["an edited file would be removed", () => put("a.yaml", "edited"), { "b.yaml": "2" }, ["io/edited-by-hand a.yaml"]],
    [
      "a file of the user stands in the way",
      () => put("c.yaml", "mine"),
      { "a.yaml": "1", "b.yaml": "1", "c.yaml": "2" },
      ["io/edited-by-hand c.yaml"],
    ],
    [
      "the list of files is broken",
      () => put(manifestName, "<<<<<<< HEAD"),
      { "a.yaml": "2" },
      [`io/broken-manifest ${manifestName}`],
    ],
    [
      "the list of files is of a later version",
      () => put(manifestName, '{"version":2,"files":{}}'),
      { "a.yaml": "2" },
      [`io/broken-manifest ${manifestName}`],
    ],
    [
      "a folder of the user stands in the way",
      () => put("c.yaml/x", "mine"),
      { "c.yaml": "2" },
      ["io/unsafe-path c.yaml"],
    ],
    [
      "a path leaves the folder",
      () => undefined,
      { "../escape.yaml": "2" },
      [expect.stringContaining("io/unsafe-path")],
    ],
    ["a path is absolute", () => undefined, { "/etc/x": "2" }, [expect.stringContaining("io/unsafe-path")]],
    [
      "two paths differ in capital letters only",
      () => undefined,
      { "A.yaml": "2", "a.yaml": "2" },
      ["io/unsafe-path a.yaml"],
    ],
    ["a path is a file and a folder", () => undefined, { "d/e": "2", d: "2" }, ["io/unsafe-path d"]],
    ["a path is the list of files", () => undefined, { [manifestName]: "2" }, [`io/unsafe-path ${manifestName}`]],
  ])("%s", async (_name, spoil, files, codes) => {
    await writeTree(out, name, tree({ "a.yaml": "1", "b.yaml": "1" }));
    spoil();
    const before = present();

    const report = await writeTree(out, name, tree(files));

    expect(codesOf(report.findings)).toEqual(codes);
    expect([report.written, report.removed]).toEqual([0, 0]);
    expect(present()).toEqual(before);
  });

  test("a symbolic link on the way would put files elsewhere", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "metachron-elsewhere-"));
    mkdirSync(join(out, name));
    symlinkSync(elsewhere, join(out, name, "stages"));

    const report = await writeTree(out, name, tree({ "stages/a.yaml": "1" }));

    expect(codesOf(report.findings)).toEqual(["io/unsafe-path stages"]);
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(elsewhere, { recursive: true });
  });

  test("unless it is wanted", async () => {
    await writeTree(out, name, tree({ "a.yaml": "1", "b.yaml": "1" }));
    put("a.yaml", "edited");
    put("b.yaml", "edited");

    const report = await writeTree(out, name, tree({ "a.yaml": "2" }), { overwriteEdited: true });

    expect([report.writtenFiles, report.removedFiles, report.findings]).toEqual([["plan/a.yaml"], ["plan/b.yaml"], []]);
    expect(present()).toEqual({ "a.yaml": "2" });
  });

  test("an edit that is what would be written anyway is no edit", async () => {
    await writeTree(out, name, tree({ "a.yaml": "1" }));
    put("a.yaml", "2");

    expect((await writeTree(out, name, tree({ "a.yaml": "2" }))).findings).toEqual([]);
  });
});

test("whenever a run is killed, the next one goes on from there", async () => {
  const before = { "a.yaml": "1", "b.yaml": "1", "gone.yaml": "1" };
  const after = { "a.yaml": "2", "b.yaml": "2", "c/d.yaml": "2" };
  const pending = new Map([
    ...Object.entries(after).map(([path, text]) => [path, digestOf(text)] as const),
    ["gone.yaml", ""] as const,
  ]);
  const files = new Map(Object.entries(before).map(([path, text]) => [path, digestOf(text)] as const));
  const steps: readonly (() => void)[] = [
    () => put(manifestName, renderManifest({ files, pending })),
    () => rmSync(join(out, name, "gone.yaml")),
    () => put("a.yaml", "2"),
    () => put(".metachron-new-b.yaml", "half"),
    () => put("b.yaml", "2"),
    () => put("c/d.yaml", "2"),
  ];
  const runs = [after, { "a.yaml": "3", "c/d.yaml": "3" }].flatMap((next) =>
    [...steps.keys(), steps.length].map((killedAfter) => ({ killedAfter, next })),
  );
  for (const { killedAfter, next } of runs) {
    rmSync(join(out, name), { recursive: true, force: true });
    await writeTree(out, name, tree(before));
    for (const step of steps.slice(0, killedAfter)) step();

    const report = await writeTree(out, name, tree(next));

    expect([killedAfter, report.findings, present()]).toEqual([killedAfter, [], next]);
    expect(await checkTree(out, name, tree(next))).toEqual([]);
  }
});

test("a folder that cannot be written is told", async () => {
  writeFileSync(join(out, name), "a file where the folder should be");

  const report = await writeTree(out, name, tree({ "a.yaml": "1" }));

  expect(report.findings.map(({ code }) => code)).toEqual(["io/unreadable-file"]);
});

test("the check names every file that is missing, changed, left over or foreign, and writes nothing", async () => {
  await writeTree(out, name, tree({ "a.yaml": "1", "b.yaml": "1", "left.yaml": "1" }));
  put("b.yaml", "edited");
  put("mine.yaml", "x");
  const before = present();

  const findings = await checkTree(out, name, tree({ "a.yaml": "1", "b.yaml": "1", "new.yaml": "1" }));

  expect(codesOf(findings)).toEqual([
    "io/missing-file new.yaml",
    "io/changed-file b.yaml",
    "io/stale-file left.yaml",
    "io/foreign-file mine.yaml",
  ]);
  expect(present()).toEqual(before);
  expect(codesOf(await checkTree(join(out, "nowhere"), name, tree({ "a.yaml": "1" })))).toEqual([
    `io/missing-file ${join(out, "nowhere", name, "a.yaml")}`,
  ]);
});

test("two plans share one output folder", async () => {
  await writeTree(out, "one", new Map([["one/a.yaml", "1"]]));
  await writeTree(out, "two", new Map([["two/a.yaml", "2"]]));
  const report = await writeTree(out, "one", new Map([["one/b.yaml", "1"]]));

  expect(report.removedFiles).toEqual(["one/a.yaml"]);
  expect(readFileSync(join(out, "two", "a.yaml"), "utf8")).toBe("2");
});

test("after any sequence of trees the folder holds the last one and the user's files", async () => {
  const path = fc.constantFrom("a", "b/c", "b/d", "e/f/g", "h.yaml");
  const files = fc.dictionary(path, fc.constantFrom("1", "2", ""), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(files, { minLength: 1, maxLength: 5 }), async (trees) => {
      rmSync(join(out, name), { recursive: true, force: true });
      put("mine/own.txt", "mine");
      for (const one of trees) {
        const report = await writeTree(out, name, tree(one));
        expect(report.findings).toEqual([]);
        expect(await checkTree(out, name, tree(one))).toMatchObject([{ code: "io/foreign-file" }]);
      }
      const last = Object.entries(trees.at(-1) ?? {}).map(([file, text]) => [file, text]);
      expect(present()).toEqual({ ...Object.fromEntries(last), "mine/own.txt": "mine" });
    }),
    { numRuns: 15 },
  );
});

test("single files are written where a command was asked to put them, over what stands there", async () => {
  writeFileSync(join(out, "a.yaml"), "old");

  const findings = await writeTextFiles(
    out,
    new Map([
      ["a.yaml", "new"],
      ["b/c.yaml", "c"],
    ]),
  );
  const refused = await writeTextFiles(
    out,
    new Map([
      ["a.yaml", "newer"],
      ["../x", "x"],
    ]),
  );

  expect(findings).toEqual([]);
  expect(refused.map(({ code }) => code)).toEqual(["io/unsafe-path"]);
  expect(readFileSync(join(out, "a.yaml"), "utf8")).toBe("new");
  expect(readFileSync(join(out, "b", "c.yaml"), "utf8")).toBe("c");
});
