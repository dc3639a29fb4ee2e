import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import type { Translation } from "../../../lib/policy/translate/translation.ts";
import { rawObject } from "../support/objects.ts";
import { vectorWorld } from "../support/vectors.ts";

const fixture = vectorWorld();
const world: World = {
  ...fixture,
  nodes: fixture.nodes.map((node) => ({ ...node, labels: { "kubernetes.io/hostname": node.name } })),
  serviceAccounts: new Map([
    ["a/default", { role: "reader" }],
    ["b/default", {}],
    ["k/default", {}],
  ]),
  services: [
    {
      namespace: "k",
      name: "dns",
      selector: { "k8s-app": "kube-dns" },
      ports: [
        { protocol: "UDP", port: 53, targetPort: 53 },
        { protocol: "TCP", port: 53, targetPort: "dns" },
      ],
      endpoints: [],
    },
    {
      namespace: "k",
      name: "outside",
      ports: [],
      endpoints: [{ address: "192.0.2.10", protocol: "TCP", port: 443 }],
    },
  ],
};
const dualStack: World = { ...world, families: [4, 6] };
const extended: World = { ...world, cilium: { ...world.cilium, enableExtendedIPProtocols: true } };
const withoutProxy: World = { ...world, cilium: { ...world.cilium, l7Proxy: false } };
const unknown = emptyWorld();

function translate(objects: readonly JsonObject[], knowing: World = world): Translation {
  const set = readCalicoPolicies(objects.map(rawObject)).value;
  if (set === undefined) throw new Error("no set");
  return translatePolicies(set, knowing);
}

/** The spec (or specs) of the only output, its result and its codes. */
function outcome(translation: Translation): [unknown, string, string] {
  const [policy] = translation.policies;
  const object = policy?.outputs[0]?.object;
  const codes = [...new Set(policy?.findings.map((finding) => finding.code))].join(" ");
  return [object?.["spec"] ?? object?.["specs"], policy?.result ?? "", codes];
}

const yaml = (text: string): JsonObject => parse(text, { version: "1.1" }) as JsonObject;
const anyPod = "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}";
const typesInUse = [3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 40, 42, 43];
const fields = (types: readonly number[]): string =>
  `[{fields: [${types.map((type) => `{family: IPv4, type: ${type}}`).join(", ")}]}]`;

