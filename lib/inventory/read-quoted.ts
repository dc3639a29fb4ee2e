const escapes: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "/": "/",
  "\\": "\\",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};
const escapePattern = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\n)|([\s\S]))/gu;

/** Where the quoted scalar that starts at `start` ends: the offset of its closing quote, or -1 when there is none. */
export function findClosingQuote(text: string, start: number): number {
  const quote = text.charAt(start);
  let at = text.indexOf(quote, start + 1);
  while (at >= 0) {
    if (quote === "'") {
      if (text.charCodeAt(at + 1) !== 39) return at;
      at = text.indexOf(quote, at + 2);
      continue;
    }
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes += 1;
    if (slashes % 2 === 0) return at;
    at = text.indexOf(quote, at + 1);
  }
  return -1;
}

/**
 * The value of a quoted scalar from its text between the quotes; `undefined` where an escape is not YAML's.
 * Line breaks are folded: one becomes a space, more become one line feed less; a backslash before the break joins the lines.
 * Source: YAML 1.2.2 §7.3.1 and §7.3.2 (the same in 1.1).
 */
export function readQuoted(inner: string, quote: string): string | undefined {
  const isFolded = inner.includes("\n");
  if (quote === "'") {
    const folded = isFolded ? fold(inner, "as-is") : inner;
    return folded.includes("'") ? folded.replaceAll("''", "'") : folded;
  }
  if (!inner.includes("\\")) return isFolded ? fold(inner, "as-is") : inner;
  // An escaped blank before a line break: rare, and the general parser knows it.
  if (isFolded && /\\[ \t]+\n/u.test(inner)) return undefined;
  let isKnown = true;
  const value = (isFolded ? fold(inner, "escapes") : inner).replace(
    escapePattern,
    (_all, x, u, U, newline, other: string) => {
      const code = (x ?? u ?? U) as string | undefined;
      if (code !== undefined) {
        const point = Number.parseInt(code, 16);
        if (point > 0x10ffff) isKnown = false;
        return point > 0x10ffff ? "" : String.fromCodePoint(point);
      }
      if (newline !== undefined) return "";
      const found = Object.hasOwn(escapes, other) ? escapes[other] : undefined;
      if (found === undefined) isKnown = false;
      return found ?? "";
    },
  );
  return isKnown ? value : undefined;
}

/**
 * Folds the line breaks of a quoted or plain scalar. With `escapes`, a backslash at the end of a line is kept with one
 * line feed behind it, for the reader of escapes to take both away.
 */
export function fold(inner: string, backslash: "escapes" | "as-is"): string {
  return inner.replace(/[ \t]*\n[ \t\n]*/gu, (breaks, offset: number) => {
    const count = breaks.split("\n").length - 1;
    let slashes = 0;
    while (backslash === "escapes" && inner.charCodeAt(offset - 1 - slashes) === 92) slashes += 1;
    if (slashes % 2 === 1 && breaks.startsWith("\n")) return "\n".repeat(count);
    return count === 1 ? " " : "\n".repeat(count - 1);
  });
}
