import { describe, expect, test } from "vitest";
import type { Inventory, Node, Pod } from "../../lib/inventory/inventory.ts";
import { changedFiles, exampleInventory, examplePlan, planExample } from "./example-migration.ts";

// One node joins the example: a copy of a worker, with the pods of DaemonSets that run there.

const pattern = exampleInventory.nodes.find((node) => node.name === "kind-worker4") as Node;

function withNode(inventory: Inventory, name: string): Inventory {
  const node: Node = {
    ...pattern,
    name,
    hostname: name,
    labels: { ...pattern.labels, "kubernetes.io/hostname": name },
    addresses: [{ type: "InternalIP", address: "172.18.0.77" }],
    podCIDRs: ["10.244.77.0/24"],
  };
  const pods: readonly Pod[] = inventory.pods
    .filter((pod) => pod.nodeName === pattern.name && pod.owner?.kind === "DaemonSet")
    .map((pod) => ({ ...pod, name: `${pod.name}-${name}`, nodeName: name, podIPs: [] }));
  return { ...inventory, nodes: [...inventory.nodes, node], pods: [...inventory.pods, ...pods] };
}

const plan = examplePlan();
const before = planExample(plan, exampleInventory);
const grown = withNode(exampleInventory, "kind-worker9");
const stagesOf = (paths: readonly string[]): readonly string[] => [
  ...new Set(paths.map((path) => /\/stages\/([^/]+)\//u.exec(path)?.[1] ?? path.replace("kind-canal/", ""))),
];

describe("a node that joins before the catch-all is opened", () => {
  const after = planExample(plan, grown, before.tree);

  test("gets a wave of its own and changes no other wave but the one line that names the digest before", () => {
    const changed = changedFiles(before.tree, after.tree).filter((path) => !path.endsWith("STAGE.md"));

    expect(stagesOf(changed)).toMatchInlineSnapshot(`
      [
        "PLAN.md",
        "policies.md",
        "report.html",
        "105-new-nodes",
        "110-general-a",
        "140-general-d",
        "700-control-plane-a",
        "800-finalise",
        "820-validate",
        "900-remove-canal",
        "910-clean-nodes",
      ]
    `);
    expect(changed.filter((path) => /\/(?:100-canary|120-general-b|130-general-c)\//u.test(path))).toEqual([]);
  });

  test("is left out by the catch-all, since a wave takes it", () => {
    expect(after.migration.newNodes.knownHostnames).toContain("kind-worker9");
  });
});

describe("a node that joins after the catch-all was opened", () => {
  const states = ["000-prepare", "010-cilium", "020-bridge", "030-policies", "100-canary", "105-new-nodes"];
  const opened = plan.replace("stages: {}", `stages:\n${states.map((id) => `  ${id}: { state: done }`).join("\n")}`);
  const running = planExample(opened, exampleInventory, before.tree);
  const after = planExample(opened, grown, running.tree);

  test("is on Cilium already: no wave takes it, and no opened stage changes", () => {
    expect(after.migration.newNodes.joined).toEqual(["kind-worker9"]);
    expect(after.migration.waves.waves.flatMap((wave) => wave.nodes.map((node) => node.name))).not.toContain(
      "kind-worker9",
    );
    const changed = changedFiles(running.tree, after.tree).filter((path) => !path.endsWith("STAGE.md"));
    expect(stagesOf(changed)).toMatchInlineSnapshot(`
      [
        "PLAN.md",
        "policies.md",
        "report.html",
        "800-finalise",
        "820-validate",
        "900-remove-canal",
        "910-clean-nodes",
      ]
    `);
  });

  test("is known to the stages that end the migration, which would refuse it otherwise", () => {
    const finalise = after.migration.stages.find((stage) => stage.id === "800-finalise");

    expect(finalise?.nodes).toContain("kind-worker9");
  });
});
