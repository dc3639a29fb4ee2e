import type { Finding } from "../core/finding.ts";
import { byAll } from "../core/order.ts";
import type { Plan } from "../plan/plan.ts";
import { splitId } from "./assign-ids.ts";
import type { CapacityTest } from "./capacity.ts";
import { type ClusterView, movedPods, type NodeView, type ReplicaSetView } from "./cluster-view.ts";
import { compareNames } from "./cut-blocks.ts";
import { emptySelection, placeOf } from "./group-nodes.ts";
import type { NodeTrait } from "./node-traits.ts";
import { isSelected, printSelection } from "./select-nodes.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";
import type { WaveLimits } from "./wave-limits.ts";
import type { RenderedWave } from "./waves.ts";

/** Traits that a canary must not have if any other node can be found. */
const unusual: readonly NodeTrait[] = ["dns", "ingress", "storage", "gpu", "tainted", "spot", "cordoned"];

/** What speaks against a node as the canary; the smaller the better, in this order. */
export interface CanaryRank {
  readonly view: NodeView;
  readonly unusualTraits: readonly NodeTrait[];
  /** Of pool, zone, kernel, image and architecture: how many are rare among the candidates. */
  readonly oddities: number;
  /** Whether no pod would move: such a node teaches nothing. */
  readonly isIdle: boolean;
  /** Bare pods, pods of one replica and pods with data on the node. */
  readonly fragilePods: number;
}

/**
 * Candidates for the canary, the most ordinary first: no DNS, ingress, storage, devices, taint, spot or cordon; pool, zone,
 * kernel, image and architecture that are not rare; pods that move at all; few pods that would be missed; then by name as
 * people count, so that a node which joins later does not take its place.
 * Source: shared reference migration 4.3.
 */
export function rankCanaries(
  candidates: readonly NodeView[],
  replicaSets: ReadonlyMap<string, ReplicaSetView>,
): readonly CanaryRank[] {
  const features: readonly ((view: NodeView) => string | undefined)[] = [
    (view) => view.pool,
    (view) => view.zone,
    (view) => view.node.nodeInfo.kernelVersion,
    (view) => view.node.nodeInfo.osImage,
    (view) => view.node.nodeInfo.architecture,
  ];
  const rare = features.map((feature) => rareValues(candidates.map(feature)));
  const ranks = candidates.map((view): CanaryRank => {
    const moved = movedPods(view, "evict");
    const fragile = moved.filter(
      ({ pod, workload }) =>
        workload === undefined ||
        replicaSets.get(workload)?.replicas === 1 ||
        pod.volumes.some((volume) => volume.kind === "hostPath"),
    );
    return {
      view,
      unusualTraits: unusual.filter((trait) => view.traits.includes(trait)),
      oddities: features.filter((feature, at) => rare[at]?.has(feature(view)) === true).length,
      isIdle: moved.length === 0,
      fragilePods: fragile.length,
    };
  });
  return ranks.sort(
    byAll<CanaryRank>(
      (a, b) => a.unusualTraits.length - b.unusualTraits.length,
      (a, b) => a.oddities - b.oddities,
      (a, b) => Number(a.isIdle) - Number(b.isIdle),
      (a, b) => a.fragilePods - b.fragilePods,
      (a, b) => compareNames(a.view.node.name, b.view.node.name),
    ),
  );
}

/** Values that less than half as many have as the commonest one, so that one node more or less changes nothing. */
function rareValues(values: readonly (string | undefined)[]): ReadonlySet<string | undefined> {
  const counts = new Map<string | undefined, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  return new Set([...counts].flatMap(([value, number]) => (2 * number < most ? [value] : [])));
}

/** The nodes of the first wave. */
export interface Canary {
  /** Its id where it was rendered before. */
  readonly id: string | undefined;
  readonly nodes: readonly NodeView[];
  readonly findings: readonly Finding[];
}

/**
 * Chooses the canary: the nodes of the rendered one while the rule is the same and all of them are still there, else the most
 * ordinary workers that may move together. None where there are no workers.
 */
