import { rename, rm, writeFile } from "node:fs/promises";

/** Writes a file whole: beside its place, and renamed into it. When that fails, nothing half-written stays, and it throws. */
export async function writeWhole(file: string, beside: string, text: string): Promise<void> {
  try {
    await writeFile(beside, text);
    await rename(beside, file);
  } catch (error) {
    // The first error is the one to tell: where nothing could be written, nothing can be removed either.
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
}
