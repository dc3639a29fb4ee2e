import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import type { Proof } from "../../../lib/policy/prove/proof.ts";
import { type DivergenceId, provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { someCalico, someCilium, someWorld } from "../support/generators.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";
import { readVectors, vectorWorld } from "../support/vectors.ts";

const world = vectorWorld();
const none: PolicySide = { engine: "none" };

function global(name: string, spec: JsonObject): JsonObject {
  return { kind: "GlobalNetworkPolicy", metadata: { name }, spec };
}

function clusterwide(name: string, spec: JsonObject): JsonObject {
  return { kind: "CiliumClusterwideNetworkPolicy", metadata: { name }, spec };
}

const pods = { matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "Exists" }] };

function compare(
  calico: readonly JsonObject[],
  cilium: readonly JsonObject[],
  own: World = world,
  accept: readonly DivergenceId[] = [],
): Proof {
  return provePolicies({
    before: calicoSide(calico),
    after: ciliumSide(cilium, own.cilium),
    world: own,
    mode: "closed",
    accept,
  });
}

describe("laws of the comparison", () => {
  test("a set is equal to itself", () => {
    fc.assert(
      fc.property(someWorld, someCalico, someCilium, (own, calico, cilium) => {
        for (const side of [calicoSide(calico), ciliumSide(cilium, own.cilium, true), none])
          expect(provePolicies({ before: side, after: side, world: own, mode: "closed" }).differences).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  test("the order of the input, of pods and of keys changes nothing", () => {
    fc.assert(
      fc.property(someWorld, someCalico, someCilium, (own, calico, cilium) => {
        const once = provePolicies({
          before: calicoSide(calico),
          after: ciliumSide(cilium, own.cilium, true),
          world: own,
          mode: "closed",
        });
        const turned = { ...own, namespaces: new Map([...own.namespaces].reverse()) };
        const again = provePolicies({
          before: calicoSide([...calico].reverse()),
          after: ciliumSide([...cilium].reverse(), own.cilium, true),
          world: turned,
          mode: "closed",
        });
        expect(again.differences).toEqual(once.differences);
      }),
      { numRuns: 15 },
    );
  });

  test("a policy that selects nobody changes nothing", () => {
    fc.assert(
      fc.property(someWorld, someCalico, (own, calico) => {
        const idle = global("idle", { order: 1, selector: "app == 'nobody'", types: ["Ingress", "Egress"] });
        const proof = provePolicies({
          before: calicoSide(calico),
          after: calicoSide([...calico, idle]),
          world: own,
          mode: "closed",
        });
        expect(proof.differences).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });

  test("a rule split by ports is the rule", () => {
    const rule = (ports: (number | string)[]): JsonObject => ({
      action: "Allow",
      protocol: "TCP",
      destination: { ports },
    });
    const whole = global("p", { selector: "app == 'web'", types: ["Ingress"], ingress: [rule(["80:443"])] });
    const parts = global("p", {
      selector: "app == 'web'",
      types: ["Ingress"],
      ingress: [rule(["80:99"]), rule([100]), rule(["101:443"])],
    });

    expect(
      provePolicies({ before: calicoSide([whole]), after: calicoSide([parts]), world, mode: "closed" }).differences,
    ).toEqual([]);
  });

  test("turned round, opened is closed and the causes change sides", () => {
    fc.assert(
      fc.property(someWorld, someCalico, someCilium, (own, calico, cilium) => {
        const [a, b] = [calicoSide(calico), ciliumSide(cilium, own.cilium, true)];
        const there = provePolicies({ before: a, after: b, world: own, mode: "closed" });
        const back = provePolicies({ before: b, after: a, world: own, mode: "closed" });
        const flows = (proof: Proof, direction: string): number =>
          proof.differences.filter((one) => one.direction === direction).reduce((sum, one) => sum + one.flows, 0);
        expect([flows(back, "opened"), flows(back, "closed")]).toEqual([
          flows(there, "closed"),
          flows(there, "opened"),
        ]);
      }),
      { numRuns: 15 },
    );
  });
});

describe("a difference says what it is", () => {
  const web = { selector: "app == 'web'", types: ["Ingress"] };

  test("direction, half, a witness between two pods, both causes with their place, packets and flows", () => {
    const proof = compare(
      [
        global("p", {
          ...web,
          ingress: [
            { action: "Allow", protocol: "TCP", source: { selector: "app == 'cli'" }, destination: { ports: [80] } },
          ],
        }),
      ],
      [
        clusterwide("p", {
          endpointSelector: { ...pods, matchLabels: { app: "web" } },
          ingress: [
            {
              fromEndpoints: [{ matchLabels: { app: "cli" } }],
              toPorts: [{ ports: [{ port: "80", endPort: 81, protocol: "TCP" }] }],
            },
          ],
        }),
      ],
    );

    expect(proof.differences).toEqual([
      {
        direction: "opened",
        half: "ingress",
        witness: {
          from: { kind: "pod", name: "a/cli", address: "10.0.0.2" },
          to: { kind: "pod", name: "a/web", address: "10.0.0.1" },
          protocol: "TCP",
          port: 81,
        },
        before: { verdict: "deny", decidedBy: "end of tier default" },
        after: {
          verdict: "allow",
          decidedBy: "CiliumClusterwideNetworkPolicy/p ingress[0]",
          where: { object: "CiliumClusterwideNetworkPolicy/p", field: "spec.ingress[0]" },
        },
        flows: 2,
        packets: "TCP 81",
        seenIn: "W0",
      },
    ]);
  });

  test.each<[string, JsonObject[], JsonObject[], string | undefined]>([
    [
      "H1: an Allow before a Deny",
      [
        global("p", {
          ...web,
          ingress: [
            { action: "Allow", source: { selector: "app == 'cli'" } },
            { action: "Deny", source: { selector: "all()" } },
          ],
        }),
      ],
      [
        clusterwide("p", {
          endpointSelector: { ...pods, matchLabels: { app: "web" } },
          ingress: [{ fromEndpoints: [{ matchLabels: { app: "cli" } }] }],
          ingressDeny: [{ fromEndpoints: [{}] }],
        }),
      ],
      "H1",
    ],
    [
      "H2: a Pass before a Deny",
      [
        global("p", {
          ...web,
          ingress: [
            { action: "Pass", source: { selector: "app == 'cli'" } },
            { action: "Deny", source: { selector: "all()" } },
            { action: "Allow" },
          ],
        }),
      ],
      [
        clusterwide("p", {
          endpointSelector: { ...pods, matchLabels: { app: "web" } },
          ingress: [{ fromEntities: ["all"] }],
          ingressDeny: [{ fromEndpoints: [{}] }],
        }),
      ],
      "H2",
    ],
    [
      "H3: the end of an earlier tier before a later Allow",
      [
        { kind: "Tier", metadata: { name: "sec" }, spec: { order: 10 } },
        global("sec.p", { tier: "sec", ...web, ingress: [{ action: "Pass", source: { selector: "app == 'cli'" } }] }),
        global("q", { ...web, ingress: [{ action: "Allow" }] }),
      ],
      [
        clusterwide("q", {
          endpointSelector: { ...pods, matchLabels: { app: "web" } },
          ingress: [{ fromEntities: ["all"] }],
        }),
      ],
      "H3",
    ],
    [
      "H4: a fall to the profile under default deny",
      [
        global("p", {
          ...web,
          ingress: [{ action: "Deny", source: { selector: "app == 'cli'" } }, { action: "Pass" }],
        }),
      ],
      [
        clusterwide("p", {
          endpointSelector: { ...pods, matchLabels: { app: "web" } },
          ingressDeny: [{ fromEndpoints: [{ matchLabels: { app: "cli" } }] }],
        }),
      ],
      "H4",
    ],
  ])("hazard %s", (_rule, calico, cilium, hazard) => {
    expect(compare(calico, cilium).differences.map((difference) => difference.hazard)).toContain(hazard);
  });

  test("H6: a Kubernetes policy that allowed before a Deny of a later order", () => {
    const vector = readVectors().find(({ id }) => id === "V42");
    const kubernetes = (vector?.k8s ?? []).map((object) => ({ ...object, apiVersion: "networking.k8s.io/v1" }));

    const proof = compare([...(vector?.calico ?? []), ...kubernetes], [...(vector?.cilium ?? []), ...kubernetes]);

    expect(proof.differences.map(({ hazard }) => hazard)).toEqual([undefined, "H6"]);
  });
});

describe("declared divergences", () => {
  const calico = [global("p", { selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Deny" }] })];
  const cilium = [
    clusterwide("p", {
      endpointSelector: { ...pods, matchLabels: { app: "web" } },
      ingress: [{ fromEntities: ["remote-node"] }],
    }),
  ];

  test("D1: nodes that a deny of everything no longer stops are a difference until somebody accepts them", () => {
    const strict = compare(calico, cilium);
    const lenient = compare(calico, cilium, world, ["D1"]);

    expect(strict.differences.map(({ divergence, witness }) => [divergence, witness.from.name])).toEqual([
      ["D1", "rnode"],
    ]);
    expect(lenient.equal).toBe(true);
    expect(lenient.intended.find(({ id }) => id === "D1")?.flows).toBe(strict.differences[0]?.flows);
  });

  test("accepting D1 accepts nothing but nodes", () => {
    const wide = [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "web" } },
        ingress: [{ fromEntities: ["remote-node", "world"] }],
      }),
    ];

    expect(compare(calico, wide, world, ["D1"]).differences.map(({ witness }) => witness.from.name)).toEqual([
      "203.0.113.7",
    ]);
  });

  test("D8: rarely used protocols that a notProtocol rule loses", () => {
    const everythingButTCP = [
      global("p", { selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Allow", notProtocol: "TCP" }] }),
    ];
    const types = [3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 40, 42, 43].map((type) => ({ family: "IPv4", type }));
    const listed = [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "web" } },
        ingress: [
          {
            toPorts: [
              {
                ports: [
                  { port: "0", protocol: "UDP" },
                  { port: "0", protocol: "SCTP" },
                ],
              },
            ],
          },
          { icmps: [{ fields: types }] },
        ],
      }),
    ];

    expect(
      compare(everythingButTCP, listed).differences.map(({ divergence, direction }) => [divergence, direction]),
    ).toEqual([["D8", "closed"]]);
    expect(compare(everythingButTCP, listed, world, ["D8"]).equal).toBe(true);
  });

  test("what is set aside is listed with its count", () => {
    const set: JsonObject[] = [
      global("p", { selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Log" }, { action: "Allow" }] }),
      {
        kind: "StagedNetworkPolicy",
        metadata: { name: "s", namespace: "a" },
        spec: { selector: "all()", types: ["Ingress"] },
      },
      { kind: "HostEndpoint", metadata: { name: "h" }, spec: { node: "own", interfaceName: "*" } },
    ];
    const proof = compare(set, [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "web" } },
        ingress: [{ fromEntities: ["all"] }],
      }),
    ]);

    expect({
      equal: proof.equal,
      aside: proof.intended.filter(({ id }) => id === "D9" || id === "D10").map(({ id, flows }) => [id, flows]),
    }).toEqual({
      equal: true,
      aside: [
        ["D9", 1],
        ["D10", 2],
      ],
    });
  });
});

describe("ends beyond pods", () => {
  const egressTo = (nets: string[]): JsonObject[] => [
    global("p", { selector: "app == 'cli'", types: ["Egress"], egress: [{ action: "Allow", destination: { nets } }] }),
  ];

  test("a node's address is a remote node or the pod's own, never a prefix", () => {
    const after = [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "cli" } },
        egress: [{ toCIDR: ["172.16.0.2/32"] }],
      }),
    ];

    expect(
      compare(egressTo(["172.16.0.2/32"]), after).differences.map(({ witness, direction }) => [witness.to, direction]),
    ).toEqual([[{ kind: "node", name: "rnode", address: "172.16.0.2" }, "closed"]]);
  });

  test("with policyCIDRMatchMode nodes a prefix is enough", () => {
    const own: World = { ...world, cilium: { ...world.cilium, policyCIDRMatchMode: ["nodes"] } };
    const after = [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "cli" } },
        egress: [{ toCIDR: ["172.16.0.2/32"] }],
      }),
    ];

    expect(compare(egressTo(["172.16.0.2/32"]), after, own).equal).toBe(true);
  });

  test("node selectors tell nodes apart where their labels are switched on", () => {
    const own: World = {
      ...world,
      nodes: world.nodes.map((node) => ({ ...node, labels: { pool: node.name } })),
      cilium: { ...world.cilium, nodeSelectorLabels: true },
    };
    const after = [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "cli" } },
        egress: [{ toNodes: [{ matchLabels: { pool: "rnode" } }] }],
      }),
    ];

    expect(compare(egressTo(["172.16.0.2/32"]), after, own).differences).toEqual([]);
  });

  // Seeds 20261127:17, 20261171:17 and 20261283:15 of the rounds against Calico, shrunk.
  test.each([
    { ports: ["http"], open: [] },
    { ports: [8080], open: ["8080"] },
    { ports: [81, "http"], open: ["81"] },
  ])("of ports $ports of a pod that a selector means by way of a network set, $open are open", ({ ports, open }) => {
    const before = [
      global("p", {
        selector: "app == 'web'",
        types: ["Ingress"],
        ingress: [{ action: "Allow", protocol: "TCP", destination: { selector: "role == 'partner'", ports } }],
      }),
      {
        kind: "GlobalNetworkSet",
        metadata: { name: "s", labels: { role: "partner" } },
        spec: { nets: ["10.0.0.1/32"] },
      },
    ];
    const toPorts = open.map((port) => ({ ports: [{ port, protocol: "TCP" }] }));
    const ingress = open.length === 0 ? [{}] : [{ fromEntities: ["all"], toPorts }];
    const after = [clusterwide("p", { endpointSelector: { ...pods, matchLabels: { app: "web" } }, ingress })];

    expect(compare(before, after).differences).toEqual([]);
  });

  describe("the address of a node's tunnel device", () => {
    const nodes = world.nodes.map((node) =>
      node.name === "rnode"
        ? { ...node, addresses: [...node.addresses, "10.0.9.0"], tunnelAddresses: ["10.0.9.0"] }
        : node,
    );
    const own: World = {
      ...world,
      nodes: nodes.map((node) => ({ ...node, labels: { pool: node.name } })),
      cilium: { ...world.cilium, nodeSelectorLabels: true },
    };
    const peer = [{ matchLabels: { pool: "rnode" } }];

    test("is no destination: a rule that names the node's own address is equal, and what is set aside is counted", () => {
      const after = [
        clusterwide("p", {
          endpointSelector: { ...pods, matchLabels: { app: "cli" } },
          egress: [{ toNodes: peer }],
        }),
      ];
      const proof = compare(egressTo(["172.16.0.2/32"]), after, own);

      expect(proof.differences).toEqual([]);
      expect(proof.intended.find(({ id }) => id === "D13")?.flows).toBeGreaterThan(0);
    });

    test("is a source: the node's packets to other nodes' pods carry it, so a rule that leaves it out opens", () => {
      const before = [
        global("p", {
          selector: "app == 'web'",
          types: ["Ingress"],
          ingress: [{ action: "Allow", source: { nets: ["172.16.0.2/32"] } }],
        }),
      ];
      const after = [
        clusterwide("p", {
          endpointSelector: { ...pods, matchLabels: { app: "web" } },
          ingress: [{ fromNodes: peer }],
        }),
      ];

      expect(
        compare(before, after, own).differences.map(({ direction, witness }) => [direction, witness.from.address]),
      ).toEqual([["opened", "10.0.9.0"]]);
    });
  });

  test("Calico drops what goes to the own node where Felix is told to", () => {
    const own: World = { ...world, endpointToHostAction: "drop" };
    const after = [clusterwide("p", { endpointSelector: pods, egress: [{ toEntities: ["all"] }] })];
    const before = [global("p", { namespaceSelector: "all()", types: ["Egress"], egress: [{ action: "Allow" }] })];

    expect(
      compare(before, after, own).differences.map(({ witness, direction, before: cause }) => [
        witness.to.isOwnNode,
        direction,
        cause.decidedBy,
      ]),
    ).toEqual([[true, "opened", "the pod's own node"]]);
    expect(compare(before, after).equal).toBe(true);
  });

  test("a host endpoint's labels are seen by rules, at its expected addresses", () => {
    const hep: JsonObject = {
      kind: "HostEndpoint",
      metadata: { name: "h", labels: { role: "edge" } },
      spec: { node: "rnode", interfaceName: "eth0", expectedIPs: ["172.16.0.2"] },
    };
    const before = [
      hep,
      global("p", {
        selector: "app == 'web'",
        types: ["Ingress"],
        ingress: [{ action: "Allow", source: { selector: "role == 'edge'" } }],
      }),
    ];
    const after = [
      clusterwide("p", {
        endpointSelector: { ...pods, matchLabels: { app: "web" } },
        ingress: [{ fromEntities: ["remote-node"] }],
      }),
    ];

    // All pods run on "own", so only the edge node is another one to them.
    expect(compare(before, after).equal).toBe(true);
    const elsewhere = { ...world, pods: world.pods.map((one) => ({ ...one, node: "rnode" })) };
    expect(
      compare(before, after, elsewhere).differences.map(({ witness, direction }) => [witness.from.name, direction]),
    ).toEqual([["own", "opened"]]);
  });

  test("a clusterwide subject without a namespace term cuts the health checks of the nodes", () => {
    const before = [global("p", { namespaceSelector: "all()", types: ["Ingress"] })];
    const after = [clusterwide("p", { endpointSelector: {}, ingress: [{}] })];

    expect(
      compare(before, after).differences.map(({ witness, direction }) => [
        witness.to.kind,
        direction,
        witness.protocol,
      ]),
    ).toEqual([["health", "closed", "ICMP"]]);
  });
});

