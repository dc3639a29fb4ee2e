import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { Proof } from "../../../lib/policy/prove/proof.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import { replayWitness } from "../../../lib/policy/prove/replay-witness.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";
import { readVectors, vectorWorld } from "../support/vectors.ts";

/** A rule element or selector while it is being spoilt. */
type Loose = Record<string, unknown>;

/** What a translator got: Calico's objects and the right Cilium objects for them. */
interface Translation {
  readonly calico: readonly JsonObject[];
  readonly cilium: readonly JsonObject[];
  readonly world: World;
}

const vectors = new Map(readVectors().map((vector) => [vector.id, vector]));

function fromVector(id: string, isLocalClusterOff = false): Translation {
  const vector = vectors.get(id);
  if (vector === undefined) throw new Error(`no vector ${id}`);
  const group = vector.raw ? "crd.projectcalico.org/v1" : "projectcalico.org/v3";
  const kubernetes = vector.k8s.map((object) => ({ ...object, apiVersion: "networking.k8s.io/v1" }));
  return {
    calico: [...vector.calico.map((object) => ({ ...object, apiVersion: group })), ...kubernetes],
    cilium: [...vector.cilium, ...kubernetes],
    world: vectorWorld(isLocalClusterOff),
  };
}

/** A copy of the objects in which one rule (of the object in that place) was changed. */
function spoil(objects: readonly JsonObject[], change: (spec: Loose) => void, place = 0): JsonObject[] {
  const copy = structuredClone(objects) as JsonObject[];
  const object = copy[place] as unknown as { spec?: Loose; specs?: Loose[] };
  const spec = object.spec ?? object.specs?.[0];
  if (spec !== undefined) change(spec);
  return copy;
}

const element = (spec: Loose, section: string, place = 0): Loose => (spec[section] as Loose[])[place] ?? {};
const ports = (spec: Loose, section: string, place = 0): Loose[] =>
  ((element(spec, section, place)["toPorts"] as Loose[])[0]?.["ports"] as Loose[]) ?? [];
const peer = (spec: Loose, section: string, key: string, place = 0): Loose =>
  (element(spec, section, place)[key] as Loose[])[0] ?? {};
const labels = (selector: Loose): Record<string, string> => selector["matchLabels"] as Record<string, string>;

const denyAll: Translation = {
  calico: [
    { kind: "GlobalNetworkPolicy", metadata: { name: "p" }, spec: { namespaceSelector: "all()", types: ["Ingress"] } },
  ],
  cilium: [
    {
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: "p" },
      spec: {
        endpointSelector: { matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "Exists" }] },
        ingress: [{}],
      },
    },
  ],
  world: vectorWorld(),
};

const staged: Translation = {
  calico: [
    {
      kind: "StagedNetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: { selector: "app == 'web'", types: ["Ingress"] },
    },
  ],
  cilium: [],
  world: vectorWorld(),
};

const dualStack: Translation = {
  calico: [
    {
      kind: "NetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: {
        selector: "app == 'web'",
        types: ["Ingress"],
        ingress: [{ action: "Allow", source: { notNets: ["10.0.0.0/8"] } }],
      },
    },
  ],
  cilium: [
    {
      kind: "CiliumNetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: {
        endpointSelector: { matchLabels: { app: "web" } },
        ingress: [{ fromCIDRSet: [{ cidr: "0.0.0.0/0", except: ["10.0.0.0/8"] }] }, { fromEntities: ["remote-node"] }],
      },
    },
  ],
  world: withFamilies(vectorWorld()),
};

function withFamilies(world: World): World {
  const pods = world.pods.map((pod, index) => ({ ...pod, addresses: [...pod.addresses, `fd00::${index + 1}`] }));
  return { ...world, pods, families: [4, 6], cilium: { ...world.cilium, families: [4, 6] } };
}

