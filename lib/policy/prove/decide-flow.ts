import { cutAddresses } from "../space/address-cells.ts";
import { createClosedSpace } from "../space/closed-space.ts";
import { hasL4 } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { World } from "../space/world.ts";
import { compileSide, vocabularyOf } from "./compile-side.ts";
import {
  type CompiledSide,
  createPlaces,
  decide,
  headersOf,
  type OwnNode,
  type Program,
  programOf,
  rulesOf,
  type Variant,
  type Verdict,
} from "./evaluate.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import type { RuleRef } from "./term.ts";

/** One packet at one pod. */
export interface FlowPoint {
  readonly half: Half;
  readonly subject: PacketEnd;
  readonly peer: PacketEnd;
  readonly family: 4 | 6;
  /** On the line of `l4-set.ts`. */
  readonly point: number;
  readonly variant: Variant;
}

/** What one side makes of one packet. */
export interface FlowDecision {
  readonly verdict: Verdict;
  /** Places, in evaluation order, of the policies (Calico) or rules (Cilium) in the side's set that select the subject. */
  readonly selected: readonly number[];
  /** Rules of those policies that match the packet. */
  readonly matching: readonly RuleRef[];
}

/**
 * Decides one packet by one side, from the policies alone: no classes of a cluster take part, so that a witness can be
 * checked. Cost: one pass over all policies of the side.
 */
export function decideFlow(side: PolicySide, world: World, flow: FlowPoint): FlowDecision {
  const vocabulary = vocabularyOf([side], world);
  const cells = cutAddresses(vocabulary.prefixes, flow.family);
  const space = createClosedSpace(
    { family: flow.family, cells, ends: [flow.subject, flow.peer], nodeClasses: [] },
    vocabulary,
  );
  const compiled = compileSide(side, space, world, flow.half);
  const selected = selectedPlaces(compiled, space);
  const places = createPlaces();
  const program = programOf(compiled, selected, (own) => contains(space, own, 0), places);
  const isIn = Uint8Array.from(places.handles, (handle) => (contains(space, handle, 1) ? 1 : 0));
  const ownNode: OwnNode = flow.peer.kind !== "host" ? "no" : flow.half === "ingress" ? "from" : "to";
  return {
    verdict: decide(program, isIn, flow.variant, ownNode, flow.point),
    selected: selected.map((place) => originalPlace(compiled, place)),
    matching: matchingRules(program, isIn, flow),
  };
}

function selectedPlaces(side: CompiledSide, space: PacketSpace): number[] {
  if (side.engine === "none") return [];
  const subjects = side.engine === "calico" ? side.policies : side.rules;
  return subjects.flatMap(({ subject }, place) => (contains(space, subject, 0) ? [place] : []));
}

function originalPlace(side: CompiledSide, place: number): number {
  if (side.engine === "none") return place;
  return (side.engine === "calico" ? side.policies[place]?.index : side.rules[place]?.index) ?? place;
}

/** Whether a set of the two-end space holds the end: 0 the subject, 1 the peer. */
function contains(space: PacketSpace, handle: number, end: 0 | 1): boolean {
  const [block] = space.blocks([handle]).filter(({ only }) => only === undefined || only === end);
  return block?.isIn[0] === 1;
}

function matchingRules(program: Program, isIn: Uint8Array, flow: FlowPoint): RuleRef[] {
  return rulesOf(program)
    .filter((rule) => hasL4(headersOf(rule, isIn, flow.variant), flow.point))
    .map(({ ref }) => ref);
}
