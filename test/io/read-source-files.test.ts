import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Finding } from "../../lib/core/finding.ts";
import type { SourceFile } from "../../lib/inventory/source-file.ts";
import { readSourceFiles, stdinName } from "../../lib/io/read-source-files.ts";
import { readTextFile } from "../../lib/io/read-text-file.ts";
import { runProgram } from "../../lib/io/run-program.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "metachron-io-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content);
  }
}

async function textOf(file: SourceFile): Promise<string> {
  let text = "";
  for await (const chunk of file.chunks) text += chunk;
  return text;
}

/** What is read from paths inside the folder: texts by name, and every finding with its code and file. */
async function read(...paths: string[]): Promise<{ readonly texts: unknown; readonly findings: readonly string[] }> {
  const files = await readSourceFiles(paths.map((path) => join(folder, path)));
  const texts: [string, string][] = [];
  const findings: Finding[] = [...files.findings];
  const short = (text: string): string => text.replace(`${folder}/`, "").replace(folder, ".");
  for (const file of files.value ?? []) {
    texts.push([short(file.name), await textOf(file)]);
    const failure = file.failure?.();
    if (failure !== undefined) findings.push(failure);
  }
  return { texts, findings: findings.map(({ code, where }) => short(`${code} ${where?.file ?? ""}`.trim())) };
}

test("a folder gives its YAML and JSON files of any depth, sorted, and says which others it passed over", async () => {
  put({
    "b/pods.yaml": "pods",
    "a.YML": "a",
    "c.json": "c",
    "d.ndjson": "d",
    "e.jsonl": "e",
    "Z.yaml": "Z",
    objects: "apiVersion: v1\nkind: List\n",
    Makefile: "all:\n\techo\n",
    "notes.docx": "x",
    "README.md": "x",
    "LICENSE-x.txt": "x",
    ".git/config.yaml": "x",
    ".github/workflows/ci.yaml": "x",
    ".hidden.yaml": "x",
    "node_modules/x/y.yaml": "x",
  });

  const { texts, findings } = await read(".");

  expect(texts).toEqual([
    ["Z.yaml", "Z"],
    ["a.YML", "a"],
    ["b/pods.yaml", "pods"],
    ["c.json", "c"],
    ["d.ndjson", "d"],
    ["e.jsonl", "e"],
    ["objects", "apiVersion: v1\nkind: List\n"],
  ]);
  expect(findings).toEqual(["io/files-skipped"]);
});

test("a file that is named is read whatever its ending, and once", async () => {
  put({ "dump.txt": "x", "a.yaml": "a" });

  expect(await read("dump.txt", "a.yaml", ".", "a.yaml")).toEqual({
    texts: [
      ["a.yaml", "a"],
      ["dump.txt", "x"],
    ],
    findings: [],
  });
});

describe("bytes become text", () => {
  const utf16 = (text: string, isBig = false): Buffer => {
    const bytes = Buffer.from(`\uFEFF${text}`, "utf16le");
    return isBig ? bytes.swap16() : bytes;
  };

  test.each<[string, string, string | Uint8Array, string, readonly string[]]>([
    ["UTF-8", "a.yaml", "größe 🙂", "größe 🙂", []],
    ["UTF-8 with a byte order mark", "a.yaml", "\uFEFFkind: x", "kind: x", []],
    ["UTF-16 little endian, as PowerShell writes it", "a.yaml", utf16("kind: ü"), "kind: ü", ["io/utf-16 a.yaml"]],
    ["UTF-16 big endian", "a.yaml", utf16("kind: ü", true), "kind: ü", ["io/utf-16 a.yaml"]],
    ["bytes that are not UTF-8", "a.yaml", Buffer.from([0x61, 0xff, 0x62]), "a\uFFFDb", []],
    ["gzip", "a.yaml.gz", gzipSync("kind: x"), "kind: x", []],
    ["gzip whatever its name", "a.yaml", gzipSync("kind: x"), "kind: x", []],
    ["several gzip files in one", "a.json.gz", Buffer.concat([gzipSync("a"), gzipSync("b")]), "ab", []],
    ["gzip of UTF-16", "a.yaml.gz", gzipSync(utf16("x")), "x", ["io/utf-16 a.yaml.gz"]],
    ["an empty file", "a.yaml", "", "", []],
    ["gzip cut off", "a.yaml.gz", gzipSync("x".repeat(100)).subarray(0, 15), "", ["io/broken-gzip a.yaml.gz"]],
    [
      "gzip with a wrong byte",
      "a.yaml.gz",
      Buffer.concat([gzipSync("").subarray(0, 10), Buffer.from([255, 255, 255])]),
      "",
      ["io/broken-gzip a.yaml.gz"],
    ],
  ])("%s", async (_name, file, content, text, findings) => {
    put({ [file]: content });

    const found = await read(".");
    expect(found).toEqual({
      texts: [[file, found.findings.includes(`io/broken-gzip ${file}`) ? expect.any(String) : text]],
      findings,
    });
  });

  test("a sign that lies across two chunks stays whole", async () => {
    const text = `${"x".repeat(1024 * 1024 - 1)}ü${"y".repeat(1024 * 1024)}🙂`;
    put({ "a.yaml": text });

    expect(await read("a.yaml")).toEqual({ texts: [["a.yaml", text]], findings: [] });
  });

  test("a file can be read twice", async () => {
    put({ "a.yaml": "a" });
    const [file] = (await readSourceFiles([join(folder, "a.yaml")])).value ?? [];

    expect(file === undefined ? [] : [await textOf(file), await textOf(file)]).toEqual(["a", "a"]);
  });
});