const robots: Translation = {
  calico: [
    {
      kind: "NetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: {
        selector: "app == 'web'",
        types: ["Ingress"],
        ingress: [{ action: "Allow", source: { serviceAccounts: { names: ["robot"] } } }],
      },
    },
  ],
  cilium: [
    {
      kind: "CiliumNetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: {
        endpointSelector: { matchLabels: { app: "web" } },
        ingress: [{ fromEndpoints: [{ matchLabels: { "io.cilium.k8s.policy.serviceaccount": "robot" } }] }],
      },
    },
  ],
  world: vectorWorld(),
};

/** A translator that gets one thing wrong: where it shows, and what it writes. */
type Wrong = readonly [name: string, of: Translation, write: (cilium: readonly JsonObject[]) => JsonObject[]];

const wrong: readonly Wrong[] = [
  [
    "drops the peer's label",
    fromVector("V02"),
    (c) => spoil(c, (s) => delete labels(peer(s, "ingress", "fromEndpoints"))["app"]),
  ],
  [
    "drops the subject's label",
    fromVector("V02"),
    (c) =>
      spoil(c, (s) => {
        s["endpointSelector"] = {};
      }),
  ],
  [
    "drops the namespace label of a peer",
    fromVector("V04"),
    (c) => spoil(c, (s) => delete labels(peer(s, "ingress", "fromEndpoints"))["io.cilium.k8s.namespace.labels.team"]),
  ],
  [
    "writes the namespace label under another key",
    fromVector("V04"),
    (c) =>
      spoil(c, (s) => {
        const l = labels(peer(s, "ingress", "fromEndpoints"));
        l["io.kubernetes.pod.namespace.labels.team"] = l["io.cilium.k8s.namespace.labels.team"] ?? "";
        delete l["io.cilium.k8s.namespace.labels.team"];
      }),
  ],
  [
    "turns a deny into an allow",
    fromVector("V10"),
    (c) =>
      spoil(c, (s) => {
        s["ingress"] = s["ingressDeny"];
        delete s["ingressDeny"];
      }),
  ],
  [
    "turns an allow into a deny",
    fromVector("V02"),
    (c) =>
      spoil(c, (s) => {
        s["ingressDeny"] = s["ingress"];
        delete s["ingress"];
      }),
  ],
  [
    "widens a port by one",
    fromVector("V14"),
    (c) =>
      spoil(c, (s) => {
        Object.assign(ports(s, "egress")[0] ?? {}, { endPort: 444 });
      }),
  ],
  [
    "is off by one at the end of a range",
    fromVector("V27"),
    (c) =>
      spoil(c, (s) => {
        Object.assign(ports(s, "ingress")[0] ?? {}, { endPort: 22 });
      }),
  ],
  [
    "loses one of several ranges",
    fromVector("V27"),
    (c) =>
      spoil(c, (s) => {
        ports(s, "ingress").pop();
      }),
  ],
  ["drops the ports", fromVector("V14"), (c) => spoil(c, (s) => delete element(s, "egress")["toPorts"])],
  ["drops the ports of a deny", fromVector("V10"), (c) => spoil(c, (s) => delete element(s, "ingressDeny")["toPorts"])],
  [
    "writes ANY for a rule without a protocol",
    fromVector("V02"),
    (c) =>
      spoil(c, (s) => {
        element(s, "ingress")["toPorts"] = [{ ports: [{ port: "0", protocol: "ANY" }] }];
      }),
  ],
  [
    "writes UDP for TCP",
    fromVector("V14"),
    (c) =>
      spoil(c, (s) => {
        Object.assign(ports(s, "egress")[0] ?? {}, { protocol: "UDP" });
      }),
  ],
  [
    "leaves the protocol of a port out",
    fromVector("V14"),
    (c) => spoil(c, (s) => delete ports(s, "egress")[0]?.["protocol"]),
  ],
  [
    "writes the number that a port name often has",
    fromVector("V26"),
    (c) =>
      spoil(c, (s) => {
        Object.assign(ports(s, "ingress")[0] ?? {}, { port: "80" });
      }),
  ],
  [
    "removes Exists beside a negative namespace term",
    fromVector("V05", true),
    (c) =>
      spoil(c, (s) => {
        const p = peer(s, "ingress", "fromEndpoints");
        p["matchExpressions"] = (p["matchExpressions"] as Loose[]).filter((e) => e["operator"] !== "Exists");
      }),
  ],
  [
    "removes Exists from a clusterwide subject",
    denyAll,
    (c) =>
      spoil(c, (s) => {
        s["endpointSelector"] = {};
      }),
  ],
  [
    "makes a global policy namespaced",
    fromVector("V03"),
    (c) =>
      [{ ...(c[0] as JsonObject), kind: "CiliumNetworkPolicy", metadata: { name: "p", namespace: "a" } }].map(
        (o) =>
          spoil([o], (s) => {
            s["endpointSelector"] = { matchLabels: { app: "web" } };
            const p = peer(s, "ingress", "fromEndpoints");
            delete p["matchExpressions"];
          })[0] as JsonObject,
      ),
  ],
  [
    "makes a namespaced policy global",
    fromVector("V02"),
    (c) => [{ ...(c[0] as JsonObject), kind: "CiliumClusterwideNetworkPolicy", metadata: { name: "p" } }],
  ],
  [
    "turns NotIn into In",
    fromVector("V06"),
    (c) =>
      spoil(c, (s) => {
        for (const e of peer(s, "ingress", "fromEndpoints")["matchExpressions"] as Loose[])
          if (e["operator"] === "NotIn") e["operator"] = "In";
      }),
  ],
  [
    "forgets one alternative of a subject",
    fromVector("V07"),
    (c) =>
      spoil(c, (s) => {
        for (const e of (s["endpointSelector"] as Loose)["matchExpressions"] as Loose[])
          if (e["operator"] === "In") (e["values"] as string[]).pop();
      }),
  ],
  [
    "writes the start of a value as the value",
    fromVector("V08"),
    (c) =>
      spoil(c, (s) => {
        for (const e of peer(s, "ingress", "fromEndpoints")["matchExpressions"] as Loose[]) e["values"] = ["batch"];
      }),
  ],
  [
    "writes a later deny-all as a deny",
    fromVector("V09"),
    (c) => [
      ...c,
      {
        kind: "CiliumClusterwideNetworkPolicy",
        metadata: { name: "deny-all" },
        spec: {
          endpointSelector: { matchLabels: { "io.cilium.k8s.namespace.labels.team": "x" } },
          egressDeny: [{ toEntities: ["world", "cluster"] }],
        },
      },
    ],
  ],
  ["turns Pass into Allow", fromVector("V39"), (c) => spoil(c, (s) => delete element(s, "ingress")["toPorts"])],
  [
    "ignores Pass",
    fromVector("V12"),
    (c) =>
      spoil(c, (s) => {
        (s["ingress"] as Loose[]).shift();
      }),
  ],
  [
    "ignores a tier's end",
    fromVector("V39"),
    (c) =>
      spoil(c, (s) => {
        peer(s, "ingress", "fromEndpoints")["matchLabels"] = {};
      }),
  ],
  [
    "switches default deny off",
    fromVector("V02"),
    (c) =>
      spoil(c, (s) => {
        s["enableDefaultDeny"] = { ingress: false };
      }),
  ],
  ["switches default deny on", fromVector("V13"), (c) => spoil(c, (s) => delete s["enableDefaultDeny"])],
  [
    "writes a prefix for pods",
    fromVector("V15"),
    (c) =>
      spoil(c, (s) => {
        s["egress"] = (s["egress"] as Loose[]).slice(0, 1);
      }),
  ],
  [
    "forgets nodes in 0.0.0.0/0",
    fromVector("V15"),
    (c) =>
      spoil(c, (s) => {
        s["egress"] = (s["egress"] as Loose[]).filter((e) => e["toEntities"] === undefined);
      }),
  ],
  [
    "writes world for a prefix",
    fromVector("V14"),
    (c) =>
      spoil(c, (s) => {
        const e = element(s, "egress");
        delete e["toCIDRSet"];
        e["toEntities"] = ["world"];
      }),
  ],
  [
    "writes world for everybody",
    fromVector("V25"),
    (c) =>
      spoil(c, (s) => {
        element(s, "ingress")["fromEntities"] = ["world"];
      }),
  ],
  [
    "writes ICMP type 0",
    fromVector("V28"),
    (c) =>
      spoil(c, (s) => {
        element(s, "ingress")["icmps"] = [{ fields: [{ family: "IPv4", type: 0 }] }];
      }),
  ],
  [
    "writes all of ICMP for one type",
    fromVector("V28"),
    (c) =>
      spoil(c, (s) => {
        delete element(s, "ingress")["icmps"];
        element(s, "ingress")["fromEntities"] = ["all"];
      }),
  ],
  [
    "exchanges the directions",
    fromVector("V02"),
    (c) =>
      spoil(c, (s) => {
        s["egress"] = [{ toEndpoints: element(s, "ingress")["fromEndpoints"] }];
        delete s["ingress"];
      }),
  ],
  ["loses one of two policies", fromVector("V32"), (c) => c.slice(0, 1)],
  [
    "drops the service account",
    robots,
    (c) =>
      spoil(c, (s) => {
        element(s, "ingress")["fromEndpoints"] = [{}];
      }),
  ],
  [
    "takes all() for global()",
    fromVector("V23"),
    (c) =>
      spoil(c, (s) => {
        s["ingress"] = (s["ingress"] as Loose[]).slice(1);
      }),
  ],
  [
    "takes Log for Allow",
    fromVector("V33"),
    (c) =>
      spoil(c, (s) => {
        (s["ingress"] as Loose[]).push({ fromEntities: ["all"] });
      }),
  ],
  [
    "enforces a staged policy",
    staged,
    () => [
      {
        kind: "CiliumNetworkPolicy",
        metadata: { name: "p", namespace: "a" },
        spec: { endpointSelector: { matchLabels: { app: "web" } }, ingress: [{}] },
      },
    ],
  ],
  ["fills in the types of a stored policy", fromVector("V34"), (c) => spoil(c, (s) => delete s["egress"])],
  [
    "lets a rule bound to IPv4 allow IPv6",
    dualStack,
    (c) =>
      spoil(c, (s) => {
        element(s, "ingress")["fromCIDRSet"] = [{ cidr: "0.0.0.0/0", except: ["10.0.0.0/8"] }, { cidr: "::/0" }];
      }),
  ],
  [
    "drops an exception",
    dualStack,
    (c) =>
      spoil(c, (s) => {
        element(s, "ingress")["fromCIDRSet"] = [{ cidr: "0.0.0.0/0" }];
      }),
  ],
  [
    "lets a Deny after Kubernetes policies beat them",
    fromVector("V43"),
    (c) =>
      spoil(c, (s) => {
        s["ingressDeny"] = [{ fromEntities: ["world", "remote-node"] }, { fromEndpoints: [{}] }];
        delete s["ingress"];
      }),
  ],
  ["loses everything", fromVector("V02"), () => []],
];

