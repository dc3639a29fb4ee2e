import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { parse, stringify } from "yaml";

const root = resolve(import.meta.dirname, "../..");

/** A copy of the example project that a test may spoil. */
export interface Project {
  readonly folder: string;
  readonly plan: string;
  readonly inventory: string;
  readonly out: string;
  /** Replaces a text in a file; throws where the file does not hold it, so that no test passes by accident. */
  readonly replace: (file: string, old: string, young: string) => void;
  /** Keeps the items of a List whose metadata.name fits; throws where all do. */
  readonly keep: (file: string, fits: (name: string) => boolean) => void;
  /** Removes a file or a folder. */
  readonly remove: (path: string) => void;
  /** Writes a file, or appends to the one that is there. */
  readonly append: (file: string, text: string) => void;
  /** Everything in the output folder, hidden files too, sorted; empty where there is none. */
  readonly written: () => readonly string[];
}

/** Makes the copy in a new folder, which goes when the test ends. */
export function exampleProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), "metachron-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, "inventory/kind-canal"), join(folder, "inventory/kind-canal"), { recursive: true });
  cpSync(join(root, "plans/kind-canal.yaml"), join(folder, "plans/kind-canal.yaml"));
  const out = join(folder, "dist");
  return {
    folder,
    plan: join(folder, "plans/kind-canal.yaml"),
    inventory: join(folder, "inventory/kind-canal"),
    out,
    replace: (file, old, young) => {
      const text = readFileSync(join(folder, file), "utf8");
      if (!text.includes(old)) throw new Error(`${file} does not hold ${old}`);
      writeFileSync(join(folder, file), text.replace(old, young));
    },
    keep: (file, fits) => {
      const list = parse(readFileSync(join(folder, file), "utf8")) as { items: { metadata: { name: string } }[] };
      const items = list.items.filter(({ metadata }) => fits(metadata.name));
      if (items.length === list.items.length) throw new Error(`${file} keeps everything`);
      writeFileSync(join(folder, file), stringify({ ...list, items }));
    },
    remove: (path) => rmSync(join(folder, path), { recursive: true }),
    append: (file, text) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text, { flag: "a" });
    },
    written: () => (existsSync(out) ? readdirSync(out, { recursive: true, encoding: "utf8" }).sort() : []),
  };
}
