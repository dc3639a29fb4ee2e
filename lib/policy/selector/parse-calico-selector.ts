/** A Calico selector as it is written; label names are kept in Calico's spelling. */
export type CalicoExpression =
  | { readonly kind: "all" }
  | { readonly kind: "global" }
  | { readonly kind: "has"; readonly label: string }
  /** `==` is a list of one value; `!=` and `not in` are the negation of one. */
  | { readonly kind: "in"; readonly label: string; readonly values: readonly string[] }
  | { readonly kind: "contains" | "startsWith" | "endsWith"; readonly label: string; readonly text: string }
  | { readonly kind: "not"; readonly operand: CalicoExpression }
  | { readonly kind: "and" | "or"; readonly operands: readonly CalicoExpression[] };

/** Why a text is no selector: the 1-based column in the text, and what was expected there. */
export interface SelectorProblem {
  readonly column: number;
  readonly message: string;
}

export type SelectorParse =
  | { readonly kind: "parsed"; readonly expression: CalicoExpression }
  | { readonly kind: "invalid"; readonly problem: SelectorProblem };

type Token =
  | { readonly kind: "label" | "string" | "has"; readonly value: string; readonly at: number }
  | { readonly kind: Symbol | "contains" | "startsWith" | "endsWith" | "in" | "not in" | "end"; readonly at: number };
type Symbol = "(" | ")" | "{" | "}" | "," | "==" | "!=" | "!" | "&&" | "||" | "all()" | "global()";

type Scan = { readonly token: Token; readonly next: number } | SelectorProblem;

const symbols: readonly Symbol[] = ["==", "!=", "&&", "||", "(", ")", "{", "}", ",", "!"];
const wordOperators: readonly {
  readonly pattern: RegExp;
  readonly kind: "contains" | "startsWith" | "endsWith" | "in" | "not in";
}[] = [
  { pattern: /contains/uy, kind: "contains" },
  { pattern: /starts[ \t]*with/uy, kind: "startsWith" },
  { pattern: /ends[ \t]*with/uy, kind: "endsWith" },
  { pattern: /not[ \t]*in/uy, kind: "not in" },
  { pattern: /in/uy, kind: "in" },
];
/** Deeper nesting than any person or generator writes; keeps the recursive parser off the end of the stack. */
const deepestNesting = 200;

/**
 * Reads a selector of Calico's language; the empty text is `all()`.
 *
 * Blanks and tabs separate, a line break is an error, strings have no escapes. Whether `global()` may stand where the
 * text was found is the caller's question.
 *
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/selector/tokenizer/tokenizer.go and parser/parser.go.
 *
 * @example
 * parseCalicoSelector("app == 'web' && !has(pci)")
 */
export function parseCalicoSelector(text: string): SelectorParse {
  const tokens = tokenize(text);
  if (!Array.isArray(tokens)) return { kind: "invalid", problem: tokens as SelectorProblem };
  if (tokens[0]?.kind === "end") return { kind: "parsed", expression: { kind: "all" } };
  const state: ParserState = { tokens, position: 0, depth: 0 };
  const expression = parseOr(state);
  if (isProblem(expression)) return { kind: "invalid", problem: expression };
  const rest = peek(state);
  if (rest.kind !== "end")
    return { kind: "invalid", problem: problemAt(rest, "expected && or || or the end of the selector") };
  return { kind: "parsed", expression };
}

function tokenize(text: string): readonly Token[] | SelectorProblem {
  const tokens: Token[] = [];
  let at = skipBlanks(text, 0);
  while (at < text.length) {
    const isAfterLabel = tokens.at(-1)?.kind === "label";
    const scan = scanToken(text, at, isAfterLabel);
    if ("message" in scan) return scan;
    tokens.push(scan.token);
    at = skipBlanks(text, scan.next);
  }
  tokens.push({ kind: "end", at });
  return tokens;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at += 1;
  return at;
}

function scanToken(text: string, at: number, isAfterLabel: boolean): Scan {
  const symbol = symbols.find((candidate) => text.startsWith(candidate, at));
  if (symbol !== undefined) return { token: { kind: symbol, at }, next: at + symbol.length };
  const first = text[at];
  if (first === '"' || first === "'") return scanString(text, at, first);
  if (first === "=" || first === "&" || first === "|") return { column: at + 1, message: `expected ${first}${first}` };
  return isAfterLabel ? scanWordOperator(text, at) : scanOperand(text, at);
}

function scanString(text: string, at: number, quote: string): Scan {
  const end = text.indexOf(quote, at + 1);
  if (end < 0) return { column: at + 1, message: "the string is not closed" };
  return { token: { kind: "string", value: text.slice(at + 1, end), at }, next: end + 1 };
}

function scanWordOperator(text: string, at: number): Scan {
  for (const { pattern, kind } of wordOperators) {
    pattern.lastIndex = at;
    if (pattern.test(text)) return { token: { kind, at }, next: pattern.lastIndex };
  }
  return {
    column: at + 1,
    message: "expected an operator after the label: ==, !=, in, not in, contains, starts with or ends with",
  };
}

function scanOperand(text: string, at: number): Scan {
  if (text.startsWith("has(", at)) return scanHas(text, at);
  if (text.startsWith("all(", at)) return scanCall(text, at, "all()");
  if (text.startsWith("global(", at)) return scanCall(text, at, "global()");
  const label = labelAt(text, at);
  if (label === "") return { column: at + 1, message: `unexpected ${JSON.stringify(text[at])}` };
  return { token: { kind: "label", value: label, at }, next: at + label.length };
}

