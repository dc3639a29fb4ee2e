import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { FileTree } from "../core/file-tree.ts";
import { compareText } from "../core/order.ts";

/** All files below a folder by path with forward slashes, sorted, hidden ones left out; empty when there is no such folder. */
export async function readTree(folder: string): Promise<FileTree> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort(compareText);
  const texts = await Promise.all(
    files.map(
      async (file): Promise<[string, string]> => [
        relative(folder, file).split(sep).join("/"),
        await readFile(file, "utf8"),
      ],
    ),
  );
  return new Map(texts);
}

/** A tree without hidden files, which the writer keeps for itself. */
export function withoutHidden(tree: FileTree): FileTree {
  return new Map([...tree].filter(([path]) => !path.split("/").some((step) => step.startsWith("."))));
}
