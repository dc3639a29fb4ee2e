import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import type { SourceFacts } from "../../lib/source/source.ts";
import { checkPodCIDRs, type GivenPool } from "../../lib/target/check-pod-cidrs.ts";
import { facts, inventory, node, pod, threeNodes } from "./cluster.ts";

interface Setting {
  readonly given: GivenPool;
  readonly facts?: Partial<SourceFacts>;
  readonly reserved?: readonly string[];
  readonly others?: readonly JsonObject[];
  readonly nodeCount?: number;
  readonly inPlace?: boolean;
  readonly pods?: number;
}

function check(setting: Setting) {
  const nodes = threeNodes.map((own) => ({ ...own, capacity: { pods: setting.pods ?? 110 } }));
  return checkPodCIDRs(
    setting.given,
    inventory(nodes, [pod("stray", "10.9.9.9")], setting.others),
    facts(setting.facts),
    setting.reserved ?? [],
    setting.nodeCount ?? nodes.length,
    setting.inPlace ?? false,
  );
}

function object(apiVersion: string, kind: string, spec: JsonObject, rest: JsonObject = {}): JsonObject {
  return { apiVersion, kind, metadata: { name: "x", namespace: "default" }, spec, ...rest };
}

const netpol = (nets: readonly string[]): JsonObject =>
  object("projectcalico.org/v3", "GlobalNetworkPolicy", { ingress: [{ action: "Deny", source: { nets } }] });

const overlapping: readonly (readonly [name: string, setting: Setting, messages: readonly string[]])[] = [
  ["the source's pods", { given: { podCIDRs: ["10.244.128.0/17"] } }, ["10.244.0.0/16 (the pods of the source)"]],
  ["a pod outside the source's pools", { given: { podCIDRs: ["10.9.0.0/16"] } }, ["10.9.9.9/32 (Pod/default/stray)"]],
  ["the Services", { given: { podCIDRs: ["10.96.0.0/16"] } }, ["10.96.0.0/16 (the Services)"]],
  [
    "the nodes",
    { given: { podCIDRs: ["172.18.0.0/22"] } },
    ["172.18.0.2/32 (Node/a InternalIP), 172.18.0.3/32 (Node/b InternalIP), 172.18.0.4/32 (Node/c InternalIP)"],
  ],
  [
    "the subnet that is likely around the nodes",
    { given: { podCIDRs: ["172.18.4.0/22"] } },
    ["172.18.0.0/16 (the subnet around the nodes' addresses)"],
  ],
  [
    "what the plan reserves",
    { given: { podCIDRs: ["10.50.0.0/16"] }, reserved: ["10.50.3.0/24"] },
    ["10.50.3.0/24 (reservedCIDRs of the plan)"],
  ],
  ["docker's bridge", { given: { podCIDRs: ["172.17.0.0/16"] } }, ["172.17.0.0/16 (docker's default bridge)"]],
  ["OVN's join network", { given: { podCIDRs: ["100.64.0.0/16"] } }, ["100.64.0.0/16 (OVN's join network)"]],
  [
    "MetalLB's pool",
    {
      given: { podCIDRs: ["10.60.0.0/16"] },
      others: [object("metallb.io/v1beta1", "IPAddressPool", { addresses: ["10.60.1.10-10.60.1.20", "10.61.0.0/24"] })],
    },
    ["10.60.1.0/24 (IPAddressPool/default/x), 10.60.1.20/32 (IPAddressPool/default/x)"],
  ],
  [
    "a load balancer's address",
    {
      given: { podCIDRs: ["10.60.0.0/16"] },
      others: [
        object(
          "v1",
          "Service",
          { type: "LoadBalancer" },
          { status: { loadBalancer: { ingress: [{ ip: "10.60.0.1" }] } } },
        ),
      ],
    },
    ["10.60.0.1/32 (Service/default/x)"],
  ],
  [
    "an endpoint outside the cluster",
    {
      given: { podCIDRs: ["10.60.0.0/16"] },
      others: [
        {
          ...object("discovery.k8s.io/v1", "EndpointSlice", {}),
          endpoints: [{ addresses: ["10.60.7.7", "10.244.0.5"] }],
        },
        { ...object("v1", "Endpoints", {}), subsets: [{ addresses: [{ ip: "10.60.8.8" }] }] },
      ],
    },
    ["10.60.7.7/32 (EndpointSlice/default/x), 10.60.8.8/32 (Endpoints/default/x)"],
  ],
];

describe("a pool that overlaps is told with both sides", () => {
  test.each(overlapping)("%s", (_name, setting, messages) => {
    const found = check(setting).findings.map((finding) => finding.message);

    expect(found).toEqual(messages.map((message) => `the new pool ${setting.given.podCIDRs[0]} overlaps ${message}`));
  });

  test("with the owners beyond the third counted", () => {
    const nodes = Array.from({ length: 9 }, (_, index) => node(`n${index}`, `10.70.0.${index + 1}`));

    const { findings } = checkPodCIDRs({ podCIDRs: ["10.70.0.0/17"] }, inventory(nodes), facts(), [], 9, false);

    expect(findings[0]).toEqual({
      code: "target/pod-cidr-overlaps",
      severity: "error",
      message:
        "the new pool 10.70.0.0/17 overlaps 10.70.0.1/32 (Node/n0 InternalIP), 10.70.0.2/32 (Node/n1 InternalIP), 10.70.0.3/32 (Node/n2 InternalIP) and 6 more",
      reason: "a node routes the whole pool into the overlay, so whoever has these addresses is cut off",
      remedy: "choose another prefix in spec.target.podCIDRs, or leave it empty for a proposal",
      data: {
        podCIDR: "10.70.0.0/17",
        overlaps: nodes.map((own, index) => ({
          cidr: `10.70.0.${index + 1}/32`,
          owner: `Node/${own.name} InternalIP`,
        })),
      },
    });
  });
});

