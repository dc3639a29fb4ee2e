import { closest } from "fastest-levenshtein";
import type { Finding } from "../core/finding.ts";
import { compareText, sortedUnique } from "../core/order.ts";
import { findPlanPosition } from "../plan/check-plan.ts";
import type { NodeSelection, Plan, RollMode } from "../plan/plan.ts";
import type { ClusterView, NodeView } from "./cluster-view.ts";
import { specialTraits } from "./node-traits.ts";
import { isSelected, printSelection } from "./select-nodes.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";
import { slugOf } from "./wave-ids.ts";

/** Nodes that one rule of the plan takes, and how they move. */
export interface NodeGroup {
  /** Part of the wave ids, unique among the groups. */
  readonly slug: string;
  readonly title: string;
  /** Most nodes in a wave as the plan says it, before the budget. */
  readonly size: number;
  readonly mode: RollMode;
  /** Whether the user wrote it; otherwise it was made for nodes of no group. */
  readonly isWritten: boolean;
  /** The rule in words; a rendered wave keeps its nodes while this stays the same. */
  readonly rule: string;
  readonly nodes: readonly NodeView[];
}

/** Workers in their groups, in the order of the plan, and control plane nodes. */
export interface GroupedNodes {
  readonly groups: readonly NodeGroup[];
  readonly controlPlane: NodeGroup;
  readonly findings: readonly Finding[];
}

/** Nodes in a wave of a pool that the plan does not name: three, one where the pool carries ingress, storage, devices or a taint. */
const implicitSize = 3;

/**
 * Gives every worker to the first group of the plan that selects it; workers that no group takes form groups of their pools
 * after those. Control plane nodes are a group of their own, at the end, one by one; the first group that selects one gives
 * them its roll mode.
 */
export function groupNodes(eligible: readonly NodeView[], cluster: ClusterView, plan: Plan): GroupedNodes {
  const { waves, roll } = plan.spec;
  const slugs = new Set(["canary", "control-plane"]);
  const workers = eligible.filter((view) => !view.node.isControlPlane);
  const findings: Finding[] = [...findUnknownNames(cluster, plan)];
  const taken = new Set<NodeView>();
  const groups: NodeGroup[] = [];
  for (const [at, group] of waves.groups.entries()) {
    const field = `spec.waves.groups[${at}]`;
    const nodes = workers.filter((view) => !taken.has(view) && isSelected(view, group));
    for (const view of nodes) taken.add(view);
    const mode = group.roll?.mode ?? roll.mode;
    groups.push({
      slug: uniqueSlug(nameOf(group), slugs),
      title: nameOf(group),
      size: group.size,
      mode,
      isWritten: true,
      rule: ruleOf(printSelection(group), String(group.size), plan),
      nodes,
    });
    findings.push(...checkGroup(group, field, nodes, eligible, cluster, plan));
  }
  for (const [pool, nodes] of byPool(workers.filter((view) => !taken.has(view)))) {
    const size = isSpecial(nodes) ? 1 : implicitSize;
    groups.push({
      slug: uniqueSlug(pool, slugs),
      title: pool,
      size,
      mode: roll.mode,
      isWritten: false,
      rule: ruleOf(`pool ${pool}`, String(size), plan),
      nodes,
    });
    findings.push(reportImplicit(pool, size, nodes, plan));
  }
  const controlPlane = eligible.filter((view) => view.node.isControlPlane);
  const controlGroup = waves.groups.find(
    (group) => selectsByName(group) && controlPlane.some((view) => isSelected(view, group)),
  );
  return {
    groups,
    controlPlane: {
      slug: "control-plane",
      title: "control plane",
      size: 1,
      mode: controlGroup?.roll?.mode ?? roll.mode,
      isWritten: false,
      rule: "control plane, one by one",
      nodes: controlPlane,
    },
    findings,
  };
}

function ruleOf(selection: string, size: string, plan: Plan): string {
  const { maxUnavailable, acrossZones } = plan.spec.waves.budget;
  return `${selection}; at most ${size} in a wave and ${maxUnavailable} away; ${acrossZones ? "across zones" : "one zone in a wave"}`;
}

function nameOf(selection: NodeSelection): string {
  const label = Object.values(selection.labels ?? {}).find((value) => value !== "");
  return selection.pool ?? label ?? selection.zone ?? (selection.names === undefined ? "workers" : "named");
}

function uniqueSlug(name: string, taken: Set<string>): string {
  const base = slugOf(name);
  let slug = base;
  for (let number = 2; taken.has(slug); number += 1) slug = `${base}-${number}`;
  taken.add(slug);
  return slug;
}

