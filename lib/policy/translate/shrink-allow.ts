import { doOverlap } from "../selector/label-term.ts";
import { type BoundedBoxes, type Box, doBoxListsOverlap, intersectBoxes, subtractBoxes } from "./box.ts";
import { everyHeader } from "./l4.ts";
import type { Cause, Direction, RuleEntry, SourcePolicy } from "./order-plan.ts";
import { everybody } from "./peer-set.ts";
import type { PlanState } from "./plan-state.ts";
import { findInIndex } from "./subject-index.ts";

/** Flows of an allow on their way: what is left of them, whether that is all that should be left, and who took the rest. */
export interface Shrinking {
  readonly boxes: readonly Box[];
  readonly isComplete: boolean;
  readonly causes: readonly Cause[];
}

function shrink(from: Shrinking, result: BoundedBoxes, cause: Cause): Shrinking {
  return {
    boxes: result.boxes,
    isComplete: from.isComplete && result.isComplete,
    causes: [...from.causes, cause],
  };
}

/** A Pass before an Allow of the same tier hands its flows to the later tiers. */
export function leaveOutPasses(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
  let current = start;
  for (const pass of passesOfTier(state, entry.owner.tierRank, current.boxes)) {
    if (pass.at >= entry.at || !doBoxListsOverlap(current.boxes, pass.boxes.over)) continue;
    // Where no later tier selects the pods, what is passed is allowed: nothing has to be left out.
    if (isAllowedAtEnd(state, pass)) continue;
    const result = subtractBoxes(current.boxes, pass.boxes.over);
    current = shrink(
      current,
      { ...result, isComplete: result.isComplete && pass.boxes.isExact },
      { entry: pass, hazard: "H2" },
    );
  }
  return current;
}

function isAllowedAtEnd(state: PlanState, pass: RuleEntry): boolean {
  const subjects = pass.boxes.over.flatMap((box) => box.subject);
  return state.walls
    .slice(pass.owner.tierRank + 1)
    .every((wall) => !findInIndex(wall, subjects).some((owner) => doOverlap(owner.subject.over, subjects)));
}

/** The Pass rules of a tier that may concern the pods, in order. */
export function passesOfTier(state: PlanState, tierRank: number, boxes: readonly Box[]): readonly RuleEntry[] {
  if (state.passes.all.length === 0) return [];
  const subjects = boxes.flatMap((box) => box.subject);
  return findInIndex(state.passes, subjects)
    .filter((pass) => pass.owner.tierRank === tierRank)
    .toSorted((a, b) => a.at - b.at);
}

/** Only what every earlier tier passes, or does not select, reaches a later one. */
export function passTiers(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
  let current = start;
  for (let rank = 0; rank < entry.owner.tierRank; rank += 1) current = passTier(state, rank, current);
  return current;
}

function wallsOf(state: PlanState, tierRank: number, boxes: readonly Box[]): readonly SourcePolicy[] {
  const index = state.walls[tierRank];
  if (index === undefined || index.all.length === 0) return [];
  const subjects = boxes.flatMap((box) => box.subject);
  return findInIndex(index, subjects).filter(
    (owner) => owner.tier.defaultAction === "Deny" && doOverlap(owner.subject.over, subjects),
  );
}

function passTier(state: PlanState, tierRank: number, start: Shrinking): Shrinking {
  const walls = wallsOf(state, tierRank, start.boxes);
  const [first] = walls;
  if (first === undefined) return start;
  const outside = subtractBoxes(start.boxes, walls.map(wholeSubject));
  const passes = passesOfTier(state, tierRank, start.boxes);
  const inside = passes.map((pass) => intersectBoxes(start.boxes, pass.boxes.under));
  const isExact =
    outside.isComplete &&
    inside.every((part) => part.isComplete) &&
    walls.every((wall) => wall.subject.isExact) &&
    passes.every((pass) => pass.boxes.isExact);
  const cause = passes[0] ?? endOfPolicy(first, state.direction);
  return {
    boxes: [...outside.boxes, ...inside.flatMap((part) => part.boxes)],
    isComplete: start.isComplete && isExact,
    causes: [...start.causes, { entry: cause, hazard: "H3" }],
  };
}

/** All flows of the pods that a policy selects: what the end of its tier denies. */
function wholeSubject(owner: SourcePolicy): Box {
  return { subject: owner.subject.over, peers: everybody, l4: everyHeader };
}

/** An entry that stands for the end of a policy's tier. */
export function endOfPolicy(owner: SourcePolicy, direction: Direction): RuleEntry {
  return {
    owner,
    direction,
    rule: { index: -1, position: owner.policy.position, action: "Deny", source: {}, destination: {} },
    at: Number.POSITIVE_INFINITY,
    boxes: { under: [wholeSubject(owner)], over: [wholeSubject(owner)], isExact: owner.subject.isExact },
    notes: [],
  };
}

/** What denies that are written as the absence of allows take. */
export function leaveOutRestrictions(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
  if (state.restrictions.all.length === 0) return start;
  let current = start;
  const subjects = current.boxes.flatMap((box) => box.subject);
  const found = findInIndex(state.restrictions, subjects).toSorted((a, b) => a.entry.at - b.entry.at);
  for (const restriction of found) {
    if (!doBoxListsOverlap(current.boxes, restriction.boxes)) continue;
    const result = subtractBoxes(current.boxes, restriction.boxes);
    const hazard = entry.owner.tierRank === restriction.entry.owner.tierRank ? "H1" : "H3";
    const isComplete = result.isComplete && restriction.isExact;
    current = shrink(current, { ...result, isComplete }, { entry: restriction.entry, hazard });
  }
  return current;
}

/** What no later tier selects: only there is a passed flow allowed by the profile. */
export function leaveLaterTiers(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
  let current = start;
  for (let rank = entry.owner.tierRank + 1; rank < state.walls.length; rank += 1) {
    const walls = wallsOf(state, rank, current.boxes);
    const [first] = walls;
    if (first === undefined) continue;
    const result = subtractBoxes(
      current.boxes,
      walls.map((wall) => ({ subject: wall.subject.under, peers: everybody, l4: everyHeader })),
    );
    // A later tier that surely selects the pods decides there; one that only may is taken to.
    const isExact = walls.every((wall) => wall.subject.isExact);
    const taken = isExact ? result : subtractBoxes(current.boxes, walls.map(wholeSubject));
    current = shrink(
      current,
      { ...taken, isComplete: taken.isComplete && isExact },
      { entry: endOfPolicy(first, entry.direction), hazard: "H4" },
    );
  }
  return current;
}