test.each([
  ["a free /16 has nothing against it", { given: { podCIDRs: ["10.245.0.0/16"] } }, []],
  [
    "the default of the chart",
    { given: { podCIDRs: ["10.0.0.0/8"] }, facts: { podCIDRs: ["192.168.0.0/16"], serviceCIDRs: [] } },
    ["target/pod-cidr-overlaps", "target/pod-cidr-default"],
  ],
  ["an address is no prefix", { given: { podCIDRs: ["10.245.0.0"] } }, ["target/pod-cidr-invalid"]],
  ["a public prefix", { given: { podCIDRs: ["11.0.0.0/16"] } }, ["target/pod-cidr-public"]],
  ["a family that no pod has", { given: { podCIDRs: ["10.245.0.0/16", "fd00:1::/104"] } }, ["target/pod-cidr-family"]],
  ["too few blocks", { given: { podCIDRs: ["10.245.0.0/23"], maskSize: 24 } }, ["target/pod-cidr-too-small"]],
  ["blocks for three nodes and one more", { given: { podCIDRs: ["10.245.0.0/22"], maskSize: 24 } }, []],
  [
    "blocks for the nodes of today and no more",
    { given: { podCIDRs: ["10.245.0.0/22"], maskSize: 24 }, nodeCount: 4 },
    ["target/pod-cidr-tight"],
  ],
  [
    "a block that is too small for a node's pods",
    { given: { podCIDRs: ["10.245.0.0/16"], maskSize: 26 } },
    ["target/pod-cidr-per-node-too-small"],
  ],
  ["250 pods fit a /24 exactly", { given: { podCIDRs: ["10.245.0.0/16"], maskSize: 24 }, pods: 250 }, []],
  [
    "251 pods do not",
    { given: { podCIDRs: ["10.245.0.0/16"], maskSize: 24 }, pods: 251 },
    ["target/pod-cidr-per-node-too-small"],
  ],
  [
    "an IPv6 pool more than 16 bits shorter than its blocks",
    {
      given: { podCIDRs: ["fd00:1::/96"], maskSizeIPv6: 120 },
      facts: { families: [6], podCIDRs: ["fd00:10:244::/56"] },
    },
    ["target/pod-cidr-mask-too-far"],
  ],
  ["in place, the old pool may be used again", { given: { podCIDRs: ["10.244.0.0/16"] }, inPlace: true }, []],
  [
    "a policy that speaks of addresses in the pool",
    { given: { podCIDRs: ["10.245.0.0/16"] }, others: [netpol(["10.245.3.0/24"])] },
    ["target/pod-cidr-in-policy"],
  ],
  [
    "a policy that means all old pods by address",
    { given: { podCIDRs: ["10.245.0.0/16"] }, others: [netpol(["10.244.0.0/16"])] },
    ["target/pod-cidr-separated"],
  ],
  [
    "a policy that means old and new pods",
    { given: { podCIDRs: ["10.245.0.0/16"] }, others: [netpol(["10.0.0.0/8", "0.0.0.0/0"])] },
    [],
  ],
] as const)("%s", (_rule, setting, codes) => {
  expect(check(setting as Setting).findings.map((finding) => finding.code)).toEqual(codes);
});

test.each([
  ["the usual block where there are enough", ["10.245.0.0/16"], 110, 3, 24],
  ["a tighter one where the pool is small", ["10.245.0.0/22"], 110, 3, 25],
  ["a larger one for large nodes", ["10.245.0.0/16"], 500, 3, 23],
])("without a mask size the blocks are %s", (_rule, podCIDRs, pods, nodeCount, ipv4) => {
  expect(check({ given: { podCIDRs }, pods, nodeCount }).value).toEqual({ cidrs: podCIDRs, maskSize: { ipv4 } });
});

test("a pool that may overlap is a warning, one that does is an error, and never both for the same subnet", () => {
  const told = (cidr: string) =>
    check({ given: { podCIDRs: [cidr] } }).findings.map(({ code, severity }) => `${severity} ${code}`);

  expect(check({ given: { podCIDRs: ["172.18.4.0/22"] } }).findings).toEqual([
    {
      code: "target/pod-cidr-may-overlap",
      severity: "warning",
      message: "the new pool 172.18.4.0/22 overlaps 172.18.0.0/16 (the subnet around the nodes' addresses)",
      reason: "this is where such addresses usually are; the inventory does not tell the subnet's size",
      remedy: "choose another prefix in spec.target.podCIDRs, or leave it empty for a proposal",
      data: {
        podCIDR: "172.18.4.0/22",
        overlaps: [{ cidr: "172.18.0.0/16", owner: "the subnet around the nodes' addresses" }],
      },
    },
  ]);
  expect(told("172.18.0.0/22")).toEqual(["error target/pod-cidr-overlaps"]);
  expect(told("172.19.4.0/22")).toEqual([]);
});
