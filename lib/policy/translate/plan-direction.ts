import { type Box, doBoxListsOverlap, isEmptyBox, isInsideBox, subtractBoxes } from "./box.ts";
import { type DenyTask, decideDeny } from "./decide-deny.ts";
import type { Cause, DirectionPlan, RuleEntry, SourcePolicy } from "./order-plan.ts";
import { createState, type PlanOptions, type PlanState, type Restriction } from "./plan-state.ts";
import {
  endOfPolicy,
  leaveLaterTiers,
  leaveOutPasses,
  leaveOutRestrictions,
  passesOfTier,
  passTiers,
  type Shrinking,
} from "./shrink-allow.ts";
import { addToIndex, findInIndex, type SubjectIndex } from "./subject-index.ts";

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
