import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normaliseCIDR } from "../../../lib/core/cidr.ts";
import { canonicalPrefix, parseAddress, printAddress } from "../../../lib/policy/space/address.ts";
import { cutAddresses } from "../../../lib/policy/space/address-cells.ts";
import { inCIDR } from "../naive/naive-flow.ts";

const octets = fc.tuple(fc.constantFrom(10, 192), fc.nat(1), fc.nat(3), fc.nat(255)).map((parts) => parts.join("."));
const prefix4 = fc
  .tuple(octets, fc.constantFrom(0, 8, 9, 16, 23, 24, 25, 31, 32))
  .map(([address, length]) => `${address}/${length}`);
const groups = fc.tuple(fc.constantFrom("fd00", "2001:db8"), fc.nat(3), fc.nat(0xffff));
const address6 = groups.map(([head, a, b]) => `${head}:${a.toString(16)}::${b.toString(16)}`);
const prefix6 = fc
  .tuple(address6, fc.constantFrom(0, 7, 32, 48, 64, 127, 128))
  .map(([address, length]) => `${address}/${length}`);

test("an address lies in a prefix exactly when its cell does", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(fc.constant<4 | 6>(4), fc.array(prefix4, { maxLength: 8 }), fc.array(octets, { minLength: 1 })),
        fc.tuple(fc.constant<4 | 6>(6), fc.array(prefix6, { maxLength: 8 }), fc.array(address6, { minLength: 1 })),
      ),
      ([family, prefixes, addresses]) => {
        const cells = cutAddresses(prefixes, family);
        for (const address of addresses)
          for (const prefix of prefixes) {
            const cell = cells.cellOf(address) ?? -1;
            const range = cells.cellsOf(prefix);
            const isInside = range !== undefined && range.first <= cell && cell <= range.last;
            expect({ address, prefix, isInside }).toEqual({ address, prefix, isInside: inCIDR(address, prefix) });
          }
      },
    ),
  );
});

test("a free address lies in its cell and is none of those that are taken", () => {
  fc.assert(
    fc.property(fc.array(prefix4, { maxLength: 6 }), fc.array(octets, { maxLength: 4 }), (prefixes, takenTexts) => {
      const cells = cutAddresses(prefixes, 4);
      const taken = new Set(takenTexts.map((text) => parseAddress(text)?.value ?? -1));
      for (let cell = 0; cell < cells.count; cell += 1) {
        const free = cells.freeAddressOf(cell, taken, []);
        if (free === undefined) continue;
        expect([cells.cellOf(free), taken.has(parseAddress(free)?.value ?? -1)]).toEqual([cell, false]);
      }
    }),
  );
});

test("a cell that its inner prefixes cover has no free address", () => {
  const cells = cutAddresses(["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"], 4);
  const outer = cells.cellsOf("10.0.0.0/8")?.first ?? -1;

  expect(cells.freeAddressOf(outer, new Set(), [])).toBeUndefined();
});

describe("addresses in text", () => {
  test.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["fe80::", "fe80::"],
    ["::ffff:192.0.2.7", "::ffff:c000:207"],
    ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
  ])("%s is printed as %s", (given, printed) => {
    expect(printAddress(parseAddress(given)?.value ?? 0)).toBe(printed);
  });

  test.each(["", "10.0.0", "10.0.0.256", "10.0.0.0.1", "1::2::3", "12345::", ":::", "10.0.0.x", "1:2:3:4:5:6:7"])(
    "%j is no address",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  test("a prefix has the form that the core gives it", () => {
    fc.assert(
      fc.property(fc.oneof(prefix4, prefix6), (prefix) => {
        expect(canonicalPrefix(prefix)).toBe(normaliseCIDR(prefix));
      }),
    );
  });

  test.each(["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "/8"])(
    "%j is no prefix",
    (text) => {
      expect(canonicalPrefix(text)).toBeUndefined();
    },
  );
});
