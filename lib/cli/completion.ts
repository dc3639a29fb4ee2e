import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/**
 * Gives the program its command `complete`: the script for a shell, and the answers that the script asks for.
 *
 * Commands, options and their choices come from the program itself; paths are listed for options and operands that take them.
 */
export function addCompletion(program: Command, argv: readonly string[]): void {
  const root = tab(program);
  const word = argv.at(-1) ?? "";
  const paths = (complete: (value: string, description: string) => void): void => {
    for (const path of pathsFrom(word)) complete(path, "");
  };
  for (const command of program.commands) {
    const completed = root.commands.get(command.name());
    if (completed === undefined) continue;
    for (const option of command.options) {
      const known = completed.options.get(option.long?.slice(2) ?? "");
      if (known !== undefined && takesPath(option.flags)) known.handler = paths;
    }
    for (const [name, argument] of completed.arguments) if (takesPath(`<${name}>`)) argument.handler = paths;
  }
}

function takesPath(flags: string): boolean {
  return /<(?:file|dir|path|old|new)[^>]*>/u.test(flags);
}

/** Entries of the folder that the word is in, folders with a slash; none where there is no such folder. */
function pathsFrom(word: string): readonly string[] {
  const folder = word.endsWith("/") ? word : dirname(word);
  try {
    return readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = folder === "." && !word.startsWith("./") ? entry.name : join(folder, entry.name);
      const written = word.startsWith("./") && !path.startsWith("../") ? `./${path}` : path;
      return entry.isDirectory() ? `${written}/` : written;
    });
  } catch {
    return [];
  }
}
