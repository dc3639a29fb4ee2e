import { byText } from "../../core/order.ts";
import type { FlowGroup, FlowKind, FlowTable, Halves } from "./flow-kinds.ts";
import { decidersOf, type Goal, shownBy } from "./goals.ts";
import type { NotShown } from "./probe-pack.ts";

/** A packet of the pack, between two stand-ins. */
export interface ChosenFlow {
  readonly from: number;
  readonly to: number;
  readonly kind: FlowKind;
  readonly shows: string[];
}

/** Probe pods of a pack, callers and listeners together: what runs at once beside the users' own pods. */
const mostPods = 48;
/** Probes of a pack. */
const mostProbes = 160;
/** Packets that are weighed against each other for one goal. */
const mostWeighed = 60;

interface Candidate {
  readonly from: number;
  readonly to: number;
  readonly kind: FlowKind;
}

/** What was chosen so far. */
interface Choice {
  readonly flows: Map<string, ChosenFlow>;
  readonly callers: Set<number>;
  readonly listeners: Set<number>;
  readonly covered: Set<string>;
  readonly goals: ReadonlyMap<string, Goal>;
}

/**
 * Takes for each goal the packet that shows most of what is still missing with the fewest new pods; then, beside each rule,
 * a packet that differs in its port or its caller and is decided the other way.
 */
export function chooseFlows(
  table: FlowTable,
  goals: readonly Goal[],
): { readonly flows: readonly ChosenFlow[]; readonly missed: readonly NotShown[] } {
  const choice: Choice = {
    flows: new Map(),
    callers: new Set(),
    listeners: new Set(),
    covered: new Set(),
    goals: new Map(goals.map((goal) => [goal.key, goal])),
  };
  const missed: NotShown[] = [];
  const shownIn = new Map<Goal, ChosenFlow>();
  for (const goal of goals) {
    if (choice.covered.has(goal.key)) continue;
    const best = bestOf(goal, choice);
    if (best === undefined) missed.push({ rule: goal.rule, verdict: goal.verdict, why: goal.why });
    else if (!fits(best, choice)) missed.push({ rule: goal.rule, verdict: goal.verdict, why: packIsFull });
    else take(best, choice);
  }
  for (const flow of choice.flows.values())
    for (const key of shownBy(flow.kind.before)) {
      const goal = choice.goals.get(key);
      if (goal?.isRule === true && !shownIn.has(goal)) shownIn.set(goal, flow);
    }
  for (const [goal, flow] of shownIn) addCounterpart(goal, flow, table, choice);
  return {
    flows: [...choice.flows.values()],
    missed: missed.sort(byText(({ rule, verdict }) => `${rule}|${verdict}`)),
  };
}

const packIsFull = `the pack is full: ${mostPods} pods or ${mostProbes} probes`;

function bestOf(goal: Goal, choice: Choice): Candidate | undefined {
  let best: Candidate | undefined;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (const candidate of candidatesOf(goal)) {
    const news = shownBy(candidate.kind.before).filter((key) => !choice.covered.has(key)).length;
    const value = news * 10 - newPods(candidate, choice);
    if (value > bestValue) {
      best = candidate;
      bestValue = value;
    }
  }
  return best;
}

function candidatesOf(goal: Goal): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const { group, kind } of goal.flows)
    for (const [from, to] of group.pairs) if (found.push({ from, to, kind }) >= mostWeighed) return found;
  return found;
}

function newPods({ from, to }: Candidate, { callers, listeners }: Choice): number {
  return (callers.has(from) ? 0 : 1) + (listeners.has(to) ? 0 : 1);
}

function fits(candidate: Candidate, choice: Choice): boolean {
  const pods = choice.callers.size + choice.listeners.size + newPods(candidate, choice);
  return pods <= mostPods && choice.flows.size < mostProbes;
}

function take(candidate: Candidate, choice: Choice, says?: string): void {
  const { from, to, kind } = candidate;
  const key = `${from}|${to}|${kind.point}`;
  const flow = choice.flows.get(key) ?? { ...candidate, shows: [] };
  choice.flows.set(key, flow);
  choice.callers.add(from);
  choice.listeners.add(to);
  if (says !== undefined) flow.shows.push(says);
  for (const shown of shownBy(kind.before)) {
    if (choice.covered.has(shown)) continue;
    choice.covered.add(shown);
    const goal = choice.goals.get(shown);
    if (goal !== undefined) flow.shows.push(`${goal.rule} ${goal.verdict === "allow" ? "allows" : "denies"}`);
  }
}

/** A packet next to one that a rule decides, which the rule does not match: another port, or another caller. */
function addCounterpart(goal: Goal, flow: ChosenFlow, table: FlowTable, choice: Choice): void {
  const says = `${goal.rule} does not match`;
  const isOther = (kind: FlowKind): boolean =>
    isAllowed(kind.before) !== isAllowed(flow.kind.before) && !decidersOf(kind.before).includes(goal.key);
  const known = [...choice.flows.values()].find(
    ({ from, to, kind }) => isOther(kind) && (from === flow.from || kind.point === flow.kind.point) && to === flow.to,
  );
  if (known !== undefined) {
    known.shows.push(says);
    return;
  }
  const samePair = nearest(table.groupOf(flow.from, flow.to), flow.kind.point, isOther);
  const candidate = samePair === undefined ? otherCaller(flow, table, choice, isOther) : { ...flow, kind: samePair };
  if (candidate !== undefined && fits(candidate, choice))
    take({ from: candidate.from, to: candidate.to, kind: candidate.kind }, choice, says);
}

function isAllowed({ egress, ingress }: Halves): boolean {
  return egress.isAllowed && ingress.isAllowed;
}

function nearest(
  group: FlowGroup | undefined,
  point: number,
  isOther: (kind: FlowKind) => boolean,
): FlowKind | undefined {
  const others = (group?.kinds ?? []).filter(isOther);
  return others.sort((a, b) => Math.abs(a.point - point) - Math.abs(b.point - point))[0];
}

/** Callers of the pack first, then everybody. */
function otherCaller(
  flow: ChosenFlow,
  table: FlowTable,
  choice: Choice,
  isOther: (kind: FlowKind) => boolean,
): Candidate | undefined {
  for (const from of [...choice.callers, ...table.standIns]) {
    const kind = table.groupOf(from, flow.to)?.kinds.find((one) => one.point === flow.kind.point && isOther(one));
    if (kind !== undefined) return { from, to: flow.to, kind };
  }
  return undefined;
}
