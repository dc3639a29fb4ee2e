import { expect, test } from "vitest";
import { planWaves } from "../../lib/waves/plan-waves.ts";
import { bigCluster } from "./big-cluster.ts";
import { node, plan, rendered, waveOfNode } from "./clusters.ts";

test("a thousand nodes with ten thousand pods: whole partition, limits kept, and one node more changes one wave", () => {
  const cluster = bigCluster(1000, 10_000, 400);
  const settings = plan({
    groups: [
      { pool: "general", size: 50 },
      { pool: "gpu", size: 10 },
    ],
  });

  const before = planWaves(cluster, settings);
  const joined = node("node-9999", { pool: "general", zone: "eu-a" });
  const after = planWaves({ ...cluster, nodes: [...cluster.nodes, joined] }, settings, {
    renderedWaves: rendered(before),
  });

  expect(before.findings.filter((finding) => finding.severity === "error")).toEqual([]);
  expect(waveOfNode(before).size).toBe(1000);
  expect(Math.max(...before.waves.map((wave) => wave.nodes.length))).toBeLessThanOrEqual(50);
  expect(before.waves.every((wave) => wave.zones.length === 1)).toBe(true);
  const wavesAfter = waveOfNode(after);
  const moved = [...waveOfNode(before)].filter(([name, wave]) => wavesAfter.get(name) !== wave);
  expect(moved).toEqual([]);
  expect(wavesAfter.has("node-9999")).toBe(true);
});
