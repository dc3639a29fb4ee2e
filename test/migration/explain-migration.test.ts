import { describe, expect, test } from "vitest";
import { type DuringState, explainMigration } from "../../lib/migration/explain-migration.ts";
import { planPolicies } from "../../lib/migration/plan-policies.ts";
import { mixedSidesOf } from "../../lib/migration/prove-mixed.ts";
import { explainMixed } from "../../lib/policy/bridge/explain-mixed.ts";
import { explainFlow, resolveFlow } from "../../lib/policy/prove/explain-flow.ts";
import type { World } from "../../lib/policy/space/world.ts";
import type { PlannedMigration } from "../../lib/stages/planned-migration.ts";
import { exampleInventory, examplePlan, planExample } from "../stages/example-migration.ts";

const { migration } = planExample(examplePlan(), exampleInventory);
const under = (continuity: string): PlannedMigration =>
  planExample(examplePlan(["continuity: exact", `continuity: ${continuity}`]), exampleInventory).migration;

function ask(of: PlannedMigration, from: string, to: string, port: number): readonly DuringState[] {
  const { value } = explainMigration(of, { from, to, protocol: "TCP", port }, "dist/kind-canal");
  if (value === undefined) throw new Error("the flow was not found");
  return value.during;
}

/** `source>cilium other node deny: GlobalNetworkPolicy/mirror egress[0]; 100-canary`. */
const brief = (state: DuringState): string => {
  const decided = state.halves.map(({ decision }) => decision.decidedBy).join(", ");
  const stages = state.stages.length === 0 ? "" : `; ${state.stages[0]} to ${state.until ?? "the end"}`;
  return `${[state.from, state.to].filter((side) => side !== undefined).join(">")}${state.place === undefined ? "" : ` ${state.place}`} ${state.verdict}: ${decided}${stages}`;
};

describe("a flow while both networks run", () => {
  test("is told for each way in which its pods are on the two networks, with the stages in which they are", () => {
    expect(ask(migration, "shop/frontend", "shop/cart", 7070).map(brief)).toEqual([
      "source>source allow: NetworkPolicy/shop/frontend egress[0], GlobalNetworkPolicy/shop-web-to-backend ingress[0]; 030-policies to 100-canary",
      "source>cilium allow: NetworkPolicy/shop/frontend egress[0], CiliumClusterwideNetworkPolicy/metachron-bridge ingress[0]",
      "cilium>source same node allow: CiliumClusterwideNetworkPolicy/metachron-bridge egress[0], GlobalNetworkPolicy/shop-web-to-backend ingress[0]",
      "cilium>source other node allow: CiliumClusterwideNetworkPolicy/metachron-bridge egress[1], GlobalNetworkPolicy/shop-web-to-backend ingress[0]; 100-canary to 130-general-c",
      "cilium>cilium allow: NetworkPolicy/shop/frontend egress[0], CiliumClusterwideNetworkPolicy/shop-web-to-backend ingress[0]; 130-general-c to 800-finalise",
    ]);
  });

  test("is denied at the source by a mirror, which is found in its stage's file", () => {
    const [, crossing] = ask(migration, "shop/frontend", "shop/orders-db-0", 5432);
    const egress = crossing?.halves.find(({ half }) => half === "egress");

    expect(egress?.decision.decidedBy).toBe("GlobalNetworkPolicy/metachron-mirror.egress egress[3]");
    const { file = "", line = 0 } = egress?.decision.where ?? {};
    expect(file).toBe("dist/kind-canal/stages/030-policies/10-globalnetworkpolicy-metachron-mirror.egress.yaml");
    const texts = migration.stages.find(({ id }) => id === "030-policies")?.texts;
    const text = texts?.get("10-globalnetworkpolicy-metachron-mirror.egress.yaml") ?? "";
    expect(text.split("\n")[line - 1]).toBe("    - action: Deny");
  });

  test("of a pod with the outside has one half", () => {
    expect(ask(migration, "shop/frontend", "8.8.8.8", 443).map(brief)).toEqual([
      "source deny: GlobalNetworkPolicy/default-deny egress[1]; 030-policies to 100-canary",
      "cilium deny: default deny; 100-canary to 800-finalise",
    ]);
  });

  test("is not told where neither end is a pod", () => {
    expect(ask(migration, "node/kind-worker", "8.8.8.8", 443)).toEqual([]);
  });

  test.each([
    ["bridge", "CiliumClusterwideNetworkPolicy/metachron-bridge ingress[0]"],
    ["audit", "no policy"],
    ["off", "no policy"],
  ])("is open at a moved pod under %s where it comes from a pod on the source", (continuity, decidedBy) => {
    const [, crossing] = ask(under(continuity), "goldpinger/goldpinger", "shop/cart", 80);

    expect(crossing?.verdict).toBe("allow");
    expect(crossing?.halves.find(({ half }) => half === "ingress")?.decision.decidedBy).toBe(decidedBy);
  });
});

/** Pairs of pods, one of each workload, with ports that some policy names. */
function flowsOf(world: World): readonly { from: string; to: string; port: number }[] {
  const workloads = new Map(world.pods.map((pod) => [`${pod.namespace}/${pod.workload}`, pod]));
  const names = [...workloads.values()].map(({ namespace, name }) => `${namespace}/${name}`);
  return names.flatMap((from) =>
    names.flatMap((to) => (from === to ? [] : [53, 5432, 7070, 8080].map((port) => ({ from, to, port })))),
  );
}

test("every pair of pods is decided as before in every state of the exact bridge, as its proof says", () => {
  const { inventory, source, target } = migration;
  const sides = mixedSidesOf(
    { planned: planPolicies({ inventory, source, target }), inventory, source, target },
    "exact",
  );
  if (sides === undefined) throw new Error("no mixed phase");
  const { world } = sides;

  const verdicts = flowsOf(world).flatMap((ends) => {
    const question = { ...ends, protocol: "TCP", world };
    const before = explainFlow({ ...question, before: sides.source, after: { engine: "none" } }).value?.before;
    const flow = resolveFlow(question).value;
    const states = flow === undefined ? [] : explainMixed({ flow, sides, world, keepsAddresses: true });
    return states.map(({ from, to, verdict }) => ({ ...ends, is: `${from}>${to}`, verdict, before }));
  });

  expect(verdicts.length).toBeGreaterThan(500);
  expect(verdicts.filter(({ verdict, before }) => verdict !== before)).toEqual([]);
});
