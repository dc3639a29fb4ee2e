import { createPieceText, type PieceSink, type PieceText, type Splitter } from "./text-piece.ts";

/**
 * Cuts a YAML text into documents, and a List into its items, without parsing it.
 *
 * Promise: an item is handed over as soon as the next one starts, so a list of any length needs the memory of one item.
 * A List is a document with the key `items:` at its first column and a block list below it, as kubectl and all common
 * tools write; another layout is handed over as a whole document. Two documents without `---` between them, as two
 * kubectl outputs in one file, are told apart by the second `apiVersion:` at the first column.
 * Each piece keeps its own indentation, with the item's dash turned into a space, so that columns stay those of the file.
 */
export function splitYaml(sink: PieceSink): Splitter {
  const state = createState(sink);
  let carry: string[] = [];
  return {
    push: (chunk) => {
      const end = chunk.lastIndexOf("\n") + 1;
      if (end === 0) {
        carry.push(chunk);
        return;
      }
      carry.push(chunk.slice(0, end));
      readLines(state, withLineFeeds(carry.join("")));
      carry = [chunk.slice(end)];
    },
    end: () => {
      const rest = withLineFeeds(carry.join(""));
      if (rest !== "") readLines(state, rest);
      endDocument(state);
    },
  };
}

function withLineFeeds(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/gu, "\n") : text;
}

interface State {
  readonly sink: PieceSink;
  /** `document`: outside items; `before-items`: below `items:`, nothing seen yet; `items`: inside them. */
  mode: "document" | "before-items" | "items";
  /** The document without its items. */
  readonly head: PieceText;
  readonly item: PieceText;
  /** The lines from `items:` to the first item: belong to the head when no item follows. */
  held: string;
  headLine: number;
  itemLine: number;
  itemIndent: number;
  line: number;
  hasApiVersion: boolean;
  hasItems: boolean;
  /** Where the items were taken out of the head, the line of `items:`, and how many lines they are with it. */
  gap: { readonly offset: number; readonly lines: number };
  itemsLine: number;
}

function createState(sink: PieceSink): State {
  return {
    sink,
    mode: "document",
    head: createPieceText(),
    item: createPieceText(),
    held: "",
    headLine: 1,
    itemLine: 1,
    itemIndent: 0,
    line: 1,
    hasApiVersion: false,
    hasItems: false,
    gap: { offset: 0, lines: 0 },
    itemsLine: 1,
  };
}

/** Reads whole lines. `from` is where the part that is being collected goes on in this text. */
function readLines(state: State, text: string): void {
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const cut =
      state.mode === "document" ? cutDocument(state, text, { from, at, end }) : cutList(state, text, { from, at, end });
    if (cut === "again") {
      from = at;
      continue;
    }
    from = cut;
    at = end + 1;
    state.line += 1;
  }
  collect(state, text.slice(from));
}

interface Line {
  readonly from: number;
  readonly at: number;
  readonly end: number;
}

/** Adds to the part that is being collected. */
function collect(state: State, slice: string): void {
  if (state.mode === "document") state.head.add(slice);
  else if (state.mode === "items") state.item.add(slice);
  else state.held += slice;
}

/** Looks at a line outside items; gives where the collected part goes on. */
function cutDocument(state: State, text: string, line: Line): number {
  const { from, at, end } = line;
  const first = text.charCodeAt(at);
  if (first === 32 || first === 10 || first === 35) return from;
  if (isMarker(text, at, end, "---") || isMarker(text, at, end, "...")) {
    state.head.add(text.slice(from, at));
    endDocument(state);
    state.headLine = state.line;
    if (first === 46) return Math.min(end + 1, text.length);
    state.head.add("   ");
    return at + 3;
  }
  if (text.startsWith("apiVersion:", at)) startApiVersion(state, text.slice(from, at));
  else if (!state.hasItems && /^items:[ \t]*(?:#.*)?$/u.test(text.slice(at, Math.min(end, at + 200)))) {
    state.head.add(text.slice(from, at));
    state.mode = "before-items";
    state.itemsLine = state.line;
    return at;
  } else return from;
  return at;
}

function isMarker(text: string, at: number, end: number, marker: string): boolean {
  if (!text.startsWith(marker, at)) return false;
  const next = text.charAt(at + 3);
  return at + 3 >= end || next === " " || next === "\t";
}

function startApiVersion(state: State, before: string): void {
  state.head.add(before);
  if (state.hasApiVersion) {
    state.sink.missingSeparator({ line: state.line });
    endDocument(state);
    state.headLine = state.line;
  }
  state.hasApiVersion = true;
}

/** Looks at a line below `items:`; `again` when it belongs to what comes after the list. */
function cutList(state: State, text: string, line: Line): number | "again" {
  const { from, at, end } = line;
  if (state.mode === "before-items") return cutBeforeItems(state, text, line);
  for (let column = 0; column <= state.itemIndent; column += 1) {
    const code = text.charCodeAt(at + column);
    if (code === 32) continue;
    if (at + column >= end || code === 35) return from;
    if (column === state.itemIndent && isDash(text, at + column, end)) {
      state.item.add(text.slice(from, at));
      endItem(state);
      return startItem(state, at + column);
    }
    state.item.add(text.slice(from, at));
    endItem(state);
    state.mode = "document";
    state.gap = { offset: state.head.length(), lines: state.line - state.itemsLine };
    return "again";
  }
  return from;
}

function cutBeforeItems(state: State, text: string, line: Line): number | "again" {
  const { from, at, end } = line;
  let content = at;
  while (text.charCodeAt(content) === 32) content += 1;
  if (content >= end || text.charCodeAt(content) === 35) return from;
  if (isDash(text, content, end)) {
    state.held = "";
    state.hasItems = true;
    state.mode = "items";
    state.itemIndent = content - at;
    return startItem(state, content);
  }
  state.head.add(state.held + text.slice(from, at));
  state.held = "";
  state.mode = "document";
  return "again";
}

function isDash(text: string, at: number, end: number): boolean {
  if (text.charCodeAt(at) !== 45) return false;
  return at + 1 >= end || text.charCodeAt(at + 1) === 32;
}

function startItem(state: State, dash: number): number {
  state.itemLine = state.line;
  state.item.add(" ".repeat(state.itemIndent + 1));
  return dash + 1;
}

function endItem(state: State): void {
  const text = state.item.take();
  if (text === undefined) state.sink.tooLarge({ line: state.itemLine });
  else state.sink.item({ text, line: state.itemLine, column: 1 });
}

function endDocument(state: State): void {
  if (state.mode === "items") endItem(state);
  state.head.add(state.held);
  state.held = "";
  const text = state.head.take();
  if (text === undefined) state.sink.tooLarge({ line: state.headLine });
  else if (state.hasItems) state.sink.endList({ text, line: state.headLine, column: 1, gap: state.gap });
  else if (text.trim() !== "") state.sink.document({ text, line: state.headLine, column: 1 });
  state.mode = "document";
  state.hasApiVersion = false;
  state.hasItems = false;
  state.gap = { offset: 0, lines: 0 };
}
