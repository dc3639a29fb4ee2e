import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FileTree } from "../core/file-tree.ts";
import type { Finding } from "../core/finding.ts";
import { causeOf, ioFinding } from "./findings.ts";
import { findUnsafePaths, findUnsafePlaces } from "./safe-path.ts";
import { writeWhole } from "./write-whole.ts";

/**
 * Writes files into a folder of the user's choice, each whole, in place of files of the same names; other files stay.
 * For output that a command was asked to put there; generated trees go through `writeTree`.
 * Findings: `io/unsafe-path` (nothing is written), `io/write-failed`.
 */
export async function writeTextFiles(folder: string, files: FileTree): Promise<readonly Finding[]> {
  const unsafe = [...findUnsafePaths(folder, files), ...(await findUnsafePlaces(folder, files))];
  if (unsafe.length > 0) return unsafe;
  for (const [path, text] of files) {
    const file = join(folder, path);
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeWhole(file, `${file}.metachron-new`, text);
    } catch (error) {
      return [
        ioFinding("io/write-failed", {
          message: `${file} cannot be written: ${causeOf(error)}`,
          where: { file },
          remedy: "see to the cause and run it again",
        }),
      ];
    }
  }
  return [];
}
