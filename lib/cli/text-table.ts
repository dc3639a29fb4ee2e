import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";

const noLines = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/**
 * A table without lines, columns two spaces apart: reads well in a terminal, in a log and in a mail. Where it is wider than
 * `columns`, its widest column is wrapped.
 */
export function textTable(rows: readonly (readonly string[])[], columns: number): string {
  const colWidths = widthsFor(rows, columns);
  const table = new Table({
    chars: noLines,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    ...(colWidths !== undefined && { colWidths, wordWrap: true, wrapOnWordBoundary: true }),
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Widths that fit; nothing where the table fits as it is. */
function widthsFor(rows: readonly (readonly string[])[], columns: number): number[] | undefined {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries())
      widths[at] = Math.max(widths[at] ?? 0, stripVTControlCharacters(cell).length);
  const total = widths.reduce((sum, width) => sum + width, 2 * (widths.length - 1));
  if (total < columns) return undefined;
  const widest = widths.indexOf(Math.max(...widths));
  const room = columns - 1 - (total - (widths[widest] ?? 0));
  return widths.map((width, at) => (at === widest ? Math.max(20, room) : width));
}
