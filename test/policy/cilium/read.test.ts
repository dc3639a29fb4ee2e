import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { CiliumRule } from "../../../lib/policy/cilium/model.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import { ciliumSettingsOf } from "../../../lib/policy/space/cilium-settings.ts";
import { rawObjects } from "../support/objects.ts";

const withoutCluster = ciliumSettingsOf({ clustermesh: { policyDefaultLocalCluster: false } }, "1.20.2");

function read(objects: readonly JsonObject[], settings = withoutCluster): CiliumRule[] {
  return [...(readCiliumPolicies(rawObjects(objects), settings).value?.rules ?? [])];
}

function policy(spec: JsonObject, namespace?: string): JsonObject {
  return {
    kind: namespace === undefined ? "CiliumClusterwideNetworkPolicy" : "CiliumNetworkPolicy",
    metadata: { name: "p", ...(namespace !== undefined && { namespace }) },
    spec,
  };
}

const namespaceIs = (name: string) => ({ kind: "in", key: "meta:namespace", values: [name] });
const hasNamespace = { kind: "has", key: "meta:namespace" };
const app = (value: string) => ({ kind: "in", key: "pod:app", values: [value] });

function peersOf(selector: JsonObject, namespace?: string, settings = withoutCluster): unknown {
  const [rule] = read(
    [policy({ endpointSelector: {}, ingress: [{ fromEndpoints: [selector] }] }, namespace)],
    settings,
  );
  const peers = rule?.ingress[0]?.peers;
  return peers?.kind === "endpoints" ? peers.selectors[0] : undefined;
}

describe("the scope of a peer selector", () => {
  test.each<[string, JsonObject, string | undefined, unknown]>([
    ["a namespaced policy means its own namespace", {}, "a", namespaceIs("a")],
    ["a clusterwide policy means pods", {}, undefined, hasNamespace],
    [
      "naming a namespace switches the scope off",
      { matchLabels: { "io.kubernetes.pod.namespace": "b", app: "web" } },
      "a",
      { kind: "and", operands: [app("web"), namespaceIs("b")] },
    ],
    [
      "naming a namespace label switches the scope of a namespaced policy off",
      { matchLabels: { "io.cilium.k8s.namespace.labels.team": "x" } },
      "a",
      { kind: "in", key: "ns:team", values: ["x"] },
    ],
    [
      "naming a namespace label leaves a clusterwide policy at pods",
      { matchLabels: { "io.cilium.k8s.namespace.labels.team": "x" } },
      undefined,
      { kind: "and", operands: [{ kind: "in", key: "ns:team", values: ["x"] }, hasNamespace] },
    ],
    [
      "a reserved label is left alone",
      { matchLabels: { "reserved:host": "" } },
      "a",
      { kind: "in", key: "reserved:host", values: [""] },
    ],
    [
      "a bare key of a reserved name means both",
      { matchExpressions: [{ key: "health", operator: "Exists" }] },
      undefined,
      {
        kind: "and",
        operands: [
          {
            kind: "or",
            operands: [
              { kind: "has", key: "pod:health" },
              { kind: "has", key: "reserved:health" },
            ],
          },
          hasNamespace,
        ],
      },
    ],
    [
      "NotIn and DoesNotExist are negations",
      { matchExpressions: [{ key: "k8s:app", operator: "NotIn", values: ["web"] }] },
      "a",
      { kind: "and", operands: [{ kind: "not", operand: app("web") }, namespaceIs("a")] },
    ],
  ])("%s", (_rule, selector, namespace, expected) => {
    expect(peersOf(selector, namespace)).toEqual(expected);
  });

  test("with the local cluster as default every peer selector is bound to it", () => {
    const settings = ciliumSettingsOf({ cluster: { name: "prod" } }, "1.20.2");

    expect(peersOf({}, "a", settings)).toEqual({
      kind: "and",
      operands: [namespaceIs("a"), { kind: "in", key: "meta:cluster", values: ["prod"] }],
    });
  });
});

