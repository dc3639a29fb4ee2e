import fc from "fast-check";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";

const namespaces = ["a", "b", "c"];
const apps = ["web", "cli", "db"];

/** A small world that collides on purpose: few label values, pods in two ranges, named ports that differ from pod to pod. */
export const someWorld: fc.Arbitrary<World> = fc
  .record({
    pods: fc.array(
      fc.record({
        namespace: fc.constantFrom(...namespaces),
        app: fc.constantFrom(...apps, undefined),
        zone: fc.constantFrom("z1", "z2", "", undefined),
        range: fc.constantFrom("10.0.0", "10.0.1", "10.9.0"),
        account: fc.constantFrom("default", "robot"),
        port: fc.constantFrom(80, 8080, undefined),
        hash: fc.boolean(),
      }),
      { minLength: 2, maxLength: 5 },
    ),
    teams: fc.array(fc.constantFrom("x", "y", undefined), { minLength: 3, maxLength: 3 }),
    isDual: fc.boolean(),
    isLocalCluster: fc.boolean(),
  })
  .map(({ pods, teams, isDual, isLocalCluster }) => {
    const empty = emptyWorld({ sourcePodCIDRs: ["10.0.0.0/8", "fd00::/64"], targetPodCIDRs: ["10.245.0.0/16"] });
    const families: (4 | 6)[] = isDual ? [4, 6] : [4];
    return {
      ...empty,
      families,
      namespaces: new Map(
        namespaces.map((name, index) => [
          name,
          { "kubernetes.io/metadata.name": name, ...(teams[index] !== undefined && { team: teams[index] }) },
        ]),
      ),
      serviceAccounts: new Map(
        namespaces.flatMap((name) => [
          [`${name}/default`, {}],
          [`${name}/robot`, { kind: "robot" }],
        ]),
      ),
      pods: pods.map((one, index): WorldPod => {
        const labels: Record<string, string> = {};
        if (one.app !== undefined) labels["app"] = one.app;
        if (one.zone !== undefined) labels["zone"] = one.zone;
        if (one.hash) labels["pod-template-hash"] = "h1";
        return {
          namespace: one.namespace,
          name: `p${index}`,
          labels,
          serviceAccount: one.account,
          node: index % 2 === 0 ? "n1" : "n2",
          addresses: [`${one.range}.${index + 1}`, ...(isDual ? [`fd00::${index + 1}`] : [])],
          namedPorts: one.port === undefined ? [] : [{ name: "http", protocol: "TCP", port: one.port }],
          workload: `p${index}`,
        };
      }),
      nodes: [
        { name: "n1", labels: {}, addresses: ["172.16.0.1", ...(isDual ? ["fd01::1"] : [])], isControlPlane: false },
        { name: "n2", labels: {}, addresses: ["172.16.0.2", ...(isDual ? ["fd01::2"] : [])], isControlPlane: false },
      ],
      cilium: { ...empty.cilium, families, sctp: true, policyDefaultLocalCluster: isLocalCluster },
      isInventoryKnown: true,
    };
  });

const calicoAtom = fc.constantFrom(
  "all()",
  "app == 'web'",
  "app != 'web'",
  "app in {'web','cli'}",
  "app not in {'db'}",
  "has(zone)",
  "!has(zone)",
  "zone == ''",
  "zone starts with 'z'",
  "app contains 'e'",
  "app ends with 'b'",
  "pod-template-hash == 'h1'",
  "projectcalico.org/namespace == 'a'",
  "role == 'partner'",
);

const calicoSelector = fc.oneof(
  { weight: 4, arbitrary: calicoAtom },
  fc.tuple(calicoAtom, calicoAtom).map(([a, b]) => `${a} && ${b}`),
  fc.tuple(calicoAtom, calicoAtom).map(([a, b]) => `${a} || ${b}`),
  calicoAtom.map((a) => `!(${a})`),
);

