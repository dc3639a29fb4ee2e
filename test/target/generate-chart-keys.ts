/**
 * Writes lib/target/chart-keys.ts from the charts themselves; run it when a new minor comes out:
 *
 *   npx tsx test/target/generate-chart-keys.ts 1.18=CHART 1.19=CHART 1.20=CHART > lib/target/chart-keys.ts
 *
 * where each CHART is the folder install/kubernetes/cilium of cilium/cilium at a tag of that minor. Only the paths of
 * keys are taken: from values.schema.json, from `.Values.…` in the templates and from the comments of values.yaml, because some
 * keys are in no schema. One schema accepts everything, so nothing here says what Helm refuses.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "../../lib/core/json.ts";
import { compareText } from "../../lib/core/order.ts";

/** Kubernetes objects that the templates pass on whole, so that the chart knows no keys inside them. */
const passedOn = new Set([
  "affinity",
  "annotations",
  "labels",
  "nodeSelector",
  "podAnnotations",
  "podLabels",
  "podSecurityContext",
  "resources",
  "securityContext",
  "updateStrategy",
]);

function walk(schema: JsonObject, path: readonly string[], found: Set<string>): void {
  const properties = schema["properties"];
  const name = path.at(-1) ?? "";
  if (path.length > 0 && (!isJsonObject(properties) || passedOn.has(name))) {
    const types = [schema["type"] ?? "object"].flat();
    found.add(path.join(".") + (passedOn.has(name) || types.includes("object") ? "*" : ""));
    return;
  }
  if (!isJsonObject(properties)) return;
  for (const [key, inner] of Object.entries(properties)) if (isJsonObject(inner)) walk(inner, [...path, key], found);
}

function isCovered(reference: string, known: ReadonlySet<string>): boolean {
  return [...known].some((key) => {
    const bare = key.replace(/\*$/u, "");
    return (
      bare === reference || bare.startsWith(`${reference}.`) || (key.endsWith("*") && reference.startsWith(`${bare}.`))
    );
  });
}

/** Words of values.yaml's comments that look like keys and are parts of an example. */
const examples = new Set(["config", "date", "emptyDir", "level", "logger", "message", "ref", "runAsUser", "type"]);

/** Keys that values.yaml has only as a comment, `# hostNamespaceOnly: false`, with the path of the block they stand in. */
function commentedKeys(values: string): string[] {
  const stack: { indent: number; key: string }[] = [];
  const found: string[] = [];
  for (const line of values.replace(/ *# @schema\n(?: *#(?! @schema).*\n)* *# @schema\n/gu, "").split("\n")) {
    const [, spaces = "", mark = "", key] = /^( *)(# ?)?([a-z][A-Za-z0-9]*):(?: \S*)?$/u.exec(line) ?? [];
    if (key === undefined) {
      const [, open, other] = /^( *)([A-Za-z0-9]+):/u.exec(line) ?? [];
      if (open !== undefined && other !== undefined) push(stack, open.length, other);
      continue;
    }
    if (mark === "") push(stack, spaces.length, key);
    else if (!examples.has(key))
      found.push([...stack.filter((outer) => outer.indent < spaces.length).map((outer) => outer.key), key].join("."));
  }
  return found;
}

function push(stack: { indent: number; key: string }[], indent: number, key: string): void {
  while ((stack.at(-1)?.indent ?? -1) >= indent) stack.pop();
  stack.push({ indent, key });
}

function keysOf(chart: string): string[] {
  const found = new Set<string>();
  walk(JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8")) as JsonObject, [], found);
  const templates = readdirSync(join(chart, "templates"), { recursive: true, withFileTypes: true })
    // validate.yaml speaks of removed keys only to refuse them.
    .filter((entry) => entry.isFile() && entry.name !== "validate.yaml")
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  const references = new Set(
    templates.flatMap((text) =>
      [...text.matchAll(/\.Values\.([A-Za-z0-9_.]+[A-Za-z0-9_])/gu)].map((match) => match[1] ?? ""),
    ),
  );
  const commented = commentedKeys(readFileSync(join(chart, "values.yaml"), "utf8"));
  for (const reference of [...references, ...commented]) if (!isCovered(reference, found)) found.add(`${reference}*`);
  return [...found].sort(compareText);
}

function wrap(keys: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const key of keys) {
    if (line !== "" && line.length + key.length + 1 > 118) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? key : `${line} ${key}`;
  }
  return [...lines, line].join("\n");
}

const charts = process.argv.slice(2).map((argument) => {
  const [minor = "", folder = ""] = argument.split("=");
  const version = /^version: (\S+)/mu.exec(readFileSync(join(folder, "Chart.yaml"), "utf8"))?.[1] ?? "";
  return { minor, version, keys: keysOf(folder) };
});
const common = (charts[0]?.keys ?? []).filter((key) => charts.every((chart) => chart.keys.includes(key)));
const known = new Set(common);
console.log(`/**
 * Paths of the keys that Cilium's Helm chart reads, by minor; a \`*\` marks a key with anything inside it.
 *
 * Generated by test/target/generate-chart-keys.ts from the charts ${charts.map((chart) => chart.version).join(", ")}
 * (cilium/cilium install/kubernetes/cilium, Apache License 2.0, The Cilium Authors): names of keys only.
 */
export const chartKeys = {
  common: \`
${wrap(common)}
\`,
${charts.map((chart) => `  "${chart.minor}": \`\n${wrap(chart.keys.filter((key) => !known.has(key)))}\n\`,`).join("\n")}
} as const;`);
