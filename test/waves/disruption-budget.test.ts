import { expect, test } from "vitest";
import { viewCluster } from "../../lib/waves/cluster-view.ts";
import { desiredHealthy, viewBudgets } from "../../lib/waves/disruption-budget.ts";
import { budget, inventory, node, pod, raw } from "./clusters.ts";

test.each([
  [{ minAvailable: 2 }, 3, 2],
  [{ minAvailable: "50%" }, 3, 2],
  [{ minAvailable: "100%" }, 3, 3],
  [{ maxUnavailable: 1 }, 3, 2],
  [{ maxUnavailable: "10%" }, 3, 2],
  [{ maxUnavailable: "50%" }, 3, 1],
  [{ maxUnavailable: 5 }, 3, 0],
  [{ maxUnavailable: 0 }, 3, 3],
  [{ minAvailable: "3" }, 4, 3],
  [{ minAvailable: "many" }, 4, undefined],
  [{ minAvailable: -1 }, 4, undefined],
  [{}, 3, 3],
])("%j of %i pods keeps %s healthy", (spec, expected, desired) => {
  expect(desiredHealthy(spec, expected)).toBe(desired);
});

function allowed(...args: Parameters<typeof inventory>): readonly (readonly [string, number])[] {
  const cluster = inventory(...args);
  return viewBudgets(cluster, viewCluster(cluster)).map((view) => [view.name, view.allowed]);
}

const nodes = [node("a"), node("b")];
const pods = [pod("shop/web-1", "a"), pod("shop/web-2", "b"), pod("other/web-1", "a")];

test("the status decides where there is one", () => {
  expect(allowed(nodes, pods, [budget("shop/web", { minAvailable: 1 }, { disruptionsAllowed: 0 })])).toEqual([
    ["shop/web", 0],
  ]);
});

test("without a status ready pods are counted against what the budget keeps", () => {
  const unready = [pod("shop/web-1", "a"), pod("shop/web-2", "b", { isReady: false })];

  expect(allowed(nodes, pods, [budget("shop/web", { minAvailable: 1 })])).toEqual([["shop/web", 1]]);
  expect(allowed(nodes, unready, [budget("shop/web", { minAvailable: 1 })])).toEqual([["shop/web", 0]]);
});

test("the wanted size of the workload counts, not the pods that happen to run", () => {
  const deployment = raw({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "shop", name: "web" },
    spec: { replicas: 4 },
  });

  expect(allowed(nodes, pods, [deployment, budget("shop/web", { maxUnavailable: 1 })])).toEqual([["shop/web", 0]]);
});

test("an empty selector takes every pod of the namespace in policy/v1 and none in v1beta1", () => {
  const every = (apiVersion: string) =>
    raw({
      apiVersion,
      kind: "PodDisruptionBudget",
      metadata: { namespace: "shop", name: "all" },
      spec: { selector: {}, maxUnavailable: 1 },
    });
  const podsOf = (apiVersion: string): number | undefined => {
    const cluster = inventory(nodes, pods, [every(apiVersion)]);
    return viewBudgets(cluster, viewCluster(cluster))[0]?.pods.length;
  };

  expect(podsOf("policy/v1")).toBe(2);
  expect(podsOf("policy/v1beta1")).toBe(0);
});
