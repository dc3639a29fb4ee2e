import type { JsonValue } from "../core/json.ts";
import { renderYaml } from "../core/yaml.ts";
import type { ReasonedValue } from "./target.ts";

/**
 * The values as a file that people read: the given order, the reason of each value as a comment above it, `header` on top.
 *
 * Values with the same first steps have to stand together in the list. The text parses back to exactly the object that
 * the list describes.
 */
export function valuesText(values: readonly ReasonedValue[], header: readonly string[]): string {
  const lines = [...header.map(comment), ...block(values, 0)];
  return `${lines.join("\n")}\n`;
}

function block(values: readonly ReasonedValue[], depth: number): string[] {
  const indent = "  ".repeat(depth);
  const lines: string[] = [];
  for (const key of new Set(values.map((value) => value.path[depth] ?? ""))) {
    const own = values.filter((value) => value.path[depth] === key);
    if (depth === 0) lines.push("");
    const leaf = own.find((value) => value.path.length === depth + 1);
    if (leaf === undefined) {
      lines.push(`${indent}${keyText(key)}`, ...block(own, depth + 1));
      continue;
    }
    const text = [comment(leaf.why), ...leafText(key, leaf.value).split("\n")];
    lines.push(...text.map((line) => (line === "" ? "" : indent + line)));
  }
  return lines;
}

function leafText(key: string, value: JsonValue): string {
  const text = renderYaml({ [key]: value }).slice(0, -1);
  // A block that keeps its last line breaks would also keep the blank line before the next key: written as JSON instead.
  return /[|>]\d?\+/u.test(text) ? `${keyText(key)} ${JSON.stringify(value)}` : text;
}

function comment(text: string): string {
  // What YAML 1.1 takes for a line break would end the comment.
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
  return line === "" ? "#" : `# ${line}`;
}

/** `key:` with the quotes that the key needs. */
function keyText(key: string): string {
  return renderYaml({ [key]: 0 }).replace(/ 0\n$/u, "");
}
