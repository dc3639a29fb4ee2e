import { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";

/** The text encoding that a byte order mark tells; UTF-8 without one. */
type TextEncodingName = "utf-8" | "utf-16le" | "utf-16be";

/** Whether bytes start as gzip does (RFC 1952). */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The encoding of a text by its byte order mark. */
function encodingOf(bytes: Uint8Array): TextEncodingName {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return "utf-8";
}

/**
 * The text of a stream of bytes, in pieces: gunzipped where the bytes are gzip, decoded by its byte order mark.
 * Bytes that are no text become U+FFFD. Throws what the stream throws, and zlib's error for broken gzip.
 */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array>,
  tell: (encoding: TextEncodingName) => void = () => undefined,
): AsyncGenerator<string> {
  let decode: ((chunk?: Uint8Array) => string) | undefined;
  for await (const chunk of withLongStart(gunzipWhereNeeded(withLongStart(bytes)))) {
    if (decode === undefined) {
      const encoding = encodingOf(chunk);
      tell(encoding);
      decode = createDecoder(encoding);
    }
    const text = decode(chunk);
    if (text !== "") yield text;
  }
  const rest = decode?.() ?? "";
  if (rest !== "") yield rest;
}

/** A decoder of chunks; called without one, it gives what is left. The byte order mark is dropped. */
function createDecoder(encoding: TextEncodingName): (chunk?: Uint8Array) => string {
  if (encoding !== "utf-8") {
    const decoder = new TextDecoder(encoding);
    return (chunk) => (chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true }));
  }
  // StringDecoder gives one byte for each sign of ASCII text, TextDecoder two: half the memory, and all scanning faster.
  const decoder = new StringDecoder("utf8");
  let isStart = true;
  return (chunk) => {
    const text =
      chunk === undefined ? decoder.end() : decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    const isMarked = isStart && text.startsWith("\uFEFF");
    isStart = isStart && text === "";
    return isMarked ? text.slice(1) : text;
  };
}

/** The same bytes with a first chunk of at least two, where there are two: as many as mark gzip and UTF-16. */
async function* withLongStart(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of bytes) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
    if (start.length < 2) continue;
    yield start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}

async function* gunzipWhereNeeded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const whole = (async function* () {
    yield first.value;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  })();
  if (!isGzip(first.value)) {
    yield* whole;
    return;
  }
  const source = Readable.from(whole);
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  for await (const chunk of gunzip) yield chunk as Uint8Array;
}
