import type { Finding } from "../core/finding.ts";
import { compareFindings } from "../core/finding.ts";
import { byText, compareText } from "../core/order.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan, RollMode } from "../plan/plan.ts";
import { assignIds, splitId } from "./assign-ids.ts";
import { mapBudgets } from "./budgets-of-pods.ts";
import { buildCapacityTest } from "./capacity.ts";
import { checkWaves, type WaveToCheck } from "./check-waves.ts";
import { canaryRule, chooseCanary } from "./choose-canary.ts";
import { type ClusterView, type NodeView, viewCluster } from "./cluster-view.ts";
import { type Numbering, readNumber } from "./cut-blocks.ts";
import { describeGoneNode, describeNode, describeWorkloads } from "./describe-wave.ts";
import { viewBudgets } from "./disruption-budget.ts";
import { estimateWave } from "./estimate-wave.ts";
import { type FormedGroup, formBatches, type HeldBatch } from "./form-batches.ts";
import { type GroupedNodes, groupNodes, type NodeGroup, placeOf } from "./group-nodes.ts";
import { readLocalClaims } from "./node-filter.ts";
import { screenNodes } from "./screen-nodes.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";
import { buildWaveLimits } from "./wave-limits.ts";
import type { RenderedWave, Wave, WavePlan, WaveSettings } from "./waves.ts";

/**
 * Cuts the nodes of a cluster into waves that never take more away than it can spare.
 *
 * Every node is in exactly one wave or among `excluded` with the reason. The canary comes first, then the groups of the plan
 * in its order, then nodes of no group pool by pool, then the control plane one by one. A wave never holds all replicas of a
 * workload, all DNS or ingress pods, all workers of a zone, more nodes than the budget, more pods than the rest of the
 * cluster has room for, nor (while that does not double the number of waves) more pods of a PodDisruptionBudget than it lets
 * go at once. What no cutting can avoid is a finding that names the budget, the workload, the node and the way out.
 *
 * Stable: a wave that was opened (state `open`, `done` or `rollback` in the plan) keeps its nodes for ever. A rendered wave that
 * is still held keeps them too while its rule is the same: a node that joins changes the one wave that takes it, or adds one; a
 * node that goes changes the one that had it. Only a node whose wave would break a rule moves, with the finding
 * `waves/node-moved`. Without `renderedWaves` the cut depends on names so that little moves (see `cutBlocks`).
 *
 * Findings: every code of `waveFindings`. Order of the input does not matter.
 * Cost: 5,000 nodes, 50,000 pods and 2,000 workloads in under two seconds.
 */
