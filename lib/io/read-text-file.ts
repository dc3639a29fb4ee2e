import { createReadStream } from "node:fs";
import type { Checked, Finding } from "../core/finding.ts";
import { decodeText } from "./decode-text.ts";
import { codeOf, ioFinding } from "./findings.ts";
import { unreadable } from "./tree-files.ts";

/**
 * The whole text of one file (UTF-8, or UTF-16 with its mark; gunzipped where it is gzip).
 * Findings: `io/no-such-file`, `io/unreadable-file`.
 */
export async function readTextFile(path: string): Promise<Checked<string>> {
  try {
    let text = "";
    for await (const chunk of decodeText(createReadStream(path))) text += chunk;
    return { value: text, findings: [] };
  } catch (error) {
    return { value: undefined, findings: [cannotRead(path, error)] };
  }
}

function cannotRead(path: string, error: unknown): Finding {
  if (codeOf(error) !== "ENOENT") return unreadable(path, error);
  return ioFinding("io/no-such-file", {
    message: `${path} does not exist`,
    where: { file: path },
    remedy: "check the path; it is relative to the folder in which the command runs",
  });
}
