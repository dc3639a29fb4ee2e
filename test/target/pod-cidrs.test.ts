import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { overlaps, prefixLength } from "../../lib/core/cidr.ts";
import type { JsonObject } from "../../lib/core/json.ts";
import type { Node } from "../../lib/inventory/inventory.ts";
import { proposePodCIDRs } from "../../lib/target/pod-cidrs.ts";
import { reservedRanges } from "../../lib/target/reserved-ranges.ts";
import { facts, inventory, node, pod, threeNodes } from "./cluster.ts";

function service(clusterIP: string): JsonObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "s", namespace: "default" }, spec: { clusterIP } };
}

function netpol(cidr: string): JsonObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "n", namespace: "default" },
    spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr } }] }] },
  };
}

const manyNodes = Array.from({ length: 5000 }, (_, index) => node(`n${index}`, `10.0.${index >> 8}.${index & 255}`));

describe("the proposed pool", () => {
  test.each([
    ["is the old pool's sibling", threeNodes, facts(), [], [], ["10.245.0.0/16"], { ipv4: 24 }],
    [
      "is the next one where the sibling is the Services'",
      threeNodes,
      facts({ podCIDRs: ["10.42.0.0/16"], serviceCIDRs: ["10.43.0.0/16"] }),
      [],
      [],
      ["10.41.0.0/16"],
      { ipv4: 24 },
    ],
    [
      "keeps out of what the plan reserves",
      threeNodes,
      facts(),
      ["10.245.1.0/24"],
      [],
      ["10.246.0.0/16"],
      { ipv4: 24 },
    ],
    [
      "keeps out of the range around Services when nothing tells their range",
      threeNodes,
      facts({ podCIDRs: ["10.42.0.0/16"], serviceCIDRs: [] }),
      [],
      [service("10.43.0.10")],
      ["10.41.0.0/16"],
      { ipv4: 24 },
    ],
    [
      "keeps out of addresses that a policy names as outside",
      threeNodes,
      facts(),
      [],
      [netpol("10.245.7.0/24")],
      ["10.246.0.0/16"],
      { ipv4: 24 },
    ],
    [
      "stays in a net that means all pods",
      threeNodes,
      facts(),
      [],
      [netpol("10.246.0.0/15"), netpol("10.244.0.0/15")],
      ["10.245.0.0/16"],
      { ipv4: 24 },
    ],
    [
      "is a usual one where the old pool's range is full",
      threeNodes,
      facts({ podCIDRs: ["192.168.0.0/16"] }),
      [],
      [],
      ["10.244.0.0/16"],
      { ipv4: 24 },
    ],
    [
      "has larger blocks for larger nodes",
      [node("a", "172.18.0.2", { capacity: { pods: 500 } })],
      facts(),
      [],
      [],
      ["10.245.0.0/16"],
      { ipv4: 23 },
    ],
    ["has room for twice the nodes", manyNodes, facts(), [], [], ["10.128.0.0/10"], { ipv4: 24 }],
    [
      "has an IPv6 prefix beside the old one for dual stack",
      threeNodes,
      facts({ families: [4, 6], podCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"] }),
      [],
      [],
      ["10.245.0.0/16", "fd00:10:244:100::/104"],
      { ipv4: 24, ipv6: 120 },
    ],
    [
      "takes a unique local prefix of its own where the old IPv6 pool is a global one",
      [node("a", "2001:db8::2")],
      facts({ families: [6], podCIDRs: ["2001:db8:1::/56"], serviceCIDRs: [] }),
      [],
      [],
      ["fd6d:6574:6163::/104"],
      { ipv6: 120 },
    ],
    [
      "knows no old pool and takes the usual one",
      threeNodes,
      facts({ podCIDRs: [] }),
      [],
      [],
      ["10.244.0.0/16"],
      { ipv4: 24 },
    ],
  ])("%s", (_rule, nodes, own, reserved, others, cidrs, maskSize) => {
    const { value } = proposePodCIDRs(inventory(nodes as Node[], [], others), own, reserved, nodes.length);

    expect(value).toEqual({ cidrs, maskSize });
  });

  test("is refused by name when every private range is taken", () => {
    const { value, findings } = proposePodCIDRs(
      inventory(threeNodes),
      facts(),
      ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
      3,
    );

    expect(value).toEqual({ cidrs: [], maskSize: {} });
    expect(findings).toEqual([
      {
        code: "target/pod-cidr-none-free",
        severity: "error",
        message: "no free IPv4 prefix for the pods of 3 nodes was found",
        remedy: "name one in spec.target.podCIDRs of the plan",
        data: { family: 4, nodeCount: 3 },
      },
    ]);
  });

  test("takes tighter blocks before it gives up room", () => {
    const nodes = Array.from({ length: 100 }, (_, index) => node(`n${index}`, `172.18.0.${index}`));

    const { value } = proposePodCIDRs(
      inventory(nodes),
      facts({ podCIDRs: ["10.240.0.0/12"] }),
      [
        ...["10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/11", "10.224.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
        // All of 172.16.0.0/12 but 172.31.128.0/17, which holds 256 blocks of /25 and 128 of /24.
        ...["172.16.0.0/13", "172.24.0.0/14", "172.28.0.0/15", "172.30.0.0/16", "172.31.0.0/17"],
      ],
      100,
    );

    expect(value).toEqual({ cidrs: ["172.31.128.0/17"], maskSize: { ipv4: 25 } });
  });

  test("of an inventory in the middle of the migration does not flee from its own pods", () => {
    const configMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "cilium-config", namespace: "kube-system" },
      data: { "cluster-pool-ipv4-cidr": "10.245.0.0/16", "cluster-pool-ipv4-mask-size": "24" },
    };
    const moved = inventory(threeNodes, [pod("new", "10.245.1.7")], [configMap]);

    expect(reservedRanges(moved, facts(), []).filter((range) => overlaps(range.cidr, "10.245.0.0/16"))).toEqual([]);
  });
});

const octet = fc.integer({ min: 0, max: 255 });
const prefixIPv4 = fc
  .tuple(fc.constantFrom(10, 172, 192, 100), octet, octet, fc.integer({ min: 9, max: 30 }))
  .map(([a, b, c, length]) => `${a}.${b}.${c}.0/${length}`);
const addressIPv4 = fc.tuple(fc.constantFrom(10, 172, 192), octet, octet, octet).map((parts) => parts.join("."));

test("a proposal overlaps nothing reserved, holds every node twice or says that it cannot, and is the same in any order", () => {
  fc.assert(
    fc.property(
      fc.array(addressIPv4, { minLength: 1, maxLength: 30 }),
      fc.array(prefixIPv4, { maxLength: 8 }),
      prefixIPv4,
      prefixIPv4,
      fc.integer({ min: 30, max: 1200 }),
      (addresses, reserved, old, services, maxPods) => {
        const nodes = addresses.map((address, index) => node(`n${index}`, address, { capacity: { pods: maxPods } }));
        const own = facts({ podCIDRs: [old], serviceCIDRs: [services] });

        const { value } = proposePodCIDRs(inventory(nodes), own, reserved, nodes.length);
        const again = proposePodCIDRs(inventory([...nodes].reverse()), own, [...reserved].reverse(), nodes.length);

        expect(again.value).toEqual(value);
        const [cidr] = value?.cidrs ?? [];
        if (cidr === undefined) return;
        const taken = reservedRanges(inventory(nodes), own, reserved).filter((range) => overlaps(range.cidr, cidr));
        expect(taken).toEqual([]);
        const mask = value?.maskSize.ipv4 ?? 0;
        expect(2 ** (mask - prefixLength(cidr))).toBeGreaterThan(nodes.length);
        expect(2 ** (32 - mask) - 2).toBeGreaterThanOrEqual(maxPods + 4);
      },
    ),
    { numRuns: 60 },
  );
});

test("IPv6 proposals overlap nothing reserved and stay within 16 bits of their blocks", () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
  const prefixIPv6 = fc
    .tuple(fc.constantFrom("fd00", "fdab", "2001"), group, group, fc.integer({ min: 40, max: 112 }))
    .map(([a, b, c, length]) => `${a}:${b}:${c}::/${length}`);
  fc.assert(
    fc.property(prefixIPv6, fc.array(prefixIPv6, { maxLength: 6 }), (old, reserved) => {
      const own = facts({ families: [6], podCIDRs: [old], serviceCIDRs: [] });

      const { value } = proposePodCIDRs(inventory([node("a", "fd00::2")]), own, reserved, 1);

      const cidr = value?.cidrs[0] ?? "";
      expect([old, ...reserved, "fd00::/64"].filter((other) => overlaps(other, cidr))).toEqual([]);
      expect((value?.maskSize.ipv6 ?? 0) - prefixLength(cidr)).toBeLessThanOrEqual(16);
    }),
    { numRuns: 60 },
  );
});
