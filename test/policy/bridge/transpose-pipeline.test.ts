import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { getArray } from "../../../lib/core/json.ts";
import type { World, WorldService } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { mixedCase } from "./mixed-case.ts";

const web: WorldService = {
  namespace: "shop",
  name: "web",
  selector: { app: "web" },
  ports: [
    { protocol: "TCP", port: 80, targetPort: 8080 },
    { protocol: "UDP", port: 53, targetPort: "dns" },
  ],
  endpoints: [],
};
const outside: WorldService = {
  namespace: "shop",
  name: "outside",
  ports: [{ protocol: "TCP", port: 443, targetPort: 443 }],
  endpoints: [],
};

const single: World = {
  ...emptyWorld({ sourcePodCIDRs: ["10.244.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
  families: [4],
  services: [web, outside],
};
const dual: World = {
  ...single,
  families: [4, 6],
  podCIDRs: { source: ["10.244.0.0/16", "fd00:244::/64"], target: ["10.245.0.0/16", "fd00:245::/64"] },
};

const global = (name: string, spec: JsonObject): JsonObject => ({
  kind: "GlobalNetworkPolicy",
  metadata: { name },
  spec: { order: 100, ...spec },
});
const allow = (entry: JsonObject = {}): JsonObject => ({ action: "Allow", ...entry });

/** The rules that a mirror has between the probe pods' and the closing Pass. */
function mirrored(objects: readonly JsonObject[], own: "egress" | "ingress", world = single): readonly unknown[] {
  const { mirrors } = mixedCase(objects, world);
  const mirror = mirrors.find(({ metadata }) => (metadata as JsonObject)["name"] === `metachron-mirror.${own}`);
  return getArray(mirror, "spec", own).slice(world.families.length, -1);
}

const pod = "projectcalico.org/orchestrator == 'k8s'";
const nets = ["10.245.0.0/16"];
const six = ["fd00:245::/64"];
const a = { selector: `${pod} && app == 'a'`, nets };
const a6 = { selector: `${pod} && app == 'a'`, nets: six };
const inShop = { selector: `${pod} && app == 'a' && projectcalico.org/namespace == 'shop'`, nets };
const shop = { selector: `${pod} && projectcalico.org/namespace == 'shop'`, nets };
const behindWeb = { selector: `${pod} && projectcalico.org/namespace == 'shop' && app == 'web'` };
const endOfA = { action: "Deny", destination: a };

interface Row {
  readonly title: string;
  readonly objects: readonly JsonObject[];
  readonly world?: World;
  readonly egress?: readonly unknown[];
  readonly ingress?: readonly unknown[];
}

const rows: readonly Row[] = [
  {
    title: "an Allow becomes a Pass, the end of the tier a Deny, and the subject is guarded against network sets",
    objects: [
      global("p", {
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [
          allow({ protocol: "TCP", source: { selector: "app == 'b'" }, destination: { ports: [80, "http", "90:99"] } }),
        ],
      }),
    ],
    egress: [
      {
        action: "Pass",
        protocol: "TCP",
        source: { selector: "app == 'b'" },
        destination: { ...a, ports: [80, "http", "90:99"] },
      },
      endOfA,
    ],
    ingress: [],
  },
  {
    title: "an egress policy is mirrored at the pods that hear",
    objects: [
      global("p", {
        selector: "app == 'a'",
        types: ["Egress"],
        egress: [{ action: "Deny", destination: { notSelector: "app == 'b'", notPorts: [53] }, protocol: "UDP" }],
      }),
    ],
    egress: [],
    ingress: [
      { action: "Deny", protocol: "UDP", source: a, destination: { notSelector: "app == 'b'", notPorts: [53] } },
      { action: "Deny", source: a },
    ],
  },
  {
    title: "Log rules, staged policies, doNotTrack and preDNAT have no mirror",
    objects: [
      global("p", { selector: "app == 'a'", types: ["Ingress"], ingress: [{ action: "Log" }] }),
      { ...global("s", { selector: "app == 'c'", types: ["Ingress"] }), kind: "StagedGlobalNetworkPolicy" },
      global("t", { selector: "app == 'd'", types: ["Ingress"], doNotTrack: true, applyOnForward: true }),
      global("n", { selector: "app == 'e'", types: ["Ingress"], preDNAT: true, applyOnForward: true }),
    ],
    egress: [endOfA],
    ingress: [],
  },
  {
    title:
      "a Pass becomes its conjunction with the tiers after it, then a Pass; the end of a tier stands before the next tier",
    objects: [
      { kind: "Tier", metadata: { name: "sec" }, spec: { order: 10 } },
      global("sec.p", {
        tier: "sec",
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [{ action: "Pass", protocol: "TCP" }],
      }),
      global("q", {
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [allow({ source: { selector: "app == 'b'" } })],
      }),
    ],
    egress: [
      { action: "Pass", protocol: "TCP", source: { selector: "app == 'b'" }, destination: a },
      { action: "Deny", protocol: "TCP", destination: a },
      { action: "Pass", protocol: "TCP", destination: a },
      endOfA,
      { action: "Pass", source: { selector: "app == 'b'" }, destination: a },
      endOfA,
    ],
  },
  {
    title: "a tier that passes at its end has no Deny",
    objects: [
      { kind: "Tier", metadata: { name: "soft" }, spec: { order: 10, defaultAction: "Pass" } },
      global("soft.p", {
        tier: "soft",
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [{ action: "Deny", protocol: "SCTP" }],
      }),
    ],
    egress: [{ action: "Deny", protocol: "SCTP", destination: a }],
  },
  {
    title: "two policies with the same subjects close once",
    objects: [
      global("p", { selector: "app == 'a'", types: ["Ingress"], ingress: [] }),
      global("q", { selector: "app == 'a'", types: ["Ingress"], ingress: [] }),
    ],
    egress: [endOfA],
  },
  {
    title: "a stored policy without types governs both directions",
    objects: [
      { ...global("default.p", { selector: "app == 'a'", ingress: [] }), apiVersion: "crd.projectcalico.org/v1" },
    ],
    egress: [endOfA],
    ingress: [{ action: "Deny", source: a }],
  },
  {
    title: "a namespaced policy is written with its namespace, its peers with their inherited labels",
    objects: [
      {
        kind: "NetworkPolicy",
        metadata: { name: "p", namespace: "shop" },
        spec: {
          order: 1,
          selector: "app == 'a'",
          types: ["Ingress"],
          ingress: [
            allow({ source: { namespaceSelector: "team == 'x'", selector: "role == 'r'" } }),
            allow({ source: { serviceAccounts: { names: ["robot"], selector: "kind == 'k'" } } }),
            allow({ source: { nets: ["192.0.2.0/24"] } }),
          ],
        },
      },
    ],
    egress: [
      { action: "Pass", source: { selector: "pcns.team == 'x' && role == 'r'" }, destination: inShop },
      {
        action: "Pass",
        source: {
          selector:
            "projectcalico.org/namespace == 'shop' && projectcalico.org/serviceaccount == 'robot' && pcsa.kind == 'k'",
        },
        destination: inShop,
      },
      { action: "Pass", source: { nets: ["192.0.2.0/24"] }, destination: inShop },
      { action: "Deny", destination: inShop },
    ],
  },
  {
    title:
      "a Service that sources name becomes the pods behind it; one that does not exist or has no pods becomes nothing",
    objects: [
      {
        kind: "NetworkPolicy",
        metadata: { name: "p", namespace: "shop" },
        spec: {
          order: 1,
          selector: "app == 'a'",
          types: ["Egress"],
          egress: ["web", "outside", "gone"].map((name) =>
            allow({ destination: { services: { namespace: "shop", name } } }),
          ),
        },
      },
    ],
    ingress: [
      { action: "Pass", protocol: "TCP", source: inShop, destination: { ...behindWeb, ports: [8080] } },
      { action: "Pass", protocol: "UDP", source: inShop, destination: { ...behindWeb, ports: ["dns"] } },
      { action: "Deny", source: inShop },
    ],
  },
  {
    title: "one rule for each address family that the nets and the protocol leave",
    objects: [
      global("p", {
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [
          allow({ protocol: "ICMP", icmp: { type: 8 } }),
          allow({ source: { nets: ["2001:db8::/32"] } }),
          allow({ protocol: "ICMPv6", source: { nets: ["192.0.2.0/24"] } }),
        ],
      }),
    ],
    world: dual,
    egress: [
      { action: "Pass", protocol: "ICMP", icmp: { type: 8 }, destination: a },
      { action: "Pass", source: { nets: ["2001:db8::/32"] }, destination: a6 },
      { action: "Deny", destination: a },
      { action: "Deny", destination: a6 },
    ],
  },
  {
    title: "nets at the subject's own end are met with the new pool; without an address left the rule goes",
    objects: [
      global("p", {
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [allow({ destination: { nets: ["10.0.0.0/8"] } }), allow({ destination: { nets: ["192.0.2.0/24"] } })],
      }),
    ],
    egress: [{ action: "Pass", destination: a }, endOfA],
  },
  {
    title: "a Kubernetes NetworkPolicy stands at order 1000 of the default tier",
    objects: [
      global("late", { order: 2000, selector: "app == 'a'", types: ["Ingress"], ingress: [allow()] }),
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "k", namespace: "shop" },
        spec: {
          podSelector: {},
          policyTypes: ["Ingress"],
          ingress: [{ from: [{ podSelector: { matchLabels: { app: "b" } } }] }],
        },
      },
    ],
    egress: [
      {
        action: "Pass",
        source: { selector: `${pod} && projectcalico.org/namespace == 'shop' && app == 'b'` },
        destination: shop,
      },
      { action: "Pass", destination: a },
      { action: "Deny", destination: shop },
      endOfA,
    ],
  },
];

describe("each rule of the mirror", () => {
  test.each(rows)("$title", ({ objects, world, egress, ingress }) => {
    if (egress !== undefined) expect(mirrored(objects, "egress", world)).toEqual(egress);
    if (ingress !== undefined) expect(mirrored(objects, "ingress", world)).toEqual(ingress);
  });
});

test("the tier stands below every other one and is transparent", () => {
  const { mirrors } = mixedCase(
    [{ kind: "Tier", metadata: { name: "sec" }, spec: { order: -7 } }, global("p", { selector: "all()" })],
    single,
  );

  expect(mirrors[0]).toEqual({
    apiVersion: "projectcalico.org/v3",
    kind: "Tier",
    metadata: { name: "metachron-mirror" },
    spec: { order: -8, defaultAction: "Pass" },
  });
});

interface Refusal {
  readonly title: string;
  readonly objects: readonly JsonObject[];
  readonly codes: readonly string[];
}

const ingressFrom = (source: JsonObject): JsonObject =>
  global("p", { selector: "app == 'a'", types: ["Ingress"], ingress: [allow({ source })] });
const partners = (own: readonly string[]): JsonObject => ({
  kind: "GlobalNetworkSet",
  metadata: { name: "partners", labels: { role: "partner" } },
  spec: { nets: [...own] },
});

const refusals: readonly Refusal[] = [
  {
    title: "a net that covers a part of a pool",
    objects: [ingressFrom({ nets: ["10.244.3.0/24"] })],
    codes: ["bridge/net-splits-pool"],
  },
  {
    title: "a net that covers the old pool alone",
    objects: [ingressFrom({ nets: ["10.244.0.0/16"] })],
    codes: ["bridge/net-separates-pools"],
  },
  {
    title: "a notNet that covers the old pool alone",
    objects: [ingressFrom({ notNets: ["10.244.0.0/16"] })],
    codes: ["bridge/net-separates-pools"],
  },
  {
    title: "nothing, once the new pool stands beside it",
    objects: [ingressFrom({ nets: ["10.244.0.0/16", "10.245.0.0/16"] })],
    codes: [],
  },
  { title: "nothing, where one net covers both", objects: [ingressFrom({ nets: ["10.0.0.0/8"] })], codes: [] },
  {
    title: "a network set that covers the old pool alone",
    objects: [partners(["10.244.0.0/16"]), ingressFrom({ selector: "role == 'partner'" })],
    codes: ["bridge/net-separates-pools"],
  },
  {
    title: "a network set over pods where two selectors meet",
    objects: [
      partners(["10.0.0.0/8"]),
      global("p", {
        selector: "app == 'a'",
        types: ["Ingress"],
        ingress: [allow({ destination: { selector: "role == 'partner'" } })],
      }),
    ],
    codes: ["bridge/network-set-over-pods"],
  },
];

test.each(refusals)("an exact bridge is refused for $title", ({ objects, codes }) => {
  expect(mixedCase(objects, single).bridge.findings.map(({ code }) => code)).toEqual(codes);
});
