import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Where the scripts are kept as people read and check them. */
export const scriptsFolder: string = resolve(import.meta.dirname, "../../lib/roll/scripts");

/** The module that carries them into the package: pure rooms read no files. */
export const scriptsModule: string = resolve(import.meta.dirname, "../../lib/roll/scripts.ts");

/** Name to text of every script, sorted by name. */
export function readScripts(): ReadonlyMap<string, string> {
  const names = readdirSync(scriptsFolder)
    .filter((name) => name.endsWith(".sh"))
    .sort();
  return new Map(names.map((name) => [name, readFileSync(join(scriptsFolder, name), "utf8")]));
}

/** The text of the module. Throws for a text that a raw template cannot carry: backticks and dollar-brace are not used. */
export function renderScriptsModule(scripts: ReadonlyMap<string, string>): string {
  const entries = [...scripts].map(([name, text]) => {
    if (text.includes("`") || text.includes("${")) throw new Error(`${name} holds a backtick or a dollar-brace`);
    // Only a text with a backslash needs the raw form; the linter asks for the plain one elsewhere.
    return `  ${JSON.stringify(name)}: ${text.includes("\\") ? "String.raw" : ""}\`${text}\`,\n`;
  });
  return [
    "// Generated from scripts/*.sh by `npx tsx test/roll/embed-scripts.ts`; a test holds the two together.\n\n",
    "/** The scripts of the Jobs and helper pods: file name to text. */\n",
    "export const scripts: Readonly<Record<string, string>> = {\n",
    ...entries,
    "};\n",
  ].join("");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(scriptsModule, renderScriptsModule(readScripts()));
