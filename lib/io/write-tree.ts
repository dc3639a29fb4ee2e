import { mkdir, rm, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FileTree } from "../core/file-tree.ts";
import type { Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import { causeOf, codeOf, ioFinding } from "./findings.ts";
import { findUnsafePaths, findUnsafePlaces } from "./safe-path.ts";
import { listFiles, tryReadBytes, tryReadManifest, unreadable } from "./tree-files.ts";
import { digestOf, emptyManifest, manifestName, renderManifest, type TreeManifest } from "./tree-manifest.ts";
import { writeWhole } from "./write-whole.ts";

/** What became of a tree: how many files, which ones (relative to the output folder, sorted), and why not. */
export interface WriteReport {
  readonly written: number;
  readonly removed: number;
  readonly unchanged: number;
  readonly writtenFiles: readonly string[];
  readonly removedFiles: readonly string[];
  readonly findings: readonly Finding[];
}

/** How a tree is written. */
export interface WriteOptions {
  /** Replaces and removes files that were edited by hand, too. @default false */
  readonly overwriteEdited?: boolean;
}

/**
 * Makes the part `name` of an output folder hold the tree: writes what is new or different, removes what an earlier run
 * wrote and this one does not, and touches nothing else.
 *
 * Shape: the paths of `tree` are relative to `out` and start with `name/`; each name has its own list of files, so that
 * several plans can share one output folder.
 * Promise: nothing at all is written when a finding is an error. A file is written beside its place and renamed into
 * it, so that it is the old one or the new one whenever the run is killed; the list of our files
 * (`.metachron-manifest.json`) is written first, with what is about to happen, so that the next run knows every file
 * that a killed one left. A file of other content than we wrote, or that we never wrote, is not replaced or removed
 * unless `overwriteEdited` says so. An empty folder is removed when we removed its last file.
 * Findings: `io/unsafe-path`, `io/edited-by-hand`, `io/broken-manifest`, `io/write-failed`, `io/unreadable-file`.
 */
export async function writeTree(
  out: string,
  name: string,
  tree: FileTree,
  options: WriteOptions = {},
): Promise<WriteReport> {
  const folder = join(out, name);
  const own = withoutPrefix(out, name, tree);
  const unsafe = [...own.findings, ...findUnsafePaths(folder, own.tree)];
  if (unsafe.length > 0) return nothingWritten(unsafe);
  const manifest = await tryReadManifest(folder);
  if (manifest.value === undefined) return nothingWritten(manifest.findings);
  const plan = await planWrites(folder, own.tree, manifest.value, options);
  const places = await findUnsafePlaces(folder, own.tree, new Set(plan.removals));
  if (plan.findings.length + places.length > 0) return nothingWritten([...plan.findings, ...places]);
  const findings = await carryOut(folder, own.tree, manifest.value, plan);
  if (findings.length > 0) return nothingWritten(findings);
  const files = (paths: readonly string[]): string[] => paths.map((path) => `${name}/${path}`);
  return {
    written: plan.writes.length,
    removed: plan.removals.length,
    unchanged: plan.unchanged,
    writtenFiles: files(plan.writes),
    removedFiles: files(plan.removals),
    findings: [],
  };
}

function nothingWritten(findings: readonly Finding[]): WriteReport {
  return { written: 0, removed: 0, unchanged: 0, writtenFiles: [], removedFiles: [], findings };
}

/** The tree with paths relative to `out/name`, and a finding for each path that is not below it. */
function withoutPrefix(
  out: string,
  name: string,
  tree: FileTree,
): { readonly tree: FileTree; readonly findings: Finding[] } {
  const prefix = `${name}/`;
  const entries = [...tree];
  const findings = entries
    .filter(([path]) => !path.startsWith(prefix))
    .map(([path]) =>
      ioFinding("io/unsafe-path", {
        message: `${path} must not be written: it is not below ${prefix}`,
        where: { file: join(out, path) },
        remedy: "report this: the program made a path that it must not make",
      }),
    );
  const own = entries
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, text]) => [path.slice(prefix.length), text] as const);
  return { tree: new Map(own), findings };
}

interface WritePlan {
  readonly writes: readonly string[];
  readonly removals: readonly string[];
  readonly unchanged: number;
  readonly findings: readonly Finding[];
}

async function planWrites(
  folder: string,
  tree: FileTree,
  manifest: TreeManifest,
  { overwriteEdited = false }: WriteOptions,
): Promise<WritePlan> {
  const writes: string[] = [];
  const removals: string[] = [];
  const findings: Finding[] = [];
  let unchanged = 0;
  const paths = [...new Set([...tree.keys(), ...manifest.files.keys(), ...manifest.pending.keys()])].sort(compareText);
  for (const path of paths) {
    const file = join(folder, path);
    const wanted = tree.get(path);
    const found = await tryReadBytes(file);
    if (found.error !== undefined) findings.push(unreadable(file, found.error));
    else if (found.bytes === undefined) {
      if (wanted !== undefined) writes.push(path);
    } else if (wanted !== undefined && found.bytes.equals(Buffer.from(wanted))) unchanged += 1;
    else if (!overwriteEdited && !isOurs(path, found.bytes, manifest))
      findings.push(editedByHand(file, path, manifest, wanted));
    else if (wanted === undefined) removals.push(path);
    else writes.push(path);
  }
  return { writes, removals, unchanged, findings };
}

function isOurs(path: string, bytes: Buffer, manifest: TreeManifest): boolean {
  const digest = digestOf(bytes);
  return manifest.files.get(path) === digest || manifest.pending.get(path) === digest;
}

