import { rename, rm, writeFile } from "node:fs/promises";
import type { Finding } from "../core/finding.ts";
import { causeOf, ioFinding } from "./findings.ts";

/** Replaces one file by a text: written beside it and renamed into its place, so that it is the old one or the new one. */
export async function replaceTextFile(file: string, text: string): Promise<readonly Finding[]> {
  const beside = `${file}.metachron-new`;
  try {
    await writeFile(beside, text);
    await rename(beside, file);
    return [];
  } catch (error) {
    await rm(beside, { force: true });
    return [
      ioFinding("io/write-failed", {
        message: `${file} cannot be written: ${causeOf(error)}`,
        where: { file },
        remedy: "see that the folder exists and may be written to",
      }),
    ];
  }
}