function prove({ calico, world }: Translation, cilium: readonly JsonObject[]): Proof {
  return provePolicies({
    before: calicoSide(calico),
    after: ciliumSide(cilium, world.cilium),
    world,
    mode: "closed",
    accept: ["D1"],
  });
}

describe("a translator that gets one thing wrong is rejected", () => {
  test("there are enough of them", () => {
    expect(wrong.length).toBeGreaterThanOrEqual(40);
  });

  test.each(wrong)("%s", (_name, translation, write) => {
    const spoilt = write(translation.cilium);
    const right = prove(translation, translation.cilium);
    const found = prove(translation, spoilt);

    // dualStack leaves IPv6 of nodes to itself: what counts is that the spoilt form differs from the right one.
    const isBaseEqual = translation === dualStack || right.equal;
    expect({ isBaseEqual, equal: found.equal }).toEqual({ isBaseEqual: true, equal: false });
    const { world } = translation;
    const after = ciliumSide(spoilt, world.cilium);
    const replayed = found.differences
      .filter(({ witness }) => witness.to.kind !== "health")
      .map(({ witness, half }) => replayWitness(witness, half, after, world)?.verdict);
    expect(replayed).toEqual(
      found.differences
        .filter(({ witness }) => witness.to.kind !== "health")
        .map(({ after: verdict }) => verdict.verdict),
    );
  });
});
