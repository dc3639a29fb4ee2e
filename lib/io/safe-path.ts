import { lstat, readdir } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { FileTree } from "../core/file-tree.ts";
import type { Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import { causeOf, codeOf, ioFinding } from "./findings.ts";
import { manifestName } from "./tree-manifest.ts";

/**
 * The paths of a tree that must not be written: they leave the folder, are not plain names, or would be one file with
 * another on a disk that does not tell capital letters apart.
 * Findings: `io/unsafe-path`.
 */
export function findUnsafePaths(folder: string, tree: FileTree): Finding[] {
  const findings: Finding[] = [];
  const byLowerCase = new Map<string, string>();
  const folders = new Set([...tree.keys()].flatMap(parentsOf));
  for (const path of [...tree.keys()].sort(compareText)) {
    const other = byLowerCase.get(path.toLowerCase());
    byLowerCase.set(path.toLowerCase(), path);
    const reason =
      whyUnsafe(path) ?? (other === undefined ? undefined : `it differs from ${other} in capital letters only`);
    if (reason !== undefined) findings.push(unsafePath(folder, path, reason));
    else if (folders.has(path)) findings.push(unsafePath(folder, path, "other files need a folder of that name"));
  }
  return findings;
}

function whyUnsafe(path: string): string | undefined {
  const parts = path.split("/");
  if (path === manifestName) return "that name is kept for the list of generated files";
  if (path === "" || path.startsWith("/") || /^[A-Za-z]:/u.test(path)) return "it is not relative to the output folder";
  if (path.includes("\\") || path.includes("\0")) return "it has a sign that not every system can store";
  return parts.some((part) => part === "" || part === "." || part === "..") ? "it is no plain path" : undefined;
}

function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join("/"));
}

/**
 * The places of a tree's files on the disk that must not be written: a symbolic link in place of a file or of a folder
 * on the way to it would put the file somewhere else; a folder that keeps files stands in place of a file; a file that
 * stays stands in place of a folder. `removals` are the paths that are removed before anything is written.
 * Findings: `io/unsafe-path`, `io/unreadable-file`.
 */
export async function findUnsafePlaces(
  folder: string,
  tree: FileTree,
  removals: ReadonlySet<string> = new Set(),
): Promise<Finding[]> {
  const places = new Set([...tree.keys()].flatMap((path) => [...parentsOf(path), path]));
  const findings: Finding[] = [];
  for (const path of [...places].sort(compareText)) {
    try {
      const reason = await whyUnsafePlace(folder, path, tree.has(path), removals);
      if (reason !== undefined) findings.push(unsafePath(folder, path, reason));
    } catch (error) {
      const isFree = codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
      if (!isFree) findings.push(cannotLook(join(folder, path), error));
    }
  }
  return findings;
}

async function whyUnsafePlace(
  folder: string,
  path: string,
  isFile: boolean,
  removals: ReadonlySet<string>,
): Promise<string | undefined> {
  const stats = await lstat(join(folder, path));
  if (stats.isSymbolicLink()) return "it is a symbolic link";
  if (!isFile) return stats.isDirectory() || removals.has(path) ? undefined : "a file stands where a folder is needed";
  if (stats.isDirectory()) {
    const names = await readdir(join(folder, path), { recursive: true, withFileTypes: true });
    const staying = names
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
      .filter((inner) => !removals.has(inner));
    return staying.length === 0 ? undefined : "a folder with other files stands there";
  }
  return stats.isFile() ? undefined : "something that is no file stands there";
}

function unsafePath(folder: string, path: string, reason: string): Finding {
  return ioFinding("io/unsafe-path", {
    message: `${path} must not be written: ${reason}`,
    where: { file: join(folder, path) },
    remedy: "rename it, or see to what stands in its place",
  });
}

function cannotLook(file: string, error: unknown): Finding {
  return ioFinding("io/unreadable-file", {
    message: `${file} cannot be looked at: ${causeOf(error)}`,
    where: { file: dirname(file) },
    remedy: "see to the cause and run it again",
  });
}