function scanHas(text: string, at: number): Scan {
  const labelStart = skipBlanks(text, at + "has(".length);
  const label = labelAt(text, labelStart);
  if (label === "") return { column: labelStart + 1, message: "expected a label name inside has()" };
  const close = skipBlanks(text, labelStart + label.length);
  if (text[close] !== ")") return { column: close + 1, message: "expected ) after has(" };
  return { token: { kind: "has", value: label, at }, next: close + 1 };
}

function scanCall(text: string, at: number, kind: "all()" | "global()"): Scan {
  const close = skipBlanks(text, at + kind.length - 1);
  if (text[close] !== ")") return { column: close + 1, message: `expected ) after ${kind.slice(0, -1)}` };
  return { token: { kind, at }, next: close + 1 };
}

function labelAt(text: string, at: number): string {
  const pattern = /[A-Za-z0-9_./-]*/uy;
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

interface ParserState {
  readonly tokens: readonly Token[];
  position: number;
  depth: number;
}

function peek(state: ParserState): Token {
  return state.tokens[state.position] ?? { kind: "end", at: 0 };
}

function take(state: ParserState): Token {
  const token = peek(state);
  state.position += 1;
  return token;
}

function problemAt(token: Token, message: string): SelectorProblem {
  return { column: token.at + 1, message };
}

function isProblem(value: CalicoExpression | readonly string[] | SelectorProblem): value is SelectorProblem {
  return "message" in value;
}

function parseOr(state: ParserState): CalicoExpression | SelectorProblem {
  return parseList(state, "or", "||", parseAnd);
}

function parseAnd(state: ParserState): CalicoExpression | SelectorProblem {
  return parseList(state, "and", "&&", parseOperation);
}

function parseList(
  state: ParserState,
  kind: "and" | "or",
  separator: "&&" | "||",
  parseItem: (state: ParserState) => CalicoExpression | SelectorProblem,
): CalicoExpression | SelectorProblem {
  const first = parseItem(state);
  if (isProblem(first)) return first;
  const operands = [first];
  while (peek(state).kind === separator) {
    take(state);
    const next = parseItem(state);
    if (isProblem(next)) return next;
    operands.push(next);
  }
  return operands.length === 1 ? first : { kind, operands };
}

function parseOperation(state: ParserState): CalicoExpression | SelectorProblem {
  let isNegated = false;
  while (peek(state).kind === "!") {
    take(state);
    isNegated = !isNegated;
  }
  const operation = parseOperand(state);
  return isNegated && !isProblem(operation) ? { kind: "not", operand: operation } : operation;
}

function parseOperand(state: ParserState): CalicoExpression | SelectorProblem {
  const token = take(state);
  switch (token.kind) {
    case "has":
      return { kind: "has", label: token.value };
    case "all()":
      return { kind: "all" };
    case "global()":
      return { kind: "global" };
    case "label":
      return parseComparison(state, token.value);
    case "(":
      return parseParentheses(state, token);
    case "end":
      return problemAt(token, "the selector ends where a term is expected");
    default:
      return problemAt(
        token,
        `expected a label, has(), all() or (, not ${token.kind === "string" ? "a string" : token.kind}`,
      );
  }
}

function parseParentheses(state: ParserState, open: Token): CalicoExpression | SelectorProblem {
  if (state.depth >= deepestNesting) return problemAt(open, `more than ${deepestNesting} nested parentheses`);
  state.depth += 1;
  const inner = parseOr(state);
  state.depth -= 1;
  if (isProblem(inner)) return inner;
  const close = take(state);
  return close.kind === ")" ? inner : problemAt(close, "expected )");
}

function parseComparison(state: ParserState, label: string): CalicoExpression | SelectorProblem {
  const operator = take(state);
  switch (operator.kind) {
    case "==":
    case "!=": {
      const value = take(state);
      if (value.kind !== "string") return problemAt(value, `expected a quoted string after ${operator.kind}`);
      const isIn: CalicoExpression = { kind: "in", label, values: [value.value] };
      return operator.kind === "==" ? isIn : { kind: "not", operand: isIn };
    }
    case "contains":
    case "startsWith":
    case "endsWith": {
      const text = take(state);
      if (text.kind !== "string") return problemAt(text, "expected a quoted string");
      return { kind: operator.kind, label, text: text.value };
    }
    case "in":
    case "not in": {
      const values = parseSet(state, operator.kind);
      if (isProblem(values)) return values;
      const isIn: CalicoExpression = { kind: "in", label, values };
      return operator.kind === "in" ? isIn : { kind: "not", operand: isIn };
    }
    default:
      return problemAt(operator, `expected an operator after the label ${label}`);
  }
}

function parseSet(state: ParserState, operator: string): readonly string[] | SelectorProblem {
  const open = take(state);
  if (open.kind !== "{") return problemAt(open, `expected { after ${operator}`);
  const values: string[] = [];
  for (;;) {
    const token = take(state);
    if (token.kind === "}") return values;
    if (token.kind !== "string") return problemAt(token, "expected a quoted string or }");
    values.push(token.value);
    const separator = peek(state);
    if (separator.kind === ",") take(state);
    else if (separator.kind !== "}") return problemAt(separator, "expected , or }");
  }
}
