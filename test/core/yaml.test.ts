import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonValue } from "../../lib/core/json.ts";
import { renderWithCare, renderYaml, sortKeys } from "../../lib/core/yaml.ts";

const ambiguousTexts = [
  "yes",
  "no",
  "on",
  "off",
  "y",
  "n",
  "0o17",
  "017",
  "1_000",
  "12:30:45",
  "2020-01-01",
  "~",
  "=",
  "<<",
  "0x1f",
  "1e3",
  "E0",
  "e-5",
  ".inf",
  "null",
  "",
  " ",
  "a: b",
  "#x",
  "- a",
  "'",
  '"',
  "a\nb",
  " \na",
  "\n \n  a\n",
  "\t\nb\n",
  "a\n",
  "\ta",
  "a ",
  "--- ",
  "%TAG",
  "é",
  "\u2028",
  "1.20",
];

/** Words and signs as Kubernetes objects have them, in any order: where plain text ends. */
const nearlyPlain = fc
  .array(
    fc.constantFrom(
      ..."aZ0_/.:-@ ,()#=~",
      "true",
      "null",
      "on",
      "y",
      "1e3",
      "0x1f",
      "\n",
      "'",
      '"',
      ": ",
      " #",
      "- ",
      "1:30",
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(""));

const anyText = fc.oneof(
  fc.constantFrom(...ambiguousTexts),
  nearlyPlain,
  fc
    .array(fc.oneof(nearlyPlain, fc.constantFrom("", "  set -eu", "x ", " ", "\t")), { minLength: 2, maxLength: 5 })
    .map((lines) => lines.join("\n")),
  fc.constantFrom("spec", "name", "metadata", "registry.k8s.io/kubectl:v1.36.3", "a (b), c-d", "10.0.0.0/8"),
  fc.string(),
  fc.string({ unit: "binary" }).filter((text) => !/[\uD800-\uDFFF]/u.test(text)),
);

// The key `<<` is left out: yaml 2.9.1 reads it as a merge even when it is quoted, and no Kubernetes key can be it.
const anyObject = fc.letrec<{ value: JsonValue; object: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    anyText,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-0, 1e21, 0.1, 2 ** 53),
    fc.constant(null),
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(
    anyText.filter((key) => key !== "__proto__" && key !== "<<"),
    tie("value"),
    { maxKeys: 4 },
  ),
})).object;

describe("renderYaml", () => {
  test.each(["1.1", "1.2"] as const)("what it writes reads back equal under YAML %s", (version) => {
    fc.assert(
      fc.property(anyObject, (value) => {
        expect(parse(renderYaml(value), { version })).toEqual(value);
      }),
      { numRuns: 400 },
    );
  });

  test("it writes what the yaml package writes, byte for byte", () => {
    fc.assert(
      fc.property(anyObject, (value) => {
        expect(renderYaml(value, { keepKeyOrder: true })).toBe(renderWithCare(value));
      }),
      { numRuns: 2000 },
    );
  });

  test("keys stand in one order, whatever order they came in", () => {
    expect(renderYaml({ spec: { b: 1, a: 2 }, kind: "K", metadata: { name: "x" }, apiVersion: "v1", data: {} })).toBe(
      "apiVersion: v1\nkind: K\nmetadata:\n  name: x\nspec:\n  a: 2\n  b: 1\ndata: {}\n",
    );
  });

  test("a comment stands above the document, line by line", () => {
    expect(renderYaml({ a: 1 }, { comment: "why\n\nand how" })).toBe("# why\n#\n# and how\n\na: 1\n");
  });

  test("sorting keys keeps arrays as they are", () => {
    expect(JSON.stringify(sortKeys({ b: [{ d: 1, c: 2 }], a: 1 }))).toBe('{"a":1,"b":[{"c":2,"d":1}]}');
  });
});
