import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

/** The repository's root. */
export const root = resolve(import.meta.dirname, "..");

/** Files below a folder that end so, by their paths from the root, sorted; empty where there is no such folder. */
export function filesBelow(folder: string, ending: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => relative(root, join(root, folder, name)))
    .sort();
}

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Files of a recorded tree, `=== path` above each text, as the tests of `delivery` keep them. */
export function recordedFiles(path: string): { readonly path: string; readonly text: string }[] {
  return textOf(path)
    .split(/^=== /mu)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { path: part.slice(0, end), text: part.slice(end + 1) };
    });
}
