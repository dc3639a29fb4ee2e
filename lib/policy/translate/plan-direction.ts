import { doOverlap } from "../selector/label-term.ts";
import {
  type BoundedBoxes,
  type Box,
  doBoxListsOverlap,
  intersectBoxes,
  isEmptyBox,
  isInsideBox,
  subtractBoxes,
} from "./box.ts";
import type { Cluster } from "./cluster.ts";
import { type DenyTask, decideDeny } from "./decide-deny.ts";
import { everyHeader } from "./l4.ts";
import type { Cause, Direction, DirectionPlan, OrderTie, PlannedRule, RuleEntry, SourcePolicy } from "./order-plan.ts";
import { everybody } from "./peer-set.ts";
import { addToIndex, createIndex, findInIndex, type SubjectIndex } from "./subject-index.ts";

/** An allow that has been planned already, with the flows that it lets through in Cilium. */
export interface PlannedAllow {
  readonly entry: RuleEntry;
  readonly boxes: readonly Box[];
}

/** A deny that is written as the absence of allows: later allows leave its flows out. */
interface Restriction {
  readonly entry: RuleEntry;
  readonly boxes: readonly Box[];
  /** Whether these are the flows of the deny and no more. */
  readonly isExact: boolean;
}

/** What one direction's planning knows so far. */
export interface PlanState {
  readonly direction: Direction;
  readonly cluster: Cluster;
  readonly bridgedCIDRs: readonly string[];
  readonly rules: PlannedRule[];
  readonly allows: SubjectIndex<PlannedAllow>;
  readonly restrictions: SubjectIndex<Restriction>;
  /** Flows that written denies stop for good. */
  readonly denied: SubjectIndex<Restriction>;
  /** Every Allow and Pass rule of the direction: what a deny may have to stop. */
  readonly openers: SubjectIndex<RuleEntry>;
  readonly passes: SubjectIndex<RuleEntry>;
  /** Policies of each tier that govern the direction, by the pods they select. */
  readonly walls: readonly SubjectIndex<SourcePolicy>[];
  /** By the policy that comes second. */
  readonly ties: Map<SourcePolicy, OrderTie>;
}

/** What planning is told beside the rules. */
export interface PlanOptions {
  readonly direction: Direction;
  readonly cluster: Cluster;
  readonly bridgedCIDRs: readonly string[];
}

/**
 * Decides for every rule of one direction how it is written where rule order means nothing.
 *
 * The ordered evaluation is: a flow is allowed when some Allow matches it and no Deny before, where a Pass takes its
 * flows out of the rest of its tier, the end of a tier denies what its policies select and nobody passed, and what is passed to
 * the end is allowed. Cilium's is: some allow matches and no deny at all. So an Allow loses what a deny before it takes where that
 * deny is not written, and a written deny loses what an allow before it lets through.
 *
 * Shape: `policies` in evaluation order, `entries` in the same, with `at` ascending.
 * Cost: each Deny, Pass and tier end against the rules whose pods can be the same, found by namespace.
 */
export function planDirection(
  policies: readonly SourcePolicy[],
  entries: readonly RuleEntry[],
  options: PlanOptions,
): DirectionPlan {
  const state = createState(policies, entries, options);
  const entriesByOwner = groupByOwner(entries);
  let tierRank = 0;
  for (const owner of policies) {
    for (; tierRank < owner.tierRank; tierRank += 1) closeTier(state, policies, tierRank);
    for (const entry of entriesByOwner.get(owner) ?? []) planRule(state, entry);
  }
  planPassed(state);
  return { rules: state.rules, ties: [...state.ties.values()] };
}

function groupByOwner(entries: readonly RuleEntry[]): ReadonlyMap<SourcePolicy, readonly RuleEntry[]> {
  const groups = new Map<SourcePolicy, RuleEntry[]>();
  for (const entry of entries) {
    const list = groups.get(entry.owner);
    if (list === undefined) groups.set(entry.owner, [entry]);
    else list.push(entry);
  }
  return groups;
}

