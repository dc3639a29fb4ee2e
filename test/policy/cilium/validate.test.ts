import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import { ciliumFindings } from "../../../lib/policy/cilium/findings.ts";
import { readCiliumPolicies, validateCiliumObject } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import { ciliumSettingsOf } from "../../../lib/policy/space/cilium-settings.ts";
import type { CiliumSettings } from "../../../lib/policy/space/world.ts";
import { rawObjects } from "../support/objects.ts";

const settings = ciliumSettingsOf({}, "1.20.2");

function policy(spec: JsonValue, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "p", namespace: "a" },
    ...(spec === null ? {} : { spec }),
    ...more,
  };
}

const web = { endpointSelector: { matchLabels: { app: "web" } } };
const ingress = (element: JsonObject): JsonObject => ({ ...web, ingress: [element] });
const egress = (element: JsonObject): JsonObject => ({ ...web, egress: [element] });
const ports = (...list: JsonObject[]): JsonObject => ingress({ toPorts: [{ ports: list }] });
const from = (selector: JsonObject): JsonObject => ingress({ fromEndpoints: [selector] });
const http = { rules: { http: [{ method: "GET" }] } };
const dns = { rules: { dns: [{ matchPattern: "*" }] } };
const fortyOne = Array.from({ length: 41 }, (_, index) => ({ port: String(index + 1), protocol: "TCP" }));

type Row = readonly [name: string, object: JsonObject, code: string, field: string, changed?: Partial<CiliumSettings>];

function rowOf([name, object, code, field, changed]: Row) {
  return { name, object, code, field, changed };
}