describe("the pods of a policy", () => {
  const subject = (spec: string, knowing: World): [unknown, string, string] => {
    const [written, result, codes] = outcome(
      translate(
        [{ kind: "GlobalNetworkPolicy", metadata: { name: "p" }, spec: { types: ["Ingress"], ...yaml(spec) } }],
        knowing,
      ),
    );
    const selectors = (Array.isArray(written) ? written : written === undefined ? [] : [written]) as JsonObject[];
    return [selectors.map((one) => one["endpointSelector"] as JsonValue), result, codes];
  };

  test.each<[string, string, string, string, string, World?]>([
    ["everything: every pod", "{}", `[${anyPod}]`, "exact", ""],
    [
      "equality",
      "{selector: app == 'web'}",
      "[{matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "",
    ],
    [
      "or over one key becomes a list",
      "{selector: app == 'web' || app == 'db'}",
      "[{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: app, operator: In, values: [db, web]}]}]",
      "exact",
      "",
    ],
    [
      "or over two keys becomes two specs",
      "{selector: app == 'web' || k8s-app == 'x'}",
      "[{matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}, {matchLabels: {k8s-app: x}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "",
    ],
    [
      "all other operators",
      '{selector: \'x not in {"c"} && has(app) && !has(z) && zone != "q"\'}',
      "[{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: app, operator: Exists}, {key: x, operator: NotIn, values: [c]}, {key: z, operator: DoesNotExist}, {key: zone, operator: NotIn, values: [q]}]}]",
      "exact",
      "",
    ],
    [
      "missing, or one of a list: two specs",
      "{selector: '!has(app) || app == \"web\"'}",
      "[{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: app, operator: DoesNotExist}]}, {matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "",
    ],
    [
      "an empty value",
      "{selector: app == ''}",
      "[{matchLabels: {app: ''}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "POL007",
    ],
    [
      "a value that no label can have is left out",
      `{selector: "app == 'web' || app == '${"x".repeat(64)}'"}`,
      "[{matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "POL024",
    ],
    [
      "labels of the namespace",
      "{namespaceSelector: team == 'x' && env != 'y'}",
      "[{matchLabels: {io.cilium.k8s.namespace.labels.team: x}, matchExpressions: [{key: io.cilium.k8s.namespace.labels.env, operator: NotIn, values: [y]}]}]",
      "exact",
      "",
    ],
    [
      "a negative label of the namespace needs a positive term",
      "{namespaceSelector: team != 'x'}",
      "[{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: [x]}]}]",
      "exact",
      "",
    ],
    [
      "names of namespaces, both spellings",
      "{namespaceSelector: projectcalico.org/name == 'a' || kubernetes.io/metadata.name == 'b'}",
      "[{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: In, values: [a, b]}]}]",
      "exact",
      "",
    ],
    [
      "a namespace in the pod's own selector",
      "{selector: projectcalico.org/namespace != 'a'}",
      "[{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: io.kubernetes.pod.namespace, operator: NotIn, values: [a]}]}]",
      "exact",
      "",
    ],
    [
      "the orchestrator is a constant",
      "{selector: projectcalico.org/orchestrator == 'k8s' && app == 'web'}",
      "[{matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "",
    ],
    [
      "the name of the service account",
      "{serviceAccountSelector: projectcalico.org/name == 'default'}",
      "[{matchLabels: {io.cilium.k8s.policy.serviceaccount: default}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "",
    ],
    [
      "labels of service accounts become their names",
      "{serviceAccountSelector: role == 'reader'}",
      "[{matchLabels: {io.cilium.k8s.policy.serviceaccount: default, io.kubernetes.pod.namespace: a}}]",
      "carved",
      "POL025",
    ],
    [
      "labels of service accounts need an inventory",
      "{serviceAccountSelector: role == 'reader'}",
      "[]",
      "refused",
      "POL025",
      unknown,
    ],
    [
      "a text operator becomes the values of today",
      "{selector: app starts with 'batch'}",
      "[{matchLabels: {app: batch-7}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "carved",
      "POL023",
    ],
    [
      "a text operator that matches nothing today is refused",
      "{selector: app starts with 'nothing'}",
      "[]",
      "refused",
      "POL023",
    ],
    ["a text operator needs an inventory", "{selector: app starts with 'batch'}", "[]", "refused", "POL023", unknown],
    [
      "a text operator over namespaces",
      "{namespaceSelector: projectcalico.org/name ends with 'b'}",
      "[{matchLabels: {io.kubernetes.pod.namespace: b}}]",
      "carved",
      "POL023",
    ],
    ["a label that Cilium filters out is refused", "{selector: pod-template-hash == 'x'}", "[]", "refused", "POL020"],
    [
      "app.kubernetes.io is not filtered out",
      "{selector: app.kubernetes.io/name == 'x'}",
      "[{matchLabels: {app.kubernetes.io/name: x}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "exact",
      "POL007",
    ],
    [
      "terms that exclude each other: nothing is written",
      "{selector: app == 'a' && app == 'b'}",
      "[]",
      "exact",
      "POL007",
    ],
    [
      "only what is no pod is refused",
      "{selector: projectcalico.org/orchestrator != 'k8s'}",
      "[]",
      "refused",
      "POL060",
      unknown,
    ],
    ["preDNAT is refused", "{preDNAT: true, applyOnForward: true}", "[]", "refused", "POL061"],
    ["doNotTrack is refused", "{doNotTrack: true, applyOnForward: true}", "[]", "refused", "POL062"],
    [
      "applyOnForward leaves the pods' part",
      "{applyOnForward: true, selector: app == 'web'}",
      "[{matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]",
      "partial",
      "POL063",
    ],
  ])("%s", (_rule, spec, selectors, result, codes, knowing = world) => {
    expect(subject(spec, knowing)).toEqual([parse(selectors), result, codes]);
  });

  test("a policy for pods and host endpoints is written for the pods", () => {
    const endpoint = {
      kind: "HostEndpoint",
      metadata: { name: "h", labels: { app: "web" } },
      spec: { node: "own", interfaceName: "*" },
    };
    const policy = {
      kind: "GlobalNetworkPolicy",
      metadata: { name: "p" },
      spec: { selector: "app == 'web'", types: ["Ingress"] },
    };

    const [written, result, codes] = outcome(translate([endpoint, policy]));

    expect([written, result, codes]).toEqual([
      yaml(
        "{endpointSelector: {matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}, ingress: [{}]}",
      ),
      "partial",
      "POL060",
    ]);
  });
});

