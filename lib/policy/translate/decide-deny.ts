import { type Box, doBoxListsOverlap, intersectBoxes, isInsideBox, subtractBoxes } from "./box.ts";
import { type EmissionPlace, type EmittedBox, emitBox, weighRules } from "./emit-box.ts";
import { countSelectors } from "./emit-selector.ts";
import { intersectIntervals, subtractIntervals } from "./intervals.ts";
import { everyHeader, icmpHeaders, ip, isEveryHeader } from "./l4.ts";
import type { Cause, PlannedRule, RuleEntry } from "./order-plan.ts";
import { isEverybody } from "./peer-set.ts";
import type { PlannedAllow, PlanState } from "./plan-direction.ts";
import { findInIndex } from "./subject-index.ts";

/** A deny to decide about: a Deny rule, or the end of a tier before Kubernetes policies. */
export interface DenyTask {
  readonly entry: RuleEntry;
  /** What it denies: at least all that it really does. */
  readonly flows: readonly Box[];
  readonly isExact: boolean;
  /** Passes before it that took flows out already. */
  readonly passCauses: readonly Cause[];
  readonly isTierEnd: boolean;
}

/** How a deny is written, and what later allows must leave out because it is not. */
export interface DenyDecision {
  readonly rule: PlannedRule;
  readonly restriction: readonly Box[];
}

/** Up to so many rules a deny is written although nothing needs it today: it says what its author meant. */
const fewRules = 3;
/** More rules than this for one source rule are no translation that a person can read. */
export const mostRules = 200;

/**
 * Chooses how one deny is written, the cheapest exact way first: as it is; without what earlier allows let through; as nothing,
 * where nothing allows its flows anyway; only where a later allow needs it; or as later allows that leave it out.
 */
export function decideDeny(state: PlanState, task: DenyTask): DenyDecision {
  if (task.flows.length === 0) return nothing(task, task.passCauses.length > 0 ? "dead" : "silent", task.passCauses);
  const victims = findVictims(state, task);
  if (task.isTierEnd && victims.length === 0) return nothing(task, "default-deny", []);
  const conflicts = findConflicts(state, task);
  noteTies(state, task, victims, conflicts);
  const mustWrite = task.entry.owner.tier.defaultAction === "Pass";
  const isNeeded = victims.length > 0 || mustWrite;
  const isForEverything = task.flows.every((box) => isEverybody(box.peers) && isEveryHeader(box.l4));
  if (!isNeeded && (isForEverything || !task.isExact)) return nothing(task, "default-deny", []);
  if (!task.entry.owner.isWritten) return restrict(task, victims, []);
  const place = placeOf(state, task.entry);
  const causes = [
    ...task.passCauses,
    ...conflicts.map((allow): Cause => ({ entry: allow.entry, hazard: hazardOf(task, allow) })),
  ];
  const rest = subtractBoxes(
    task.flows,
    conflicts.flatMap((allow) => allow.boxes),
  );
  if (rest.isComplete && rest.boxes.length === 0) return nothing(task, "dead", causes);
  const problem: DenyProblem = {
    state,
    task,
    victims,
    place,
    causes,
    mustWrite,
    rest: rest.boxes,
    isComplete: rest.isComplete,
  };
  return choose(problem, isNeeded);
}

interface DenyProblem {
  readonly state: PlanState;
  readonly task: DenyTask;
  readonly victims: readonly RuleEntry[];
  readonly place: EmissionPlace;
  readonly causes: readonly Cause[];
  readonly mustWrite: boolean;
  readonly rest: readonly Box[];
  readonly isComplete: boolean;
}

interface Candidate {
  readonly boxes: readonly Box[];
  readonly isExact: boolean;
  readonly cost: number;
}

function choose(problem: DenyProblem, isNeeded: boolean): DenyDecision {
  const { task, victims, causes } = problem;
  const whole = wholeCandidate(problem);
  if (whole.isExact && whole.cost <= fewRules && !task.isTierEnd) return write(problem, whole);
  if (!isNeeded) return nothing(task, "default-deny", []);
  const partly = problem.mustWrite ? undefined : neededCandidate(problem);
  const restrictionCost = costOfRestriction(problem);
  const written = [whole, ...(partly ? [partly] : [])]
    .filter((candidate) => candidate.isExact && candidate.cost <= mostRules)
    .toSorted((a, b) => a.cost - b.cost)[0];
  if (written !== undefined && (restrictionCost === undefined || written.cost <= restrictionCost))
    return write(problem, written);
  if (restrictionCost !== undefined || canRestrict(problem)) return restrict(task, victims, causes);
  // What stands behind it cannot leave its flows out: deny more, never less.
  const widened = write(problem, { boxes: fallback(problem), isExact: false, cost: 0 });
  return { ...widened, restriction: task.flows };
}