export function planWaves(inventory: Inventory, plan: Plan, settings: WaveSettings = {}): WavePlan {
  const cluster = viewCluster(inventory);
  const rendered = [...(settings.renderedWaves ?? [])].sort(byText((wave) => wave.id));
  const isLocked = (id: string): boolean => (plan.stages[id]?.state ?? "held") !== "held";
  const locked = rendered.filter((wave) => isLocked(wave.id));
  const held = rendered.filter((wave) => !isLocked(wave.id));
  const lockedHostnames = new Set(locked.flatMap((wave) => wave.hostnames));

  const screened = screenNodes(cluster, plan, new Set(settings.alreadyMigrated ?? []), lockedHostnames);
  const grouped = groupNodes(screened.eligible, cluster, plan);
  const findings: Finding[] = [...screened.findings, ...grouped.findings];
  const budgets = viewBudgets(inventory, cluster);
  const budgetsOf = mapBudgets(budgets);
  const capacity = buildCapacityTest(inventory, cluster);
  const workers = cluster.nodes.filter((view) => !view.node.isControlPlane);
  const rules = {
    acrossZones: plan.spec.waves.budget.acrossZones,
    limits: buildWaveLimits(cluster, workers, budgets),
    capacity,
  };
  const lockedNodes = cluster.nodes.filter((view) => lockedHostnames.has(view.node.hostname ?? ""));

  const canary = locked.some((wave) => isCanary(wave.id))
    ? { id: undefined, nodes: [], findings: [] }
    : chooseCanary(screened.eligible, held, cluster, plan, { ...rules, size: mostAway(plan, cluster) });
  findings.push(...canary.findings);

  const inCanary = new Set(canary.nodes);
  const numbering: Numbering = {
    taken: [...canary.nodes, ...lockedNodes].map((view) => view.node.name),
    strideOf: rules.acrossZones ? () => 1 : countZonesOfFamilies(workers),
  };
  const form = (group: NodeGroup): { group: NodeGroup } & FormedGroup => {
    const size = Math.min(group.size, mostAway(plan, cluster));
    const nodes = group.nodes.filter((view) => !inCanary.has(view));
    return {
      group,
      ...formBatches({ ...group, nodes }, heldOf(group, held), {
        ...rules,
        size,
        numbering: size === 1 ? { ...numbering, strideOf: () => 1 } : numbering,
      }),
    };
  };
  const formed = grouped.groups.map(form);
  const control = form(grouped.controlPlane);
  findings.push(...reportSizes(grouped, plan, cluster), ...reportMoved([...formed, control]));

  const ids = assignIds(
    formed,
    control,
    canary.id ?? locked.find((wave) => isCanary(wave.id))?.id,
    locked.map((wave) => wave.id),
  );
  const localClaims = readLocalClaims(inventory);
  const build = (id: string, group: NodeGroup, nodes: readonly NodeView[], title: string): WaveToCheck => {
    const sorted = [...nodes].sort(byText((view) => view.node.name));
    const wave: Wave = {
      id,
      title,
      group: group.slug,
      nodes: sorted.map((view) => describeNode(view, group.mode, localClaims)),
      mode: group.mode,
      workloads: describeWorkloads(sorted, group.mode, cluster, budgetsOf),
      estimateSeconds: estimateWave(sorted, group.mode, budgetsOf, { ...plan.spec.waves, ...plan.spec.roll }),
      zones: zonesOf(sorted),
      rule: group.rule,
      isLocked: false,
    };
    return { wave, nodes: sorted };
  };
  const planned: WaveToCheck[] = [
    ...(canary.nodes.length === 0
      ? []
      : [build(ids.canary, { ...canaryGroup(plan, grouped, canary.nodes) }, canary.nodes, "Canary")]),
    ...formed.flatMap(({ group }, at) =>
      (ids.groups[at] ?? []).map((batch) => build(batch.id, group, batch.nodes, titleOf(group, batch.id))),
    ),
    ...ids.controlPlane.map((batch) => build(batch.id, control.group, batch.nodes, titleOf(control.group, batch.id))),
    ...locked.map((wave) =>
      lockWave(wave, cluster, grouped, plan, (group, nodes) => build(wave.id, group, nodes, titleOf(group, wave.id))),
    ),
  ];
  planned.sort((a, b) => compareText(a.wave.id, b.wave.id));
  findings.push(
    ...checkWaves(planned, { inventory, plan, cluster, budgets, budgetsOf, capacity, localClaims, workers }),
  );
  return {
    waves: planned.map(({ wave }) => wave),
    excluded: screened.excluded,
    findings: findings.sort(compareFindings),
  };
}

/** In how many zones nodes of one family of names stand; 1 for unknown families. */
function countZonesOfFamilies(workers: readonly NodeView[]): (family: string) => number {
  const zones = new Map<string, Set<string>>();
  for (const { node, zone } of workers) {
    const { family } = readNumber(node.name);
    zones.set(family, (zones.get(family) ?? new Set()).add(zone ?? ""));
  }
  return (family) => zones.get(family)?.size ?? 1;
}

function isCanary(id: string): boolean {
  return splitId(id).slug === "canary";
}

