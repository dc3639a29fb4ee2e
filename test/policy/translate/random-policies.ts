import fc from "fast-check";
import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";

/** What a random set of policies may hold; each feature makes other parts of the translation work. */
export interface Features {
  readonly tiers: boolean;
  readonly kubernetes: boolean;
  readonly nets: boolean;
  readonly networkSets: boolean;
  readonly protocols: "none" | "ports" | "all";
  readonly passes: boolean;
  readonly ownEnd: boolean;
}

export const everyFeature: Features = {
  tiers: true,
  kubernetes: true,
  nets: true,
  networkSets: true,
  protocols: "all",
  passes: true,
  ownEnd: true,
};

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>, of = 2): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: of });

/** Selectors over the labels of the fixture's pods, and over labels that nobody has. */
const selectors: fc.Arbitrary<string> = pick(
  "all()",
  "app == 'web'",
  "app == 'cli'",
  "app == 'db'",
  "app != 'cli'",
  "app in {'web', 'db'}",
  "app not in {'cli', 'batch-7'}",
  "has(zone)",
  "!has(zone)",
  "zone == 'z1'",
  "zone != 'z1'",
  "tier == 'fe' || app == 'db'",
  "app == 'cli' && zone != 'z1'",
  "!(app == 'web' && tier == 'fe')",
  "app starts with 'batch'",
  "app contains 'b'",
  "projectcalico.org/namespace == 'a'",
  "pcns.team == 'x'",
  "projectcalico.org/orchestrator == 'k8s'",
  "k8s-app == 'kube-dns'",
  "role == 'partner'",
);

const namespaceSelectors: fc.Arbitrary<string> = pick(
  "all()",
  "team == 'x'",
  "team != 'x'",
  "has(env)",
  "!has(env)",
  "projectcalico.org/name == 'b'",
  "projectcalico.org/name not in {'a', 'k'}",
  "kubernetes.io/metadata.name == 'a'",
);