describe("the subject", () => {
  test.each<[string, JsonObject, string | undefined, unknown]>([
    ["a namespaced policy selects its own namespace", {}, "a", namespaceIs("a")],
    ["a clusterwide policy selects everything", {}, undefined, { kind: "all" }],
    [
      "a foreign namespace is overwritten",
      { matchLabels: { "k8s:io.kubernetes.pod.namespace": "b" } },
      "a",
      namespaceIs("a"),
    ],
  ])("%s", (_rule, endpointSelector, namespace, expected) => {
    expect(read([policy({ endpointSelector, ingress: [{}] }, namespace)])[0]?.subject).toEqual({
      kind: "endpoints",
      selector: expected,
    });
  });
});

describe("default deny is switched on by a section, unless the rule says no", () => {
  test.each<[string, JsonObject, { ingress: boolean; egress: boolean }]>([
    ["allow rules", { ingress: [{}] }, { ingress: true, egress: false }],
    ["deny rules too", { egressDeny: [{ toEntities: ["world"] }] }, { ingress: false, egress: true }],
    ["false is no", { ingress: [{}], enableDefaultDeny: { ingress: false } }, { ingress: false, egress: false }],
    [
      "true without a section is nothing",
      { ingress: [{}], enableDefaultDeny: { egress: true } },
      { ingress: true, egress: false },
    ],
  ])("%s", (_rule, sections, expected) => {
    expect(read([policy({ endpointSelector: {}, ...sections }, "a")])[0]?.defaultDeny).toEqual(expected);
  });
});

describe("what a rule says of packets", () => {
  const l4 = (element: JsonObject): unknown =>
    read([policy({ endpointSelector: {}, ingress: [element] }, "a")])[0]?.ingress[0]?.l4;

  test.each<[string, JsonObject, unknown]>([
    ["nothing: every protocol", { fromEndpoints: [{}] }, undefined],
    ["an empty list of ports is nothing said", { toPorts: [] }, undefined],
    ["an item without ports matches nothing", { toPorts: [{}] }, []],
    [
      "port 0 is every port",
      { toPorts: [{ ports: [{ port: "0" }] }] },
      [{ kind: "ports", protocol: "ANY", from: 0, to: 65_535 }],
    ],
    [
      "a leading zero is octal",
      { toPorts: [{ ports: [{ port: "010", protocol: "TCP" }] }] },
      [{ kind: "ports", protocol: "TCP", from: 8, to: 8 }],
    ],
    [
      "a name is lower case",
      { toPorts: [{ ports: [{ port: "HTTP", protocol: "TCP" }] }] },
      [{ kind: "namedPort", protocol: "TCP", name: "http" }],
    ],
    [
      "a reversed range is its first port",
      { toPorts: [{ ports: [{ port: "90", endPort: 80 }] }] },
      [{ kind: "ports", protocol: "ANY", from: 90, to: 90 }],
    ],
    [
      "an ICMP type by name",
      { icmps: [{ fields: [{ type: "EchoRequest" }] }] },
      [{ kind: "icmp", family: 4, type: 8 }],
    ],
    [
      "HTTP requests, one text for a method and a path",
      {
        toPorts: [
          { ports: [{ port: "80", protocol: "TCP" }], rules: { http: [{ method: "GET|HEAD", path: "/a/.*" }] } },
        ],
      },
      [{ kind: "ports", protocol: "TCP", from: 80, to: 80, http: ["GET /a/.*", "HEAD /a/.*"] }],
    ],
  ])("%s", (_rule, element, expected) => {
    expect(l4(element)).toEqual(expected);
  });

  test.each<[string, JsonObject, unknown]>([
    ["no peers and ports: anybody", { toPorts: [{ ports: [{ port: "80" }] }] }, { kind: "anybody" }],
    ["no peers and no ports: nobody", {}, { kind: "nobody" }],
    [
      "an empty list and ports: nobody",
      { fromEndpoints: [], toPorts: [{ ports: [{ port: "80" }] }] },
      { kind: "nobody" },
    ],
    [
      "a prefix loses its host bits",
      { fromCIDR: ["10.1.2.3/8", "192.0.2.7"] },
      {
        kind: "cidrs",
        cidrs: [
          { cidr: "10.0.0.0/8", except: [] },
          { cidr: "192.0.2.7/32", except: [] },
        ],
      },
    ],
  ])("%s", (_rule, element, expected) => {
    expect(read([policy({ endpointSelector: {}, ingress: [element] }, "a")])[0]?.ingress[0]?.peers).toEqual(expected);
  });
});

