import { createPieceText, type PieceSink, type PieceText, type Splitter } from "./text-piece.ts";

/**
 * Cuts a JSON text into its values, and a List into its items, without parsing it.
 *
 * Shape: any number of values one after the other, with or without line feeds between them (NDJSON, several kubectl
 * outputs in one file); the elements of a list at the top count as documents. A List is an object whose key `items` at
 * the top holds a list. What stands between values and is no JSON is handed over line by line as a document.
 * Cost: looks at each sign once; 300 MB in about a second.
 */
export function splitJson(sink: PieceSink): Splitter {
  const state = createState(sink);
  return { push: (chunk) => readChunk(state, chunk), end: () => endText(state) };
}

interface State {
  readonly sink: PieceSink;
  /** The value at the top without the items of a list. */
  readonly head: PieceText;
  readonly item: PieceText;
  /** The part that is being collected: none between values. */
  part: "none" | "head" | "item" | "scrap";
  depth: number;
  /** The depth at which elements are cut out: 1 in a list at the top, 2 in `items`, 0 where nothing is cut. */
  cutDepth: number;
  isList: boolean;
  inString: boolean;
  isEscaped: boolean;
  /** Colons outside strings in the present item. */
  colons: number;
  /** The latest string at depth 1, without its quotes: the key, once a colon follows. */
  topString: string;
  line: number;
  /** How far the present line had come when the chunk began. */
  columnBase: number;
  start: { line: number; column: number };
  headStart: { line: number; column: number };
}

function createState(sink: PieceSink): State {
  return {
    sink,
    head: createPieceText(),
    item: createPieceText(),
    part: "none",
    depth: 0,
    cutDepth: 0,
    isList: false,
    inString: false,
    isEscaped: false,
    colons: 0,
    topString: "",
    line: 1,
    columnBase: 0,
    start: { line: 1, column: 1 },
    headStart: { line: 1, column: 1 },
  };
}

/** The chunk that is being read: `from` is where the part that is being collected goes on in it. */
interface Reader {
  readonly state: State;
  readonly chunk: string;
  at: number;
  from: number;
  /** Offset of the first sign of the present line, negative where the line began in an earlier chunk. */
  lineStart: number;
}

function readChunk(state: State, chunk: string): void {
  const reader: Reader = { state, chunk, at: 0, from: 0, lineStart: -state.columnBase };
  while (reader.at < chunk.length) {
    if (state.inString) skipString(reader);
    else if (state.part === "item" && state.depth > state.cutDepth) skipInsideItem(reader);
    else readSign(reader);
  }
  keep(reader, chunk.length);
  state.columnBase = chunk.length - reader.lineStart;
}

/** Adds the chunk's text up to `to` to the part that is being collected. */
function keep(reader: Reader, to: number): void {
  const { state } = reader;
  if (state.part === "item") state.item.add(reader.chunk.slice(reader.from, to));
  else if (state.part !== "none") state.head.add(reader.chunk.slice(reader.from, to));
  reader.from = to;
}

/**
 * Goes to the bracket that closes the item, or to the end of the chunk. Nearly all of a large file passes here, so the
 * state is kept in locals: 300 MB/s against 90 MB/s.
 */
function skipInsideItem(reader: Reader): void {
  const { state, chunk } = reader;
  const { length } = chunk;
  let { at } = reader;
  let { depth, colons } = state;
  while (at < length) {
    const code = chunk.charCodeAt(at);
    at += 1;
    if (code === 34) {
      const end = findStringEnd(chunk, at);
      if (end >= length) {
        state.inString = true;
        break;
      }
      at = end + 1;
    } else if (code === 58) colons += 1;
    else if (code === 123 || code === 91) depth += 1;
    else if (code === 125 || code === 93) {
      depth -= 1;
      if (depth === state.cutDepth) break;
    } else if (code === 10) {
      state.line += 1;
      reader.lineStart = at;
      at = skipIndentation(chunk, at);
    }
  }
  state.colons = colons;
  if (depth === state.cutDepth) {
    // The closing bracket itself is for the general reader, which ends the item there.
    at -= 1;
    state.depth = depth + 1;
    reader.at = at;
    readSign(reader);
    return;
  }
  state.depth = depth;
  reader.at = at;
}

/** More than half of what kubectl prints is indentation. */
function skipIndentation(chunk: string, start: number): number {
  let at = start;
  while (at < chunk.length && chunk.charCodeAt(at) === 32) at += 1;
  return at;
}

/** The offset of the quote that ends the string, counted from inside it; at or past the chunk's end where it goes on. */
function findStringEnd(chunk: string, start: number): number {
  const quote = chunk.indexOf('"', start);
  // Where a backslash stands before the quote, its signs are counted from the string's start.
  if (quote >= 0 && chunk.charCodeAt(quote - 1) !== 92) return quote;
  let at = start;
  while (at < chunk.length) {
    const code = chunk.charCodeAt(at);
    if (code === 34) break;
    at += code === 92 ? 2 : 1;
  }
  return at;
}