const nets = fc.constantFrom(
  ["10.0.0.0/24"],
  ["10.0.0.0/8"],
  ["0.0.0.0/0"],
  ["192.0.2.0/25"],
  ["10.0.1.0/24", "192.0.2.0/24"],
  ["172.16.0.2/32"],
  ["fd00::/64"],
  ["2001:db8::/32"],
);

const entity = fc.record(
  {
    selector: calicoSelector,
    notSelector: calicoAtom,
    namespaceSelector: fc.constantFrom("team == 'x'", "team != 'x'", "all()", "global()", "has(team)"),
    serviceAccounts: fc.constantFrom({ names: ["robot"] }, { selector: "kind == 'robot'" }),
    nets,
    notNets: fc.constantFrom(["10.0.0.0/24"], ["192.0.2.0/25"], ["fd00::/64"]),
  },
  { requiredKeys: [] },
);

/** Most entities have one criterion: two or three rarely meet anybody. */
const someEntity = fc
  .tuple(entity, fc.nat(5), fc.nat(5))
  .map(([whole, first, second]) => pick(whole, [first, second].slice(0, first % 2 === 0 ? 1 : 2)))
  .map((chosen) => (oneFamily(chosen) ? chosen : {}));

function pick(whole: Readonly<Record<string, unknown>>, places: readonly number[]): Record<string, unknown> {
  const keys = Object.keys(whole);
  return Object.fromEntries(
    places.flatMap((place) => (keys[place] === undefined ? [] : [[keys[place], whole[keys[place]]]])),
  );
}

function netsOf(chosen: Readonly<Record<string, unknown>>): string[] {
  return [chosen["nets"], chosen["notNets"]].flatMap((value) => (Array.isArray(value) ? (value as string[]) : []));
}

function oneFamily(chosen: Readonly<Record<string, unknown>>): boolean {
  return new Set(netsOf(chosen).map((net) => net.includes(":"))).size <= 1;
}

const ports = fc.constantFrom<(number | string)[]>([80], ["80:443"], ["http"], [81, "http"], [8080], ["1:65535"]);

const calicoRule = fc
  .record({
    action: fc.constantFrom("Allow", "Allow", "Deny", "Pass", "Log"),
    source: someEntity,
    destination: someEntity,
    header: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 3, arbitrary: ports.map((list) => ({ protocol: "TCP", ports: list })) },
      ports.map((list) => ({ protocol: "TCP", notPorts: list })),
      fc.constant({ protocol: "UDP" }),
      fc.constant({ protocol: "SCTP", ports: [80] }),
      fc.constant({ notProtocol: "TCP" }),
      fc.constant({ protocol: "ICMP", icmp: { type: 8 } }),
      fc.constant({ protocol: "ICMP", icmp: { type: 3, code: 1 } }),
      fc.constant({ protocol: "ICMP", notICMP: { type: 8 } }),
      fc.constant({ protocol: 47 }),
    ),
    ipVersion: fc.constantFrom(undefined, undefined, undefined, 4, 6),
    sourcePorts: fc.constantFrom(undefined, undefined, undefined, ["1000:2000"]),
  })
  .map(({ action, source, destination, header, ipVersion, sourcePorts }): JsonObject => {
    const { ports: own, notPorts, ...rest } = header as Record<string, unknown>;
    const isIcmp = rest["protocol"] === "ICMP";
    const families = [...netsOf(source), ...netsOf(destination)].map((net) => (net.includes(":") ? 6 : 4));
    const isMixed = new Set(families).size > 1;
    const isSourceAllowed = sourcePorts !== undefined && rest["protocol"] === "TCP";
    return {
      action,
      ...rest,
      ...(ipVersion !== undefined && !isIcmp && families.length === 0 && { ipVersion }),
      source: { ...(isMixed ? {} : source), ...(isSourceAllowed && { ports: sourcePorts }) },
      destination: {
        ...destination,
        ...(own !== undefined && { ports: own }),
        ...(notPorts !== undefined && { notPorts }),
      },
    } as JsonObject;
  });

