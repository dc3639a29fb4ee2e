import fc from "fast-check";
import { expect, test } from "vitest";
import type { Inventory, Node } from "../../lib/inventory/inventory.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { stageIdPattern } from "../../lib/plan/plan-schema.ts";
import { planWaves } from "../../lib/waves/plan-waves.ts";
import type { WavePlan } from "../../lib/waves/waves.ts";
import { node, plan, rendered, someCluster, somePlan, waveOfNode } from "./clusters.ts";

const runs = { numRuns: 50 };

function shuffled<T>(values: readonly T[], seed: number): T[] {
  return values
    .map((value, at) => ({ value, key: Math.imul(at + 1, seed * 2 + 1) >>> 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

/** Nodes that findings say have moved. */
function movedNodes(waves: WavePlan): string[] {
  return waves.findings.flatMap((finding) =>
    finding.code === "waves/node-moved" ? (finding.data?.["nodes"] as readonly string[]) : [],
  );
}

test("every node is in exactly one wave or excluded with a reason", () => {
  fc.assert(
    fc.property(someCluster, somePlan, (cluster, settings) => {
      const waves = planWaves(cluster, settings);

      const placed = [
        ...waves.waves.flatMap((wave) => wave.nodes.map((entry) => entry.name)),
        ...waves.excluded.map((entry) => entry.node),
      ];
      expect(placed.toSorted()).toEqual(cluster.nodes.map((entry) => entry.name).toSorted());
    }),
    runs,
  );
});

test("the order of nodes, pods and budgets in the input changes nothing", () => {
  fc.assert(
    fc.property(someCluster, somePlan, fc.nat(1000), (cluster, settings, seed) => {
      const other: Inventory = {
        ...cluster,
        nodes: shuffled(cluster.nodes, seed),
        pods: shuffled(cluster.pods, seed + 7),
      };

      expect(planWaves(other, settings)).toEqual(planWaves(cluster, settings));
    }),
    runs,
  );
});

test("ids are unique, legal, in order, and the control plane comes last, one by one", () => {
  fc.assert(
    fc.property(someCluster, somePlan, (cluster, settings) => {
      const { waves } = planWaves(cluster, settings);

      const ids = waves.map((wave) => wave.id);
      expect(ids).toEqual([...new Set(ids)].sort());
      for (const id of ids) expect(id).toMatch(stageIdPattern);
      for (const id of ids) expect(id >= "100" && id < "800").toBe(true);
      const isControl = waves.map((wave) => wave.nodes.some((entry) => entry.isControlPlane));
      expect(isControl).toEqual(isControl.toSorted((a, b) => Number(a) - Number(b)));
      for (const wave of waves) if (wave.group === "control-plane") expect(wave.nodes).toHaveLength(1);
    }),
    runs,
  );
});

test("a wave of several nodes never holds all replicas, a whole zone, two zones, or more than size and budget", () => {
  fc.assert(
    fc.property(someCluster, somePlan, (cluster, settings) => {
      const { waves } = planWaves(cluster, settings);

      for (const wave of waves) {
        const names = new Set(wave.nodes.map((entry) => entry.name));
        if (names.size < 2) continue;
        expect(names.size).toBeLessThanOrEqual(mostNodes(settings, cluster, wave.group));
        if (!settings.spec.waves.budget.acrossZones && wave.group !== "canary")
          expect(wave.zones.length).toBeLessThanOrEqual(1);
        expect(wholeWorkloads(cluster, names)).toEqual([]);
        expect(wholeZones(cluster, names)).toEqual([]);
      }
    }),
    runs,
  );
});

function mostNodes(settings: Plan, cluster: Inventory, group: string): number {
  const { canary, groups, budget } = settings.spec.waves;
  const size = group === "canary" ? canary.nodes : (groups.find((entry) => entry.pool === group)?.size ?? 3);
  const most = budget.maxUnavailable;
  const away = typeof most === "number" ? most : Math.floor((Number.parseInt(most, 10) * cluster.nodes.length) / 100);
  return Math.min(size, Math.max(1, away));
}

/** Workloads on several nodes, all of them among the names. */
function wholeWorkloads(cluster: Inventory, names: ReadonlySet<string>): string[] {
  const nodesOf = new Map<string, Set<string>>();
  for (const entry of cluster.pods) {
    const name = entry.workload?.name ?? "";
    nodesOf.set(name, (nodesOf.get(name) ?? new Set()).add(entry.nodeName ?? ""));
  }
  return [...nodesOf].flatMap(([name, on]) => (on.size > 1 && [...on].every((at) => names.has(at)) ? [name] : []));
}

function wholeZones(cluster: Inventory, names: ReadonlySet<string>): string[] {
  const workers = cluster.nodes.filter((entry) => !entry.isControlPlane && entry.zone !== undefined);
  const zones = [...new Set(workers.map((entry) => entry.zone ?? ""))];
  if (zones.length < 2) return [];
  const membersOf = (zone: string) => workers.filter((entry) => entry.zone === zone);
  // A zone of one worker cannot be spared.
  return zones.filter((zone) => membersOf(zone).length > 1 && membersOf(zone).every((entry) => names.has(entry.name)));
}

test("planning on top of its own output changes nothing", () => {
  fc.assert(
    fc.property(someCluster, somePlan, (cluster, settings) => {
      const first = planWaves(cluster, settings);

      const again = planWaves(cluster, settings, { renderedWaves: rendered(first) });

      expect(again).toEqual(first);
    }),
    runs,
  );
});

test("a node that joins rendered waves changes the one wave that takes it, or adds one", () => {
  fc.assert(
    fc.property(
      someCluster,
      somePlan,
      fc.constantFrom("aaa-first", "worker-13x", "worker-999", "zzz-last"),
      (cluster, settings, name) => {
        const before = planWaves(cluster, settings);
        const joined: Node = node(name, {
          pool: "pool-0",
          ...(cluster.nodes.at(-1)?.zone !== undefined && { zone: "zone-0" }),
        });

        const after = planWaves({ ...cluster, nodes: [...cluster.nodes, joined] }, settings, {
          renderedWaves: rendered(before),
        });

        const wavesAfter = waveOfNode(after);
        for (const [entry, wave] of waveOfNode(before))
          if (!movedNodes(after).includes(entry)) expect([entry, wavesAfter.get(entry)]).toEqual([entry, wave]);
        expect(wavesAfter.has(name)).toBe(true);
        expect(movedNodes(after)).toEqual([]);
        expect(after.waves.length - before.waves.length).toBeLessThanOrEqual(1);
      },
    ),
    runs,
  );
});

test("a node that goes changes only the wave that had it, unless another wave would break a rule, which is said", () => {
  fc.assert(
    fc.property(someCluster, somePlan, fc.nat(), (cluster, settings, pick) => {
      const before = planWaves(cluster, settings);
      const gone = cluster.nodes[pick % cluster.nodes.length]?.name ?? "";

      const after = planWaves(
        {
          ...cluster,
          nodes: cluster.nodes.filter((entry) => entry.name !== gone),
          pods: cluster.pods.filter((entry) => entry.nodeName !== gone),
        },
        settings,
        { renderedWaves: rendered(before) },
      );

      const wavesAfter = waveOfNode(after);
      for (const [entry, wave] of waveOfNode(before))
        if (entry !== gone && !movedNodes(after).includes(entry))
          expect([entry, wavesAfter.get(entry)]).toEqual([entry, wave]);
    }),
    runs,
  );
});

test("an opened wave keeps its id and its hostnames whatever becomes of the cluster and the plan", () => {
  fc.assert(
    fc.property(someCluster, someCluster, somePlan, somePlan, fc.nat(), (cluster, later, settings, changed, pick) => {
      const before = planWaves(cluster, settings);
      const opened = before.waves[pick % Math.max(1, before.waves.length)];
      if (opened === undefined) return;
      const withState: Plan = { ...changed, stages: { [opened.id]: { state: "open" } } };

      const after = planWaves(later, withState, { renderedWaves: rendered(before) });

      const kept = after.waves.find((wave) => wave.id === opened.id);
      expect(kept?.isLocked).toBe(true);
      expect(kept?.nodes.map((entry) => entry.hostname).toSorted()).toEqual(
        opened.nodes.map((entry) => entry.hostname).toSorted(),
      );
      expect(kept?.rule).toBe(opened.rule);
      const present = later.nodes.map((entry) => entry.name);
      const placed = [
        ...after.waves.flatMap((wave) => wave.nodes.flatMap((entry) => (entry.isGone === true ? [] : [entry.name]))),
        ...after.excluded.map((entry) => entry.node),
      ];
      expect(placed.toSorted()).toEqual(present.toSorted());
      expect(new Set(after.waves.map((wave) => wave.id)).size).toBe(after.waves.length);
    }),
    runs,
  );
});

test("without rendered waves a numbered cluster that grows at its end or loses any node but the canary moves no other node", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 21, max: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 3 }),
      fc.nat(),
      (number, size, zones, pick) => {
        const zoneOf = (at: number) => (zones > 1 ? { zone: `zone-${at % zones}` } : {});
        const nodes = Array.from({ length: number }, (_, at) => node(`worker-${at + 1}`, zoneOf(at)));
        const settings = plan({ groups: [{ size }], budget: { maxUnavailable: 5 } });
        const before = waveOfNode(planWaves({ ...empty, nodes }, settings));

        const grown = waveOfNode(
          planWaves({ ...empty, nodes: [...nodes, node(`worker-${number + 1}`, zoneOf(number))] }, settings),
        );
        const gone = nodes[1 + (pick % (number - 1))];
        const shrunk = waveOfNode(planWaves({ ...empty, nodes: nodes.filter((entry) => entry !== gone) }, settings));

        for (const [entry, wave] of before) expect([entry, grown.get(entry)]).toEqual([entry, wave]);
        for (const [entry, wave] of before)
          if (entry !== gone?.name) expect([entry, shrunk.get(entry)]).toEqual([entry, wave]);
      },
    ),
    runs,
  );
});

const empty: Inventory = {
  nodes: [],
  pods: [],
  objects: new Map(),
  kindsSeen: new Set(["Node", "Pod", "PodDisruptionBudget"]),
};