/**
 * All flows that no earlier allow lets through. A part that cannot be said, or only in a long list, is cut down to what something
 * would allow.
 */
function wholeCandidate(problem: DenyProblem): Candidate {
  const { rest, place, task } = problem;
  const boxes: Box[] = [];
  let isExact = problem.isComplete;
  let cost = 0;
  for (const box of rest) {
    const emitted = emitBox(box, place);
    const isShort = weighRules(emitted.rules) <= 2 * emitted.rules.length && emitted.lostL4.points.length === 0;
    for (const part of isShort || problem.mustWrite ? [box] : wantedParts(problem, box)) {
      const said = part === box ? emitted : emitBox(part, place);
      if (!isSaid(part, said)) isExact = false;
      if (said.rules.length === 0) continue;
      boxes.push(part);
      cost += weighRules(said.rules) * Math.max(1, countSelectors(part.subject));
    }
    if (cost > mostRules) break;
  }
  return { boxes, isExact: isExact && isInexactHarmless(task, problem), cost };
}

/** What of a box some later rule would let through. */
function wantedParts(problem: DenyProblem, box: Box): readonly Box[] {
  const parts: Box[] = [];
  for (const victim of problem.victims)
    for (const { subject, peers, l4 } of intersectBoxes([box], victim.boxes.over).boxes)
      addLargest(parts, { subject, peers, l4 });
  return parts;
}

function isSaid(box: Box, emitted: EmittedBox): boolean {
  return emitted.arePeersExact && lostBox(box, emitted.lostL4.points) === undefined;
}

/** Denying more than the source is exact only where nothing allows the difference. */
function isInexactHarmless(task: DenyTask, problem: DenyProblem): boolean {
  if (task.isExact) return true;
  return !problem.mustWrite && problem.victims.length === 0;
}

/** What of a box cannot be said. Echo replies do not count: connection tracking lets them pass anyway. */
function lostBox(box: Box, points: readonly number[]): Box | undefined {
  const lost = subtractIntervals(intersectIntervals(points, box.l4.points), icmpHeaders(ip.icmp, 0));
  return lost.length === 0 ? undefined : { ...box, l4: { points: lost, names: [] } };
}

/** Only the flows that some later rule would let through. */
function neededCandidate(problem: DenyProblem): Candidate {
  const found: Box[] = [];
  let isExact = problem.isComplete;
  for (const victim of problem.victims) {
    const needed = intersectBoxes(problem.rest, victim.boxes.over);
    isExact &&= needed.isComplete;
    for (const { subject, peers, l4 } of needed.boxes) addLargest(found, { subject, peers, l4 });
    if (found.length > mostRules) break;
  }
  let cost = 0;
  for (const box of found) {
    const emitted = emitBox(box, problem.place);
    if (!isSaid(box, emitted)) isExact = false;
    cost += weighRules(emitted.rules) * Math.max(1, countSelectors(box.subject));
  }
  return { boxes: found, isExact: isExact && problem.task.isExact, cost };
}

/** Adds a box unless one of them holds it; leaves out those that it holds. */
function addLargest(boxes: Box[], added: Box): void {
  if (boxes.some((box) => isInsideBox(added, box))) return;
  const kept = boxes.filter((box) => !isInsideBox(box, added));
  boxes.splice(0, boxes.length, ...kept, added);
}

/** Whether every rule that the deny must stop can be written without its flows. */
function canRestrict(problem: DenyProblem): boolean {
  return !problem.mustWrite && !problem.task.isTierEnd && !problem.victims.some((victim) => victim.owner.isFixed);
}

/** How many more rules later allows take without the denied flows; `undefined` when that cannot be written exactly. */
function costOfRestriction(problem: DenyProblem): number | undefined {
  if (!canRestrict(problem) || !problem.task.isExact) return undefined;
  let cost = 0;
  for (const victim of problem.victims) {
    const place: EmissionPlace = { ...placeOf(problem.state, victim), action: "allow" };
    const result = subtractBoxes(victim.boxes.under, problem.task.flows);
    if (!result.isComplete) return undefined;
    for (const box of result.boxes) {
      const emitted = emitBox(box, place);
      const before = victim.boxes.under.some((whole) => isSameHeaders(whole, box));
      if (!before && lostBox(box, emitted.lostL4.points) !== undefined) return undefined;
      if (!emitted.arePeersExact) return undefined;
      cost += weighRules(emitted.rules) * Math.max(1, countSelectors(box.subject));
    }
    cost -= victim.boxes.under.length;
    if (cost > mostRules) return undefined;
  }
  return Math.max(0, cost);
}

