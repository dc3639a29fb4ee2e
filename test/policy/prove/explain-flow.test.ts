import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { explainFlow, type FlowQuestion } from "../../../lib/policy/prove/explain-flow.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";
import { vectorWorld } from "../support/vectors.ts";

const world = vectorWorld();
const calico: JsonObject[] = [
  {
    kind: "NetworkPolicy",
    metadata: { name: "in", namespace: "a" },
    spec: {
      selector: "app == 'web'",
      types: ["Ingress"],
      ingress: [
        { action: "Log" },
        { action: "Deny", source: { selector: "app == 'batch-7'" } },
        { action: "Allow", protocol: "TCP", source: { selector: "app == 'cli'" }, destination: { ports: [80] } },
      ],
    },
  },
  {
    kind: "GlobalNetworkPolicy",
    metadata: { name: "out" },
    spec: { namespaceSelector: "team == 'x'", types: ["Egress"], egress: [{ action: "Allow", protocol: "TCP" }] },
  },
];
const cilium: JsonObject[] = [
  {
    kind: "CiliumNetworkPolicy",
    metadata: { name: "in", namespace: "a" },
    specs: [
      { endpointSelector: { matchLabels: { app: "nobody" } }, ingress: [{}] },
      {
        endpointSelector: { matchLabels: { app: "web" } },
        ingress: [
          { fromEndpoints: [{ matchLabels: { app: "cli" } }], toPorts: [{ ports: [{ port: "81", protocol: "TCP" }] }] },
        ],
        ingressDeny: [{ fromEndpoints: [{ matchLabels: { app: "batch-7" } }] }],
      },
    ],
  },
];
const sides = { before: calicoSide(calico), after: ciliumSide(cilium, world.cilium), world };

function ask(question: Partial<FlowQuestion>, own: World = world) {
  return explainFlow({ from: "a/cli", to: "a/web", protocol: "TCP", port: 80, ...sides, world: own, ...question });
}

test("both halves are decided at their pods, each with its rule and its place", () => {
  const { value, findings } = ask({});

  expect(findings).toEqual([]);
  expect(
    value?.halves.map(({ half, at, before, after }) => [
      half,
      at,
      before.verdict,
      before.decidedBy,
      after.verdict,
      after.decidedBy,
    ]),
  ).toEqual([
    ["egress", "a/cli", "allow", "GlobalNetworkPolicy/out egress[0]", "allow", "no policy"],
    ["ingress", "a/web", "allow", "NetworkPolicy/a/in ingress[2]", "deny", "default deny"],
  ]);
  expect([value?.before, value?.after]).toEqual(["allow", "deny"]);
});

test("what was looked at is every rule of every policy that selects the pod, with what matched", () => {
  const ingress = ask({}).value?.halves.find(({ half }) => half === "ingress");

  expect(
    ingress?.before.lookedAt.map(({ rule, action, isMatch, where }) => [rule, action, isMatch, where.field]),
  ).toEqual([
    ["NetworkPolicy/a/in ingress[0]", "log", false, "spec.ingress[0]"],
    ["NetworkPolicy/a/in ingress[1]", "deny", false, "spec.ingress[1]"],
    ["NetworkPolicy/a/in ingress[2]", "allow", true, "spec.ingress[2]"],
  ]);
  expect(ingress?.after.lookedAt.map(({ rule, action, isMatch }) => [rule, action, isMatch])).toEqual([
    ["CiliumNetworkPolicy/a/in specs[1].ingressDeny[0]", "deny", false],
    ["CiliumNetworkPolicy/a/in specs[1].ingress[0]", "allow", false],
  ]);
});

describe("an end may be named in several ways", () => {
  test.each<[string, string, string, string[]]>([
    ["a pod by its address", "10.0.0.2", "a/web", ["egress a/cli", "ingress a/web"]],
    ["a workload", "a/cli", "a/web", ["egress a/cli", "ingress a/web"]],
    ["an address outside: nothing is decided there", "192.0.2.10", "a/web", ["ingress a/web"]],
    ["a node", "node/rnode", "a/web", ["ingress a/web"]],
    ["a node by its address", "a/cli", "172.16.0.2", ["egress a/cli"]],
  ])("%s", (_way, from, to, halves) => {
    expect(ask({ from, to }).value?.halves.map(({ half, at }) => `${half} ${at}`)).toEqual(halves);
  });

  test("the pod's own node is let in, another one is not", () => {
    const decided = ["own", "rnode"].map((from) => ask({ from }).value?.halves[0]?.before.decidedBy);

    expect(decided).toEqual(["the pod's own node", "end of tier default"]);
  });
});

describe("a question that cannot be answered says why", () => {
  test.each<[string, Partial<FlowQuestion>, string[]]>([
    ["an unknown pod", { from: "a/nobody" }, ["prove/unknown-end"]],
    ["two unknown ends", { from: "x", to: "y" }, ["prove/unknown-end", "prove/unknown-end"]],
    ["an unknown protocol", { protocol: "QUIC" }, ["prove/unknown-protocol"]],
    ["no pod at either end", { from: "192.0.2.10", to: "rnode" }, ["prove/no-pod"]],
  ])("%s", (_way, question, codes) => {
    expect(ask(question).findings.map(({ code }) => code)).toEqual(codes);
  });
});

test("ICMP is asked by its type", () => {
  const web: JsonObject = {
    kind: "NetworkPolicy",
    metadata: { name: "p", namespace: "a" },
    spec: {
      selector: "app == 'web'",
      types: ["Ingress"],
      ingress: [{ action: "Allow", protocol: "ICMP", icmp: { type: 8 } }],
    },
  };
  const answer = (icmpType: number) =>
    explainFlow({
      from: "a/cli",
      to: "a/web",
      protocol: "icmp",
      icmpType,
      before: calicoSide([web]),
      after: { engine: "none" },
      world,
    }).value?.before;

  expect([answer(8), answer(3)]).toEqual(["allow", "deny"]);
});