describe("one allow rule", () => {
  const np = (spec: JsonObject): JsonObject => ({
    kind: "NetworkPolicy",
    metadata: { name: "p", namespace: "a" },
    spec: { selector: "app == 'web'", ...spec },
  });
  const rule = (text: string, direction: "ingress" | "egress", knowing: World): [unknown, string, string] => {
    const [written, result, codes] = outcome(
      translate(
        [
          np({
            types: [direction === "ingress" ? "Ingress" : "Egress"],
            [direction]: [{ action: "Allow", ...yaml(text) }],
          }),
        ],
        knowing,
      ),
    );
    return [(written as JsonObject | undefined)?.[direction], result, codes];
  };

  test.each<[string, string, string, string, string, World?]>([
    ["no source: everybody", "{}", "[{fromEntities: [all]}]", "exact", ""],
    [
      "a selector: the own namespace",
      "{source: {selector: app == 'cli'}}",
      "[{fromEndpoints: [{matchLabels: {app: cli}}]}]",
      "exact",
      "",
    ],
    ["all(): every pod of the own namespace", "{source: {selector: all()}}", "[{fromEndpoints: [{}]}]", "exact", ""],
    [
      "a namespaceSelector",
      "{source: {namespaceSelector: team == 'y1', selector: app == 'cli'}}",
      "[{fromEndpoints: [{matchLabels: {app: cli, io.cilium.k8s.namespace.labels.team: y1}}]}]",
      "exact",
      "",
    ],
    ["all namespaces", "{source: {namespaceSelector: all()}}", `[{fromEndpoints: [${anyPod}]}]`, "exact", ""],
    [
      "the own namespace by label needs its name as well",
      "{source: {selector: pcns.team == 'x'}}",
      "[{fromEndpoints: [{matchLabels: {io.cilium.k8s.namespace.labels.team: x, io.kubernetes.pod.namespace: a}}]}]",
      "exact",
      "",
    ],
    [
      "an account by name",
      "{source: {serviceAccounts: {names: [x]}}}",
      "[{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: x}}]}]",
      "exact",
      "",
    ],
    [
      "a notSelector is bound to the namespace",
      "{source: {notSelector: app == 'cli'}}",
      "[{fromEndpoints: [{matchExpressions: [{key: app, operator: NotIn, values: [cli]}]}]}]",
      "exact",
      "",
    ],
    [
      "a text operator",
      "{source: {selector: app contains 'atch'}}",
      "[{fromEndpoints: [{matchLabels: {app: batch-7}}]}]",
      "carved",
      "POL023",
    ],
    [
      "a text operator without an inventory leaves the rule out",
      "{source: {selector: app contains 'atch'}}",
      "[{}]",
      "partial",
      "POL023",
      unknown,
    ],
    [
      "a filtered label leaves the rule out",
      "{source: {selector: pod-template-hash == 'x'}}",
      "[{}]",
      "partial",
      "POL020",
    ],
    [
      "the absence of a filtered label leaves the rule out, too",
      "{source: {notSelector: pod-template-hash == 'x'}}",
      "[{}]",
      "partial",
      "POL020",
    ],
    [
      "prefixes that hold all nodes",
      "{source: {nets: [172.16.0.0/12]}}",
      "[{fromEntities: [host, remote-node]}, {fromCIDR: [172.16.0.0/12]}]",
      "exact",
      "",
    ],
    [
      "prefixes that hold all pods, with labels: the labels",
      "{source: {nets: [10.0.0.0/16], selector: app == 'cli'}}",
      "[{fromEndpoints: [{matchLabels: {app: cli}}]}]",
      "exact",
      "",
    ],
    [
      "prefixes without pods, with labels: nothing",
      "{source: {nets: [192.0.2.0/24], selector: app == 'cli'}}",
      "[{}]",
      "exact",
      "POL014",
    ],
    [
      "prefixes with some pods, with labels",
      "{source: {nets: [10.0.0.0/28], selector: app == 'cli'}}",
      "[{}]",
      "partial",
      "POL028",
    ],
    ["source ports", "{protocol: TCP, source: {ports: [80]}}", "[{}]", "partial", "POL029"],
    [
      "every source port is none",
      "{protocol: TCP, source: {ports: ['1:65535']}}",
      "[{toPorts: [{ports: [{port: '0', protocol: TCP}]}]}]",
      "exact",
      "",
    ],
    ["IPv6 in a cluster without it", "{ipVersion: 6, source: {selector: all()}}", "[{}]", "exact", "POL014"],
    [
      "IPv4 where there is nothing else",
      "{ipVersion: 4, source: {selector: all()}}",
      "[{fromEndpoints: [{}]}]",
      "exact",
      "",
    ],
    ["IPv4 where pods have both", "{ipVersion: 4, source: {selector: all()}}", "[{}]", "partial", "POL035", dualStack],
    [
      "HTTP",
      "{protocol: TCP, http: {methods: [GET], paths: [{exact: /a.b}, {prefix: /c}]}, destination: {ports: [80]}}",
      "[{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET, path: '/a\\.b'}, {method: GET, path: '/c.*'}]}}]}]",
      "carved",
      "POL037",
    ],
    [
      "HTTP without a protocol, which lets others through at the source",
      "{http: {methods: [GET]}}",
      "[{toPorts: [{ports: [{port: '1', endPort: 65535, protocol: TCP}], rules: {http: [{method: GET}]}}]}]",
      "partial",
      "POL037",
    ],
    ["HTTP without the proxy", "{http: {methods: [GET]}}", "[{}]", "partial", "POL037", withoutProxy],
    [
      "a Service as source",
      "{source: {services: {name: dns, namespace: k}}}",
      "[{fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: k, k8s-app: kube-dns}}]}]",
      "carved",
      "POL036",
    ],
  ])("ingress, %s", (_rule, text, written, result, codes, knowing = world) => {
    expect(rule(text, "ingress", knowing)).toEqual([parse(written), result, codes]);
  });

  test.each<[string, string, string, string, string, World?]>([
    [
      "prefixes outside the cluster",
      "{destination: {nets: [192.0.2.0/24]}}",
      "[{toCIDR: [192.0.2.0/24]}]",
      "exact",
      "",
    ],
    [
      "private prefixes where nothing is known",
      "{destination: {nets: [10.1.0.0/16]}}",
      "[{toCIDR: [10.1.0.0/16]}]",
      "partial",
      "POL042",
      unknown,
    ],
    [
      "all private ranges where nothing is known",
      "{destination: {nets: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}}",
      `[{toEndpoints: [${anyPod}]}, {toEntities: [host, remote-node]}, {toCIDR: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}]`,
      "exact",
      "POL046",
      unknown,
    ],
    [
      "everything but private ranges where nothing is known",
      "{destination: {notNets: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}}",
      "[{toCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}]}]",
      "exact",
      "POL046",
      unknown,
    ],
    [
      "every address: pods and nodes too",
      "{destination: {nets: [0.0.0.0/0]}}",
      `[{toEndpoints: [${anyPod}]}, {toEntities: [host, remote-node]}, {toCIDR: [0.0.0.0/0]}]`,
      "exact",
      "",
    ],
    [
      "both halves of the addresses are all of them",
      "{destination: {nets: [0.0.0.0/1, 128.0.0.0/1]}}",
      `[{toEndpoints: [${anyPod}]}, {toEntities: [host, remote-node]}, {toCIDR: [0.0.0.0/1, 128.0.0.0/1]}]`,
      "exact",
      "",
    ],
    [
      "prefixes around the pods' pool: every pod",
      "{destination: {nets: [10.0.0.0/8]}}",
      `[{toEndpoints: [${anyPod}]}, {toCIDR: [10.0.0.0/8]}]`,
      "exact",
      "",
    ],
    [
      "prefixes inside the pods' pool",
      "{destination: {nets: [10.0.1.0/24]}}",
      "[{toCIDR: [10.0.1.0/24]}]",
      "partial",
      "POL042",
    ],
    [
      "the address of one node where no such pod runs",
      "{destination: {nets: [172.16.0.2/32]}}",
      "[{toNodes: [{matchLabels: {kubernetes.io/hostname: rnode}}]}, {toCIDR: [172.16.0.2/32]}]",
      "carved",
      "POL043",
    ],
    [
      "the address of the pods' own node",
      "{destination: {nets: [172.16.0.1/32]}}",
      "[{toNodes: [{matchLabels: {kubernetes.io/hostname: own}}]}, {toCIDR: [172.16.0.1/32]}]",
      "partial",
      "POL043",
    ],
    [
      "notNets",
      "{destination: {notNets: [10.0.0.0/8, 192.0.2.0/24]}}",
      "[{toEntities: [host, remote-node]}, {toCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.0.2.0/24]}]}]",
      "exact",
      "",
    ],
    [
      "nets without notNets",
      "{destination: {nets: [192.0.2.0/24], notNets: [192.0.2.128/25]}}",
      "[{toCIDRSet: [{cidr: 192.0.2.0/24, except: [192.0.2.128/25]}]}]",
      "exact",
      "",
    ],
    [
      "families that contradict each other match nothing",
      "{source: {nets: ['10.0.0.0/8']}, protocol: ICMPv6}",
      "[{}]",
      "exact",
      "POL014",
    ],
    [
      "ports",
      "{protocol: TCP, destination: {ports: [80, '90:99', http]}}",
      "[{toPorts: [{ports: [{port: '80', protocol: TCP}, {port: '90', endPort: 99, protocol: TCP}, {port: http, protocol: TCP}]}]}]",
      "exact",
      "",
    ],
    [
      "all ports by range",
      "{protocol: UDP, destination: {ports: ['1:65535']}}",
      "[{toPorts: [{ports: [{port: '0', protocol: UDP}]}]}]",
      "exact",
      "",
    ],
    [
      "notPorts",
      "{protocol: TCP, destination: {notPorts: [22]}}",
      "[{toPorts: [{ports: [{port: '1', endPort: 21, protocol: TCP}, {port: '23', endPort: 65535, protocol: TCP}]}]}]",
      "exact",
      "",
    ],
    [
      "a name that no port can have",
      "{protocol: TCP, destination: {ports: [HTTP_2, 80]}}",
      "[{toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]",
      "exact",
      "POL024",
    ],
    ["a name taken out of a range", "{protocol: TCP, destination: {notPorts: [http]}}", "[{}]", "partial", "POL034"],
    [
      "an ICMP type",
      "{protocol: ICMP, icmp: {type: 8}}",
      "[{icmps: [{fields: [{family: IPv4, type: 8}]}]}]",
      "exact",
      "",
    ],
    [
      "an ICMPv6 type",
      "{protocol: ICMPv6, icmp: {type: 128}}",
      "[{icmps: [{fields: [{family: IPv6, type: 128}]}]}]",
      "exact",
      "",
    ],
    ["ICMP type 0 is left out", "{protocol: ICMP, icmp: {type: 0}}", "[{}]", "partial", "POL032"],
    ["an ICMP code", "{protocol: ICMP, icmp: {type: 3, code: 4}}", "[{}]", "partial", "POL033"],
    ["all of ICMP", "{protocol: ICMP}", `[{icmps: ${fields(typesInUse)}}]`, "carved", "POL030"],
    [
      "ICMP but one type",
      "{protocol: ICMP, notICMP: {type: 8}}",
      `[{icmps: ${fields(typesInUse.filter((type) => type !== 8))}}]`,
      "carved",
      "POL030",
    ],
    ["a protocol by number", "{protocol: 47}", "[{}]", "partial", "POL034"],
    [
      "the same where Cilium may name it",
      "{protocol: 47}",
      "[{toPorts: [{ports: [{port: '0', protocol: GRE}]}]}]",
      "exact",
      "",
      extended,
    ],
    ["UDPLite", "{protocol: UDPLite}", "[{}]", "partial", "POL034"],
    [
      "a Service",
      "{destination: {services: {name: dns, namespace: k}}}",
      "[{toEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: k, k8s-app: kube-dns}}], toPorts: [{ports: [{port: '53', protocol: UDP}, {port: dns, protocol: TCP}]}]}]",
      "carved",
      "POL036",
    ],
    [
      "a Service without selector",
      "{destination: {services: {name: outside, namespace: k}}}",
      "[{toCIDR: [192.0.2.10/32], toPorts: [{ports: [{port: '443', protocol: TCP}]}]}]",
      "carved",
      "POL036",
    ],
    [
      "a Service that does not exist",
      "{destination: {services: {name: none, namespace: k}}}",
      "[{}]",
      "carved",
      "POL036 POL014",
    ],
    [
      "a Service where nothing is known",
      "{destination: {services: {name: dns, namespace: k}}}",
      "[{}]",
      "partial",
      "POL036",
      unknown,
    ],
  ])("egress, %s", (_rule, text, written, result, codes, knowing = world) => {
    expect(rule(text, "egress", knowing)).toEqual([parse(written), result, codes]);
  });

  test("more than forty ports are split", () => {
    const list = Array.from({ length: 45 }, (_, at) => 2 * at + 1);
    const [written] = rule(JSON.stringify({ protocol: "TCP", destination: { ports: list } }), "egress", world);

    const [only] = written as { toPorts: { ports: { port: string }[] }[] }[];
    expect(only?.toPorts.map(({ ports }) => ports.length)).toEqual([40, 5]);
    expect(only?.toPorts.flatMap(({ ports }) => ports.map(({ port }) => Number(port)))).toEqual(list);
  });

  test("everything but one protocol loses what cannot be listed", () => {
    const [written, result, codes] = rule("{notProtocol: UDP}", "egress", world);

    expect([(written as JsonObject[])[0], result, codes]).toEqual([
      yaml("{toPorts: [{ports: [{port: '0', protocol: TCP}, {port: '0', protocol: SCTP}]}]}"),
      "partial",
      "POL030",
    ]);
  });

  test("SCTP and node names are asked for in the Helm values", () => {
    const egress = [{ action: "Allow", protocol: "SCTP", destination: { nets: ["172.16.0.2/32"] } }];

    expect(translate([np({ types: ["Egress"], egress })]).requiredValues).toEqual({
      nodeSelectorLabels: true,
      sctp: { enabled: true },
    });
  });

  test("a rule that names its own end is written for those pods", () => {
    const ingress = [
      { action: "Allow", destination: { selector: "app == 'x'" } },
      { action: "Allow", protocol: "TCP", destination: { selector: "app == 'y'" } },
    ];

    expect(outcome(translate([np({ selector: "release == 'gitlab'", types: ["Ingress"], ingress })]))[0]).toEqual([
      yaml("{endpointSelector: {matchLabels: {release: gitlab}}, ingress: [{}]}"),
      yaml(
        "{description: 'Only ingress[0] Allow of NetworkPolicy/a/p', endpointSelector: {matchLabels: {app: x, release: gitlab}}, ingress: [{fromEntities: [all]}]}",
      ),
      yaml(
        "{description: 'Only ingress[1] Allow of NetworkPolicy/a/p', endpointSelector: {matchLabels: {app: 'y', release: gitlab}}, ingress: [{toPorts: [{ports: [{port: '0', protocol: TCP}]}]}]}",
      ),
    ]);
  });
});