test("what is not there, cannot be read, or leads nowhere is told, and the rest is read", async () => {
  put({ "a.yaml": "a", "sub/b.yaml": "b" });
  symlinkSync("nowhere.yaml", join(folder, "dangling.yaml"));
  symlinkSync("..", join(folder, "sub", "up"));
  symlinkSync("a.yaml", join(folder, "same.yaml"));
  symlinkSync("round.yaml", join(folder, "round.yaml"));
  execFileSync("mkfifo", [join(folder, "pipe.yaml")]);

  const { texts, findings } = await read(".", "missing.yaml", "missing-folder/x");

  expect(texts).toEqual([
    ["a.yaml", "a"],
    ["sub/b.yaml", "b"],
  ]);
  expect([...findings].sort()).toEqual([
    "io/link-loop dangling.yaml",
    "io/link-loop round.yaml",
    "io/link-loop sub/up",
    "io/no-such-file missing-folder/x",
    "io/no-such-file missing.yaml",
    "io/special-file pipe.yaml",
  ]);
});

test("a folder that is read as a file is told", async () => {
  const file = (await readSourceFiles([folder])).value;

  expect(file).toEqual([]);
  expect((await readTextFile(folder)).findings.map(({ code, message }) => [code, message])).toEqual([
    ["io/unreadable-file", `${folder} cannot be read: it is a folder`],
  ]);
});

test("a dash is standard input, also when it is gzip", async () => {
  async function* stdin(): AsyncGenerator<Uint8Array> {
    const bytes = gzipSync("kind: x");
    yield bytes.subarray(0, 1);
    yield bytes.subarray(1);
  }
  const [file] = (await readSourceFiles(["-"], stdin())).value ?? [];

  expect(file?.name).toBe(stdinName);
  expect(file === undefined ? "" : await textOf(file)).toBe("kind: x");
});

test("a text file is read whole, or told why not", async () => {
  put({ "a.txt": "\uFEFFgrün" });

  expect(await readTextFile(join(folder, "a.txt"))).toEqual({ value: "grün", findings: [] });
  expect((await readTextFile(join(folder, "b.txt"))).findings.map(({ code }) => code)).toEqual(["io/no-such-file"]);
});

describe("a program", () => {
  const node = process.execPath;

  test("gives its output and exit code, and its arguments pass through no shell", async () => {
    const result = await runProgram(
      node,
      ["-e", "process.stdin.pipe(process.stdout); console.error(process.argv[1]); process.exitCode = 3", "$HOME; `x`"],
      { input: "in" },
    );

    expect(result).toEqual({ value: { exitCode: 3, stdout: "in", stderr: "$HOME; `x`\n" }, findings: [] });
  });

  test("that is not there is a finding", async () => {
    const result = await runProgram("no-such-program-at-all", []);

    expect(result.findings.map(({ code, message }) => [code, message])).toEqual([
      ["io/program-failed", "the program no-such-program-at-all is not installed"],
    ]);
  });

  test("that does not end is ended", async () => {
    const result = await runProgram(node, ["-e", "setInterval(() => undefined, 1000)"], { timeoutSeconds: 0.2 });

    expect(result.findings.map(({ code }) => code)).toEqual(["io/program-failed"]);
  });
});
