import wrapAnsi from "wrap-ansi";

/** A text in lines of at most `columns`, each indented; lines after the first by `rest`. A word that is longer stays whole. */
export function wrapText(text: string, columns: number, indent: string, rest: string = indent): string {
  const lines = wrapAnsi(text, Math.max(40, columns - rest.length - 1), { trim: true }).split("\n");
  return lines.map((line, index) => `${index === 0 ? indent : rest}${line}`).join("\n");
}