test("CIDR groups are resolved by name and by label", () => {
  const group = (name: string, labels: JsonObject, cidr: string): JsonObject => ({
    kind: "CiliumCIDRGroup",
    metadata: { name, labels },
    spec: { externalCIDRs: [cidr] },
  });
  const rules = read([
    group("one", { set: "partner" }, "192.0.2.0/24"),
    group("two", { set: "partner" }, "198.51.100.0/24"),
    policy({
      endpointSelector: {},
      egress: [
        { toCIDRSet: [{ cidrGroupRef: "one", except: ["192.0.2.1/32"] }] },
        { toCIDRSet: [{ cidrGroupSelector: { matchLabels: { set: "partner" } } }] },
      ],
    }),
  ]);

  expect(rules[0]?.egress.map(({ peers }) => peers)).toEqual([
    { kind: "cidrs", cidrs: [{ cidr: "192.0.2.0/24", except: ["192.0.2.1/32"] }] },
    {
      kind: "cidrs",
      cidrs: [
        { cidr: "192.0.2.0/24", except: [] },
        { cidr: "198.51.100.0/24", except: [] },
      ],
    },
  ]);
});

describe("a Kubernetes NetworkPolicy as Cilium reads it", () => {
  const kubernetes = (spec: JsonObject): CiliumRule | undefined =>
    read([
      { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name: "k", namespace: "a" }, spec },
    ])[0];

  test("it governs ingress where nothing is said, and egress where it has types for it", () => {
    expect([
      kubernetes({ podSelector: {} })?.defaultDeny,
      kubernetes({ podSelector: {}, policyTypes: ["Egress"] })?.defaultDeny,
      kubernetes({ podSelector: {}, policyTypes: ["Ingress", "Egress"] })?.defaultDeny,
    ]).toEqual([
      { ingress: true, egress: false },
      { ingress: false, egress: true },
      { ingress: true, egress: true },
    ]);
  });

  test("every peer is a rule, a port without a protocol is TCP, an empty namespace selector is every pod", () => {
    const rule = kubernetes({
      podSelector: { matchLabels: { app: "web" } },
      ingress: [
        {
          from: [
            { namespaceSelector: {} },
            { podSelector: { matchLabels: { app: "cli" } } },
            { ipBlock: { cidr: "192.0.2.0/24" } },
          ],
          ports: [{ port: 80 }, { port: "http" }],
        },
      ],
    });

    expect(rule?.ingress.map(({ peers }) => peers)).toEqual([
      { kind: "endpoints", selectors: [hasNamespace] },
      { kind: "endpoints", selectors: [{ kind: "and", operands: [app("cli"), namespaceIs("a")] }] },
      { kind: "cidrs", cidrs: [{ cidr: "192.0.2.0/24", except: [] }] },
    ]);
    expect(rule?.ingress[0]?.l4).toEqual([
      { kind: "ports", protocol: "TCP", from: 80, to: 80 },
      { kind: "namedPort", protocol: "TCP", name: "http" },
    ]);
  });
});

test("rules come in the order of namespace, name and kind, whatever the order of the input", () => {
  const make = (name: string, namespace: string): JsonObject => ({
    kind: "CiliumNetworkPolicy",
    metadata: { name, namespace },
    spec: { endpointSelector: {}, ingress: [{}] },
  });
  const objects = [make("b", "b"), make("a", "b"), make("c", "a")];

  expect(read(objects)).toEqual(read([...objects].reverse()));
  expect(read(objects).map(({ identity }) => `${identity.namespace}/${identity.name}`)).toEqual(["a/c", "b/a", "b/b"]);
});
