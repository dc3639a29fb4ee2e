import { expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { sortedUnique } from "../../../lib/core/order.ts";
import type { MixedProof } from "../../../lib/policy/bridge/mixed-proof.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { type MixedCase, mixedCase, proveCase } from "./mixed-case.ts";

const pod = (name: string, app: string, node: string, last: number): WorldPod => ({
  namespace: "lab",
  name,
  labels: { app },
  serviceAccount: "default",
  node,
  addresses: [`10.244.0.${last}`],
  namedPorts: [],
  workload: name,
});

/** The lab of the pilot: mesh pods, other pods, two nodes. */
const lab: World = {
  ...emptyWorld({ sourcePodCIDRs: ["10.244.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
  namespaces: new Map([["lab", { "kubernetes.io/metadata.name": "lab" }]]),
  serviceAccounts: new Map([["lab/default", {}]]),
  pods: [
    pod("m1", "mesh", "n1", 1),
    pod("m2", "mesh", "n2", 2),
    pod("x1", "other", "n1", 3),
    pod("x2", "other", "n2", 4),
  ],
  nodes: [
    { name: "n1", labels: {}, addresses: ["172.16.0.1"], isControlPlane: false },
    { name: "n2", labels: {}, addresses: ["172.16.0.2"], isControlPlane: false },
  ],
  families: [4],
  isInventoryKnown: true,
};

const mesh: JsonObject = {
  kind: "GlobalNetworkPolicy",
  metadata: { name: "mesh" },
  spec: {
    order: 100,
    selector: "app == 'mesh'",
    types: ["Ingress", "Egress"],
    ingress: [
      { action: "Allow", protocol: "TCP", source: { selector: "app == 'mesh'" }, destination: { ports: [8080] } },
    ],
    egress: [{ action: "Allow", protocol: "TCP", destination: { selector: "app == 'mesh'", ports: [8080] } }],
  },
};

test("the pilot's example is exact in all four rows", () => {
  const one = mixedCase([mesh], lab);

  const proof = proveCase([mesh], lab, one);

  expect(one.bridge.findings).toEqual([]);
  expect({ equal: proof.equal, differences: proof.differences, rows: proof.rows }).toEqual({
    equal: true,
    differences: [],
    rows: [
      { row: "old-to-old", flows: 52, differences: 0 },
      { row: "new-to-new", flows: 52, differences: 0 },
      { row: "old-to-new", flows: 12, differences: 0 },
      { row: "new-to-old", flows: 24, differences: 0 },
    ],
  });
});

test("without the mirrors the bridge opens what the pilot saw open", () => {
  const one = mixedCase([mesh], lab);

  const proof = proveCase([mesh], lab, { ...one, mirrors: [] });

  expect(
    proof.differences.map((d) => [d.row, d.place, d.direction, d.half, d.before.decidedBy, d.after.decidedBy]),
  ).toEqual([
    [
      "old-to-new",
      undefined,
      "opened",
      "ingress",
      "end of tier default",
      "CiliumClusterwideNetworkPolicy/metachron-bridge ingress[0]",
    ],
    [
      "new-to-old",
      "other node",
      "opened",
      "egress",
      "end of tier default",
      "CiliumClusterwideNetworkPolicy/metachron-bridge egress[1]",
    ],
    [
      "new-to-old",
      "same node",
      "opened",
      "egress",
      "end of tier default",
      "CiliumClusterwideNetworkPolicy/metachron-bridge egress[0]",
    ],
  ]);
});

/** `old-to-new, opened` for every row, place and direction in which something differs. */
function summary({ differences }: MixedProof): string[] {
  return sortedUnique(
    differences.map(({ row, place, direction }) =>
      [row, ...(place === undefined ? [] : [place]), direction].join(", "),
    ),
  );
}

interface Missing {
  readonly title: string;
  readonly without: (one: MixedCase) => MixedCase;
  readonly differences: readonly string[];
}

const drop = (name: string, objects: readonly JsonObject[]): JsonObject[] =>
  objects.filter(({ metadata }) => (metadata as JsonObject)["name"] !== name);

/** The order of applying and of removing follows from this table. */
const missing: readonly Missing[] = [
  {
    title: "the mirror of ingress: pods on the source reach what a moved pod refuses",
    without: (one) => ({ ...one, mirrors: drop("metachron-mirror.egress", one.mirrors) }),
    differences: ["old-to-new, opened"],
  },
  {
    title: "the mirror of egress: pods on the source hear what a moved pod may not say",
    without: (one) => ({ ...one, mirrors: drop("metachron-mirror.ingress", one.mirrors) }),
    differences: ["new-to-old, other node, opened", "new-to-old, same node, opened"],
  },
  {
    title: "the bridge policy: nothing opens, so it goes first",
    without: (one) => ({ ...one, bridgePolicies: [] }),
    differences: ["new-to-old, other node, closed", "new-to-old, same node, closed", "old-to-new, closed"],
  },
  {
    title: "all of them: crossings are cut and nothing opens, so mirrors may go once the bridge policy is gone",
    without: (one) => ({ ...one, mirrors: [], bridgePolicies: [] }),
    differences: ["new-to-old, other node, closed", "new-to-old, same node, closed", "old-to-new, closed"],
  },
  { title: "nothing", without: (one) => one, differences: [] },
];

test.each(missing)("what a missing object of the bridge opens and closes: $title", ({ without, differences }) => {
  expect(summary(proveCase([mesh], lab, without(mixedCase([mesh], lab))))).toEqual(differences);
});

interface Cut {
  readonly kind: string;
  readonly peers: JsonObject[] | string[];
  readonly ingress: boolean;
  readonly same: boolean;
  readonly other: boolean;
}

const everyPod = { matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "Exists" }] };

const cuts: readonly Cut[] = [
  { kind: "Entities", peers: ["all"], ingress: true, same: true, other: true },
  { kind: "Entities", peers: ["cluster"], ingress: true, same: true, other: false },
  { kind: "Entities", peers: ["unmanaged"], ingress: true, same: true, other: false },
  { kind: "Entities", peers: ["world"], ingress: false, same: false, other: true },
  { kind: "Entities", peers: ["host", "remote-node"], ingress: false, same: false, other: false },
  { kind: "CIDR", peers: ["10.0.0.0/8"], ingress: false, same: false, other: true },
  {
    kind: "CIDRSet",
    peers: [{ cidr: "0.0.0.0/0", except: ["10.244.0.0/16"] }],
    ingress: false,
    same: false,
    other: false,
  },
  { kind: "Endpoints", peers: [everyPod], ingress: false, same: false, other: false },
];

test.each(cuts)(
  "a Cilium deny of $kind $peers cuts what the vendors' engines cut",
  ({ kind, peers, ingress, same, other }) => {
    const one = mixedCase([mesh], lab);
    const broad = {
      apiVersion: "cilium.io/v2",
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: "broad" },
      spec: {
        endpointSelector: { matchLabels: { app: "mesh" } },
        enableDefaultDeny: { ingress: false, egress: false },
        ingressDeny: [{ [`from${kind}`]: peers }],
        egressDeny: [{ [`to${kind}`]: peers }],
      },
    } as JsonObject;

    const proof = proveCase([mesh], lab, { ...one, translation: [...one.translation, broad] });

    expect(summary(proof)).toEqual([
      ...(other ? ["new-to-old, other node, closed"] : []),
      ...(same ? ["new-to-old, same node, closed"] : []),
      ...(ingress ? ["old-to-new, closed"] : []),
    ]);
  },
);

const waves = [
  { id: "100-canary", nodes: ["n1"] },
  { id: "110-rest", nodes: ["n2"] },
];

test("without node rules the wide bridge opens nodes and the outside, and leaves pods without a policy alone", () => {
  const proof = proveCase([mesh], lab, mixedCase([mesh], lab, true), { continuity: "bridge", waves });

  expect(summary(proof)).toEqual([
    "new-to-new, opened",
    "new-to-old, other node, opened",
    "new-to-old, same node, opened",
    "old-to-new, opened",
    "old-to-old, opened",
  ]);
  expect(proof.waves.map(({ wave, pods }) => ({ wave, pods }))).toEqual([
    { wave: "100-canary", pods: { old: 2, new: 2 } },
    { wave: "110-rest", pods: { old: 0, new: 4 } },
  ]);
});

test.each(["audit", "off"] as const)(
  "under %s moved pods are open, old pods lose peers that labels admitted",
  (continuity) => {
    const one = { ...mixedCase([mesh], lab), mirrors: [], bridgePolicies: [] };
    const proof = proveCase([mesh], lab, one, { continuity, waves });

    expect(summary(proof)).toEqual([
      "new-to-new, opened",
      "new-to-old, other node, closed",
      "new-to-old, other node, opened",
      "new-to-old, same node, closed",
      "new-to-old, same node, opened",
      "old-to-new, opened",
    ]);
    // After the last wave no pod is left on the source: only flows among moved pods are open.
    expect(proof.waves.map(({ rows }) => rows.map(({ row, opened, closed }) => [row, opened > 0, closed > 0]))).toEqual(
      [
        [
          ["new-to-new", true, false],
          ["old-to-new", true, false],
          ["new-to-old", true, true],
        ],
        [
          ["new-to-new", true, false],
          ["old-to-new", false, false],
          ["new-to-old", false, false],
        ],
      ],
    );
  },
);
