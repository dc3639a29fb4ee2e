import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import { replayWitness } from "../../../lib/policy/prove/replay-witness.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { naiveCalico } from "../naive/naive-calico.ts";
import { naiveCilium } from "../naive/naive-cilium.ts";
import { someCalico, someCilium, someWorld } from "../support/generators.ts";
import { flowOfWitness, gridOf, type Judge, witnessOfFlow } from "../support/grid.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";

/** One side of a random comparison: objects, how they are read, and who judges them. */
interface Case {
  readonly objects: readonly JsonObject[];
  readonly side: PolicySide;
  readonly judge: Judge;
}

const calicoCase = (objects: readonly JsonObject[]): Case => ({
  objects,
  side: calicoSide(objects),
  judge: naiveCalico,
});
const ciliumCase = (objects: readonly JsonObject[], world: World): Case => ({
  objects,
  side: ciliumSide(objects, world.cilium, true),
  judge: naiveCilium,
});

function checkVerdicts({ objects, side, judge }: Case, world: World): void {
  // The grid is walked in steps that share no factor with its loops: every kind of flow is met, in a fraction of the time.
  const wrong = [...gridOf(world)]
    .filter((_flow, step) => step % 23 === 0)
    .map((flow) => ({ flow, fast: replayWitness(witnessOfFlow(flow), flow.half, side, world)?.verdict }))
    .find(({ flow, fast }) => fast !== judge(objects, world, flow));

  expect(wrong).toBeUndefined();
}

/** The proof is right: what it calls equal is equal on the whole grid, and every witness differs for the naive judges too. */
function checkProof(before: Case, after: Case, world: World): void {
  const proof = provePolicies({ before: before.side, after: after.side, world, mode: "closed" });
  for (const { witness, half, direction } of proof.differences) {
    const flow = flowOfWitness(witness, half, world);
    if (flow === undefined) continue;
    const verdicts = [before.judge(before.objects, world, flow), after.judge(after.objects, world, flow)];
    expect({ witness, half, verdicts }).toEqual({
      witness,
      half,
      verdicts: direction === "opened" ? ["deny", "allow"] : ["allow", "deny"],
    });
  }
  if (!proof.equal) return;
  const missed = [...gridOf(world)].find(
    (flow) => before.judge(before.objects, world, flow) !== after.judge(after.objects, world, flow),
  );
  expect(missed).toBeUndefined();
}

/** One small change: a rule gone, an action turned round, a rule list reversed. */
function mutate(objects: readonly JsonObject[], seed: number): JsonObject[] {
  const copy = structuredClone(objects) as JsonObject[];
  const target = copy[seed % copy.length] as { spec?: Record<string, unknown> } | undefined;
  const spec = target?.spec;
  const list = spec?.[seed % 2 === 0 ? "ingress" : "egress"];
  if (!Array.isArray(list) || list.length === 0) return copy;
  if (seed % 3 === 0) list.reverse();
  else if (seed % 3 === 1 && list.length > 1) list.pop();
  else if (typeof list[0] === "object") list[0].description = "changed";
  return copy;
}

/** More runs by FC_SCALE: `FC_SCALE=50 npx vitest run test/policy/prove/properties.test.ts`. */
const scale = Number(process.env["FC_SCALE"] ?? 1);
const runs = (count: number): { numRuns: number } => ({ numRuns: count * scale });
vi.setConfig({ testTimeout: 60_000 * scale });

test("Calico's verdict on a packet is the naive one, whatever the policies", () => {
  fc.assert(
    fc.property(someWorld, someCalico, (world, objects) => checkVerdicts(calicoCase(objects), world)),
    runs(8),
  );
});

test("Cilium's verdict on a packet is the naive one, whatever the policies", () => {
  fc.assert(
    fc.property(someWorld, someCilium, (world, objects) => checkVerdicts(ciliumCase(objects, world), world)),
    runs(15),
  );
});

test("a Calico set is compared with a changed copy of itself as packet by packet", () => {
  fc.assert(
    fc.property(someWorld, someCalico, fc.nat(60), (world, objects, seed) =>
      checkProof(calicoCase(objects), calicoCase(mutate(objects, seed)), world),
    ),
    runs(15),
  );
});

test("a Cilium set is compared with a changed copy of itself as packet by packet", () => {
  fc.assert(
    fc.property(someWorld, someCilium, fc.nat(60), (world, objects, seed) =>
      checkProof(ciliumCase(objects, world), ciliumCase(mutate(objects, seed), world), world),
    ),
    runs(15),
  );
});

test("Calico is compared with Cilium as packet by packet", () => {
  fc.assert(
    fc.property(someWorld, someCalico, someCilium, (world, calico, cilium) =>
      checkProof(calicoCase(calico), ciliumCase(cilium, world), world),
    ),
    runs(15),
  );
});
