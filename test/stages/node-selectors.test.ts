import { describe, expect, test } from "vitest";
import { planRoute, planRouteWith } from "../strategies/route.ts";

/** A dormant Cilium, started without node selectors unless told otherwise. */
function cilium(config: Readonly<Record<string, string>> = {}): string {
  const data = { "cluster-pool-ipv4-cidr": "10.112.0.0/16", "cluster-pool-ipv4-mask-size": "24", ...config };
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: "${value}"`);
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: cilium-config, namespace: kube-system }
data:
${lines.join("\n")}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: cilium, namespace: kube-system, labels: { k8s-app: cilium } }
spec:
  selector: { matchLabels: { k8s-app: cilium } }
  template:
    metadata: { labels: { k8s-app: cilium } }
    spec:
      hostNetwork: true
      containers: [{ name: cilium-agent, image: "quay.io/cilium/cilium:v1.20.2" }]
status: { desiredNumberScheduled: 30, numberReady: 30, currentNumberScheduled: 30 }
`;
}

const selects = { "enable-node-selector-labels": "true" };
const states = (...ids: readonly string[]): readonly [string, string] => [
  "stages: {}",
  `stages:\n${ids.map((id) => `  ${id}: { state: done }`).join("\n")}`,
];

describe("a policy that selects nodes", () => {
  test("puts the value into a dormant install that is still to come", async () => {
    const { migration, tree } = await planRoute("calico-live");

    expect(migration.translation.requiredValues).toMatchObject({ nodeSelectorLabels: true });
    expect(tree.get("calico-live/stages/010-cilium/values.yaml")).toMatch(/^nodeSelectorLabels: true$/mu);
    expect(migration.stages.map((stage) => stage.id)).not.toContain("025-node-selectors");
  });

  test("restarts operator and agents where Cilium runs without it, before the policies are applied", async () => {
    const { migration, tree } = await planRouteWith("calico-live", cilium());
    const ids = migration.stages.map((stage) => stage.id);

    expect(ids.slice(ids.indexOf("025-node-selectors") - 1, ids.indexOf("025-node-selectors") + 2)).toEqual([
      expect.stringMatching(/^0[12]0-/u),
      "025-node-selectors",
      "030-policies",
    ]);
    const job = tree.get("calico-live/stages/025-node-selectors/20-job-restart-025-node-selectors-a1.yaml") ?? "";
    expect(job).toMatch(/name: RESTART_OPERATOR\n\s+value: "?yes"?/u);
    expect(tree.get("calico-live/stages/025-node-selectors/values.yaml")).toMatch(/^nodeSelectorLabels: true$/mu);
  });

  test.each([
    ["in a cluster that has the value", cilium(selects), []],
    ["when the final values have brought it", cilium(), ["010-cilium", "030-policies", "800-finalise"]],
  ])("makes no such stage %s", async (_name, objects, done) => {
    const { migration } = await planRouteWith("calico-live", objects, ...(done.length === 0 ? [] : [states(...done)]));

    expect(migration.stages.filter((stage) => stage.id.endsWith("-node-selectors"))).toEqual([]);
  });

  test.each([
    ["the policies", ["010-cilium", "030-policies"], "0305-node-selectors"],
    ["the canary", ["010-cilium", "030-policies", "100-canary"], "1005-node-selectors"],
  ])("comes right after %s where that was done before, and waits for policies to be Valid", async (_name, done, id) => {
    const { migration, tree } = await planRouteWith("calico-live", cilium(), states(...done));
    const ids = migration.stages.map((stage) => stage.id);

    expect(ids[ids.indexOf(id) - 1]).toBe(done.at(-1));
    expect([...ids].sort()).toEqual(ids);
    expect(tree.get(`calico-live/stages/${id}/20-job-restart-${id}-a1.yaml`)).toMatch(
      /name: POLICIES\n\s+value: "127"/u,
    );
  });
});