describe("network sets and host endpoints as peers", () => {
  const partners = {
    kind: "GlobalNetworkSet",
    metadata: { name: "partners", labels: { role: "partner" } },
    spec: { nets: ["192.0.2.0/25"] },
  };
  const endpoint = (node: string): JsonObject => ({
    kind: "HostEndpoint",
    metadata: { name: node, labels: { role: "host" } },
    spec: { node, interfaceName: "*" },
  });
  const allow = (source: JsonObject): JsonObject => ({
    kind: "GlobalNetworkPolicy",
    metadata: { name: "p" },
    spec: { selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Allow", source }] },
  });
  const ingress = (...objects: JsonObject[]): [unknown, string, string] => {
    const [written, result, codes] = outcome(translate(objects));
    return [(written as JsonObject)["ingress"], result, codes];
  };

  test("a selector matches pods and sets", () => {
    expect(ingress(partners, allow({ selector: "role == 'partner'" }))).toEqual([
      parse(
        "[{fromEndpoints: [{matchLabels: {role: partner}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}, {fromCIDR: [192.0.2.0/25]}]",
      ),
      "carved",
      "POL026",
    ]);
  });

  test("global() matches sets and no pods", () => {
    expect(ingress(partners, allow({ selector: "role == 'partner'", namespaceSelector: "global()" }))).toEqual([
      parse("[{fromCIDR: [192.0.2.0/25]}]"),
      "carved",
      "POL026",
    ]);
  });

  test("a notSelector excepts the sets that it matches", () => {
    expect(ingress(partners, allow({ notSelector: "role == 'partner'" }))).toEqual([
      parse(
        "[{fromEndpoints: [{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: role, operator: NotIn, values: [partner]}]}]}, {fromEntities: [host, remote-node]}, {fromCIDRSet: [{cidr: 0.0.0.0/0, except: [192.0.2.0/25]}, {cidr: '::/0'}]}]",
      ),
      "carved",
      "POL026",
    ]);
  });

  test("host endpoints of every node are the nodes' entities, of some their names", () => {
    const all = ingress(endpoint("own"), endpoint("rnode"), allow({ selector: "role == 'host'" }));
    const one = ingress(endpoint("rnode"), allow({ selector: "role == 'host'" }));

    expect(all[0]).toContainEqual({ fromEntities: ["host", "remote-node"] });
    expect(one[0]).toContainEqual({ fromNodes: [{ matchLabels: { "kubernetes.io/hostname": "rnode" } }] });
    expect([all[1], all[2], one[1]]).toEqual(["carved", "POL027", "carved"]);
  });
});

describe("a destination that names ports and means a network set", () => {
  const set: JsonObject = {
    kind: "GlobalNetworkSet",
    metadata: { name: "s", labels: { role: "partner" } },
    spec: { nets: ["10.0.0.0/8"] },
  };
  const rule = (ports: JsonValue): JsonObject => ({
    kind: "NetworkPolicy",
    metadata: { name: "p", namespace: "a" },
    spec: {
      selector: "app == 'web'",
      types: ["Ingress"],
      ingress: [
        {
          action: "Allow",
          protocol: "TCP",
          destination: { selector: "role == 'partner'", namespaceSelector: "global()", ports },
        },
      ],
    },
  });

  test("gives pods in the set the numbers and not the names, as Felix does", () => {
    const [both] = outcome(translate([rule([81, "http"]), set]));
    const [names] = outcome(translate([rule(["http"]), set]));

    expect(JSON.stringify(both)).toContain('"port":"81"');
    expect(JSON.stringify(both)).not.toContain('"port":"http"');
    expect(JSON.stringify(names)).not.toContain("toPorts");
  });
});

test("an Allow behind a Pass of its tier opens nothing that the Pass hands to a later tier", () => {
  const tier: JsonObject = { kind: "Tier", metadata: { name: "sec" }, spec: { order: 10, defaultAction: "Deny" } };
  const web = { action: "Pass", protocol: "TCP", destination: { ports: [80] } };
  const policies = [
    {
      kind: "GlobalNetworkPolicy",
      metadata: { name: "sec.p" },
      spec: {
        tier: "sec",
        order: 1,
        selector: "app == 'web'",
        types: ["Ingress"],
        ingress: [web, { ...web, action: "Allow", destination: { ports: [80, 443] } }],
      },
    },
    {
      kind: "GlobalNetworkPolicy",
      metadata: { name: "end" },
      spec: { order: 1, selector: "app == 'web'", types: ["Ingress"] },
    },
  ];
  const outputs = translate([tier, ...policies]).policies.flatMap((policy) => policy.outputs);
  const written = JSON.stringify(outputs.map((output) => output.object));

  expect(written).toContain('"port":"443"');
  expect(written).not.toContain('"port":"80"');
});
