import type { Finding } from "../core/finding.ts";
import { causeOf, ioFinding } from "./findings.ts";
import { writeWhole } from "./write-whole.ts";

/** Replaces one file by a text: written beside it and renamed into its place, so that it is the old one or the new one. */
export async function replaceTextFile(file: string, text: string): Promise<readonly Finding[]> {
  try {
    await writeWhole(file, `${file}.metachron-new`, text);
    return [];
  } catch (error) {
    return [
      ioFinding("io/write-failed", {
        message: `${file} cannot be written: ${causeOf(error)}`,
        where: { file },
        remedy: "see that the folder exists and may be written to",
      }),
    ];
  }
}
