import fc from "fast-check";
import { expect, test } from "vitest";
import { letterOf, numberBetween, numberWaves, slugOf } from "../../lib/waves/wave-ids.ts";

function places(number: number): number[] {
  return Array.from({ length: number }, (_, at) => at);
}

function ids(groups: Readonly<Record<string, number>>, controls: number): string[] {
  const numbers = numberWaves(
    Object.entries(groups).map(([slug, number]) => ({ slug, places: places(number) })),
    { slug: "control-plane", places: places(controls) },
  );
  return [numbers.canary, ...numbers.groups.flat(), ...numbers.controlPlane];
}

test("groups begin at round hundreds and the control plane at 700", () => {
  expect(ids({ general: 3, gpu: 2 }, 2)).toEqual([
    "100-canary",
    "110-general-a",
    "120-general-b",
    "130-general-c",
    "200-gpu-a",
    "210-gpu-b",
    "700-control-plane-a",
    "710-control-plane-b",
  ]);
});

test("seventy waves fit into three digits, seventy-one need four", () => {
  expect(ids({ a: 66 }, 3).at(-1)).toBe("790-control-plane-c");
  expect(ids({ a: 30, b: 20, c: 16 }, 3)).toHaveLength(70);
  expect(ids({ a: 30, b: 20, c: 16 }, 3).every((id) => /^\d{3}-/.test(id))).toBe(true);
  expect(ids({ a: 30, b: 20, c: 17 }, 3).every((id) => /^\d{4}-/.test(id))).toBe(true);
});

test("one wave more in a group renames no wave of another", () => {
  const before = ids({ general: 7, gpu: 4 }, 3);
  const after = ids({ general: 8, gpu: 4 }, 3);

  expect(after.filter((id) => !before.includes(id))).toEqual(["180-general-h"]);
  expect(before.filter((id) => !after.includes(id))).toEqual([]);
});

test("ids are in order as texts, whatever the numbers of waves", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 6 }),
      fc.integer({ min: 0, max: 90 }),
      (counts, controls) => {
        const given = ids(Object.fromEntries(counts.map((number, at) => [`g${at}`, number])), controls);

        expect(given).toEqual(given.toSorted());
        expect(new Set(given).size).toBe(given.length);
        expect(given.at(0) ?? "").toBe(given.toSorted()[0] ?? "");
        expect((given.at(-1) ?? "") < "800").toBe(true);
      },
    ),
  );
});

test.each([
  ["130", "700", "140"],
  ["130", "140", "135"],
  ["130", "131", "1305"],
  ["130", "1305", "1302"],
  ["790", "800", "795"],
  ["1010", "7000", "1020"],
])("between %s and %s stands %s", (before, after, expected) => {
  expect(numberBetween(before, after)).toBe(expected);
});

test("a number can always be put between two others, a thousand times over", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), (sides) => {
      let low = "130";
      let high = "140";
      for (const isLow of sides) {
        const middle = numberBetween(low, high);
        expect(`${low}-` < `${middle}-` && `${middle}-` < `${high}-`).toBe(true);
        if (isLow) low = middle;
        else high = middle;
      }
    }),
  );
});

test.each([
  [0, "a"],
  [25, "z"],
  [26, "aa"],
  [701, "zz"],
  [702, "aaa"],
])("wave %i has the letter %s", (at, letter) => {
  expect(letterOf(at)).toBe(letter);
});

test.each([
  ["GPU pool #1", "gpu-pool-1"],
  ["--", "group"],
  ["a-very-long-name-of-a-node-pool", "a-very-long-name-of-a-no"],
])("the slug of %s is %s", (text, slug) => {
  expect(slugOf(text)).toBe(slug);
});
