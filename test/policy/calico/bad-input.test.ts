import fc from "fast-check";
import { expect, test } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { rawObject } from "../support/objects.ts";
import { everyFeature, policySets } from "../translate/random-policies.ts";

const rubbish: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    null,
    true,
    -1,
    0.5,
    1e308,
    "",
    "${X}",
    "{{ .Values.x }}",
    "\n",
    "a".repeat(300),
    [],
    {},
    [null],
    [[]],
    { x: null },
  ),
  fc.string().map((text): JsonValue => text),
);

/** Every path to a value inside. */
function pathsOf(value: JsonValue, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const inner = Array.isArray(value)
    ? value.flatMap((item, at) => pathsOf(item, [...path, at]))
    : isJsonObject(value)
      ? Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]))
      : [];
  return [path, ...inner];
}

function replaceAt(value: JsonValue, path: readonly (string | number)[], replacement: JsonValue): JsonValue {
  const [head, ...rest] = path;
  if (head === undefined) return replacement;
  if (Array.isArray(value)) return value.map((item, at) => (at === head ? replaceAt(item, rest, replacement) : item));
  if (!isJsonObject(value)) return value;
  return { ...value, [head]: replaceAt(value[head] ?? null, rest, replacement) };
}

test("whatever stands in a field, the reader tells it and goes on", () => {
  const spoiled = policySets(everyFeature).chain((objects) =>
    fc
      .record({ at: fc.nat({ max: objects.length - 1 }), place: fc.nat(), value: rubbish })
      .map(({ at, place, value }) => {
        const object = objects[at] ?? {};
        const spec = (object["spec"] ?? {}) as JsonValue;
        const paths = pathsOf(spec);
        const path = paths[place % paths.length] ?? [];
        return objects.map(
          (one, index): JsonObject => (index === at ? { ...one, spec: replaceAt(spec, path, value) } : one),
        );
      }),
  );

  fc.assert(
    fc.property(spoiled, (objects) => {
      const { value, findings } = readCalicoPolicies(objects.map(rawObject));

      const given = objects.filter(({ kind }) => kind === "NetworkPolicy" || kind === "GlobalNetworkPolicy").length;
      expect((value?.policies.length ?? 0) + (value?.absent?.length ?? 0)).toBe(given);
      for (const { message, where } of findings) expect([message, where?.object]).not.toContain("");
      for (const { findings: reasons } of value?.absent ?? []) expect(reasons.length).toBeGreaterThan(0);
    }),
    { numRuns: 300, seed: 4711 },
  );
});
