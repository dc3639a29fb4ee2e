import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { readInventory } from "../lib/inventory/read-inventory.ts";
import { readSourceFiles } from "../lib/io/read-source-files.ts";

/** Reads a dump as metachron does, or one file of it as a plain parser does; prints what was found. */
const [reader = "", path = ""] = process.argv.slice(2);

if (reader === "metachron") {
  const files = await readSourceFiles([path]);
  const read = await readInventory(files.value ?? []);
  console.log(`${read.value?.nodes.length ?? 0} nodes, ${read.value?.pods.length ?? 0} pods`);
} else {
  const text = readFileSync(path, "utf8");
  const list = (reader === "yaml" ? parse(text) : JSON.parse(text)) as { readonly items: readonly unknown[] };
  console.log(`${list.items.length} items`);
}
