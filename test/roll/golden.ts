import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { renderYaml } from "../../lib/core/yaml.ts";
import { scriptsName } from "../../lib/roll/preparation.ts";
import type { RollObject } from "../../lib/roll/roll-object.ts";

const folder = resolve(import.meta.dirname, "golden");

/** Files of a golden folder, name to text; METACHRON_GOLDEN=write writes what is given first, to be read in the diff. */
export function golden(
  name: string,
  objects: readonly RollObject[],
): { readonly expected: unknown; readonly actual: unknown } {
  // The digest of the scripts is left out: a changed script is reviewed as a script, not in every file that names it.
  const actual = Object.fromEntries(
    objects.map((entry) => [
      entry.file,
      renderYaml(entry.object, entry.comment === undefined ? {} : { comment: entry.comment }).replaceAll(
        scriptsName,
        "metachron-scripts",
      ),
    ]),
  );
  const place = join(folder, name);
  if (process.env["METACHRON_GOLDEN"] === "write") {
    mkdirSync(place, { recursive: true });
    for (const [file, text] of Object.entries(actual)) writeFileSync(join(place, file), text);
  }
  const names = existsSync(place) ? readdirSync(place).sort() : [];
  return { expected: Object.fromEntries(names.map((file) => [file, readFileSync(join(place, file), "utf8")])), actual };
}
