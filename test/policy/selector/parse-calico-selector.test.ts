import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CalicoExpression, parseCalicoSelector } from "../../../lib/policy/selector/parse-calico-selector.ts";

const isIn = (label: string, ...values: string[]): CalicoExpression => ({ kind: "in", label, values });
const not = (operand: CalicoExpression): CalicoExpression => ({ kind: "not", operand });
const and = (...operands: CalicoExpression[]): CalicoExpression => ({ kind: "and", operands });
const or = (...operands: CalicoExpression[]): CalicoExpression => ({ kind: "or", operands });
const all: CalicoExpression = { kind: "all" };

describe("what Calico's tokenizer and parser take", () => {
  test.each<[string, string, CalicoExpression]>([
    ["the empty text is all()", "", all],
    ["blanks alone are all()", " \t ", all],
    ["inner blanks of a call are free", "all( )", all],
    ["single quotes", "app == 'web'", isIn("app", "web")],
    ["double quotes", 'app == "web"', isIn("app", "web")],
    ["the other quote stands for itself", `app == "it's"`, isIn("app", "it's")],
    ["no blanks are needed around symbols", "a=='x'&&b!='y'", and(isIn("a", "x"), not(isIn("b", "y")))],
    ["an empty value", "a == ''", isIn("a", "")],
    ["not equal is the negation of equal", "a != 'x'", not(isIn("a", "x"))],
    ["a set", "a in {'x', \"y\"}", isIn("a", "x", "y")],
    ["a set may end with a comma", "a in {'x',}", isIn("a", "x")],
    ["a set may be empty", "a in {}", isIn("a")],
    ["not in", "a not in {'x'}", not(isIn("a", "x"))],
    ["notin in one word", "a notin{'x'}", not(isIn("a", "x"))],
    ["not and in may stand far apart", "a not \t in {'x'}", not(isIn("a", "x"))],
    ["contains", "a contains 'x'", { kind: "contains", label: "a", text: "x" }],
    ["starts with", "a starts with 'x'", { kind: "startsWith", label: "a", text: "x" }],
    ["startswith in one word", "a startswith 'x'", { kind: "startsWith", label: "a", text: "x" }],
    ["ends with", "a ends  with 'x'", { kind: "endsWith", label: "a", text: "x" }],
    ["a word operator needs no blank before the string", "a contains'x'", { kind: "contains", label: "a", text: "x" }],
    ["has() with inner blanks", "has( a/b.c )", { kind: "has", label: "a/b.c" }],
    ["global()", "global()", { kind: "global" }],
    ["a label may be called like a keyword", "has == 'x' && in == 'y'", and(isIn("has", "x"), isIn("in", "y"))],
    [
      "a label may look like an operator",
      "contains contains 'contains'",
      { kind: "contains", label: "contains", text: "contains" },
    ],
    [
      "&& binds tighter than ||",
      "has(a) && has(b) || has(c)",
      or(and({ kind: "has", label: "a" }, { kind: "has", label: "b" }), { kind: "has", label: "c" }),
    ],
    [
      "parentheses change that",
      "has(a) && (has(b) || has(c))",
      and({ kind: "has", label: "a" }, or({ kind: "has", label: "b" }, { kind: "has", label: "c" })),
    ],
    [
      "! binds to one operation",
      "!has(a) && has(b)",
      and(not({ kind: "has", label: "a" }), { kind: "has", label: "b" }),
    ],
    ["two ! cancel", "!!has(a)", { kind: "has", label: "a" }],
    ["three ! are one", "! ! !has(a)", not({ kind: "has", label: "a" })],
    ["! before parentheses", "!(has(a))", not({ kind: "has", label: "a" })],
    ["values may hold anything but the quote", "a == 'x && y || {'", isIn("a", "x && y || {")],
  ])("%s", (_rule, text, expression) => {
    expect(parseCalicoSelector(text)).toEqual({ kind: "parsed", expression });
  });
});

describe("what they refuse, and where", () => {
  test.each<[string, string, number, string]>([
    ["a line break", "has(a)\n", 7, 'unexpected "\\n"'],
    ["a blank between has and (", "has (a)", 5, "expected an operator after the label has"],
    ["a label alone", "app", 4, "expected an operator after the label app"],
    ["one equals sign", "a = 'x'", 3, "expected =="],
    ["one ampersand", "has(a) & has(b)", 8, "expected &&"],
    ["one bar", "has(a) | has(b)", 8, "expected ||"],
    ["an unquoted value", "a == x", 6, "expected a quoted string after =="],
    ["an open string", "a == 'x", 6, "the string is not closed"],
    ["an open set", "a in {'x'", 10, "expected , or }"],
    ["a set without braces", "a in 'x'", 6, "expected { after in"],
    ["two values without a comma", "a in {'x' 'y'}", 11, "expected , or }"],
    ["an open parenthesis", "(has(a)", 8, "expected )"],
    ["a closing parenthesis too many", "has(a))", 7, "expected && or || or the end of the selector"],
    ["two terms side by side", "has(a) has(b)", 8, "expected && or || or the end of the selector"],
    ["an operator at the end", "has(a) &&", 10, "the selector ends where a term is expected"],
    ["nothing but !", "!", 2, "the selector ends where a term is expected"],
    ["has() without a label", "has()", 5, "expected a label name inside has()"],
    ["an open has(", "has(a", 6, "expected ) after has("],
    ["all with an argument", "all(a)", 5, "expected ) after all("],
    [
      "not without in",
      "a not {'x'}",
      3,
      "expected an operator after the label: ==, !=, in, not in, contains, starts with or ends with",
    ],
    ["a string where a label is expected", "'x' == 'y'", 1, "expected a label, has(), all() or (, not a string"],
    ["Kubernetes' notation", "app=web", 4, "expected =="],
  ])("%s", (_rule, text, column, message) => {
    expect(parseCalicoSelector(text)).toEqual({ kind: "invalid", problem: { column, message } });
  });

  test("nesting without end is an error, not a crash", () => {
    const parse = parseCalicoSelector(`${"(".repeat(100_000)}has(a)${")".repeat(100_000)}`);

    expect(parse).toEqual({ kind: "invalid", problem: { column: 201, message: "more than 200 nested parentheses" } });
  });

  test("no text makes the parser throw", () => {
    const parts = fc.constantFrom(
      "has(",
      "a",
      "==",
      "!=",
      "'x'",
      "(",
      ")",
      "&&",
      "||",
      "!",
      "in",
      "{",
      "}",
      ",",
      " ",
      "not",
      "=",
      "all()",
      "\n",
      "starts",
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 30 }), (words) => {
        expect(["parsed", "invalid"]).toContain(parseCalicoSelector(words.join("")).kind);
      }),
    );
  });
});
