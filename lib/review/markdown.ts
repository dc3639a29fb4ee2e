import { markdownTable } from "markdown-table";

/**
 * Text out of a cluster or a plan, made harmless in Markdown: it cannot ping people, make links or HTML, or break a table.
 *
 * Source: GitHub Flavored Markdown; `@` is cut off from the name by a zero-width joiner so that nobody is notified.
 */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_{}[\]()<>#|!~]/gu, "\\$&")
    .replaceAll("@", "@\u2060")
    .replace(/\s+/gu, " ");
}

/** A sentence of ours with names and commands between backticks: those stay code, everything else is made harmless. */
export function prose(text: string): string {
  return text
    .split(/(`[^`]+`)/u)
    .map((part, index) => (index % 2 === 1 ? code(part.slice(1, -1)) : escapeMarkdown(part)))
    .join("");
}

/** A name as inline code, with a fence longer than any backtick run inside. */
export function code(text: string): string {
  const runs = text.match(/`+/gu) ?? [];
  const fence = "`".repeat(Math.max(0, ...runs.map((run) => run.length)) + 1);
  const inner = text.replace(/\s+/gu, " ").replaceAll("|", "\\|");
  return inner.startsWith("`") || inner.endsWith("`") ? `${fence} ${inner} ${fence}` : `${fence}${inner}${fence}`;
}

/** A table; every row has as many cells as the heading. Cells are Markdown already. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([[...heading], ...rows.map((row) => [...row])], { alignDelimiters: false, padding: true });
}

/** Blocks separated by blank lines, with one line feed at the end; empty blocks are left out. */
export function joinBlocks(blocks: readonly (string | undefined)[]): string {
  return `${blocks.filter((block) => block !== undefined && block !== "").join("\n\n")}\n`;
}

/** A bulleted list; empty when there are no items. */
export function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/** Shell commands in a fence. */
export function shell(commands: readonly string[]): string {
  return commands.length === 0 ? "" : `\`\`\`sh\n${commands.join("\n")}\n\`\`\``;
}

/** Seconds as people say them: `45 s`, `12 min`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** A count with its noun: `1 node`, `3 nodes`. */
export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