function createState(
  policies: readonly SourcePolicy[],
  entries: readonly RuleEntry[],
  options: PlanOptions,
): PlanState {
  const openers = createIndex<RuleEntry>();
  const passes = createIndex<RuleEntry>();
  for (const entry of entries) {
    if (entry.rule.action !== "Allow" && entry.rule.action !== "Pass") continue;
    addToIndex(openers, entry.owner.subject.over, entry);
    if (entry.rule.action === "Pass") addToIndex(passes, entry.owner.subject.over, entry);
  }
  const walls: SubjectIndex<SourcePolicy>[] = [];
  for (const owner of policies) {
    while (walls.length <= owner.tierRank) walls.push(createIndex());
    const wall = walls[owner.tierRank];
    if (wall !== undefined && owner.policy.governs[options.direction]) addToIndex(wall, owner.subject.over, owner);
  }
  return {
    ...options,
    rules: [],
    allows: createIndex(),
    restrictions: createIndex(),
    denied: createIndex(),
    openers,
    passes,
    walls,
    ties: new Map(),
  };
}

function planRule(state: PlanState, entry: RuleEntry): void {
  switch (entry.rule.action) {
    case "Allow":
      planAllow(state, entry);
      return;
    case "Deny":
      planDeny(state, entry);
      return;
    case "Log":
      state.rules.push({ entry, action: "allow", fate: "silent", boxes: [], isExact: true, causes: [] });
      return;
    case "Pass":
      // Written at the end, when it is known which flows nothing else decides.
      return;
  }
}

function planAllow(state: PlanState, entry: RuleEntry): void {
  const start: Shrinking = { boxes: entry.boxes.under, isComplete: true, causes: [] };
  if (entry.owner.isFixed) {
    addAllow(state, entry, start.boxes);
    return;
  }
  const passed = leaveOutPasses(state, entry, start);
  const reached = passTiers(state, entry, passed);
  const rest = leaveOutRestrictions(state, entry, reached);
  recordAllow(state, entry, rest);
}

