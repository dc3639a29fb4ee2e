import type { Finding } from "../core/finding.ts";
import type { Plan } from "../plan/plan.ts";
import { assignIds, type NamedBatch, splitId } from "./assign-ids.ts";
import type { CapacityTest } from "./capacity.ts";
import { type Canary, chooseCanary } from "./choose-canary.ts";
import type { ClusterView, NodeView } from "./cluster-view.ts";
import { type Numbering, readNumber } from "./cut-blocks.ts";
import { type FormedGroup, formBatches } from "./form-batches.ts";
import { type GroupedNodes, type NodeGroup, placeOf } from "./group-nodes.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";
import type { WaveLimits } from "./wave-limits.ts";
import type { RenderedWave } from "./waves.ts";

/** Waves that were rendered before: those that were opened, and those that still may change. */
export interface RenderedWaves {
  readonly locked: readonly RenderedWave[];
  readonly held: readonly RenderedWave[];
}

/** What groups are cut with. */
export interface CuttingTools {
  readonly cluster: ClusterView;
  readonly plan: Plan;
  /** All workers of the cluster. */
  readonly workers: readonly NodeView[];
  readonly limits: WaveLimits;
  readonly capacity: CapacityTest;
}

/** Batches with their ids, group by group. */
export interface CutGroups {
  readonly canary: { readonly id: string; readonly nodes: readonly NodeView[] };
  /** In their order, the control plane last. */
  readonly groups: readonly { readonly group: NodeGroup; readonly batches: readonly NamedBatch[] }[];
  readonly findings: readonly Finding[];
}

/** Whether an id is the canary's: `100-canary`, with any number. */
function isCanary(id: string): boolean {
  return splitId(id).slug === "canary";
}

/** Chooses the canary, cuts every group into batches and gives each its id. Nodes of opened waves are in no group. */
export function cutGroups(
  eligible: readonly NodeView[],
  grouped: GroupedNodes,
  rendered: RenderedWaves,
  tools: CuttingTools,
): CutGroups {
  const { cluster, plan } = tools;
  const most = mostAway(plan, cluster);
  const lockedCanary = rendered.locked.find((wave) => isCanary(wave.id))?.id;
  const canary: Canary =
    lockedCanary === undefined
      ? chooseCanary(eligible, rendered.held, cluster, plan, { ...tools, size: most })
      : { id: lockedCanary, nodes: [], findings: [] };
  const inCanary = new Set(canary.nodes);
  const numbering = numberingOf(canary.nodes, rendered.locked, tools);
  const form = (group: NodeGroup): { readonly group: NodeGroup } & FormedGroup => {
    const nodes = group.nodes.filter((view) => !inCanary.has(view));
    const size = Math.min(group.size, most);
    const held = rendered.held.filter((wave) => isOfGroup(wave, group));
    const { acrossZones } = plan.spec.waves.budget;
    return { group, ...formBatches({ ...group, nodes }, held, { ...tools, size, acrossZones, numbering }) };
  };
  const formed = grouped.groups.map(form);
  const control = form(grouped.controlPlane);
  const lockedIds = rendered.locked.map((wave) => wave.id);
  const ids = assignIds(formed, control, canary.id, lockedIds);
  return {
    canary: { id: ids.canary, nodes: canary.nodes },
    groups: [
      ...formed.map(({ group }, at) => ({ group, batches: ids.groups[at] ?? [] })),
      { group: control.group, batches: ids.controlPlane },
    ],
    findings: [...canary.findings, ...reportSizes(grouped, most, tools), ...reportMoved([...formed, control])],
  };
}

/** The most nodes that one wave may take away: a count, or a part of all nodes rounded down, at least 1. */
function mostAway(plan: Plan, cluster: ClusterView): number {
  const { maxUnavailable } = plan.spec.waves.budget;
  if (typeof maxUnavailable === "number") return Math.max(1, maxUnavailable);
  return Math.max(1, Math.floor((Number.parseInt(maxUnavailable, 10) * cluster.nodes.length) / 100));
}

/** Held waves keep their nodes while the rule that made them is still the group's. */
function isOfGroup(wave: RenderedWave, group: NodeGroup): boolean {
  return splitId(wave.id).slug === group.slug && (wave.rule === undefined || wave.rule === group.rule);
}

/** Numbered names are read as if the canary and opened waves had never had one, zones taking turns in them. */
function numberingOf(
  canary: readonly NodeView[],
  locked: readonly RenderedWave[],
  { cluster, plan, workers }: CuttingTools,
): Numbering {
  const hostnames = new Set(locked.flatMap((wave) => wave.hostnames));
  const taken = [...canary, ...cluster.nodes.filter((view) => hostnames.has(view.node.hostname ?? ""))];
  const zones = new Map<string, Set<string>>();
  for (const { node, zone } of workers) {
    const { family } = readNumber(node.name);
    zones.set(family, (zones.get(family) ?? new Set()).add(zone ?? ""));
  }
  const { acrossZones } = plan.spec.waves.budget;
  return {
    taken: taken.map((view) => view.node.name),
    strideOf: (family) => (acrossZones ? 1 : (zones.get(family)?.size ?? 1)),
  };
}

function reportSizes(grouped: GroupedNodes, most: number, { cluster, plan }: CuttingTools): readonly Finding[] {
  const limited = grouped.groups.filter((group) => group.isWritten && group.size > most && group.nodes.length > most);
  return limited.map((group) =>
    waveFinding("waves/size-limited", {
      message: `Waves of ${group.title} hold at most ${count(most, "node")}, not ${group.size}`,
      where: placeOf(plan, "spec.waves.budget.maxUnavailable"),
      reason: `maxUnavailable is ${plan.spec.waves.budget.maxUnavailable} of ${count(cluster.nodes.length, "node")}`,
      remedy: "Raise spec.waves.budget.maxUnavailable, or leave it: smaller waves are safer",
      data: { group: group.slug, size: group.size, maxUnavailable: most },
    }),
  );
}

function reportMoved(formed: readonly FormedGroup[]): readonly Finding[] {
  const byWave = new Map<string, string[]>();
  for (const { moved } of formed)
    for (const { view, from } of moved) byWave.set(from, [...(byWave.get(from) ?? []), view.node.name]);
  return [...byWave].map(([from, names]) =>
    waveFinding("waves/node-moved", {
      message: `${nameSome(names)} left the wave ${from} for another`,
      reason:
        "The wave would have held all of a workload or zone, more nodes than allowed, or more pods than there is room for",
      data: { wave: from, nodes: names },
    }),
  );
}