export function chooseCanary(
  eligible: readonly NodeView[],
  held: readonly RenderedWave[],
  cluster: ClusterView,
  plan: Plan,
  rules: { readonly limits: WaveLimits; readonly capacity: CapacityTest; readonly size: number },
): Canary {
  const { canary } = plan.spec.waves;
  const workers = eligible.filter((view) => !view.node.isControlPlane);
  const candidates = workers.filter((view) => isSelected(view, canary.from));
  if (workers.length === 0) return { id: undefined, nodes: [], findings: [] };
  if (candidates.length === 0)
    return {
      id: undefined,
      nodes: [],
      findings: [emptySelection(canary.from, "spec.waves.canary.from", cluster, plan)],
    };
  const rendered = held.find((wave) => splitId(wave.id).slug === "canary");
  const wanted = Math.min(canary.nodes, rules.size);
  const ranks = rankCanaries(candidates, cluster.replicaSets);
  const nodes = keepRendered(rendered, candidates, wanted, plan) ?? pickRanked(ranks, wanted, plan, rules);
  return {
    id: rendered?.id,
    nodes,
    findings: [...reportChange(rendered, nodes), ...remarkOn(nodes, ranks, candidates, plan)],
  };
}

function reportChange(rendered: RenderedWave | undefined, nodes: readonly NodeView[]): readonly Finding[] {
  const joined = nodes
    .map((view) => view.node)
    .filter((node) => rendered?.hostnames.includes(node.hostname ?? "") === false);
  if (rendered === undefined || joined.length === 0) return [];
  const names = joined.map((node) => node.name);
  return [
    waveFinding("waves/node-moved", {
      message: `${nameSome(names)} became the canary and left ${names.length === 1 ? "its" : "their"} wave`,
      reason: `The rendered canary was ${nameSome(rendered.hostnames)}, which is gone or no longer what the plan asks for`,
      data: { wave: rendered.id, nodes: names },
    }),
  ];
}

function keepRendered(
  rendered: RenderedWave | undefined,
  candidates: readonly NodeView[],
  wanted: number,
  plan: Plan,
): readonly NodeView[] | undefined {
  if (rendered === undefined || (rendered.rule !== undefined && rendered.rule !== canaryRule(plan))) return undefined;
  const kept = candidates.filter((view) => rendered.hostnames.includes(view.node.hostname ?? ""));
  return kept.length > 0 && kept.length === rendered.hostnames.length && kept.length <= wanted ? kept : undefined;
}

function pickRanked(
  ranks: readonly CanaryRank[],
  wanted: number,
  plan: Plan,
  rules: { readonly limits: WaveLimits; readonly capacity: CapacityTest },
): readonly NodeView[] {
  const batch = rules.limits.start();
  for (const { view } of ranks) {
    if (batch.nodes.length === wanted) break;
    const isFirst = batch.nodes.length === 0;
    const joins =
      isFirst ||
      (rules.limits.fits(batch, view, 1) && rules.capacity.fits([...batch.nodes, view], plan.spec.roll.mode));
    if (joins) rules.limits.add(batch, view);
  }
  return batch.nodes;
}

function remarkOn(
  nodes: readonly NodeView[],
  ranks: readonly CanaryRank[],
  candidates: readonly NodeView[],
  plan: Plan,
): readonly Finding[] {
  const { canary } = plan.spec.waves;
  const odd = ranks.filter((rank) => nodes.includes(rank.view) && rank.unusualTraits.length > 0);
  return [
    ...(nodes.length < canary.nodes
      ? [
          waveFinding("waves/canary-short", {
            message: `The canary has ${count(nodes.length, "node")}, not ${canary.nodes}`,
            where: placeOf(plan, "spec.waves.canary.nodes"),
            reason: `${count(candidates.length, "node")} of ${printSelection(canary.from)} can be chosen from, and no more may move together`,
          }),
        ]
      : []),
    ...odd.map(({ view, unusualTraits }) =>
      waveFinding("waves/canary-not-ordinary", {
        message: `The canary ${view.node.name} is ${unusualTraits.join(", ")}`,
        where: placeOf(plan, "spec.waves.canary.from"),
        reason: "A canary should teach without risking what the whole cluster needs, and no plainer node can be chosen",
        remedy: "Choose it yourself with spec.waves.canary.from.names, or read its wave with more care",
        data: {
          node: view.node.name,
          traits: [...unusualTraits],
          candidates: nameSome(ranks.map((r) => r.view.node.name)),
        },
      }),
    ),
  ];
}

/** The rule of the canary in words, as `Wave.rule`. */
export function canaryRule(plan: Plan): string {
  const { nodes, from } = plan.spec.waves.canary;
  return `canary of ${nodes} from ${printSelection(from)}`;
}