const wideNets = pick("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "172.16.0.0/12", "192.0.2.0/24", "198.51.100.0/24");
const anyNets = fc.oneof(
  { arbitrary: wideNets, weight: 4 },
  { arbitrary: pick("10.0.1.0/24", "172.16.0.2/32", "192.0.2.0/25", "0.0.0.0/1", "128.0.0.0/1"), weight: 1 },
);

function clean(record: Record<string, JsonValue | undefined>): JsonObject {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}

function entities(features: Features, isNamespaced: boolean): fc.Arbitrary<JsonObject> {
  const nets = features.nets ? maybe(fc.array(anyNets, { minLength: 1, maxLength: 2 }), 3) : fc.constant(undefined);
  const notNets = features.nets
    ? maybe(
        fc.array(
          anyNets.filter((net) => !net.endsWith("/0")),
          { minLength: 1, maxLength: 2 },
        ),
        6,
      )
    : fc.constant(undefined);
  return fc
    .record({
      selector: maybe(selectors, 2),
      notSelector: maybe(selectors, 6),
      namespaceSelector: maybe(
        fc.oneof({ arbitrary: namespaceSelectors, weight: 5 }, { arbitrary: fc.constant("global()"), weight: 1 }),
        isNamespaced ? 3 : 5,
      ),
      serviceAccounts: maybe(fc.constant({ names: ["default"] } as JsonObject), 12),
      nets,
      notNets,
    })
    .map(clean);
}

const ports: fc.Arbitrary<JsonValue[]> = fc.array(pick<JsonValue>(80, 22, "1:1024", "80:90", 443, "http", "1:65535"), {
  minLength: 1,
  maxLength: 2,
});

function protocolParts(features: Features): fc.Arbitrary<JsonObject> {
  if (features.protocols === "none") return fc.constant({});
  const withPorts = fc
    .record({
      protocol: pick("TCP", "TCP", "UDP"),
      ports: maybe(ports, 3),
      notPorts: maybe(fc.constant([22] as JsonValue[]), 8),
    })
    .map(({ protocol, ports: list, notPorts }) => clean({ protocol, destination: clean({ ports: list, notPorts }) }));
  const others: fc.Arbitrary<JsonObject> = pick<JsonObject>(
    {},
    {},
    {},
    { protocol: "ICMP", icmp: { type: 8 } },
    { protocol: "ICMP" },
    { protocol: "ICMP", notICMP: { type: 8 } },
    { protocol: "SCTP" },
    { protocol: 47 },
    { notProtocol: "TCP" },
    { notProtocol: "UDP" },
    { ipVersion: 4 },
    { ipVersion: 6 },
  );
  return features.protocols === "ports"
    ? fc.oneof(withPorts, fc.constant({}))
    : fc.oneof({ arbitrary: withPorts, weight: 2 }, { arbitrary: others, weight: 3 });
}

function rules(features: Features, direction: "ingress" | "egress", isNamespaced: boolean): fc.Arbitrary<JsonObject> {
  const actions = features.passes
    ? pick("Allow", "Allow", "Deny", "Deny", "Pass", "Log")
    : pick("Allow", "Allow", "Deny", "Deny", "Log");
  const far = direction === "ingress" ? "source" : "destination";
  const near = direction === "ingress" ? "destination" : "source";
  return fc
    .record({
      action: actions,
      parts: protocolParts(features),
      far: maybe(entities(features, isNamespaced), 5),
      near: features.ownEnd
        ? maybe(
            selectors.map((selector): JsonObject => ({ selector })),
            10,
          )
        : fc.constant(undefined),
    })
    .map(({ action, parts, far: farEntity, near: nearEntity }) => {
      const own = (parts["destination"] ?? {}) as JsonObject;
      const { destination: _destination, ...protocol } = parts;
      const both: Record<string, JsonObject> = { source: {}, destination: own };
      both[far] = { ...both[far], ...(farEntity ?? {}) };
      both[near] = { ...both[near], ...(nearEntity ?? {}) };
      const present = Object.fromEntries(Object.entries(both).filter(([, entity]) => Object.keys(entity).length > 0));
      return { action, ...protocol, ...present };
    });
}

function calicoPolicies(features: Features, index: number): fc.Arbitrary<JsonObject> {
  return fc
    .record({
      isGlobal: fc.boolean(),
      namespace: pick("a", "a", "b"),
      order: maybe(
        fc.integer({ min: 1, max: 20 }).map((order) => order * 100 + index),
        1,
      ),
      tier: features.tiers ? pick("default", "default", "sec", "soft") : fc.constant("default"),
      selector: maybe(selectors, 3),
      namespaceSelector: maybe(namespaceSelectors, 3),
      types: pick(["Ingress"], ["Egress"], ["Ingress", "Egress"]),
    })
    .chain((shape) => {
      const list = (direction: "ingress" | "egress"): fc.Arbitrary<JsonObject[]> =>
        shape.types.includes(direction === "ingress" ? "Ingress" : "Egress")
          ? fc.array(rules(features, direction, !shape.isGlobal), { maxLength: 4 })
          : fc.constant([]);
      return fc.record({ ingress: list("ingress"), egress: list("egress") }).map(
        ({ ingress, egress }): JsonObject => ({
          apiVersion: "projectcalico.org/v3",
          kind: shape.isGlobal ? "GlobalNetworkPolicy" : "NetworkPolicy",
          metadata: { name: `p${index}`, ...(!shape.isGlobal && { namespace: shape.namespace }) },
          spec: clean({
            tier: shape.tier,
            order: shape.order,
            selector: shape.selector,
            namespaceSelector: shape.isGlobal ? shape.namespaceSelector : undefined,
            types: shape.types,
            ingress,
            egress,
          }),
        }),
      );
    });
}

const podSelectors: fc.Arbitrary<JsonObject> = pick<JsonObject>(
  {},
  { matchLabels: { app: "web" } },
  { matchLabels: { app: "cli" } },
  { matchExpressions: [{ key: "app", operator: "NotIn", values: ["db"] }] },
);

function kubernetesPolicies(index: number): fc.Arbitrary<JsonObject> {
  const peer: fc.Arbitrary<JsonObject> = fc.oneof(
    podSelectors.map((podSelector): JsonObject => ({ podSelector })),
    pick<JsonObject>({ namespaceSelector: {} }, { namespaceSelector: { matchLabels: { team: "x" } } }),
    pick<JsonObject>({ ipBlock: { cidr: "192.0.2.0/24" } }),
  );
  const rule = (key: "from" | "to"): fc.Arbitrary<JsonObject> =>
    fc
      .record({
        peers: fc.array(peer, { maxLength: 2 }),
        ports: maybe(fc.constant([{ port: 80, protocol: "TCP" }] as JsonValue[]), 2),
      })
      .map(({ peers, ports: list }) => clean({ [key]: peers.length > 0 ? peers : undefined, ports: list }));
  return fc
    .record({
      namespace: pick("a", "b"),
      podSelector: podSelectors,
      types: pick(["Ingress"], ["Egress"], ["Ingress", "Egress"]),
      ingress: fc.array(rule("from"), { maxLength: 2 }),
      egress: fc.array(rule("to"), { maxLength: 2 }),
    })
    .map(({ namespace, podSelector, types, ingress, egress }) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: `k${index}`, namespace },
      spec: {
        podSelector,
        policyTypes: types,
        ...(types.includes("Ingress") && { ingress }),
        ...(types.includes("Egress") && { egress }),
      },
    }));
}

const networkSets: JsonObject[] = [
  {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkSet",
    metadata: { name: "partners", labels: { role: "partner" } },
    spec: { nets: ["192.0.2.0/25"] },
  },
  {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkSet",
    metadata: { name: "tenants", namespace: "a", labels: { app: "cli" } },
    spec: { nets: ["198.51.100.0/24"] },
  },
];

const tiers: JsonObject[] = [
  { apiVersion: "projectcalico.org/v3", kind: "Tier", metadata: { name: "sec" }, spec: { order: 10 } },
  {
    apiVersion: "projectcalico.org/v3",
    kind: "Tier",
    metadata: { name: "soft" },
    spec: { order: 20, defaultAction: "Pass" },
  },
];

/** Sets of one to five policies with what they need around them; orders differ from policy to policy. */
export function policySets(features: Features): fc.Arbitrary<JsonObject[]> {
  const policy = (index: number): fc.Arbitrary<JsonObject> =>
    features.kubernetes
      ? fc.oneof(
          { arbitrary: calicoPolicies(features, index), weight: 5 },
          { arbitrary: kubernetesPolicies(index), weight: 1 },
        )
      : calicoPolicies(features, index);
  return fc
    .integer({ min: 1, max: 5 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => policy(index))))
    .map((policies) => [...(features.networkSets ? networkSets : []), ...(features.tiers ? tiers : []), ...policies]);
}
