import { describe, expect, test } from "vitest";
import type { Inventory } from "../../lib/inventory/inventory.ts";
import type { InitFacts } from "../../lib/plan/init-facts.ts";
import { proposeGroups } from "../../lib/plan/init-plan.ts";
import { describePools } from "../../lib/waves/describe-pools.ts";
import { planWaves } from "../../lib/waves/plan-waves.ts";
import { readCluster } from "../source/inventories.ts";
import { plan, printWaves } from "./clusters.ts";

/** The groups that `init` would write for a cluster. */
function proposed(cluster: Inventory): ReturnType<typeof proposeGroups> {
  return proposeGroups({ pools: describePools(cluster) } as unknown as InitFacts);
}

describe.each([
  [
    "kind-canal",
    ["general 1"],
    [
      "100-canary: kind-worker2",
      "110-general-a: kind-worker",
      "120-general-b: kind-worker3",
      "130-general-c: kind-worker4",
      "700-control-plane-a: kind-control-plane",
    ],
    [],
  ],
  [
    "calico-vxlan-prod",
    ["prod-gen-a6 prod-gen-b6 prod-gen-c5 1 recycle", "general 3", "data 1 recycle", "ingress 1"],
    [
      "100-canary: prod-gen-a3",
      "110-named-a: prod-gen-a6",
      "120-named-b: prod-gen-c5",
      "130-named-c: prod-gen-b6",
      "200-general-a: prod-gen-a1 prod-gen-a4",
      "210-general-b: prod-gen-b1 prod-gen-b3",
      "220-general-c: prod-gen-c1 prod-gen-c3",
      "230-general-d: prod-gen-a2 prod-gen-a5",
      "240-general-e: prod-gen-b2 prod-gen-b4 prod-gen-b5",
      "250-general-f: prod-gen-c4 prod-gen-c6",
      "280-general-i: prod-gen-c2",
      "300-data-a: prod-mem-a1",
      "310-data-b: prod-mem-b1",
      "320-data-c: prod-mem-c1",
      "330-data-d: prod-mem-a2",
      "340-data-e: prod-mem-b2",
      "350-data-f: prod-mem-c2",
      "400-ingress-a: prod-ing-a1",
      "410-ingress-b: prod-ing-b1",
      "420-ingress-c: prod-ing-c1",
      "700-control-plane-a: prod-cp-a1",
      "710-control-plane-b: prod-cp-b1",
      "720-control-plane-c: prod-cp-c1",
    ],
    ["waves/budget-blocks-drain"],
  ],
  [
    "flannel-k3s",
    ["general 1"],
    [
      "100-canary: k3s-agent-1",
      "110-general-a: k3s-agent-2",
      "120-general-b: k3s-agent-3",
      "700-control-plane-a: k3s-server-1",
      "710-control-plane-b: k3s-server-2",
      "720-control-plane-c: k3s-server-3",
    ],
    ["waves/all-replicas"],
  ],
  [
    "calico-multus",
    ["general 1"],
    [
      "100-canary: wrk01",
      "110-general-a: wrk02",
      "120-general-b: wrk03",
      "130-general-c: wrk04",
      "140-general-d: wrk05",
      "700-control-plane-a: ctl00",
    ],
    [],
  ],
  [
    "kube-router",
    ["general 1"],
    ["100-canary: kr-node1", "110-general-a: kr-node2", "120-general-b: kr-node3", "700-control-plane-a: kr-master"],
    ["waves/whole-zone"],
  ],
  [
    "ovn-kubernetes",
    ["worker 1"],
    [
      "100-canary: worker-1.ocp.example.com",
      "110-worker-a: worker-0.ocp.example.com",
      "120-worker-b: worker-2.ocp.example.com",
      "700-control-plane-a: master-0.ocp.example.com",
      "710-control-plane-b: master-1.ocp.example.com",
      "720-control-plane-c: master-2.ocp.example.com",
    ],
    ["waves/canary-not-ordinary", "waves/whole-zone"],
  ],
])("%s", (name, groups, expected, warnings) => {
  test("init proposes its groups, and their waves have no error", async () => {
    const cluster = await readCluster(name);

    const given = proposed(cluster).map(({ group }) => group);
    const waves = planWaves(cluster, plan({ groups: given }));

    expect(
      given.map((group) =>
        [group.pool ?? group.names?.join(" "), group.size, group.roll?.mode].filter(Boolean).join(" "),
      ),
    ).toEqual(groups);
    expect(printWaves(waves)).toEqual(expected);
    expect(waves.findings.filter((finding) => finding.severity === "error")).toEqual([]);
    expect(
      [...new Set(waves.findings.flatMap((finding) => (finding.severity === "warning" ? [finding.code] : [])))].sort(),
    ).toEqual(warnings);
  });
});
