import { byText, compareText } from "../core/order.ts";
import type { Plan } from "../plan/plan.ts";
import { splitId } from "./assign-ids.ts";
import type { BudgetsOfPods } from "./budgets-of-pods.ts";
import type { WaveToCheck } from "./check-waves.ts";
import { canaryRule } from "./choose-canary.ts";
import type { ClusterView, NodeView } from "./cluster-view.ts";
import type { CutGroups } from "./cut-groups.ts";
import { describeGoneNode, describeNode, describeWorkloads } from "./describe-wave.ts";
import { estimateWave } from "./estimate-wave.ts";
import type { GroupedNodes, NodeGroup } from "./group-nodes.ts";
import type { RenderedWave, Wave } from "./waves.ts";

/** What waves are described with. */
export interface BuildContext {
  readonly cluster: ClusterView;
  readonly plan: Plan;
  readonly budgetsOf: BudgetsOfPods;
  readonly localClaims: ReadonlySet<string>;
}

/** Every wave with what a reviewer and the roll need to know, in the order of the ids; opened waves as they were rendered. */
export function buildWaves(
  cut: CutGroups,
  grouped: GroupedNodes,
  locked: readonly RenderedWave[],
  context: BuildContext,
): readonly WaveToCheck[] {
  const { canary, groups } = cut;
  const waves = [
    ...(canary.nodes.length === 0
      ? []
      : [buildWave(canary.id, canaryGroup(grouped, canary.nodes, context.plan), canary.nodes, context)]),
    ...groups.flatMap(({ group, batches }) => batches.map((batch) => buildWave(batch.id, group, batch.nodes, context))),
    ...locked.map((wave) => rebuildWave(wave, grouped, context)),
  ];
  return waves.sort((a, b) => compareText(a.wave.id, b.wave.id));
}

function buildWave(
  id: string,
  group: NodeGroup,
  nodes: readonly NodeView[],
  { cluster, plan, budgetsOf, localClaims }: BuildContext,
): WaveToCheck {
  const sorted = [...nodes].sort(byText((view) => view.node.name));
  const { letter } = splitId(id);
  const wave: Wave = {
    id,
    title: letter === "" ? group.title : `${group.title}, wave ${letter}`,
    group: group.slug,
    nodes: sorted.map((view) => describeNode(view, group.mode, localClaims)),
    mode: group.mode,
    workloads: describeWorkloads(sorted, group.mode, cluster, budgetsOf),
    estimateSeconds: estimateWave(sorted, group.mode, budgetsOf, { ...plan.spec.waves, ...plan.spec.roll }),
    zones: [...new Set(sorted.flatMap((view) => view.zone ?? []))].sort(compareText),
    rule: group.rule,
    isLocked: false,
  };
  return { wave, nodes: sorted };
}

/** The canary moves as the group of its first node would. */
function canaryGroup(grouped: GroupedNodes, nodes: readonly NodeView[], plan: Plan): NodeGroup {
  const first = nodes[0];
  const own = grouped.groups.find((group) => first !== undefined && group.nodes.includes(first));
  return {
    slug: "canary",
    title: "Canary",
    size: plan.spec.waves.canary.nodes,
    mode: own?.mode ?? plan.spec.roll.mode,
    isWritten: true,
    rule: canaryRule(plan),
    nodes,
  };
}

/** An opened wave exactly as it was rendered: nodes that left the cluster stay in it. */
function rebuildWave(rendered: RenderedWave, grouped: GroupedNodes, context: BuildContext): WaveToCheck {
  const hostnames = new Set(rendered.hostnames);
  const present = context.cluster.nodes.filter((view) => hostnames.has(view.node.hostname ?? ""));
  const { slug } = splitId(rendered.id);
  const known =
    slug === "canary"
      ? canaryGroup(grouped, present, context.plan)
      : [...grouped.groups, grouped.controlPlane].find((group) => group.slug === slug);
  const group: NodeGroup = {
    slug,
    title: known?.title ?? slug,
    size: rendered.hostnames.length,
    mode: known?.mode ?? context.plan.spec.roll.mode,
    isWritten: true,
    rule: rendered.rule ?? "",
    nodes: present,
  };
  const built = buildWave(rendered.id, group, present, context);
  for (const view of present) hostnames.delete(view.node.hostname ?? "");
  const gone = [...hostnames].map((hostname) => describeGoneNode(hostname, rendered.names?.[hostname] ?? hostname));
  const nodes = [...built.wave.nodes, ...gone].sort(byText((node) => node.name));
  return { ...built, wave: { ...built.wave, nodes, isLocked: true } };
}
