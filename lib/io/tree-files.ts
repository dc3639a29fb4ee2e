import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { Checked, Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import { causeOf, codeOf, ioFinding } from "./findings.ts";
import { manifestName, readManifest, type TreeManifest } from "./tree-manifest.ts";

/** The manifest of a folder, with the finding that says why there is none. */
export async function tryReadManifest(folder: string): Promise<Checked<TreeManifest>> {
  const file = join(folder, manifestName);
  try {
    const value = await readManifest(folder);
    return { value, findings: value === undefined ? [brokenManifest(file)] : [] };
  } catch (error) {
    return { value: undefined, findings: [unreadable(file, error)] };
  }
}

/** The bytes of a file: none when there is no such file, the error when it cannot be read. */
export async function tryReadBytes(file: string): Promise<{ readonly bytes?: Buffer; readonly error?: unknown }> {
  try {
    return { bytes: await readFile(file) };
  } catch (error) {
    // A folder at that path, or a file on the way to it, is no file either: whether it may stay is for others to say.
    return ["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error)) ? {} : { error };
  }
}

/** Every file below a folder, relative to it, sorted; the manifest and half-written files of ours are not among them. */
export async function listFiles(folder: string): Promise<Checked<readonly string[]>> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
      .filter((path) => path !== manifestName);
    return { value: files.sort(compareText), findings: [] };
  } catch (error) {
    return codeOf(error) === "ENOENT"
      ? { value: [], findings: [] }
      : { value: undefined, findings: [unreadable(folder, error)] };
  }
}

/** A file that cannot be read. */
export function unreadable(file: string, error: unknown): Finding {
  return ioFinding("io/unreadable-file", {
    message: `${file} cannot be read: ${causeOf(error)}`,
    where: { file },
    remedy: "see to the cause and run it again",
  });
}

function brokenManifest(file: string): Finding {
  return ioFinding("io/broken-manifest", {
    message: `${file} is no list of generated files`,
    where: { file },
    reason: "without it nobody can tell generated files from yours; no file at all was written",
    remedy: "bring it back with `git checkout`, or remove the whole folder if all of it was generated",
  });
}