const types = fc.constantFrom(["Ingress"], ["Egress"], ["Ingress", "Egress"], undefined);

/** One to four Calico policies with orders, tiers, network sets and a Kubernetes policy, made to get into each other's way. */
export const someCalico: fc.Arbitrary<JsonObject[]> = fc
  .record({
    policies: fc.array(
      fc.record({
        isGlobal: fc.boolean(),
        namespace: fc.constantFrom(...namespaces),
        order: fc.constantFrom(1, 2, 1500, undefined),
        tier: fc.constantFrom(undefined, undefined, "sec", "soft"),
        selector: calicoSelector,
        namespaceSelector: fc.constantFrom(undefined, undefined, "team == 'x'", "all()"),
        types,
        isStored: fc.constantFrom(false, false, false, true),
        ingress: fc.array(calicoRule, { maxLength: 3 }),
        egress: fc.array(calicoRule, { maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    hasSet: fc.boolean(),
    kubernetes: fc.constantFrom(undefined, ...someKubernetesSpecs()),
  })
  .map(({ policies, hasSet, kubernetes }) => [
    tier("sec", 10, "Deny"),
    tier("soft", 20, "Pass"),
    ...policies.map((policy, index) => calicoPolicy(policy, index)),
    ...(hasSet ? [networkSet] : []),
    ...(kubernetes === undefined ? [] : [kubernetesPolicy(kubernetes)]),
  ]);

function tier(name: string, order: number, defaultAction: string): JsonObject {
  return { apiVersion: "projectcalico.org/v3", kind: "Tier", metadata: { name }, spec: { order, defaultAction } };
}

const networkSet: JsonObject = {
  apiVersion: "projectcalico.org/v3",
  kind: "GlobalNetworkSet",
  metadata: { name: "partners", labels: { role: "partner", zone: "z1" } },
  spec: { nets: ["192.0.2.0/25", "10.0.1.0/24", "2001:db8::/64"] },
};

function calicoPolicy(policy: Readonly<Record<string, unknown>>, index: number): JsonObject {
  const isGlobal = policy["isGlobal"] === true;
  const optional = ["order", "tier", "types"].flatMap((key) => (policy[key] === undefined ? [] : [[key, policy[key]]]));
  const name = policy["tier"] === undefined ? `p${index}` : `${String(policy["tier"])}.p${index}`;
  return {
    apiVersion: policy["isStored"] === true ? "crd.projectcalico.org/v1" : "projectcalico.org/v3",
    kind: isGlobal ? "GlobalNetworkPolicy" : "NetworkPolicy",
    metadata: { name, ...(!isGlobal && { namespace: policy["namespace"] }) },
    spec: {
      ...Object.fromEntries(optional),
      selector: policy["selector"],
      ...(isGlobal && policy["namespaceSelector"] !== undefined && { namespaceSelector: policy["namespaceSelector"] }),
      ingress: policy["ingress"],
      egress: policy["egress"],
    },
  } as JsonObject;
}

function someKubernetesSpecs(): JsonObject[] {
  return [
    {
      podSelector: { matchLabels: { app: "web" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: {} }] }],
    },
    {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "x" } } }], ports: [{ port: "http" }] }],
      egress: [
        { to: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.0.1.0/24"] } }], ports: [{ protocol: "UDP", port: 53 }] },
      ],
    },
    {
      podSelector: { matchExpressions: [{ key: "app", operator: "NotIn", values: ["db"] }] },
      policyTypes: ["Ingress"],
      ingress: [{ ports: [{ port: 80, endPort: 443 }] }],
    },
  ];
}

function kubernetesPolicy(spec: JsonObject): JsonObject {
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name: "k", namespace: "a" }, spec };
}

