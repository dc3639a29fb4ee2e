import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { JsonValue } from "../../lib/core/json.ts";
import { notPlain, parseBlockYaml } from "../../lib/inventory/parse-block-yaml.ts";
import { parseAnyYaml, parseYaml } from "../../lib/inventory/parse-yaml.ts";
import { resolveKey, resolveScalar } from "../../lib/inventory/resolve-scalar.ts";
import { createYamlContext } from "../../lib/inventory/yaml-context.ts";

describe("a plain scalar is what goyaml v2 makes of it", () => {
  test.each<[string, JsonValue, boolean]>([
    ["yes", true, true],
    ["Off", false, true],
    ["y", true, true],
    ["N", false, true],
    ["true", true, false],
    ["FALSE", false, false],
    ["", null, false],
    ["~", null, false],
    ["null", null, false],
    ["nULL", "nULL", false],
    ["0", 0, false],
    ["-12", -12, false],
    ["+12", 12, false],
    ["010", 8, true],
    ["-010", -8, true],
    ["08", 8, false],
    ["0o17", 15, false],
    ["0x1F", 31, false],
    ["-0x10", -16, true],
    ["0b101", 5, true],
    ["1_000", 1000, true],
    ["1.5", 1.5, false],
    [".5", 0.5, false],
    ["5.", 5, false],
    ["1e3", 1000, false],
    ["1_0.5", 10.5, true],
    ["1e400", "1e400", false],
    [".inf", ".inf", false],
    [".nan", ".nan", false],
    ["10:20", "10:20", false],
    ["2025-01-01", "2025-01-01", false],
    ["10.0.0.0/8", "10.0.0.0/8", false],
    ["10.0.0.1", "10.0.0.1", false],
    ["1.2.3", "1.2.3", false],
    ["0xZZ", "0xZZ", false],
    ["-", "-", false],
    ["_1", "_1", false],
    ["100m", "100m", false],
    ["=", "=", false],
  ])("%j is %j", (text, value, isAmbiguous) => {
    expect(resolveScalar(text)).toEqual({ value, isAmbiguous });
  });

  test.each([
    ["on", { key: "true", isAmbiguous: true }],
    ["010", { key: "8", isAmbiguous: true }],
    ["1.10", { key: "1.10", isAmbiguous: false }],
    ["12345678901234567890", { key: "12345678901234567890", isAmbiguous: false }],
    ["~", { isAmbiguous: false }],
  ])("the key %j is %j", (text, expected) => {
    expect(resolveKey(text)).toEqual(expected);
  });
});

/** Both readers' answers to one text. */
function readBoth(text: string): {
  readonly fast: unknown;
  readonly any: unknown;
  readonly problems: readonly string[];
} {
  const context = createYamlContext();
  const fast = parseBlockYaml(text, createYamlContext());
  const any = parseAnyYaml(text, context);
  return {
    fast: fast === notPlain ? "left to the general parser" : fast,
    any,
    problems: context.problems.map(({ kind }) => kind),
  };
}

const left = "left to the general parser";