function isSameHeaders(a: Box, b: Box): boolean {
  return a.l4.points === b.l4.points;
}

function fallback(problem: DenyProblem): readonly Box[] {
  const { task, place } = problem;
  const fixed = problem.victims.filter((victim) => victim.owner.isFixed);
  const flows = problem.mustWrite
    ? task.flows
    : intersectBoxes(
        task.flows,
        fixed.flatMap((victim) => victim.boxes.over),
      ).boxes;
  return flows.map(({ subject, peers, l4 }) => {
    const box: Box = { subject, peers, l4 };
    return lostBox(box, emitBox(box, place).lostL4.points) === undefined ? box : { ...box, l4: everyHeader };
  });
}

function write(problem: DenyProblem, candidate: Candidate): DenyDecision {
  const { task, causes } = problem;
  const isChanged = causes.length > 0 || task.isTierEnd;
  return {
    rule: {
      entry: task.entry,
      action: "deny",
      fate: isChanged ? "carved" : "written",
      boxes: candidate.boxes,
      isExact: candidate.isExact,
      causes,
    },
    restriction: [],
  };
}

function restrict(task: DenyTask, victims: readonly RuleEntry[], causes: readonly Cause[]): DenyDecision {
  return {
    rule: {
      entry: task.entry,
      action: "deny",
      fate: victims.length === 0 ? "default-deny" : "restricting",
      boxes: [],
      isExact: task.isExact,
      causes,
    },
    restriction: task.flows,
  };
}

function nothing(task: DenyTask, fate: PlannedRule["fate"], causes: readonly Cause[]): DenyDecision {
  return { rule: { entry: task.entry, action: "deny", fate, boxes: [], isExact: true, causes }, restriction: [] };
}

function placeOf(state: PlanState, entry: RuleEntry): EmissionPlace {
  const { namespace } = entry.owner.policy.identity;
  return {
    direction: state.direction,
    action: "deny",
    ...(namespace !== undefined && { namespace }),
    world: state.world,
    bridgedCIDRs: state.bridgedCIDRs,
  };
}

/** Later rules that let some of the flows through: allows behind it, and passes whose flows no Deny of their own tier took. */
function findVictims(state: PlanState, task: DenyTask): readonly RuleEntry[] {
  const { entry, flows } = task;
  const subjects = flows.flatMap((box) => box.subject);
  return findInIndex(state.openers, subjects).filter((opener) => {
    if (task.isTierEnd && !(opener.owner.isFixed && opener.owner.tierRank > entry.owner.tierRank)) return false;
    if (!isLater(opener, entry)) return false;
    return doBoxListsOverlap(opener.boxes.over, flows);
  });
}

function isLater(opener: RuleEntry, entry: RuleEntry): boolean {
  if (opener.owner.tierRank > entry.owner.tierRank) return true;
  // What an earlier tier passed is allowed at the very end, behind every deny of this one.
  if (opener.owner.tierRank < entry.owner.tierRank) return opener.rule.action === "Pass";
  return opener.at > entry.at;
}

function findConflicts(state: PlanState, task: DenyTask): readonly PlannedAllow[] {
  const subjects = task.flows.flatMap((box) => box.subject);
  return findInIndex(state.allows, subjects)
    .filter((allow) => allow.entry.at < task.entry.at || allow.entry.owner.tierRank <= task.entry.owner.tierRank)
    .filter((allow) => doBoxListsOverlap(allow.boxes, task.flows))
    .toSorted((a, b) => a.entry.at - b.entry.at);
}

function hazardOf(task: DenyTask, allow: PlannedAllow): Cause["hazard"] {
  if (allow.entry.owner.isFixed) return "H6";
  return allow.entry.owner.tierRank === task.entry.owner.tierRank ? "H1" : "H3";
}

/** Policies of equal order in one tier whose rules meet: which comes first depends on Calico's release. */
function noteTies(
  state: PlanState,
  task: DenyTask,
  victims: readonly RuleEntry[],
  conflicts: readonly PlannedAllow[],
): void {
  const { owner } = task.entry;
  for (const other of [...conflicts.map((allow) => allow.entry), ...victims])
    if (
      other.owner !== owner &&
      other.owner.tierRank === owner.tierRank &&
      other.owner.policy.order === owner.policy.order &&
      !task.isTierEnd
    )
      state.ties.push({
        first: other.at < task.entry.at ? other : task.entry,
        second: other.at < task.entry.at ? task.entry : other,
      });
}
