import { type Box, intersectBoxes, isInsideBox, subtractBoxes } from "./box.ts";
import { type EmissionPlace, type EmittedBox, emitBox, weighRules } from "./emit-box.ts";
import { countSelectors } from "./emit-selector.ts";
import { intersectIntervals, subtractIntervals } from "./intervals.ts";
import { block, everyHeader, icmpHeaders, ip, isEveryHeader, type L4 } from "./l4.ts";
import type { RuleEntry } from "./order-plan.ts";

/** What the ways of writing one deny are computed from. */
export interface DenyProblem {
  /** What it denies: at least all that it really does. */
  readonly flows: readonly Box[];
  readonly isExact: boolean;
  /** What earlier rules let through. */
  readonly allowed: readonly Box[];
  /** Later rules that let some of the flows through. */
  readonly victims: readonly RuleEntry[];
  /** Whether the flows are open without the deny: in a tier that passes by default. */
  readonly mustWrite: boolean;
  readonly place: EmissionPlace;
  /** Where a later rule would be written. */
  readonly placeOf: (entry: RuleEntry) => EmissionPlace;
}

/** One way of writing a deny. */
export interface Candidate {
  readonly boxes: readonly Box[];
  readonly isExact: boolean;
  /** How much there is to read. */
  readonly cost: number;
}

/** More rules than this for one source rule are no translation that a person can read. */
export const mostRules = 200;
/** Up to so many smaller parts stand in for one that would need a long list. */
const mostParts = 20;
/** With more earlier allows than this, what is left of a deny is not worth writing as a whole. */
const mostAllowed = 8;
/** Beyond so many pairs of later and earlier rules the search for the smallest deny is not worth its time. */
const mostPairs = 2000;
/** With more later rules than this, they leave the denied flows out without a count of what else it could cost. */
const mostVictims = 40;

/**
 * All flows that no earlier allow lets through; `undefined` where that would be many. A part that cannot be said, or only in a
 * long list, is cut down to what something would allow.
 */
export function wholeCandidate(problem: DenyProblem): Candidate | undefined {
  if (!problem.mustWrite && problem.allowed.length > mostAllowed) return undefined;
  const rest = subtractBoxes(problem.flows, problem.allowed);
  const boxes: Box[] = [];
  let isExact = rest.isComplete && isInexactHarmless(problem);
  let cost = 0;
  for (const box of rest.boxes) {
    const isLong = !problem.mustWrite && isLongList(box, problem.place);
    for (const part of isLong ? wantedParts(problem, box) : [box]) {
      const emitted = emitBox(part, problem.place);
      if (!isSaid(part, emitted)) isExact = false;
      if (emitted.rules.length === 0) continue;
      boxes.push(part);
      cost += weigh(part, emitted);
    }
    if (cost > mostRules) return { boxes: [], isExact: false, cost };
  }
  return { boxes, isExact, cost };
}

/** Denying more than the source is exact only where nothing allows the difference. */
function isInexactHarmless(problem: DenyProblem): boolean {
  return problem.isExact || (!problem.mustWrite && problem.victims.length === 0);
}

function isLongList(box: Box, place: EmissionPlace): boolean {
  if (isEveryHeader(box.l4)) return false;
  // Protocol 0 is in every "all but some", and in nothing that anybody writes.
  if ((box.l4.points[0] ?? block) < block) return true;
  const { rules } = emitBox(box, place);
  return weighRules(rules) > 2 * rules.length;
}

/** What of a box some later rule would let through. */
function wantedParts(problem: DenyProblem, box: Box): readonly Box[] {
  const parts: Box[] = [];
  for (const victim of problem.victims) {
    for (const part of intersectBoxes([box], victim.boxes.over).boxes) addLargest(parts, withoutHTTP(part));
    // Too many for a person to read: the whole box says the same in fewer words.
    if (parts.length > mostParts) return [box];
  }
  return parts;
}