function byPool(nodes: readonly NodeView[]): readonly (readonly [string, readonly NodeView[]])[] {
  const pools = new Map<string, NodeView[]>();
  for (const view of nodes) pools.set(view.pool, [...(pools.get(view.pool) ?? []), view]);
  return [...pools].sort(
    ([a, left], [b, right]) => Number(isSpecial(left)) - Number(isSpecial(right)) || compareText(a, b),
  );
}

/** Whether a pool carries ingress, storage, devices or a taint anywhere; such pools come after the ordinary ones. */
export function isSpecial(nodes: readonly NodeView[]): boolean {
  return nodes.some((view) => specialTraits.some((trait) => view.traits.includes(trait)));
}

function reportImplicit(pool: string, size: number, nodes: readonly NodeView[], plan: Plan): Finding {
  const names = nodes.map((view) => view.node.name);
  return waveFinding("waves/implicit-group", {
    message: `No group of the plan takes ${count(nodes.length, "node")} of the pool ${pool}: ${nameSome(names)}`,
    where: placeOf(plan, "spec.waves.groups"),
    reason: `They migrate after the groups of the plan, ${size === 1 ? "one by one" : `${size} in a wave`}`,
    remedy: `Add a group to say how: { pool: ${pool}, size: ${size} }`,
    data: { pool, size, nodes: names },
  });
}

/** Whether a group speaks of certain nodes, not of a zone or of all: only then it can mean control plane nodes. */
function selectsByName(group: NodeSelection): boolean {
  return group.pool !== undefined || group.labels !== undefined || group.names !== undefined;
}

function checkGroup(
  group: NodeSelection,
  field: string,
  nodes: readonly NodeView[],
  eligible: readonly NodeView[],
  cluster: ClusterView,
  plan: Plan,
): readonly Finding[] {
  const control = selectsByName(group)
    ? eligible.filter((view) => view.node.isControlPlane && isSelected(view, group))
    : [];
  if (control.length > 0)
    return [
      waveFinding("waves/control-plane-last", {
        message: `${printSelection(group)} selects control plane nodes: ${nameSome(control.map((view) => view.node.name))}`,
        where: placeOf(plan, field),
        reason: "They migrate after all workers, one by one; the group's roll mode is theirs too",
      }),
    ];
  if (nodes.length > 0) return [];
  return [emptySelection(group, field, cluster, plan)];
}

/** The finding for a selection that takes no node, with the nearest pool where a pool is misspelt. */
export function emptySelection(selection: NodeSelection, field: string, cluster: ClusterView, plan: Plan): Finding {
  const pools = sortedUnique(cluster.nodes.filter((view) => !view.node.isControlPlane).map((view) => view.pool));
  const isUnknownPool = selection.pool !== undefined && !pools.includes(selection.pool);
  return waveFinding("waves/empty-group", {
    message: `${printSelection(selection)} selects no node that could be in its waves`,
    where: placeOf(plan, field),
    ...(isUnknownPool && pools.length > 0
      ? {
          remedy: `Did you mean ${closest(selection.pool ?? "", pools)}? The pools of the workers are ${nameSome(pools)}`,
        }
      : { remedy: "Remove it, or put it before the groups that take its nodes" }),
  });
}

function findUnknownNames(cluster: ClusterView, plan: Plan): readonly Finding[] {
  const { canary, groups, exclude } = plan.spec.waves;
  const selections: readonly (readonly [string, NodeSelection])[] = [
    ["spec.waves.canary.from", canary.from],
    ...groups.map((group, at) => [`spec.waves.groups[${at}]`, group] as const),
    ...(exclude === undefined ? [] : [["spec.waves.exclude", exclude] as const]),
  ];
  const known = cluster.nodes.map((view) => view.node.name);
  return selections.flatMap(([field, selection]) =>
    (selection.names ?? []).flatMap((name, at) => {
      if (cluster.nodesByName.has(name)) return [];
      return [
        waveFinding("waves/unknown-node", {
          message: `The plan names the node ${JSON.stringify(name)}, and the inventory has none of that name`,
          where: placeOf(plan, `${field}.names[${at}]`),
          ...(known.length > 0 && {
            remedy: `Did you mean ${closest(name, known)}? Names are those of kubectl get nodes`,
          }),
          data: { node: name },
        }),
      ];
    }),
  );
}

/** Where a field of the plan stands. */
export function placeOf(plan: Plan, field: string): NonNullable<Finding["where"]> {
  return { file: plan.file, ...findPlanPosition(plan, field), field };
}
