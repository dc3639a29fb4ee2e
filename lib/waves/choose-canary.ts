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
interface CanaryRank {
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
function rankCanaries(
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
  const kept = keptNodes(rendered, candidates, plan);
  const most = Math.min(canary.nodes, rules.size);
  // A canary that found fewer nodes than asked for stays as it is; only nodes that are gone are replaced.
  const wanted = kept.length === 0 ? most : Math.min(most, rendered?.hostnames.length ?? most);
  const ranks = rankCanaries(candidates, cluster.replicaSets);
  const nodes = fillCanary(kept, ranks, wanted, plan, rules);
  return {
    id: rendered?.id,
    nodes,
    findings: [...reportChange(rendered, kept, nodes), ...remarkOn(nodes, ranks, candidates, plan)],
  };
}

function reportChange(
  rendered: RenderedWave | undefined,
  kept: readonly NodeView[],
  nodes: readonly NodeView[],
): readonly Finding[] {
  if (rendered === undefined) return [];
  const namesOf = (views: readonly NodeView[]): string[] => views.map((view) => view.node.name);
  const joined = namesOf(nodes.filter((view) => !rendered.hostnames.includes(view.node.hostname ?? "")));
  const left = namesOf(kept.filter((view) => !nodes.includes(view)));
  return [
    ...(joined.length === 0
      ? []
      : [
          waveFinding("waves/node-moved", {
            message: `${nameSome(joined)} became the canary and left ${joined.length === 1 ? "its" : "their"} wave`,
            reason: `The rendered canary was ${nameSome(rendered.hostnames)}, which is gone or no longer what the plan asks for`,
            data: { wave: rendered.id, nodes: joined },
          }),
        ]),
    ...(left.length === 0
      ? []
      : [
          waveFinding("waves/node-moved", {
            message: `${nameSome(left)} left the canary for a wave of ${left.length === 1 ? "its" : "their"} group`,
            reason:
              "The canary would have held all of a workload or zone, more nodes than allowed, or more pods than there is room for",
            data: { wave: rendered.id, nodes: left },
          }),
        ]),
  ];
}

/** Nodes of the rendered canary that can still be in it, while its rule is the same. */
function keptNodes(
  rendered: RenderedWave | undefined,
  candidates: readonly NodeView[],
  plan: Plan,
): readonly NodeView[] {
  if (rendered === undefined || (rendered.rule !== undefined && rendered.rule !== canaryRule(plan))) return [];
  return candidates.filter((view) => rendered.hostnames.includes(view.node.hostname ?? ""));
}

/** The nodes kept, and the most ordinary ones that may move together with them, until there are as many as wanted. */
function fillCanary(
  kept: readonly NodeView[],
  ranks: readonly CanaryRank[],
  wanted: number,
  plan: Plan,
  rules: { readonly limits: WaveLimits; readonly capacity: CapacityTest },
): readonly NodeView[] {
  const batch = rules.limits.start();
  // Nodes that are kept may stretch a budget, like those of other rendered waves: its pods go in rounds.
  const joins = (view: NodeView): boolean =>
    batch.nodes.length === 0 ||
    (rules.limits.fits(batch, view, kept.includes(view) ? Number.POSITIVE_INFINITY : 1) &&
      rules.capacity.fits([...batch.nodes, view], plan.spec.roll.mode));
  for (const view of [...kept, ...ranks.map((rank) => rank.view).filter((other) => !kept.includes(other))]) {
    if (batch.nodes.length === wanted) break;
    if (joins(view)) rules.limits.add(batch, view);
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
