import type { Finding } from "../core/finding.ts";

/** One input as io hands it over: a name for messages and its text in pieces, so that a large file is never one string. */
export interface SourceFile {
  /** As the user named it; `<stdin>` for standard input. */
  readonly name: string;
  /** The decoded text (UTF-8, gunzipped) in pieces of any size, in order. Iterable once or more. Never throws: see `failure`. */
  readonly chunks: Iterable<string> | AsyncIterable<string>;
  /** What ended the reading before the end of the file (a broken gzip stream, a read error); asked after the last chunk. */
  readonly failure?: () => Finding | undefined;
}
