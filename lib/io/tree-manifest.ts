import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isJsonObject, type JsonValue } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import { codeOf } from "./findings.ts";

/** The file in an output folder that lists what was generated into it. */
export const manifestName = ".metachron-manifest.json";

/** Which files of a folder are ours, by path relative to it, with the SHA-256 of what we wrote. */
export interface TreeManifest {
  readonly files: ReadonlyMap<string, string>;
  /** What a run that has not ended was about to write; an empty text for what it was about to remove. */
  readonly pending: ReadonlyMap<string, string>;
}

/** A manifest of nothing. */
export const emptyManifest: TreeManifest = { files: new Map(), pending: new Map() };

/** The SHA-256 of a file's bytes, as hexadecimal digits. */
export function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The manifest of a folder: an empty one where there is none, `undefined` where it cannot be understood. Throws when it cannot be read. */
export async function readManifest(folder: string): Promise<TreeManifest | undefined> {
  try {
    return parseManifest(await readFile(join(folder, manifestName), "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return emptyManifest;
    throw error;
  }
}

function parseManifest(text: string): TreeManifest | undefined {
  const value = tryParse(text);
  if (!isJsonObject(value) || value["version"] !== 1) return undefined;
  const files = readDigests(value["files"]);
  const pending = readDigests(value["pending"] ?? {});
  return files === undefined || pending === undefined ? undefined : { files, pending };
}

function tryParse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function readDigests(value: JsonValue | undefined): ReadonlyMap<string, string> | undefined {
  if (!isJsonObject(value)) return undefined;
  const entries = Object.entries(value);
  const isSound = entries.every(([, digest]) => typeof digest === "string" && /^(?:[0-9a-f]{64})?$/u.test(digest));
  return isSound ? new Map(entries as [string, string][]) : undefined;
}

/** The text of a manifest: sorted by path, one file a line, so that a diff shows what changed. */
export function renderManifest({ files, pending }: TreeManifest): string {
  const sorted = (digests: ReadonlyMap<string, string>): Record<string, string> =>
    Object.fromEntries([...digests].sort(([a], [b]) => compareText(a, b)));
  const value = { version: 1, files: sorted(files), ...(pending.size > 0 && { pending: sorted(pending) }) };
  return `${JSON.stringify(value, null, 2)}\n`;
}
