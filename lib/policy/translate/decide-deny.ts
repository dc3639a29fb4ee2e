import { type Box, doBoxListsOverlap, isInsideBox } from "./box.ts";
import {
  type Candidate,
  canRestrict,
  costOfRestriction,
  type DenyProblem,
  mostRules,
  neededCandidate,
  wholeCandidate,
  widenedFlows,
} from "./deny-candidates.ts";
import type { EmissionPlace } from "./emit-box.ts";
import { isEveryHeader } from "./l4.ts";
import type { Cause, PlannedRule, RuleEntry } from "./order-plan.ts";
import { isEverybody } from "./peer-set.ts";
import type { PlannedAllow, PlanState } from "./plan-state.ts";
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
  const causes = [
    ...task.passCauses,
    ...conflicts.map((allow): Cause => ({ entry: allow.entry, hazard: hazardOf(task, allow) })),
  ];
  if (isAllowedBefore(task, conflicts)) return nothing(task, "dead", causes);
  const problem: DenyProblem = {
    flows: task.flows,
    isExact: task.isExact,
    allowed: conflicts.flatMap((allow) => allow.boxes),
    victims,
    mustWrite,
    place: placeOf(state, task.entry),
    placeOf: (entry) => placeOf(state, entry),
  };
  // A deny of everything in the middle is default deny, with nothing behind it: what stands there is dead or nearly so.
  const wallCost = isForEverything && conflicts.length > 0 && !task.isTierEnd ? costOfRestriction(problem) : undefined;
  if (wallCost !== undefined && wallCost <= fewRules) return restrict(task, victims, causes);
  return choose(task, problem, causes, isNeeded);
}

function isAllowedBefore(task: DenyTask, conflicts: readonly PlannedAllow[]): boolean {
  return task.flows.every((box) => conflicts.some((allow) => allow.boxes.some((other) => isInsideBox(box, other))));
}

function choose(task: DenyTask, problem: DenyProblem, causes: readonly Cause[], isNeeded: boolean): DenyDecision {
  const { victims } = problem;
  const whole = wholeCandidate(problem);
  if (whole?.isExact === true && whole.boxes.length === 0 && isNeeded && !task.isTierEnd)
    return nothing(task, "dead", causes);
  if (whole?.isExact === true && whole.cost <= fewRules && !task.isTierEnd) return write(task, whole, causes);
  if (!isNeeded) return nothing(task, "default-deny", []);
  const partly = neededCandidate(problem);
  const restrictionCost = task.isTierEnd ? undefined : costOfRestriction(problem);
  const written = [whole, partly]
    .flatMap((candidate) => (candidate?.isExact === true && candidate.cost <= mostRules ? [candidate] : []))
    .toSorted((a, b) => a.cost - b.cost)[0];
  if (written !== undefined && (restrictionCost === undefined || written.cost <= restrictionCost))
    return write(task, written, causes);
  if (restrictionCost !== undefined || (canRestrict(problem) && !task.isTierEnd))
    return restrict(task, victims, causes);
  // What stands behind it cannot leave its flows out: deny more, never less.
  const widened = write(task, { boxes: widenedFlows(problem), isExact: false, cost: 0 }, causes);
  return { ...widened, restriction: task.flows };
}

function write(task: DenyTask, candidate: Candidate, causes: readonly Cause[]): DenyDecision {
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
    cluster: state.cluster,
    bridgedCIDRs: state.bridgedCIDRs,
  };
}

/** Later rules that let some of the flows through: allows behind it, and passes whose flows no Deny of their own tier took. */
function findVictims(state: PlanState, task: DenyTask): readonly RuleEntry[] {
  const { entry, flows } = task;
  const subjects = flows.flatMap((box) => box.subject);
  return findInIndex(state.openers, subjects)
    .filter((opener) => {
      if (task.isTierEnd && !(opener.owner.isFixed && opener.owner.tierRank > entry.owner.tierRank)) return false;
      return isLater(opener, entry) && doBoxListsOverlap(opener.boxes.over, flows);
    })
    .toSorted((a, b) => a.at - b.at);
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
  if (task.isTierEnd) return;
  const isTied = (other: RuleEntry): boolean =>
    other.owner !== owner && other.owner.tierRank === owner.tierRank && other.owner.policy.order === owner.policy.order;
  for (const other of [...conflicts.map((allow) => allow.entry), ...victims]) {
    if (!isTied(other)) continue;
    const [first, second] = other.at < task.entry.at ? [other, task.entry] : [task.entry, other];
    const known = state.ties.get(second.owner);
    if (known === undefined) state.ties.set(second.owner, { first, second, others: new Set([first.owner]) });
    else known.others.add(first.owner);
  }
}