describe("services", () => {
  const own: World = {
    ...world,
    services: [
      {
        namespace: "b",
        name: "db",
        selector: { app: "db" },
        ports: [{ protocol: "TCP", port: 5432, targetPort: 5432 }],
        endpoints: [{ address: "10.0.1.4", protocol: "TCP", port: 5432 }],
      },
    ],
  };
  const before = [
    {
      kind: "NetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: {
        selector: "app == 'cli'",
        types: ["Egress"],
        egress: [{ action: "Allow", destination: { services: { name: "db", namespace: "b" } } }],
      },
    },
  ];
  const translated = (port: string): JsonObject[] => [
    {
      kind: "CiliumNetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: {
        endpointSelector: { matchLabels: { app: "cli" } },
        egress: [
          {
            toEndpoints: [{ matchLabels: { app: "db", "io.kubernetes.pod.namespace": "b" } }],
            toPorts: [{ ports: [{ port, protocol: "TCP" }] }],
          },
        ],
      },
    },
  ];

  test("a service is its endpoints and their ports", () => {
    expect([compare(before, translated("5432"), own).equal, compare(before, translated("5433"), own).equal]).toEqual([
      true,
      false,
    ]);
  });
});

test("HTTP rules are compared request by request", () => {
  const calico = (path: JsonObject): JsonObject[] => [
    global("p", {
      selector: "app == 'web'",
      types: ["Ingress"],
      ingress: [
        { action: "Allow", protocol: "TCP", destination: { ports: [80] }, http: { methods: ["GET"], paths: [path] } },
      ],
    }),
  ];
  const cilium = (path: string): JsonObject[] => [
    clusterwide("p", {
      endpointSelector: { ...pods, matchLabels: { app: "web" } },
      ingress: [
        { toPorts: [{ ports: [{ port: "80", protocol: "TCP" }], rules: { http: [{ method: "GET", path }] } }] },
      ],
    }),
  ];

  expect([
    compare(calico({ exact: "/a" }), cilium("/a")).equal,
    compare(calico({ prefix: "/a" }), cilium("/a.*")).equal,
    compare(calico({ exact: "/a" }), cilium("/b")).differences.map(({ direction, witness }) => [
      direction,
      witness.http,
    ]),
  ]).toEqual([
    true,
    true,
    [
      ["opened", "GET /b"],
      ["closed", "GET /a"],
    ],
  ]);
});

test("nothing on the other side says what protection is lost", () => {
  const before = calicoSide([
    global("p", {
      selector: "app == 'web'",
      types: ["Ingress"],
      ingress: [{ action: "Allow", source: { selector: "app == 'cli'" } }],
    }),
  ]);

  const proof = provePolicies({ before, after: none, world, mode: "closed" });

  expect(
    proof.differences.map(({ direction, before: cause, after }) => [direction, cause.decidedBy, after.decidedBy]),
  ).toEqual([["opened", "end of tier default", "no policy"]]);
});

test("a comparison that stops at its first difference says so by being unequal", () => {
  const calico = [global("p", { selector: "all()", types: ["Ingress", "Egress"] })];
  const input = { before: calicoSide(calico), after: none, world, mode: "closed" as const };

  expect(provePolicies({ ...input, stopAfter: 1 }).differences.length).toBe(1);
  expect(provePolicies(input).differences.length).toBe(2);
});

test("enforcement modes always and never are the agents' own", () => {
  const modes = (["default", "always", "never"] as const).map((enforcementMode) => {
    const own: World = { ...world, cilium: { ...world.cilium, enforcementMode } };
    return compare([], [], own).equal;
  });

  expect(modes).toEqual([true, false, true]);
});
