import { stripVTControlCharacters } from "node:util";
import wrapAnsi from "wrap-ansi";
import type { Streams } from "./streams.ts";

/** A text in lines of at most `columns`, each indented; lines after the first by `rest`. A word that is longer stays whole. */
export function wrapText(text: string, columns: number, indent: string, rest: string = indent): string {
  const lines = wrapAnsi(text, Math.max(40, columns - rest.length - 1), { trim: true }).split("\n");
  return lines.map((line, index) => `${index === 0 ? indent : rest}${line}`).join("\n");
}

/** Lines for a terminal: those that are too long go on below, four spaces further in. In a file or a pipe each stays one, for grep. */
export function wrapLines(text: string, { isOutTerminal, columns }: Streams): string {
  if (!isOutTerminal) return text;
  return text
    .split("\n")
    .map((line) => {
      if (stripVTControlCharacters(line).length < columns) return line;
      const indent = /^ */u.exec(line)?.[0] ?? "";
      return wrapText(line.slice(indent.length), columns, indent, `${indent}    `);
    })
    .join("\n");
}
