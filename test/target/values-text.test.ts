import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonObject, JsonValue } from "../../lib/core/json.ts";
import { parseOwnYaml } from "../../lib/core/yaml.ts";
import { leavesOf, putValue, treeOf } from "../../lib/target/value-tree.ts";
import { valuesText } from "../../lib/target/values-text.ts";

test("values stand in their order, each under its reason, with the keys that need quotes quoted", () => {
  const values = [
    { path: ["cni", "customConf"], value: true, why: "first" },
    { path: ["cni", "exclusive"], value: false, why: "second" },
    { path: ["devices"], value: ["!cali+", "eth0"], why: "third" },
    { path: ["extra", "no"], value: "yes", why: "fourth" },
    { path: ["log"], value: "a\nb\n", why: "two\nlines" },
  ];

  expect(valuesText(values, ["head", "", "foot"])).toBe(`# head
#
# foot

cni:
  # first
  customConf: true
  # second
  exclusive: false

# third
devices:
  - "!cali+"
  - eth0

extra:
  # fourth
  "no": "yes"

# two lines
log: |
  a
  b
`);
});

const scalar: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.boolean(),
  fc.integer(),
  fc.constant(null),
  fc.string(),
  fc.constantFrom(
    "yes",
    "no",
    "1e3",
    "0o7",
    "=",
    "a: b",
    "# not a comment",
    "- item",
    "line\nline",
    "trailing \n\n",
    "!cali+",
    "1:30",
  ),
);
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.array(fc.dictionary(fc.string({ minLength: 1 }), scalar, { minKeys: 1, maxKeys: 2 }), { maxLength: 2 }),
);
const key = fc
  .oneof(
    fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9.-]{0,8}$/u),
    fc.string({ minLength: 1, maxLength: 4 }),
    fc.constantFrom("no", "y", "1", "a b"),
  )
  // yaml 2.9.1 in its 1.1 mode takes even a quoted << for a merge; no Helm value has such a key.
  .filter((text) => text !== "__proto__" && text !== "<<");
const tree: fc.Arbitrary<JsonObject> = fc.letrec<{ object: JsonObject }>((tie) => ({
  object: fc.dictionary(key, fc.oneof({ maxDepth: 3 }, value, tie("object")), { minKeys: 1, maxKeys: 4 }),
})).object;

test("the text parses back to exactly the values, with YAML 1.1 and 1.2", () => {
  fc.assert(
    fc.property(tree, fc.string(), (values, why) => {
      const leaves = leavesOf(values).map((leaf) => ({ ...leaf, why }));

      const text = valuesText(leaves, ["header"]);

      expect(parseOwnYaml(text)).toEqual(values);
      expect(parse(text)).toEqual(values);
    }),
    { numRuns: 100 },
  );
});

test("an object is the tree of its leaves, and putting a value replaces what stood at, above or below its path", () => {
  fc.assert(
    fc.property(tree, (values) => {
      expect(treeOf(leavesOf(values).map((leaf) => ({ ...leaf, why: "" })))).toEqual(values);
    }),
  );
  const before = [
    { path: ["a", "b"], value: 1, why: "" },
    { path: ["a", "c"], value: 2, why: "" },
    { path: ["d"], value: 3, why: "" },
  ];
  expect(treeOf(putValue(before, { path: ["a"], value: 4, why: "" }))).toEqual({ a: 4, d: 3 });
  expect(treeOf(putValue(before, { path: ["d", "e"], value: 4, why: "" }))).toEqual({ a: { b: 1, c: 2 }, d: { e: 4 } });
  expect(putValue(before, { path: ["a", "e"], value: 4, why: "" }).map(({ path }) => path.join("."))).toEqual([
    "a.b",
    "a.c",
    "a.e",
    "d",
  ]);
});