function skipString(reader: Reader): void {
  const { state, chunk } = reader;
  const start = reader.at;
  const isEscaped = state.isEscaped;
  const at = findStringEnd(chunk, isEscaped ? start + 1 : start);
  state.isEscaped = at > chunk.length;
  reader.at = Math.min(at, chunk.length);
  if (state.depth === 1) state.topString += chunk.slice(start, reader.at);
  if (at >= chunk.length) return;
  state.inString = false;
  reader.at += 1;
}

function readSign(reader: Reader): void {
  const { state, chunk } = reader;
  let at = reader.at;
  // Most of what kubectl prints outside strings is indentation.
  while (chunk.charCodeAt(at) === 32) at += 1;
  if (at >= chunk.length) {
    reader.at = at;
    return;
  }
  const code = chunk.charCodeAt(at);
  reader.at = at + 1;
  if (code === 10) {
    state.line += 1;
    reader.lineStart = at + 1;
    if (state.part === "scrap") endScrap(reader);
    return;
  }
  // Tab, carriage return, and the record separator of JSON text sequences.
  if (code === 9 || code === 13 || code === 30 || isScrap(state)) return;
  if (code === 44) {
    endScalarItem(reader);
    // The commas between items are left out, so that the head stays JSON.
    if (state.part === "head" && state.depth === state.cutDepth) reader.from = reader.at;
    return;
  }
  if (code === 93 || code === 125) {
    closeBracket(reader);
    return;
  }
  startPart(reader, code);
  if (isScrap(state)) return;
  if (code === 34) {
    state.inString = true;
    state.topString = "";
  } else if (code === 91 || code === 123) openBracket(reader, code);
}

function isScrap(state: State): boolean {
  return state.part === "scrap";
}

/** Starts a value at the top, or an item of a list, where the sign at hand is its first. */
function startPart(reader: Reader, code: number): void {
  const { state } = reader;
  const place = { line: state.line, column: reader.at - reader.lineStart };
  if (state.part === "none") {
    state.part = code === 91 || code === 123 ? "head" : "scrap";
    state.headStart = place;
    state.start = place;
    reader.from = reader.at - 1;
  } else if (state.part === "head" && state.cutDepth > 0 && state.depth === state.cutDepth) {
    keep(reader, reader.at - 1);
    state.part = "item";
    state.start = place;
  }
}

function openBracket(reader: Reader, code: number): void {
  const { state } = reader;
  const isItems = code === 91 && state.depth === 1 && state.topString === "items" && state.cutDepth === 0;
  state.depth += 1;
  if (code === 91 && state.depth === 1) state.cutDepth = 1;
  if (isItems) {
    state.cutDepth = 2;
    state.isList = true;
  }
}

function closeBracket(reader: Reader): void {
  const { state } = reader;
  if (state.depth === state.cutDepth) endScalarItem(reader);
  if (state.part === "none") return;
  state.depth -= 1;
  if (state.part === "item" && state.depth === state.cutDepth) endItem(reader, reader.at);
  if (state.depth < state.cutDepth) {
    // A list called "items" is cut once; what follows in the object belongs to its head.
    state.cutDepth = state.depth === 0 ? 0 : -1;
    state.topString = "";
  }
  if (state.depth === 0) endValue(reader);
}

/** Ends an item that is no list and no object: it has no bracket of its own. */
function endScalarItem(reader: Reader): void {
  const { state } = reader;
  if (state.part === "item" && state.depth === state.cutDepth) endItem(reader, reader.at - 1);
}

function endItem(reader: Reader, to: number): void {
  const { state } = reader;
  keep(reader, to);
  const text = state.item.take();
  const { colons } = state;
  state.part = "head";
  state.colons = 0;
  if (text === undefined) state.sink.tooLarge(state.start);
  else if (state.cutDepth === 2) state.sink.item({ text, ...state.start, colons });
  else state.sink.document({ text, ...state.start, colons });
}

function endValue(reader: Reader): void {
  const { state } = reader;
  keep(reader, reader.at);
  const text = state.head.take();
  const isArray = text?.startsWith("[") === true;
  if (text === undefined) state.sink.tooLarge(state.headStart);
  else if (state.isList) state.sink.endList({ text, ...state.headStart });
  else if (!isArray) state.sink.document({ text, ...state.headStart });
  resetValue(state);
}

function endScrap(reader: Reader): void {
  const { state } = reader;
  keep(reader, reader.at - 1);
  const text = state.head.take();
  if (text === undefined) state.sink.tooLarge(state.headStart);
  else state.sink.document({ text, ...state.headStart });
  resetValue(state);
}

function resetValue(state: State): void {
  state.part = "none";
  state.depth = 0;
  state.cutDepth = 0;
  state.isList = false;
  state.topString = "";
}

function endText(state: State): void {
  if (state.part === "scrap") {
    const text = state.head.take();
    if (text !== undefined) state.sink.document({ text, ...state.headStart });
  } else if (state.part !== "none") {
    state.sink.truncated({ line: state.line, isInList: state.isList || state.cutDepth === 1 });
  }
  resetValue(state);
}