/** The most nodes that one wave may take away: a count, or a part of all nodes rounded down, at least 1. */
function mostAway(plan: Plan, cluster: ClusterView): number {
  const { maxUnavailable } = plan.spec.waves.budget;
  if (typeof maxUnavailable === "number") return Math.max(1, maxUnavailable);
  return Math.max(1, Math.floor((Number.parseInt(maxUnavailable, 10) * cluster.nodes.length) / 100));
}

/** Held waves of a group that were made by the rule it still has. */
function heldOf(group: NodeGroup, held: readonly RenderedWave[]): readonly HeldBatch[] {
  return held.filter(
    (wave) => splitId(wave.id).slug === group.slug && (wave.rule === undefined || wave.rule === group.rule),
  );
}

function zonesOf(nodes: readonly NodeView[]): readonly string[] {
  return [...new Set(nodes.flatMap((view) => view.zone ?? []))].sort(compareText);
}

function titleOf(group: NodeGroup, id: string): string {
  const { letter } = splitId(id);
  return letter === "" ? group.title : `${group.title}, wave ${letter}`;
}

/** The canary moves as the group of its first node would. */
function canaryGroup(plan: Plan, grouped: GroupedNodes, nodes: readonly NodeView[]): NodeGroup {
  const first = nodes[0];
  const own = grouped.groups.find((group) => first !== undefined && group.nodes.includes(first));
  const { canary } = plan.spec.waves;
  return {
    slug: "canary",
    title: "Canary",
    size: canary.nodes,
    mode: own?.mode ?? plan.spec.roll.mode,
    isWritten: true,
    rule: canaryRule(plan),
    nodes,
  };
}

/** An opened wave exactly as it was rendered: nodes that left the cluster stay in it. */
function lockWave(
  rendered: RenderedWave,
  cluster: ClusterView,
  grouped: GroupedNodes,
  plan: Plan,
  build: (group: NodeGroup, nodes: readonly NodeView[]) => WaveToCheck,
): WaveToCheck {
  const present = cluster.nodes.filter((view) => rendered.hostnames.includes(view.node.hostname ?? ""));
  const { slug } = splitId(rendered.id);
  const known = [...grouped.groups, grouped.controlPlane].find((group) => group.slug === slug);
  const mode: RollMode = known?.mode ?? plan.spec.roll.mode;
  const group: NodeGroup = {
    slug,
    title: known?.title ?? (slug === "canary" ? "Canary" : slug),
    size: 1,
    mode,
    isWritten: true,
    rule: rendered.rule ?? "",
    nodes: [],
  };
  const built = build(group, present);
  const hostnames = new Set(present.map((view) => view.node.hostname));
  const gone = rendered.hostnames
    .filter((hostname) => !hostnames.has(hostname))
    .map((hostname) => describeGoneNode(hostname, rendered.names?.[hostname] ?? hostname));
  const nodes = [...built.wave.nodes, ...gone].sort(byText((node) => node.name));
  return { ...built, wave: { ...built.wave, nodes, isLocked: true } };
}

function reportSizes(grouped: GroupedNodes, plan: Plan, cluster: ClusterView): readonly Finding[] {
  const most = mostAway(plan, cluster);
  return grouped.groups.flatMap((group) => {
    if (!group.isWritten || group.size <= most || group.nodes.length <= most) return [];
    return [
      waveFinding("waves/size-limited", {
        message: `Waves of ${group.title} hold at most ${count(most, "node")}, not ${group.size}`,
        where: placeOf(plan, "spec.waves.budget.maxUnavailable"),
        reason: `maxUnavailable is ${plan.spec.waves.budget.maxUnavailable} of ${count(cluster.nodes.length, "node")}`,
        remedy: "Raise spec.waves.budget.maxUnavailable, or leave it: smaller waves are safer",
        data: { group: group.slug, size: group.size, maxUnavailable: most },
      }),
    ];
  });
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
