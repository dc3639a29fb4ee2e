import { createReadStream } from "node:fs";
import { lstat, open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Checked, Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import type { SourceFile } from "../inventory/source-file.ts";
import { decodeText } from "./decode-text.ts";
import { causeOf, codeOf, ioFinding } from "./findings.ts";

/** The name under which standard input stands in findings. */
export const stdinName = "<stdin>";

const endings = /\.(?:ya?ml|json|ndjson|jsonl)(?:\.gz)?$/iu;
/** Files for people that often lie beside a dump; they are passed over without a word. */
const documents = /(?:\.md|^(?:LICEN[CS]E|NOTICE|README|CHANGELOG)[^/]*|^\.[^/]*)$/iu;
/** What the first part of a file without an ending must hold to be read as Kubernetes objects. */
const looksLikeObjects = /^\s*(?:\{|\[)|^(?:- |\s{0,4})?"?(?:apiVersion|kind|items)"?\s*:/mu;

/**
 * The files behind paths, ready to be read: a file as it is, a folder with all that it holds, `-` for standard input.
 *
 * Shape: sorted by path, each real file once. In folders `.yaml`, `.yml`, `.json`, `.ndjson`, `.jsonl`, each also with
 * `.gz`, and files without an ending that look like objects; hidden files and folders, `node_modules`, licences and Markdown are passed over; symbolic links
 * are followed, and never in a circle. A file named on its own is read whatever its ending. Nothing but folders and
 * first bytes is read before the chunks are asked for.
 * Findings: `io/no-such-file`, `io/unreadable-file`, `io/files-skipped`, `io/special-file`, `io/link-loop`; while the
 * chunks are read, each file's `failure`: `io/unreadable-file`, `io/broken-gzip`, `io/utf-16`. `value` is always there.
 */
export async function readSourceFiles(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array> = process.stdin,
): Promise<Checked<readonly SourceFile[]>> {
  const walk: Walk = { files: new Map(), seen: new Set(), findings: [], skipped: [] };
  const files: SourceFile[] = [];
  for (const path of paths) {
    if (path === "-") files.push(toSourceFile(stdinName, () => stdin));
    else await visitNamed(path, walk);
  }
  const names = [...walk.files.keys()].sort(compareText);
  files.push(...names.map((name) => toSourceFile(name, () => createReadStream(name, { highWaterMark: 1024 * 1024 }))));
  return { value: files, findings: [...walk.findings, ...skippedFindings(walk)] };
}

interface Walk {
  readonly files: Map<string, true>;
  /** Real paths of files and folders that were visited. */
  readonly seen: Set<string>;
  readonly findings: Finding[];
  readonly skipped: string[];
}

async function visitNamed(path: string, walk: Walk): Promise<void> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) await visitFolder(path, walk, []);
    else await addFile(path, walk);
  } catch (error) {
    walk.findings.push(cannotRead(path, error));
  }
}

async function addFile(path: string, walk: Walk): Promise<void> {
  const real = await realpath(path);
  if (walk.seen.has(real)) return;
  walk.seen.add(real);
  walk.files.set(path, true);
}

async function visitFolder(folder: string, walk: Walk, above: readonly string[]): Promise<void> {
  try {
    const real = await realpath(folder);
    if (above.includes(real)) {
      walk.findings.push(linkLoop(folder, "leads back to a folder above it"));
      return;
    }
    if (walk.seen.has(real)) return;
    walk.seen.add(real);
    for (const name of (await readdir(folder)).sort(compareText))
      await visitEntry(join(folder, name), name, walk, [...above, real]);
  } catch (error) {
    walk.findings.push(cannotRead(folder, error));
  }
}

async function visitEntry(path: string, name: string, walk: Walk, above: readonly string[]): Promise<void> {
  const link = await lstat(path);
  const stats = link.isSymbolicLink() ? await tryStat(path) : link;
  if (stats === undefined) walk.findings.push(linkLoop(path, "leads nowhere"));
  else if (stats.isDirectory()) {
    if (!name.startsWith(".") && name !== "node_modules") await visitFolder(path, walk, above);
  } else if (!stats.isFile()) walk.findings.push(specialFile(path));
  else if (documents.test(name)) return;
  else if (endings.test(name) || (!name.includes(".") && (await headLooksLikeObjects(path)))) await addFile(path, walk);
  else walk.skipped.push(path);
}

async function tryStat(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ELOOP") return undefined;
    throw error;
  }
}

async function headLooksLikeObjects(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return looksLikeObjects.test(buffer.subarray(0, bytesRead).toString("utf8"));
  } finally {
    await file.close();
  }
}

function toSourceFile(name: string, open: () => AsyncIterable<Uint8Array>): SourceFile {
  let failure: Finding | undefined;
  const read = async function* (): AsyncGenerator<string> {
    failure = undefined;
    try {
      yield* decodeText(open(), (encoding) => {
        if (encoding !== "utf-8") failure = utf16(name);
      });
    } catch (error) {
      failure = codeOf(error).startsWith("Z_") ? brokenGzip(name) : cannotRead(name, error);
    }
  };
  return { name, chunks: { [Symbol.asyncIterator]: read }, failure: () => failure };
}

function cannotRead(path: string, error: unknown): Finding {
  const isMissing = codeOf(error) === "ENOENT";
  return ioFinding(isMissing ? "io/no-such-file" : "io/unreadable-file", {
    message: isMissing ? `${path} does not exist` : `${path} cannot be read: ${causeOf(error)}`,
    where: { file: path },
    remedy: isMissing
      ? "check the path; it is relative to the folder in which the command runs"
      : "see to the cause and run it again",
  });
}

function brokenGzip(name: string): Finding {
  return ioFinding("io/broken-gzip", {
    message: `${name} is damaged or ends too early: it cannot be unpacked to its end`,
    where: { file: name },
    reason: "what stands behind the damage is not in the inventory",
    remedy: "pack the file again from its source; `gzip -t` checks it",
  });
}

function utf16(name: string): Finding {
  return ioFinding("io/utf-16", {
    message: `${name} is UTF-16 and was read as such`,
    where: { file: name },
    reason: "Windows PowerShell writes the output of programs as UTF-16",
    remedy: "save it as UTF-8 before it is committed, so that diffs can be read",
  });
}

function linkLoop(path: string, what: string): Finding {
  return ioFinding("io/link-loop", {
    message: `the symbolic link ${path} ${what} and is not followed`,
    where: { file: path },
    remedy: "take the link out",
  });
}

function specialFile(path: string): Finding {
  return ioFinding("io/special-file", {
    message: `${path} is a socket, a pipe or a device and is not read`,
    where: { file: path },
    remedy: "take it out of the folder",
  });
}

/** How many skipped files a message names. */
const shownNames = 5;

function skippedFindings(walk: Walk): Finding[] {
  const names = walk.skipped.filter((path) => !walk.files.has(path)).sort(compareText);
  if (names.length === 0) return [];
  const shown = names.slice(0, shownNames).join(", ");
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : "";
  return [
    ioFinding("io/files-skipped", {
      message: `${names.length} ${names.length === 1 ? "file" : "files"} whose names do not say YAML or JSON ${names.length === 1 ? "was" : "were"} not read: ${shown}${more}`,
      reason:
        "read are .yaml, .yml, .json, .ndjson and .jsonl, each also with .gz, and files without an ending that look like objects",
      data: { files: names.length },
    }),
  ];
}
