import { compareFindings } from "../core/finding.ts";
import { byText } from "../core/order.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import { mapBudgets } from "./budgets-of-pods.ts";
import { buildWaves } from "./build-waves.ts";
import { buildCapacityTest } from "./capacity.ts";
import { checkWaves } from "./check-waves.ts";
import { viewCluster } from "./cluster-view.ts";
import { type CuttingTools, cutGroups, type RenderedWaves } from "./cut-groups.ts";
import { viewBudgets } from "./disruption-budget.ts";
import { groupNodes } from "./group-nodes.ts";
import { readLocalClaims } from "./node-filter.ts";
import { screenNodes } from "./screen-nodes.ts";
import { buildWaveLimits } from "./wave-limits.ts";
import type { RenderedWave, WavePlan, WaveSettings } from "./waves.ts";

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
 * Cost: grows with pods and with nodes tried for each; see the figures of the benchmark command.
 */
export function planWaves(inventory: Inventory, plan: Plan, settings: WaveSettings = {}): WavePlan {
  const cluster = viewCluster(inventory);
  const budgets = viewBudgets(inventory, cluster);
  const workers = cluster.nodes.filter((view) => !view.node.isControlPlane);
  const tools: CuttingTools = {
    cluster,
    plan,
    workers,
    limits: buildWaveLimits(cluster, workers, budgets),
    capacity: buildCapacityTest(inventory, cluster),
  };
  const rendered = sortRendered(settings.renderedWaves ?? [], plan);
  const lockedHostnames = new Set(rendered.locked.flatMap((wave) => wave.hostnames));
  const screened = screenNodes(cluster, plan, new Set(settings.alreadyMigrated ?? []), lockedHostnames);
  const grouped = groupNodes(screened.eligible, cluster, plan);
  const cut = cutGroups(screened.eligible, grouped, rendered, tools);
  const context = {
    ...tools,
    inventory,
    budgets,
    budgetsOf: mapBudgets(budgets),
    localClaims: readLocalClaims(inventory),
  };
  const waves = buildWaves(cut, grouped, rendered.locked, context);
  const findings = [...screened.findings, ...grouped.findings, ...cut.findings, ...checkWaves(waves, context)];
  return {
    waves: waves.map(({ wave }) => wave),
    excluded: screened.excluded,
    findings: findings.sort(compareFindings),
  };
}

/** Rendered waves by the state that the plan gives them, in the order of their ids. */
function sortRendered(waves: readonly RenderedWave[], plan: Plan): RenderedWaves {
  const sorted = [...waves].sort(byText((wave) => wave.id));
  const isLocked = ({ id }: RenderedWave): boolean => (plan.stages[id]?.state ?? "held") !== "held";
  return { locked: sorted.filter(isLocked), held: sorted.filter((wave) => !isLocked(wave)) };
}
