import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  complementL4,
  everyL4,
  hasL4,
  icmpL4,
  intersectL4,
  type L4Set,
  pointOf,
  portsL4,
  printL4,
  protocolL4,
  protocolNumber,
  subtractL4,
  uniteL4,
} from "../../../lib/policy/space/l4-set.ts";

/** Sets and points on a short piece of the line, so that they meet. */
const someSet: fc.Arbitrary<L4Set> = fc
  .array(fc.tuple(fc.nat(40), fc.nat(6)), { maxLength: 5 })
  .map((pairs) =>
    pairs.reduce<L4Set>((set, [from, length]) => uniteL4(set, length === 0 ? [] : [from, from + length]), []),
  );
const points = Array.from({ length: 50 }, (_, point) => point);

function membersOf(set: L4Set): number[] {
  return points.filter((point) => hasL4(set, point));
}

test("union, intersection and difference are those of the points, in one form for each set", () => {
  fc.assert(
    fc.property(someSet, someSet, (a, b) => {
      const inA = membersOf(a);
      const inB = membersOf(b);

      expect(membersOf(uniteL4(a, b))).toEqual(points.filter((point) => inA.includes(point) || inB.includes(point)));
      expect(membersOf(intersectL4(a, b))).toEqual(inA.filter((point) => inB.includes(point)));
      expect(membersOf(subtractL4(a, b))).toEqual(inA.filter((point) => !inB.includes(point)));
      expect(uniteL4(a, b)).toEqual(uniteL4(b, a));
      expect(complementL4(complementL4(a))).toEqual(a);
      expect(complementL4(uniteL4(a, b))).toEqual(intersectL4(complementL4(a), complementL4(b)));
    }),
  );
});

describe("a set in words", () => {
  test.each<[L4Set, string]>([
    [[], "nothing"],
    [everyL4, "every protocol"],
    [portsL4(6, 80, 80), "TCP 80"],
    [portsL4(17, 1, 65_535), "UDP 1-65535"],
    [protocolL4(132), "SCTP"],
    [icmpL4(1, 8), "ICMP type 8"],
    [uniteL4(icmpL4(1, 8), icmpL4(1, 9)), "ICMP types 8-9"],
    [icmpL4(58, 3, 1), "ICMPv6 type 3 code 1"],
    [subtractL4(everyL4, protocolL4(6)), "protocols 0-5, protocols 7-255"],
    [subtractL4(everyL4, portsL4(6, 22, 22)), "protocols 0-5, TCP 0-21, TCP 23-65535, protocols 7-255"],
  ])("%j is %s", (set, text) => {
    expect(printL4(set)).toBe(text);
  });
});

test("protocols are known by name in any letter case and by number", () => {
  expect(["tcp", "UDPLite", "icmpv6", "47", "256", "tcpx"].map(protocolNumber)).toEqual([
    6,
    136,
    58,
    47,
    undefined,
    undefined,
  ]);
});

test("a header without ports has one point, whatever port is given", () => {
  expect(pointOf({ protocol: 47, port: 80 })).toBe(pointOf({ protocol: 47 }));
});