describe("the fast reader takes what kubectl and people write, and leaves the rest", () => {
  test.each<[string, string, unknown]>([
    ["a map", "a: 1\nb: text # a comment\n", { a: 1, b: "text" }],
    [
      "a list at the indentation of its key",
      "a:\n- 1\n- b: 2\n  c: 3\n-\n  d: 4\n",
      { a: [1, { b: 2, c: 3 }, { d: 4 }] },
    ],
    ["a list below its key", "a:\n  - 1\n  - - 2\n    - 3\n", { a: [1, [2, 3]] }],
    [
      "empty values",
      "a:\nb: {}\nc: []\nd: ''\ne: ~\nf:\n\ng:\n# c\n",
      { a: null, b: {}, c: [], d: "", e: null, f: null, g: null },
    ],
    ["a text over lines", "a: one\n  two\n\n  three\nb: 1\n", { a: "one two\nthree", b: 1 }],
    [
      "a text in quotes over lines",
      "a: \"one\n  two\\\n  \\ three\n\n  four\"\nb: 'it''s\n  fine'\n",
      { a: "one two three\nfour", b: "it's fine" },
    ],
    ["escapes", `${String.raw`a: "\t\x41\u00e9\U0001F642\"\\\/\e"`}\n`, { a: '\tA\u00e9🙂"\\/\u001b' }],
    [
      "a literal block",
      "a: |\n  one\n\n    two\n\nb: |-\n  x\nc: |+\n  y\n\nd: 1\n",
      { a: "one\n\n  two\n", b: "x", c: "y\n\n", d: 1 },
    ],
    ["a literal block with its indentation told", "a: |2\n    two more\n  x\n", { a: "  two more\nx\n" }],
    ["anchors and aliases", "a: &x\n- 1\nb: *x\nc: &y text\nd: *y\n", { a: [1], b: [1], c: "text", d: "text" }],
    ["keys in quotes", "\"a b\": 1\n'c: d': 2\n", { "a b": 1, "c: d": 2 }],
    ["a colon and a hash inside a text", "a: b:c#d\nurl: http://x/#y\n", { a: "b:c#d", url: "http://x/#y" }],
    ["only comments", "# a\n\n# b\n", null],
    ["a flow map", "a: { b: 1 }\n", left],
    ["a folded block", "a: >\n  b\n", left],
    ["a tag", "a: !!str 1\n", left],
    ["a merge key", "a: &x { b: 1 }\nc:\n  <<: *x\n", left],
    ["a key twice", "a: 1\na: 2\n", left],
    ["a tab before a value", "a:\tb\n", left],
    ["a tab before a comment", "a: b\t# c\n", { a: "b" }],
    ["a complex key", "? a\n: b\n", left],
    ["a text and then a deeper key", "a: b\n  c: d\n", left],
    ["a comment inside a text", "a: b # c\n  d\n", left],
    ["an indentation that goes back between two levels", "a:\n    b: 1\n  c: 2\n", left],
    ["a quote that never ends", 'a: "b\n', left],
    ["an unknown alias", "a: *x\n", left],
    ["a document of one text", "just text\n", left],
  ])("%s", (_name, text, expected) => {
    const { fast, any, problems } = readBoth(text);

    expect(fast).toEqual(expected);
    if (expected !== left) expect({ any, problems }).toEqual({ any: expected, problems: [] });
  });

  test("what it takes, the general parser reads alike: every example cluster, whole and item by item", () => {
    const root = join(import.meta.dirname, "../fixtures/clusters");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) =>
      /(?<!pods|networkpolicies.*)\.yaml$/u.test(file),
    );
    const different = files.filter((file) => {
      const { fast, any } = readBoth(readFileSync(join(root, file), "utf8"));
      return JSON.stringify(fast) !== JSON.stringify(any);
    });

    expect(files.length).toBeGreaterThan(60);
    expect(different).toEqual([]);
  });

  const value = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc
        .string({
          unit: fc.constantFrom("a", " ", ":", "#", "-", "\n", "'", '"', "\\", "1", "{", "|", "\t", "é"),
          maxLength: 8,
          // yaml 2.9.1 prints a block of blanks without its indentation, and reads it back without the blanks.
        })
        .filter((text) => !/^[ \t\n]*\n/u.test(text)),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(
        fc.string({ unit: fc.constantFrom("a", "y", " ", ":", "#", "0", "'"), maxLength: 3 }),
        tie("value"),
        { maxKeys: 3 },
      ),
    ),
  })).value;

  test("whatever is printed, both readers give it back", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("a", "b", "c"), value, { minKeys: 1 }),
        fc.boolean(),
        fc.constantFrom(0, 20, 80),
        (object, indentSeq, lineWidth) => {
          const text = stringify(object, { version: "1.1", indentSeq, lineWidth, aliasDuplicateObjects: false });
          const context = createYamlContext();

          expect(parseYaml(text, context)).toEqual(JSON.parse(JSON.stringify(object)));
          expect(parseAnyYaml(text, context)).toEqual(JSON.parse(JSON.stringify(object)));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("whatever stands in a text, where the fast reader gives a value the general one gives the same", () => {
    const line = fc.tuple(
      fc.constantFrom("", "  ", "    ", " "),
      fc.constantFrom(
        "a:",
        "b: ",
        "- ",
        "-",
        "c: |",
        "d: 'x",
        'e: "y',
        "- f:",
        "- - g",
        "h",
        "# i",
        "",
        "j: *k",
        "l: &k",
        "m: n # o",
        "p: [",
        "q'",
        '"',
        "r: {}",
        "  ",
        "s:t",
        "'u': v",
        "w: |+",
        "x: y:z",
        "\t",
      ),
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 7 }), (lines) => {
        const text = `${lines.map(([indent, rest]) => indent + rest).join("\n")}\n`;
        const { fast, any, problems } = readBoth(text);

        if (fast !== left) expect({ text, any, problems }).toEqual({ text, any: fast, problems: [] });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the general parser reads what the fast one leaves", () => {
  test.each<[string, string, unknown]>([
    ["flow collections", "a: { b: [1, yes, x] }\n", { a: { b: [1, true, "x"] } }],
    ["folded blocks", "a: >-\n  b\n  c\n", { a: "b c" }],
    [
      "merge keys: own keys win, then earlier maps",
      "x: &x { a: 1, b: 1 }\nw: &w { b: 2, c: 2 }\nz:\n  <<: [*x, *w]\n  a: 3\n",
      { x: { a: 1, b: 1 }, w: { b: 2, c: 2 }, z: { a: 3, b: 1, c: 2 } },
    ],
    ["the tags of YAML's own types", "a: !!str 1\nb: !!int '2'\n", { a: "1", b: 2 }],
    ["keys of other types", "1: a\ntrue: b\n'2': c\n", { "1": "a", true: "b", "2": "c" }],
  ])("%s", (_name, text, expected) => {
    expect(parseAnyYaml(text, createYamlContext())).toEqual(expected);
  });
});
