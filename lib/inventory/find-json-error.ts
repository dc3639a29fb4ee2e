/** Where a text stops being JSON, and what was expected there. */
export interface JsonError {
  readonly offset: number;
  /** One sentence without a full stop; never quotes the text. */
  readonly message: string;
}

// Groups: a string, a number, a word, a sign. Control characters are not allowed in strings, save those above ASCII.
const token =
  /[ \t\r\n]*(?:("(?:[^"\\\p{Cc}]|[\x7F-\x9F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])|(true|false|null)(?!\w)|([[\]{},:]))/uy;

/** What may come next: a value, the first key or the end of an object, a key, a colon, or what follows a value. */
type Expected = "value" | "first-value" | "first-key" | "key" | "colon" | "after-value";

const expectations: Readonly<Record<Expected, string>> = {
  value: "a value is expected here",
  "first-value": "a value or ] is expected here",
  "first-key": "a key in double quotes or } is expected here",
  key: "a key in double quotes is expected here",
  colon: "a colon is expected here",
  "after-value": "a comma or a closing bracket is expected here",
};

/**
 * Where a text that `JSON.parse` refuses goes wrong. The engine's own message quotes the text, which may be secret, and
 * tells the place in some engines only; so a refused text is read once more, sign by sign.
 * Source: RFC 8259.
 */
export function findJsonError(text: string): JsonError {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let offset = 0;
  for (;;) {
    token.lastIndex = offset;
    const match = token.exec(text);
    const next: Expected | undefined = match === null ? undefined : step(expected, match, open);
    if (match === null || next === undefined) return errorAt(text, offset, expected, open.length);
    offset = token.lastIndex;
    expected = next;
  }
}

function errorAt(text: string, from: number, expected: Expected, depth: number): JsonError {
  const rest = text.slice(from);
  const offset = from + rest.search(/[^ \t\r\n]|$/u);
  if (offset < text.length) {
    const isDone = expected === "after-value" && depth === 0;
    return { offset, message: isDone ? "the JSON text goes on behind its end" : expectations[expected] };
  }
  return { offset: Math.max(text.trimEnd().length - 1, 0), message: "the JSON text ends too early" };
}

function step(expected: Expected, match: RegExpExecArray, open: ("{" | "[")[]): Expected | undefined {
  const [, text, number, word, sign = ""] = match;
  const isScalar = text !== undefined || number !== undefined || word !== undefined;
  switch (expected) {
    case "first-key":
      if (sign === "}") return close(open);
      return text === undefined ? undefined : "colon";
    case "key":
      return text === undefined ? undefined : "colon";
    case "colon":
      return sign === ":" ? "value" : undefined;
    case "after-value":
      return afterValue(sign, open);
    default:
      if (expected === "first-value" && sign === "]") return close(open);
      return isScalar ? "after-value" : openBracket(sign, open);
  }
}

function openBracket(sign: string, open: ("{" | "[")[]): Expected | undefined {
  if (sign !== "{" && sign !== "[") return undefined;
  open.push(sign);
  return sign === "{" ? "first-key" : "first-value";
}

function close(open: ("{" | "[")[]): Expected {
  open.pop();
  return "after-value";
}

function afterValue(sign: string, open: ("{" | "[")[]): Expected | undefined {
  const inner = open.at(-1);
  if (sign === "," && inner !== undefined) return inner === "{" ? "key" : "value";
  const isClosing = (sign === "}" && inner === "{") || (sign === "]" && inner === "[");
  return isClosing ? close(open) : undefined;
}
