import type { PolicySide } from "../prove/policy-side.ts";
import { matches } from "../selector/match-selector.ts";
import type { Selector } from "../selector/selector.ts";
import { calicoLabelsOf } from "../space/packet-end.ts";
import type { LabelSet, World } from "../space/world.ts";
import { type StandIn, standInPod } from "./stand-ins.ts";

/** Kinds of pods that a pack is chosen from: every pair of them is looked at. */
export const mostStandIns = 120;

/**
 * Of more kinds of pods than can be paired: for each policy in turn one that it selects and one that each of its rules
 * speaks of, until there are enough. All where they are few. Cost: each selector is asked about pods until one matches.
 */
export function sampleStandIns(
  standIns: readonly StandIn[],
  before: PolicySide,
  world: World,
): { readonly sample: readonly StandIn[]; readonly isWhole: boolean } {
  if (standIns.length <= mostStandIns || before.engine !== "calico") return { sample: standIns, isWhole: true };
  const labels = standIns.map((standIn) => calicoLabelsOf(standInPod(standIn, "", undefined), world));
  const chosen = new Set<number>();
  const add = (selector: Selector | undefined, other?: number): number | undefined => {
    if (selector === undefined || chosen.size >= mostStandIns) return undefined;
    const place = findMatch(labels, selector, other);
    if (place !== undefined) chosen.add(place);
    return place;
  };
  for (const policy of before.policies.policies) {
    if (chosen.size >= mostStandIns) break;
    if (policy.isStaged) continue;
    const own = add(policy.appliesTo);
    for (const { source } of policy.ingress) add(source.selector, own);
    for (const { destination } of policy.egress) add(destination.selector, own);
  }
  // Whoever no rule speaks of: callers that are refused.
  const step = Math.max(1, Math.floor(standIns.length / 16));
  for (let place = 0; place < standIns.length && chosen.size < mostStandIns; place += step) chosen.add(place);
  return { sample: standIns.filter((_, place) => chosen.has(place)), isWhole: false };
}

/** The first that matches and is not the other end; the other end itself where it is the only one. */
function findMatch(labels: readonly LabelSet[], selector: Selector, other: number | undefined): number | undefined {
  const place = labels.findIndex((set, at) => at !== other && matches(selector, set));
  if (place >= 0) return place;
  const self = other === undefined ? undefined : labels[other];
  return self !== undefined && matches(selector, self) ? other : undefined;
}
