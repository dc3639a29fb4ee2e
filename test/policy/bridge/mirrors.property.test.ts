import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { MixedDifference } from "../../../lib/policy/bridge/mixed-proof.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { someCalico, someWorld } from "../support/generators.ts";
import { flowOfWitness } from "../support/grid.ts";
import { type MixedCase, mixedCase, proveCase } from "./mixed-case.ts";
import { type NaiveMixed, type NaivePair, naiveBefore, naiveDuring } from "./naive-mixed.ts";

/** More runs by FC_SCALE: `FC_SCALE=50 npx vitest run test/policy/bridge`. */
const scale = Number(process.env["FC_SCALE"] ?? 1);
vi.setConfig({ testTimeout: 60_000 * scale });

/** One family, two pools that lie apart, and no policy that names a part of one: what the bridge refuses is a table's matter. */
const bridged = fc.tuple(someWorld, someCalico, fc.nat(31)).map(([world, objects, split]) => ({
  world: {
    ...world,
    families: [4],
    podCIDRs: { source: ["10.0.0.0/12"], target: ["10.245.0.0/16"] },
    pods: world.pods.map((pod) => ({ ...pod, addresses: pod.addresses.filter((text) => !text.includes(":")) })),
  } satisfies World,
  objects: JSON.parse(
    JSON.stringify(objects).replaceAll("10.0.0.0/24", "10.0.0.0/8").replaceAll("10.0.1.0/24", "198.51.100.0/24"),
  ) as JsonObject[],
  split,
}));

const packets: readonly Omit<NaivePair, "from" | "to">[] = [
  ...[79, 80, 81, 443, 444, 8080].flatMap((port) =>
    [40_000, 1500].map((sourcePort) => ({ family: 4 as const, protocol: 6, port, sourcePort })),
  ),
  { family: 4, protocol: 17, port: 53 },
  { family: 4, protocol: 132, port: 80 },
  { family: 4, protocol: 1, icmpType: 8, icmpCode: 0 },
  { family: 4, protocol: 1, icmpType: 3, icmpCode: 1 },
  { family: 4, protocol: 47 },
];

function naiveOf(objects: readonly JsonObject[], world: World, one: MixedCase, split: number): NaiveMixed {
  const kubernetes = objects.filter(({ apiVersion }) => apiVersion === "networking.k8s.io/v1");
  return {
    source: objects,
    mirrors: one.mirrors,
    target: [...one.translation, ...kubernetes],
    bridge: one.bridgePolicies,
    world,
    moved: new Set(world.pods.filter((_pod, place) => ((split >> place) & 1) === 1)),
  };
}

function* crossing({ world, moved }: NaiveMixed): Generator<NaivePair> {
  for (const from of world.pods)
    for (const to of world.pods)
      if (from !== to && !(moved.has(from) && moved.has(to)))
        for (const packet of packets) yield { ...packet, from, to };
}

test("with every object of the bridge a packet with an end on the source is decided as before, for any split of the pods", () => {
  fc.assert(
    fc.property(bridged, ({ world, objects, split }) => {
      const one = mixedCase(objects, world);
      fc.pre(one.bridge.findings.every(({ severity }) => severity !== "error"));
      const naive = naiveOf(objects, world, one, split);

      // A step that shares no factor with the packets: every kind of packet is met, in a fraction of the time.
      const sample = [...crossing(naive)].filter((_pair, step) => step % 7 === split % 7);
      const wrong = sample.find((pair) => naiveBefore(naive, pair) !== naiveDuring(naive, pair));

      expect(wrong).toBeUndefined();
    }),
    { numRuns: 15 * scale },
  );
});

test("the proof of the mixed phase finds no difference where the bridge has no finding", () => {
  fc.assert(
    fc.property(bridged, ({ world, objects }) => {
      const one = mixedCase(objects, world);
      fc.pre(one.bridge.findings.every(({ severity }) => severity !== "error"));

      const proof = proveCase(objects, world, one);

      expect(proof.differences).toEqual([]);
    }),
    { numRuns: 15 * scale },
  );
});

/** Takes one rule out of a mirror, or all mirrors: a single rule is often repeated by another one. */
function spoil(mirrors: readonly JsonObject[], seed: number): JsonObject[] {
  if (seed % 3 !== 0) return [];
  const copy = structuredClone(mirrors) as { spec: Record<string, unknown[]> }[];
  const spec = copy[1 + (seed % 2)]?.spec;
  const rules = spec?.["egress"] ?? spec?.["ingress"];
  rules?.splice(seed % Math.max(1, rules.length - 1), 1);
  return copy as unknown as JsonObject[];
}

function pairOf({ witness, half }: MixedDifference, world: World): NaivePair | undefined {
  const flow = flowOfWitness(witness, half, world);
  if (flow?.peer.kind !== "pod") return undefined;
  const { half: _half, subject, peer, ...packet } = flow;
  return half === "egress" ? { ...packet, from: subject, to: peer.pod } : { ...packet, from: peer.pod, to: subject };
}

test("every witness of a difference in a spoilt bridge is a difference for the naive judges, too", () => {
  let witnesses = 0;
  fc.assert(
    fc.property(bridged, fc.nat(1000), ({ world, objects }, seed) => {
      const whole = mixedCase(objects, world);
      const one = { ...whole, mirrors: spoil(whole.mirrors, seed) };
      const proof = proveCase(objects, world, one);
      for (const difference of proof.differences) {
        const pair = pairOf(difference, world);
        if (pair === undefined || (difference.row !== "old-to-new" && difference.row !== "new-to-old")) continue;
        if ((difference.place === "same node") !== (pair.from.node === pair.to.node) && difference.place) continue;
        witnesses += 1;
        const moved = new Set([difference.row === "old-to-new" ? pair.to : pair.from]);
        const naive = { ...naiveOf(objects, world, one, 0), moved };
        expect({ difference, verdicts: [naiveBefore(naive, pair), naiveDuring(naive, pair)] }).toEqual({
          difference,
          verdicts: difference.direction === "opened" ? ["deny", "allow"] : ["allow", "deny"],
        });
      }
    }),
    { numRuns: 15 * scale },
  );
  expect(witnesses).toBeGreaterThan(0);
});