const term = fc.constantFrom<JsonObject>(
  { key: "app", operator: "In", values: ["web", "cli"] },
  { key: "app", operator: "NotIn", values: ["web"] },
  { key: "zone", operator: "Exists" },
  { key: "k8s:zone", operator: "DoesNotExist" },
  { key: "pod-template-hash", operator: "DoesNotExist" },
  { key: "io.kubernetes.pod.namespace", operator: "Exists" },
  { key: "io.kubernetes.pod.namespace", operator: "NotIn", values: ["a"] },
  { key: "io.cilium.k8s.namespace.labels.team", operator: "NotIn", values: ["x"] },
  { key: "io.cilium.k8s.policy.serviceaccount", operator: "In", values: ["robot"] },
);

const ciliumSelector = fc.array(term, { maxLength: 2 }).map((matchExpressions): JsonObject => ({ matchExpressions }));

const ciliumPeers = fc.oneof(
  fc.constant<[string, unknown] | undefined>(undefined),
  fc.array(ciliumSelector, { minLength: 1, maxLength: 2 }).map((list): [string, unknown] => ["Endpoints", list]),
  fc.constantFrom<[string, unknown]>(
    ["Entities", ["all"]],
    ["Entities", ["world", "remote-node"]],
    ["Entities", ["cluster"]],
    ["Entities", ["host"]],
    ["CIDR", ["10.0.0.0/8"]],
    ["CIDRSet", [{ cidr: "0.0.0.0/0", except: ["192.0.2.0/25"] }]],
    ["CIDRSet", [{ cidr: "192.0.2.0/24" }, { cidr: "2001:db8::/32" }]],
    ["Endpoints", []],
  ),
);

const ciliumL4 = fc.constantFrom<JsonObject>(
  {},
  {},
  { toPorts: [{ ports: [{ port: "80", protocol: "TCP" }] }] },
  {
    toPorts: [
      {
        ports: [
          { port: "80", endPort: 443, protocol: "TCP" },
          { port: "53", protocol: "UDP" },
        ],
      },
    ],
  },
  { toPorts: [{ ports: [{ port: "http", protocol: "TCP" }] }] },
  { toPorts: [{ ports: [{ port: "0", protocol: "ANY" }] }] },
  { icmps: [{ fields: [{ family: "IPv4", type: 8 }] }] },
  { icmps: [{ fields: [{ family: "IPv4", type: 0 }] }] },
);

function elements(prefix: "from" | "to"): fc.Arbitrary<JsonObject[]> {
  const element = fc.tuple(ciliumPeers, ciliumL4).map(([peers, l4]): JsonObject => {
    return { ...(peers !== undefined && { [`${prefix}${peers[0]}`]: peers[1] }), ...l4 } as JsonObject;
  });
  return fc.array(element, { maxLength: 2 });
}

/** One to three Cilium policies of both kinds with allows and denies. */
export const someCilium: fc.Arbitrary<JsonObject[]> = fc
  .array(
    fc.record({
      isClusterwide: fc.boolean(),
      namespace: fc.constantFrom(...namespaces),
      subject: ciliumSelector,
      ingress: elements("from"),
      ingressDeny: elements("from"),
      egress: elements("to"),
      egressDeny: elements("to"),
      posture: fc.constantFrom(undefined, undefined, { ingress: false }, { egress: false, ingress: true }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((policies) =>
    policies.map(({ isClusterwide, namespace, subject, posture, ...sections }, index): JsonObject => {
      const filled = Object.fromEntries(Object.entries(sections).filter(([, list]) => list.length > 0));
      const spec = Object.keys(filled).length === 0 ? { ingress: [{}] } : filled;
      return {
        apiVersion: "cilium.io/v2",
        kind: isClusterwide ? "CiliumClusterwideNetworkPolicy" : "CiliumNetworkPolicy",
        metadata: { name: `c${index}`, ...(!isClusterwide && { namespace }) },
        spec: {
          endpointSelector: subject,
          ...spec,
          ...(posture !== undefined && { enableDefaultDeny: posture }),
        },
      } as JsonObject;
    }),
  );