/** Only the flows that some later rule would let through; `undefined` where that would be many. */
export function neededCandidate(problem: DenyProblem): Candidate | undefined {
  const { victims, flows, allowed } = problem;
  if (victims.length > mostVictims && canRestrict(problem)) return undefined;
  if (problem.mustWrite || victims.length * Math.max(1, allowed.length) > mostPairs) return undefined;
  const found: Box[] = [];
  let isExact = problem.isExact;
  for (const victim of victims) {
    const wanted = intersectBoxes(flows, victim.boxes.over);
    const needed = subtractBoxes(wanted.boxes, allowed);
    isExact &&= wanted.isComplete && needed.isComplete;
    for (const box of needed.boxes) addLargest(found, withoutHTTP(box));
    if (found.length > mostRules) return undefined;
  }
  let cost = 0;
  for (const box of found) {
    const emitted = emitBox(box, problem.place);
    isExact &&= isSaid(box, emitted);
    cost += weigh(box, emitted);
  }
  return cost > mostRules ? undefined : { boxes: found, isExact, cost };
}

/** Whether every rule that the deny must stop can be written without its flows. */
export function canRestrict(problem: DenyProblem): boolean {
  return !problem.mustWrite && !problem.victims.some((victim) => victim.owner.isFixed);
}

/** How many more rules later allows take without the denied flows; `undefined` when that cannot be written exactly. */
export function costOfRestriction(problem: DenyProblem): number | undefined {
  if (!canRestrict(problem) || !problem.isExact || problem.victims.length > mostVictims) return undefined;
  let cost = 0;
  for (const victim of problem.victims) {
    const place: EmissionPlace = { ...problem.placeOf(victim), action: "allow" };
    const result = subtractBoxes(victim.boxes.under, problem.flows);
    if (!result.isComplete) return undefined;
    for (const box of result.boxes) {
      const emitted = emitBox(box, place);
      const isUnchanged = victim.boxes.under.some((whole) => whole.l4.points === box.l4.points);
      if (!isUnchanged && lostBox(box, emitted.lostL4) !== undefined) return undefined;
      if (!emitted.arePeersExact) return undefined;
      cost += weigh(box, emitted);
    }
    cost -= victim.boxes.under.length;
    if (cost > mostRules) return undefined;
  }
  return Math.max(0, cost);
}

/** More than the deny means: all of its flows that fixed rules would let through, or all of them where everything is open. */
export function widenedFlows(problem: DenyProblem): readonly Box[] {
  const { flows, place } = problem;
  const fixed = problem.victims.filter((victim) => victim.owner.isFixed).flatMap((victim) => victim.boxes.over);
  const wanted = problem.mustWrite ? flows : intersectBoxes(flows, fixed).boxes;
  const largest: Box[] = [];
  for (const box of wanted) addLargest(largest, withoutHTTP(box));
  return largest.map((box) =>
    lostBox(box, emitBox(box, place).lostL4) === undefined ? box : { ...box, l4: everyHeader },
  );
}

function weigh(box: Box, emitted: EmittedBox): number {
  return weighRules(emitted.rules) * Math.max(1, countSelectors(box.subject));
}

function isSaid(box: Box, emitted: EmittedBox): boolean {
  return emitted.arePeersExact && lostBox(box, emitted.lostL4) === undefined;
}

/** What of a box cannot be said. Echo replies do not count: connection tracking lets them pass anyway. */
function lostBox(box: Box, lostL4: L4): Box | undefined {
  if (lostL4.points.length === 0) return undefined;
  const lost = subtractIntervals(intersectIntervals(lostL4.points, box.l4.points), icmpHeaders(ip.icmp, 0));
  return lost.length === 0 ? undefined : { ...box, l4: { points: lost, names: [] } };
}

function withoutHTTP({ subject, peers, l4 }: Box): Box {
  return { subject, peers, l4 };
}

/** Adds a box unless one of them holds it; leaves out those that it holds. */
function addLargest(boxes: Box[], added: Box): void {
  if (boxes.some((box) => isInsideBox(added, box))) return;
  const kept = boxes.filter((box) => !isInsideBox(box, added));
  boxes.splice(0, boxes.length, ...kept, added);
}
