import fc from "fast-check";
import { expect, test } from "vitest";
import { compareNames, cutBlocks, readNumber } from "../../lib/waves/cut-blocks.ts";

function numbered(prefix: string, ...numbers: number[]): string[] {
  return numbers.map((number) => `${prefix}${number}`);
}

const plain = { taken: [], strideOf: () => 1 };

test.each([
  [
    "numbers from 1 fill blocks from the first",
    numbered("w-", 1, 2, 3, 4, 5),
    2,
    plain,
    ["0: w-1 w-2", "1: w-3 w-4", "2: w-5"],
  ],
  ["numbers from 0 do too", numbered("w-", 0, 1, 2, 3), 2, plain, ["0: w-0 w-1", "1: w-2 w-3"]],
  ["a number that is missing leaves its place free", numbered("w-", 1, 3, 4), 2, plain, ["0: w-1", "1: w-3 w-4"]],
  ["a block that is missing leaves its place free", numbered("w-", 1, 2, 5, 6), 2, plain, ["0: w-1 w-2", "2: w-5 w-6"]],
  ["a far number does not stretch the order", numbered("w-", 1, 2, 900), 2, plain, ["0: w-1 w-2", "1: w-900"]],
  [
    "numbers are counted, not spelt",
    numbered("w-", 9, 10, 11),
    1,
    plain,
    ["0: w-9", "1: w-10", "2: w-11"].map((line, at) => line.replace(/^\d/, String(at))),
  ],
  [
    "a name without a number is the first of its family",
    ["kind-worker", "kind-worker2"],
    1,
    plain,
    ["0: kind-worker", "1: kind-worker2"],
  ],
  ["a single letter counts as a number", ["node-a", "node-b", "node-c"], 2, plain, ["0: node-a node-b", "1: node-c"]],
  [
    "the number stands before the domain",
    ["w0.example.com", "w1.example.com"],
    1,
    plain,
    ["0: w0.example.com", "1: w1.example.com"],
  ],
  ["families take turns", ["a1", "a2", "b1", "b2"], 1, plain, ["0: a1", "1: b1", "2: a2", "3: b2"]],
  [
    "a node taken away leaves no gap",
    numbered("w-", 1, 3, 4),
    1,
    { taken: ["w-2"], strideOf: () => 1 },
    ["0: w-1", "1: w-3", "2: w-4"],
  ],
  [
    "numbers that zones take turns in are close to each other",
    numbered("w-", 1, 4, 7, 10),
    2,
    { taken: [], strideOf: () => 3 },
    ["0: w-1 w-4", "1: w-7 w-10"],
  ],
  ["no names give no blocks", [], 3, plain, []],
])("%s", (_rule, names, size, numbering, expected) => {
  const blocks = cutBlocks(names, size, numbering);

  expect(blocks.map((block) => `${block.place}: ${block.names.join(" ")}`)).toEqual(expected);
});

test.each([
  ["prod-gen-a12", "prod-gen-a#", 12],
  ["ip-10-0-1-23.eu.internal", "ip-10-0-1-#.eu.internal", 23],
  ["gke-pool-f3x", "gke-pool-f3x#", 1],
  ["node_b", "node_@", 2],
])("%s is of the family %s with the number %i", (name, family, number) => {
  expect(readNumber(name)).toEqual({ family, number });
});

const someNames = fc.uniqueArray(
  fc.oneof(
    fc.nat(300).map((number) => `worker-${number}`),
    fc.stringMatching(/^[a-z0-9]{1,6}-[a-z0-9]{5}$/),
  ),
  { minLength: 1, maxLength: 60 },
);

test("blocks hold every name once, at most size, in places that rise", () => {
  fc.assert(
    fc.property(someNames, fc.integer({ min: 1, max: 9 }), (names, size) => {
      const blocks = cutBlocks(names, size);

      expect(blocks.flatMap((block) => block.names).toSorted()).toEqual(names.toSorted());
      for (const block of blocks) expect(block.names.length).toBeLessThanOrEqual(size);
      const places = blocks.map((block) => block.place);
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    }),
  );
});

test("the order of the names changes nothing", () => {
  fc.assert(
    fc.property(someNames, fc.integer({ min: 1, max: 9 }), (names, size) => {
      expect(cutBlocks(names.toReversed(), size)).toEqual(cutBlocks(names, size));
    }),
  );
});

test("of names as clouds make them, one more moves few, and few blocks are more than needed", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 200 }),
      fc.integer({ min: 2, max: 8 }),
      fc.nat(999),
      (number, size, salt) => {
        const names = Array.from(
          { length: number },
          (_, at) => `i-${((at + 1) * 2_654_435_761 + salt) % 99_991}x${at}z`,
        );
        const before = new Map(
          cutBlocks(names, size).flatMap((block) => block.names.map((name) => [name, block.place])),
        );
        const after = cutBlocks([...names, "i-new"], size);

        const moved = after.flatMap((block) =>
          block.names.filter((name) => before.has(name) && before.get(name) !== block.place),
        );
        expect(after.length).toBeLessThanOrEqual(Math.ceil((number + 1) / size) * 1.2 + 1);
        expect(moved.length).toBeLessThanOrEqual(Math.max(4 * size, number / 3));
      },
    ),
    { numRuns: 60 },
  );
});

test("names compare as people count", () => {
  expect(["w-10", "w-9", "v-1", "w-1"].sort(compareNames)).toEqual(["v-1", "w-1", "w-9", "w-10"]);
});
