/** A part of a file: its text and where the first sign of the text stands. Line and column are 1-based. */
export interface TextPiece {
  readonly text: string;
  readonly line: number;
  readonly column: number;
  /** How many colons stand outside strings, where the splitter of JSON has counted them: one for each key. */
  readonly colons?: number;
  /** Lines of the file that were left out of the text at an offset: the items of a list, out of its header. */
  readonly gap?: { readonly offset: number; readonly lines: number };
}

/** Who takes the parts that a file is cut into, in the order of the file. */
export interface PieceSink {
  /** A whole document that is not a list which could be cut: YAML between `---`, or one JSON value. */
  readonly document: (piece: TextPiece) => void;
  /** One item of a list; the list itself follows with `endList`. */
  readonly item: (piece: TextPiece) => void;
  /** What stands around the items of a list (`apiVersion`, `kind`, `metadata`), with `items` empty or left out. */
  readonly endList: (header: TextPiece) => void;
  /** A YAML document starts without the `---` that belongs before it. */
  readonly missingSeparator: (place: { readonly line: number }) => void;
  /** The file ends inside a JSON value; what was open is not handed over. */
  readonly truncated: (place: { readonly line: number; readonly isInList: boolean }) => void;
  /** A part is longer than `pieceLimit` and is not handed over. */
  readonly tooLarge: (place: { readonly line: number }) => void;
}

/** Cuts a text that comes in chunks of any size. */
export interface Splitter {
  readonly push: (chunk: string) => void;
  readonly end: () => void;
}

/** The longest part that is read, in UTF-16 units: fifty times what etcd would store as one object. */
const pieceLimit = 64 * 1024 * 1024;

/** Collects the text of one part out of slices; forgets it once it is over the limit. */
export interface PieceText {
  readonly add: (slice: string) => void;
  /** How long the text is so far. */
  readonly length: () => number;
  /** The text, or `undefined` when it was too long. The collector is empty afterwards. */
  readonly take: () => string | undefined;
}

/** An empty collector. */
export function createPieceText(): PieceText {
  let parts: string[] = [];
  let length = 0;
  return {
    add: (slice) => {
      length += slice.length;
      if (length > pieceLimit) parts = [];
      else if (slice !== "") parts.push(slice);
    },
    length: () => length,
    take: () => {
      const text = length > pieceLimit ? undefined : parts.join("");
      parts = [];
      length = 0;
      return text;
    },
  };
}
