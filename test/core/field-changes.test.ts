import fc from "fast-check";
import { expect, test } from "vitest";
import { fieldChanges, isSameJson } from "../../lib/core/field-changes.ts";
import type { JsonValue } from "../../lib/core/json.ts";

test.each<[string, JsonValue, JsonValue, unknown]>([
  ["a plain field", { a: 1 }, { a: 2 }, [{ path: "a", before: 1, after: 2 }]],
  ["a field that comes", {}, { a: { b: 1 } }, [{ path: "a", after: { b: 1 } }]],
  ["a field that goes", { a: null }, {}, [{ path: "a", before: null }]],
  ["null is not absence", { a: null }, { a: 0 }, [{ path: "a", before: null, after: 0 }]],
  [
    "keys with dots and slashes are quoted",
    { m: { "a/b": "x" } },
    { m: { "a/b": "y" } },
    [{ path: 'm["a/b"]', before: "x", after: "y" }],
  ],
  [
    "list entries are matched by name",
    {
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ],
    },
    {
      env: [
        { name: "B", value: "3" },
        { name: "A", value: "1" },
      ],
    },
    [{ path: "env[B].value", before: "2", after: "3" }],
  ],
  [
    "a list of plain values is one field",
    { a: ["x"] },
    { a: ["x", "y"] },
    [{ path: "a", before: ["x"], after: ["x", "y"] }],
  ],
  [
    "an entry put in front leaves the rest alone",
    [{ p: 1 }, { p: 2 }],
    [{ p: 0 }, { p: 1 }, { p: 2 }],
    [{ path: "[0]", after: { p: 0 } }],
  ],
  [
    "an entry taken from the middle",
    [{ p: 1 }, { p: 2 }, { p: 3 }],
    [{ p: 1 }, { p: 3 }],
    [{ path: "[1]", before: { p: 2 } }],
  ],
  ["repeated equal entries", [{ p: 1 }, { p: 1 }], [{ p: 1 }], [{ path: "[1]", before: { p: 1 } }]],
  ["an object against a list", { a: {} }, { a: [] }, [{ path: "a", before: {}, after: [] }]],
  ["an inherited key is no field", {}, { toString: "x" }, [{ path: "toString", after: "x" }]],
])("%s", (_rule, before, after, expected) => {
  expect(fieldChanges(before, after)).toEqual(expected);
});

test("a value never differs from itself, and differs from every other", () => {
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
  fc.assert(
    fc.property(json, json, (a, b) => {
      expect(fieldChanges(a, structuredClone(a))).toEqual([]);
      expect(isSameJson(a, b)).toBe(canonical(a) === canonical(b));
    }),
  );
});

/** The naive judge: keys sorted, and lists of uniquely named objects sorted by name. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