/** What is refused: name, object, code, field, and the settings where they matter. */
const refused: readonly Row[] = [
  ["S1 no direction at all", policy(web), "cilium/no-direction", "spec"],
  ["S1 an empty list is no direction", policy({ ...web, ingress: [] }), "cilium/no-direction", "spec"],
  ["S2 no subject", policy({ ingress: [{}] }), "cilium/subject", "spec"],
  ["S2 two subjects", policy({ ...web, nodeSelector: {}, ingress: [{}] }), "cilium/subject", "spec"],
  [
    "S2 nodes in a namespaced policy",
    policy({ nodeSelector: {}, ingress: [{}] }),
    "cilium/subject",
    "spec.nodeSelector",
  ],
  [
    "S3 two kinds of peers",
    policy(ingress({ fromEndpoints: [{}], fromEntities: ["world"] })),
    "cilium/two-peer-kinds",
    "spec.ingress[0]",
  ],
  [
    "S3 toCIDR beside toEntities, as seen in the lab",
    policy(egress({ toCIDR: ["10.0.0.0/8"], toEntities: ["unmanaged"] })),
    "cilium/two-peer-kinds",
    "spec.egress[0]",
  ],
  [
    "S4 icmps beside toPorts",
    policy(ingress({ icmps: [{ fields: [{ type: 8 }] }], toPorts: [{ ports: [{ port: "80" }] }] })),
    "cilium/icmp",
    "spec.ingress[0].icmps",
  ],
  [
    "S4 wrong family",
    policy(ingress({ icmps: [{ fields: [{ family: "IPv5", type: 8 }] }] })),
    "cilium/icmp",
    "spec.ingress[0].icmps[0].fields[0].family",
  ],
  [
    "S4 41 fields",
    policy(ingress({ icmps: [{ fields: fortyOne.map((_one, index) => ({ type: index + 1 })) }] })),
    "cilium/icmp",
    "spec.ingress[0].icmps[0].fields",
  ],
  [
    "S4 a type name of the other family",
    policy(ingress({ icmps: [{ fields: [{ family: "IPv4", type: "PacketTooBig" }] }] })),
    "cilium/icmp",
    "spec.ingress[0].icmps[0].fields[0].type",
  ],
  ["S5 41 ports", policy(ports(...fortyOne)), "cilium/port", "spec.ingress[0].toPorts[0].ports"],
  ["S5 no port", policy(ports({ protocol: "TCP" })), "cilium/port", "spec.ingress[0].toPorts[0].ports[0].port"],
  [
    "S5 a port above 65535",
    policy(ports({ port: "65536" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].port",
  ],
  [
    "S5 a port name of 16 characters",
    policy(ports({ port: "abcdefghijklmnop" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].port",
  ],
  [
    "S5 protocol ICMP",
    policy(ports({ port: "0", protocol: "ICMP" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].protocol",
  ],
  [
    "S5 protocol UDPLITE",
    policy(ports({ port: "0", protocol: "UDPLITE" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].protocol",
  ],
  [
    "S5 GRE without the flag",
    policy(ports({ protocol: "GRE" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].protocol",
  ],
  [
    "S5 GRE with a port",
    policy(ports({ port: "80", protocol: "GRE" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].port",
    { enableExtendedIPProtocols: true },
  ],
  [
    "S5 GRE before 1.20",
    policy(ports({ protocol: "GRE" })),
    "cilium/port",
    "spec.ingress[0].toPorts[0].ports[0].protocol",
    { enableExtendedIPProtocols: true, minorVersion: "1.19" },
  ],
  [
    "S6 fromNodes without the flag",
    policy(ingress({ fromNodes: [{}] })),
    "cilium/node-selector-labels-off",
    "spec.ingress[0].fromNodes",
  ],
  [
    "S7 an unknown entity",
    policy(ingress({ fromEntities: ["internet"] })),
    "cilium/unknown-entity",
    "spec.ingress[0].fromEntities[0]",
  ],
  [
    "S7 an entity that the schema lacks",
    policy(ingress({ fromEntities: ["world-ipv4"] })),
    "cilium/unknown-entity",
    "spec.ingress[0].fromEntities[0]",
  ],
  [
    "S7 cluster-mesh before 1.20",
    policy(ingress({ fromEntities: ["cluster-mesh"] })),
    "cilium/unknown-entity",
    "spec.ingress[0].fromEntities[0]",
    { minorVersion: "1.19" },
  ],
  [
    "S8 a label value that is none",
    policy(from({ matchLabels: { app: "x*" } })),
    "cilium/label-selector",
    'spec.ingress[0].fromEndpoints[0].matchLabels["app"]',
  ],
  [
    "S8 a label value of 64 characters",
    policy(from({ matchLabels: { app: "x".repeat(64) } })),
    "cilium/label-selector",
    'spec.ingress[0].fromEndpoints[0].matchLabels["app"]',
  ],
  [
    "S8 a key that is none",
    policy(from({ matchLabels: { "a b": "x" } })),
    "cilium/label-selector",
    'spec.ingress[0].fromEndpoints[0].matchLabels["a b"]',
  ],
  [
    "S8 In without values",
    policy(from({ matchExpressions: [{ key: "app", operator: "In" }] })),
    "cilium/label-selector",
    "spec.ingress[0].fromEndpoints[0].matchExpressions[0].values",
  ],
  [
    "S8 Exists with values",
    policy(from({ matchExpressions: [{ key: "app", operator: "Exists", values: ["x"] }] })),
    "cilium/label-selector",
    "spec.ingress[0].fromEndpoints[0].matchExpressions[0].values",
  ],
  [
    "S8 another operator",
    policy(from({ matchExpressions: [{ key: "app", operator: "Gt", values: ["1"] }] })),
    "cilium/label-selector",
    "spec.ingress[0].fromEndpoints[0].matchExpressions[0].operator",
  ],
  ["S9 no prefix", policy(ingress({ fromCIDR: ["10.0.0.0/33"] })), "cilium/cidr", "spec.ingress[0].fromCIDR[0]"],
  [
    "S9 a bare address in a set",
    policy(ingress({ fromCIDRSet: [{ cidr: "192.0.2.7" }] })),
    "cilium/cidr",
    "spec.ingress[0].fromCIDRSet[0].cidr",
  ],
  [
    "S9 an exception outside",
    policy(ingress({ fromCIDRSet: [{ cidr: "10.0.0.0/8", except: ["192.0.2.0/24"] }] })),
    "cilium/cidr",
    "spec.ingress[0].fromCIDRSet[0].except[0]",
  ],
  [
    "S9 an exception of the other family",
    policy(ingress({ fromCIDRSet: [{ cidr: "10.0.0.0/8", except: ["fd00::/8"] }] })),
    "cilium/cidr",
    "spec.ingress[0].fromCIDRSet[0].except[0]",
  ],
  [
    "S9 none of the three forms",
    policy(ingress({ fromCIDRSet: [{ except: [] }] })),
    "cilium/cidr",
    "spec.ingress[0].fromCIDRSet[0]",
  ],
  [
    "S9 two of the three forms",
    policy(ingress({ fromCIDRSet: [{ cidr: "10.0.0.0/8", cidrGroupRef: "g" }] })),
    "cilium/cidr",
    "spec.ingress[0].fromCIDRSet[0]",
  ],
  [
    "S10 DNS rules on ingress",
    policy(ingress({ toPorts: [{ ports: [{ port: "53" }], ...dns }] })),
    "cilium/l7",
    "spec.ingress[0].toPorts[0].rules",
  ],
  [
    "S10 HTTP rules on UDP",
    policy(ingress({ toPorts: [{ ports: [{ port: "80", protocol: "UDP" }], ...http }] })),
    "cilium/l7",
    "spec.ingress[0].toPorts[0].rules",
  ],
  [
    "S10 HTTP rules without the proxy",
    policy(ingress({ toPorts: [{ ports: [{ port: "80", protocol: "TCP" }], ...http }] })),
    "cilium/l7",
    "spec.ingress[0].toPorts[0].rules",
    { l7Proxy: false },
  ],
  [
    "S10 HTTP rules on port 0",
    policy(ingress({ toPorts: [{ ports: [{ port: "0", protocol: "TCP" }], ...http }] })),
    "cilium/l7",
    "spec.ingress[0].toPorts[0].rules",
  ],
  [
    "S10 two kinds of rules",
    policy(egress({ toPorts: [{ ports: [{ port: "53", protocol: "TCP" }], rules: { ...http.rules, ...dns.rules } }] })),
    "cilium/l7",
    "spec.egress[0].toPorts[0].rules",
  ],
  [
    "S10 DNS rules on a range",
    policy(egress({ toPorts: [{ ports: [{ port: "53", endPort: 54 }], ...dns }] })),
    "cilium/l7",
    "spec.egress[0].toPorts[0].rules",
  ],
  [
    "S10 Kafka rules",
    policy(ingress({ toPorts: [{ ports: [{ port: "9092", protocol: "TCP" }], rules: { kafka: [{}] } }] })),
    "cilium/l7",
    "spec.ingress[0].toPorts[0].rules",
  ],
  [
    "S11 an empty server name",
    policy(egress({ toPorts: [{ ports: [{ port: "443" }], serverNames: [""] }] })),
    "cilium/tls",
    "spec.egress[0].toPorts[0].serverNames",
  ],
  [
    "S11 a listener on ingress",
    policy(ingress({ toPorts: [{ ports: [{ port: "443" }], listener: { name: "l", envoyConfig: { name: "e" } } }] })),
    "cilium/tls",
    "spec.ingress[0].toPorts[0].listener",
  ],
  [
    "S12 names in a deny rule",
    policy({ ...web, egressDeny: [{ toFQDNs: [{ matchName: "example.org" }] }] }),
    "cilium/deny-field",
    "spec.egressDeny[0].toFQDNs",
  ],
  ["S13 neither spec nor specs", policy(null), "cilium/no-spec", "spec"],
  ["S13 no name", { ...policy(ingress({})), metadata: { namespace: "a" } }, "cilium/no-spec", "metadata.name"],
  ["S14 fromRequires", policy(ingress({ fromRequires: [{}] })), "cilium/removed-field", "spec.ingress[0].fromRequires"],
  [
    "an unquoted yes as a label value",
    policy(from({ matchLabels: { app: true } })),
    "cilium/type",
    'spec.ingress[0].fromEndpoints[0].matchLabels["app"]',
  ],
  [
    "a port as a number",
    policy(ports({ port: 80, protocol: "TCP" })),
    "cilium/type",
    "spec.ingress[0].toPorts[0].ports[0].port",
  ],
  ["a list that is none", policy({ ...web, ingress: {} }), "cilium/type", "spec.ingress"],
];

describe("what Cilium refuses is told by code and field, and enforces nothing", () => {
  test.each(refused.map(rowOf))("$name", ({ object, code, field, changed }) => {
    const own = { ...settings, ...changed };
    const findings = validateCiliumObject(object, own);
    const { value } = readCiliumPolicies(rawObjects([object]), own);

    expect(
      findings.filter(({ severity }) => severity === "error").map((one) => [one.code, one.where?.field]),
    ).toContainEqual([code, field]);
    expect(value?.rules).toEqual([]);
  });

  test("one bad rule of several refuses the whole object, and another object stays", () => {
    const bad = policy(null, { specs: [ingress({ fromEndpoints: [{}] }), ports({ port: "99999" })] });
    const good = { ...policy(ingress({ fromEndpoints: [{}] })), metadata: { name: "q", namespace: "a" } };

    const { value, findings } = readCiliumPolicies(rawObjects([bad, good]), settings);

    expect(value?.rules.map(({ identity }) => identity.name)).toEqual(["q"]);
    expect(findings.map(({ code, where }) => [code, where?.object, where?.field])).toEqual([
      ["cilium/port", "CiliumNetworkPolicy/a/p", "specs[1].ingress[0].toPorts[0].ports[0].port"],
    ]);
  });
});

/** What Cilium accepts and does not do, or does otherwise. */
const accepted: readonly Row[] = [
  [
    "an empty rule beside others",
    policy({ ...web, ingress: [{}, { fromEndpoints: [{}] }] }),
    "cilium/empty-rule",
    "spec.ingress[0]",
  ],
  ["an empty deny rule", policy({ ...web, ingressDeny: [{}] }), "cilium/empty-rule", "spec.ingressDeny[0]"],
  ["an empty peer list", policy(ingress({ fromEndpoints: [] })), "cilium/empty-peers", "spec.ingress[0].fromEndpoints"],
  ["an item without ports", policy(ingress({ toPorts: [{}] })), "cilium/empty-ports", "spec.ingress[0].toPorts[0]"],
  [
    "a range that ends before it begins",
    policy(ports({ port: "90", endPort: 80, protocol: "TCP" })),
    "cilium/reversed-range",
    "spec.ingress[0].toPorts[0].ports[0].endPort",
  ],
  [
    "ICMP type 0",
    policy(ingress({ icmps: [{ fields: [{ type: "EchoReply" }] }] })),
    "cilium/icmp-type-zero",
    "spec.ingress[0].icmps[0].fields[0].type",
  ],
  [
    "a foreign namespace in the subject",
    policy({ endpointSelector: { matchLabels: { "k8s:io.kubernetes.pod.namespace": "b" } }, ingress: [{}] }),
    "cilium/foreign-namespace",
    "spec.endpointSelector",
  ],
  [
    "a negative namespace term alone",
    policy(from({ matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "NotIn", values: ["a"] }] })),
    "cilium/open-negation",
    "spec.ingress[0].fromEndpoints[0]",
    { policyDefaultLocalCluster: false },
  ],
  [
    "a clusterwide subject without a positive term",
    {
      apiVersion: "cilium.io/v2",
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: "p" },
      spec: { endpointSelector: {}, ingress: [{}] },
    },
    "cilium/subject-without-namespace",
    "spec.endpointSelector",
  ],
  [
    "a label that the filter drops",
    policy(from({ matchLabels: { "pod-template-hash": "x" } })),
    "cilium/label-filtered",
    "spec.ingress[0].fromEndpoints[0]",
  ],
  [
    "a field that the API lacks",
    policy({ ...web, ingress: [{ fromPods: [{}] }] }),
    "cilium/unknown-field",
    "spec.ingress[0].fromPods",
  ],
  [
    "layer 7 in a deny rule",
    policy({ ...web, ingressDeny: [{ toPorts: [{ ports: [{ port: "80" }], rules: { http: [] } }] }] }),
    "cilium/deny-field",
    "spec.ingressDeny[0].toPorts[0].rules",
  ],
  [
    "server names",
    policy(egress({ toPorts: [{ ports: [{ port: "443" }], serverNames: ["example.org"] }] })),
    "cilium/not-compared",
    "spec.egress[0].toPorts[0].serverNames",
  ],
  [
    "authentication",
    policy(ingress({ authentication: { mode: "required" }, fromEndpoints: [{}] })),
    "cilium/not-compared",
    "spec.ingress[0].authentication",
  ],
  ["cloud groups", policy(egress({ toGroups: [{ aws: {} }] })), "cilium/not-resolved", "spec.egress[0].toGroups"],
];

describe("what Cilium accepts and does not mean is told", () => {
  test.each(accepted.map(rowOf))("$name", ({ object, code, field, changed }) => {
    const findings = validateCiliumObject(object, { ...settings, ...changed });

    expect(findings.map((one) => [one.code, one.where?.field])).toContainEqual([code, field]);
  });

  test("a CIDR group that nobody has is told when a set is read, not when one object is checked", () => {
    const object = policy(ingress({ fromCIDRSet: [{ cidrGroupRef: "gone" }] }));

    const read = readCiliumPolicies(rawObjects([object]), settings);

    expect(read.findings.map(({ code }) => code)).toEqual(["cilium/unknown-group"]);
    expect(validateCiliumObject(object, settings)).toEqual([]);
  });

  test("of two objects of one name the first is read and the second told", () => {
    const first = policy(ingress({ fromEndpoints: [{}] }));
    const second = policy(ingress({ fromEntities: ["all"] }));

    const { value, findings } = readCiliumPolicies(rawObjects([first, second]), settings);

    expect(value?.rules.map(({ ingress: rules }) => rules[0]?.peers.kind)).toEqual(["endpoints"]);
    expect(findings.map(({ code, severity }) => [code, severity])).toEqual([["cilium/duplicate-object", "error"]]);
  });

  test("a policy for nodes is inert without the host firewall", () => {
    const object = {
      apiVersion: "cilium.io/v2",
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: "p" },
      spec: { nodeSelector: {}, ingress: [{}] },
    };

    expect(validateCiliumObject(object, settings).map(({ code }) => code)).toEqual(["cilium/host-firewall-off"]);
    expect(validateCiliumObject(object, { ...settings, hostFirewall: true })).toEqual([]);
  });

  test("a ClusterNetworkPolicy is named, not evaluated", () => {
    const object = {
      apiVersion: "policy.networking.k8s.io/v1alpha2",
      kind: "ClusterNetworkPolicy",
      metadata: { name: "c" },
      spec: {},
    };

    expect(validateCiliumObject(object, settings).map(({ code, severity }) => [code, severity])).toEqual([
      ["cilium/cluster-network-policy", "error"],
    ]);
  });
});

/** Forms that must pass without a word. */
const fine: readonly (readonly [string, JsonObject, Partial<CiliumSettings>?])[] = [
  ["default deny alone", policy({ ...web, ingress: [{}] })],
  ["forty ports", policy(ports(...fortyOne.slice(0, 40)))],
  ["a bare address in fromCIDR", policy(ingress({ fromCIDR: ["192.0.2.7"] }))],
  ["host bits in a prefix", policy(ingress({ fromCIDRSet: [{ cidr: "10.1.2.3/8" }] }))],
  ["a lower-case protocol", policy(ports({ port: "80", protocol: "tcp" }))],
  ["a port name in capitals", policy(ports({ port: "HTTP", protocol: "TCP" }))],
  ["a range", policy(ports({ port: "80", endPort: 90, protocol: "TCP" }))],
  ["GRE with the flag", policy(ports({ protocol: "GRE" })), { enableExtendedIPProtocols: true }],
  [
    "fromNodes with the flag",
    policy(ingress({ fromNodes: [{ matchLabels: { role: "x" } }] })),
    { nodeSelectorLabels: true },
  ],
  ["an ICMP type by name", policy(ingress({ icmps: [{ fields: [{ family: "IPv6", type: "EchoRequest" }] }] }))],
  ["a reserved label", policy(from({ matchLabels: { "reserved:host": "" } }))],
  [
    "labels, description and log",
    policy({ ...ingress({ fromEndpoints: [{}] }), labels: [], description: "d", log: { value: "x" } }),
  ],
];

describe("right forms pass without a word", () => {
  test.each(fine.map(([name, object, changed]) => ({ name, object, changed })))("$name", ({ object, changed }) => {
    expect(validateCiliumObject(object, { ...settings, ...changed })).toEqual([]);
  });
});

test("every code of the room is reached by a test of this file", () => {
  const reached = new Set<string>();
  for (const [, object, , , changed] of [...refused, ...accepted])
    for (const { code } of readCiliumPolicies(rawObjects([object]), { ...settings, ...changed }).findings)
      reached.add(code);
  const elsewhere = [
    "cilium/cluster-network-policy",
    "cilium/duplicate-object",
    "cilium/unknown-group",
    "cilium/host-firewall-off",
  ];

  expect(Object.keys(ciliumFindings).filter((code) => !reached.has(code))).toEqual(
    Object.keys(ciliumFindings).filter((code) => elsewhere.includes(code)),
  );
});