async function carryOut(
  folder: string,
  tree: FileTree,
  manifest: TreeManifest,
  plan: WritePlan,
): Promise<readonly Finding[]> {
  const files = new Map([...tree].map(([path, text]) => [path, digestOf(text)] as const));
  const pending = new Map<string, string>([
    ...plan.writes.map((path) => [path, files.get(path) ?? ""] as const),
    ...plan.removals.map((path) => [path, ""] as const),
  ]);
  try {
    await removeLeftovers(folder, manifest);
    if (pending.size > 0) await writeFileWhole(join(folder, manifestName), renderManifest({ ...manifest, pending }));
    // What is to go goes first: its name may be a folder now.
    for (const path of plan.removals) await removeFile(folder, path);
    for (const path of plan.writes) await writeFileWhole(join(folder, path), tree.get(path) ?? "");
    const text = renderManifest({ files, pending: emptyManifest.pending });
    if (text !== renderManifest(manifest)) await writeFileWhole(join(folder, manifestName), text);
  } catch (error) {
    return [writeFailed(folder, error)];
  }
  return [];
}

const besidePrefix = ".metachron-new-";

function besideName(file: string): string {
  return join(dirname(file), `${besidePrefix}${basename(file)}`);
}

async function writeFileWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeWhole(file, besideName(file), text);
}

/** Takes away the half-written files of a run that was killed. */
async function removeLeftovers(folder: string, manifest: TreeManifest): Promise<void> {
  const paths = [...manifest.pending.keys(), manifestName];
  for (const path of paths) await rm(besideName(join(folder, path)), { force: true });
}

async function removeFile(folder: string, path: string): Promise<void> {
  await unlink(join(folder, path));
  for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
    if (!(await tryRemoveFolder(join(folder, parent)))) return;
  }
}

/** Removes a folder if it is empty. */
async function tryRemoveFolder(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function editedByHand(file: string, path: string, manifest: TreeManifest, wanted: string | undefined): Finding {
  const isOwned = manifest.files.has(path);
  const toDo = wanted === undefined ? "would be removed" : "would be replaced";
  return ioFinding("io/edited-by-hand", {
    message: isOwned
      ? `${file} was changed since it was generated and ${toDo}`
      : `${file} was not generated and ${toDo}`,
    where: { file },
    reason: "nothing that a person wrote is thrown away; no file at all was written",
    remedy:
      "undo the change or move the file (what should differ belongs into the plan file), or overwrite it on purpose with metachron synth --overwrite-edited",
  });
}

function writeFailed(folder: string, error: unknown): Finding {
  const told = error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : folder;
  // A file is written beside its place first; a person knows its place.
  const name = basename(told);
  const file = name.startsWith(besidePrefix) ? join(dirname(told), name.slice(besidePrefix.length)) : told;
  return ioFinding("io/write-failed", {
    message: `${file} cannot be written: ${causeOf(error)}`,
    where: { file },
    reason: "each file is the old one or the new one; the next run goes on from there",
    remedy: "see to the cause and run it again",
  });
}

/** How a folder differs from its tree: paths relative to it, sorted. */
interface TreeDrift {
  readonly missing: readonly string[];
  readonly changed: readonly string[];
  /** Written by an earlier run, and not part of the tree any more. */
  readonly stale: readonly string[];
  /** Neither written by us nor part of the tree. */
  readonly foreign: readonly string[];
}

/**
 * Compares the part `name` of an output folder with the tree that it should hold (see `writeTree`), and writes nothing.
 * Findings: `io/missing-file`, `io/changed-file`, `io/stale-file` (errors: the folder is not up to date),
 * `io/foreign-file` (a warning), `io/broken-manifest`, `io/unreadable-file`, `io/unsafe-path`. None when all is well.
 */
export async function checkTree(out: string, name: string, tree: FileTree): Promise<readonly Finding[]> {
  const folder = join(out, name);
  const own = withoutPrefix(out, name, tree);
  const manifest = await tryReadManifest(folder);
  if (manifest.value === undefined) return manifest.findings;
  const present = await listFiles(folder);
  if (present.value === undefined) return present.findings;
  const missing: string[] = [];
  const changed: string[] = [];
  const findings: Finding[] = [...own.findings];
  for (const [path, text] of [...own.tree].sort(([a], [b]) => compareText(a, b))) {
    const found = await tryReadBytes(join(folder, path));
    if (found.error !== undefined) findings.push(unreadable(join(folder, path), found.error));
    else if (found.bytes === undefined) missing.push(path);
    else if (!found.bytes.equals(Buffer.from(text))) changed.push(path);
  }
  const extra = present.value.filter((path) => !own.tree.has(path));
  const owned = manifest.value.files;
  const stale = extra.filter((path) => owned.has(path));
  const foreign = extra.filter((path) => !owned.has(path));
  return [...findings, ...driftFindings(folder, { missing, changed, stale, foreign })];
}

function driftFindings(folder: string, drift: TreeDrift): Finding[] {
  const remedy = "run synth and commit what it writes";
  const tell =
    (code: "io/missing-file" | "io/changed-file" | "io/stale-file" | "io/foreign-file", what: string) =>
    (path: string): Finding =>
      ioFinding(code, {
        message: `${join(folder, path)} ${what}`,
        where: { file: join(folder, path) },
        remedy:
          code === "io/foreign-file"
            ? "move it out of the folder: whoever applies the folder may apply it, too"
            : remedy,
      });
  return [
    ...drift.missing.map(tell("io/missing-file", "is missing")),
    ...drift.changed.map(tell("io/changed-file", "is not what the plan renders to")),
    ...drift.stale.map(tell("io/stale-file", "is left from an earlier run")),
    ...drift.foreign.map(tell("io/foreign-file", "was not generated")),
  ];
}