interface Shrinking {
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
function leaveOutPasses(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
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

function passesOfTier(state: PlanState, tierRank: number, boxes: readonly Box[]): readonly RuleEntry[] {
  if (state.passes.all.length === 0) return [];
  const subjects = boxes.flatMap((box) => box.subject);
  return findInIndex(state.passes, subjects)
    .filter((pass) => pass.owner.tierRank === tierRank)
    .toSorted((a, b) => a.at - b.at);
}

/** Only what every earlier tier passes, or does not select, reaches a later one. */
function passTiers(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
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
function endOfPolicy(owner: SourcePolicy, direction: Direction): RuleEntry {
  return {
    owner,
    direction,
    rule: { index: -1, position: owner.policy.position, action: "Deny", source: {}, destination: {} },
    at: Number.POSITIVE_INFINITY,
    boxes: { under: [wholeSubject(owner)], over: [wholeSubject(owner)], isExact: owner.subject.isExact },
    notes: [],
  };
}

function leaveOutRestrictions(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
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

function recordAllow(state: PlanState, entry: RuleEntry, rest: Shrinking): void {
  const boxes = entry.owner.isWritten ? rest.boxes : [];
  const isChanged = rest.causes.length > 0;
  const isNothing = entry.boxes.over.length === 0;
  const isDead = boxes.length === 0 && isChanged && rest.isComplete && entry.boxes.isExact;
  state.rules.push({
    entry,
    action: "allow",
    fate: isNothing ? "silent" : isDead ? "dead" : isChanged ? "carved" : "written",
    boxes,
    isExact: isDead || (entry.boxes.isExact && rest.isComplete),
    causes: rest.causes,
  });
  addAllow(state, entry, boxes);
}

function addAllow(state: PlanState, entry: RuleEntry, boxes: readonly Box[]): void {
  if (boxes.length > 0)
    addToIndex(
      state.allows,
      boxes.flatMap((box) => box.subject),
      { entry, boxes },
    );
}

function planDeny(state: PlanState, entry: RuleEntry): void {
  const flows = withoutEarlierPasses(state, entry);
  const task: DenyTask = {
    entry,
    flows: flows.boxes,
    isExact: entry.boxes.isExact && flows.isExact,
    passCauses: flows.causes,
    isTierEnd: false,
  };
  const stopper = findStopper(state, task.flows);
  if (stopper !== undefined) {
    const causes: Cause[] = [{ entry: stopper, hazard: "H1" }];
    state.rules.push({ entry, action: "deny", fate: "dead", boxes: [], isExact: true, causes });
    return;
  }
  const decision = decideDeny(state, task);
  state.rules.push(decision.rule);
  addFlows(state.denied, task, decision.rule.boxes);
  addFlows(state.restrictions, task, decision.restriction);
}

function addFlows(index: SubjectIndex<Restriction>, { entry, isExact }: DenyTask, boxes: readonly Box[]): void {
  if (boxes.length === 0) return;
  addToIndex(
    index,
    boxes.flatMap((box) => box.subject),
    { entry, boxes, isExact },
  );
}

/** An earlier deny that stops all of the flows already, as it is written; `undefined` when there is none. */
function findStopper(state: PlanState, boxes: readonly Box[]): RuleEntry | undefined {
  if (boxes.length === 0) return undefined;
  const subjects = boxes.flatMap((box) => box.subject);
  const known = [...findInIndex(state.denied, subjects), ...findInIndex(state.restrictions, subjects)];
  const stoppers = known.filter((other) => other.boxes.some((own) => boxes.some((box) => isInsideBox(box, own))));
  const isStopped = boxes.every((box) => stoppers.some((other) => other.boxes.some((own) => isInsideBox(box, own))));
  return isStopped ? stoppers[0]?.entry : undefined;
}

interface DeniedFlows {
  readonly boxes: readonly Box[];
  readonly isExact: boolean;
  readonly causes: readonly Cause[];
}

/** What a deny takes: not the flows that a Pass before it in the same tier hands on. Never too little. */
function withoutEarlierPasses(state: PlanState, entry: RuleEntry): DeniedFlows {
  let boxes = entry.boxes.over.filter((box) => !isEmptyBox(box));
  let isExact = true;
  const causes: Cause[] = [];
  for (const pass of passesOfTier(state, entry.owner.tierRank, boxes)) {
    if (pass.at >= entry.at || !doBoxListsOverlap(boxes, pass.boxes.over)) continue;
    isExact &&= pass.boxes.isExact;
    const rest = subtractBoxes(boxes, pass.boxes.under);
    causes.push({ entry: pass, hazard: "H2" });
    if (rest.isComplete) boxes = [...rest.boxes];
    else isExact = false;
  }
  return { boxes, isExact, causes };
}

/**
 * The end of a tier: Calico's own allows are held back by `passTier`; Kubernetes policies of later tiers cannot be changed,
 * so what they would allow is denied.
 */
function closeTier(state: PlanState, policies: readonly SourcePolicy[], tierRank: number): void {
  const fixed = state.openers.all.some((entry) => entry.owner.isFixed && entry.owner.tierRank > tierRank);
  if (!fixed) return;
  for (const owner of policies) {
    if (owner.tierRank !== tierRank || owner.tier.defaultAction !== "Deny") continue;
    if (!owner.policy.governs[state.direction] || !owner.isWritten) continue;
    const entry = endOfPolicy(owner, state.direction);
    const flows = withoutEarlierPasses(state, entry);
    const decision = decideDeny(state, {
      entry,
      flows: flows.boxes,
      isExact: flows.isExact && owner.subject.isExact,
      passCauses: flows.causes,
      isTierEnd: true,
    });
    if (decision.rule.boxes.length > 0) state.rules.push(decision.rule);
  }
}

/** What is passed to the end of the last tier that selects its pods is allowed by their profile. */
function planPassed(state: PlanState): void {
  for (const entry of state.passes.all.toSorted((a, b) => a.at - b.at)) {
    // A tier that passes by default switches no default deny on: nothing has to be opened again.
    if (entry.owner.isFixed || entry.owner.tier.defaultAction === "Pass") {
      state.rules.push({ entry, action: "allow", fate: "silent", boxes: [], isExact: true, causes: [] });
      continue;
    }
    const start: Shrinking = { boxes: entry.boxes.under, isComplete: true, causes: [] };
    const reached = passTiers(state, entry, start);
    const ended = leaveLaterTiers(state, entry, reached);
    const rest = leaveOutRestrictions(state, entry, ended);
    const boxes = entry.owner.isWritten ? rest.boxes : [];
    const isDecidedLater = boxes.length === 0 && rest.isComplete && entry.boxes.isExact;
    state.rules.push({
      entry,
      action: "allow",
      fate: isDecidedLater ? "silent" : rest.causes.length > 0 ? "carved" : "written",
      boxes,
      isExact: isDecidedLater || (entry.boxes.isExact && rest.isComplete),
      causes: rest.causes,
    });
  }
}

function leaveLaterTiers(state: PlanState, entry: RuleEntry, start: Shrinking): Shrinking {
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
