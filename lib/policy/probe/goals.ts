import { printIdentity } from "../../core/identity.ts";
import type { CalicoRule } from "../calico/model.ts";
import type { Cause, Verdict } from "../prove/evaluate.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import { causeKey } from "../prove/printing.ts";
import type { FlowGroup, FlowKind, FlowTable, Halves } from "./flow-kinds.ts";
import { mostStandIns } from "./sample-stand-ins.ts";

/** One verdict of the source that a probe is to show. */
export interface Goal {
  readonly key: string;
  /** `NetworkPolicy/a/p ingress[1]`, `end of tier default`, `no policy`. */
  readonly rule: string;
  readonly verdict: "allow" | "deny";
  /** Whether a rule decides, and not the absence of one. */
  readonly isRule: boolean;
  /** Packets that show it. */
  readonly flows: { readonly group: FlowGroup; readonly kind: FlowKind }[];
  /** Why there are none, where there are none. */
  why: string;
}

const neverDecides = "it decides no TCP or UDP packet between two pods of the inventory";
const notSampled = `the cluster has more kinds of pods than a pack is chosen from (${mostStandIns})`;

interface Goals {
  readonly byKey: Map<string, Goal>;
  /** Why a goal has no packet, until more is known of it. */
  readonly why: string;
}

/** Everything that the source decides by, each policy's first rule before any second one. */
export function goalsOf(before: PolicySide, table: FlowTable, isWhole: boolean): readonly Goal[] {
  const goals: Goals = { byKey: new Map(), why: isWhole ? neverDecides : notSampled };
  if (before.engine !== "calico") return [];
  const rules = before.policies.policies.flatMap((policy, index) => {
    const halves = (["ingress", "egress"] as const).flatMap((half) => policy[half].map((rule) => ({ half, rule })));
    return policy.isStaged ? [] : halves.map((one, place) => ({ ...one, policy, index, place }));
  });
  for (const { policy, index, half, rule } of rules.sort((a, b) => a.place - b.place)) {
    if (rule.action !== "Allow" && rule.action !== "Deny") continue;
    const field = `${half}[${rule.index}]`;
    addGoal(
      goals,
      half,
      { isAllowed: rule.action === "Allow", cause: { kind: "rule", ref: { policy: index, field } } },
      `${printIdentity(policy.identity)} ${field}`,
    );
  }
  for (const group of table.groups) for (const kind of group.kinds) noteKind(goals, before, group, kind);
  return [...goals.byKey.values()];
}

/** Notes what one packet shows: the half that denies it, or both halves. */
function noteKind(goals: Goals, before: PolicySide, group: FlowGroup, kind: FlowKind): void {
  const { egress, ingress } = kind.before;
  if (namesService(egress.cause, "egress", before) || namesService(ingress.cause, "ingress", before)) return;
  const isAllowed = egress.isAllowed && ingress.isAllowed;
  for (const half of ["egress", "ingress"] as const) {
    const verdict = kind.before[half];
    const goal = addGoal(goals, half, verdict, causeName(verdict.cause, before));
    const decides = isAllowed || (half === "egress" ? !egress.isAllowed : egress.isAllowed && !ingress.isAllowed);
    if (decides) goal.flows.push({ group, kind });
    else if (goal.flows.length === 0) goal.why = "the other end denies every packet that it decides";
  }
}

function addGoal(goals: Goals, half: Half, verdict: Verdict, rule: string): Goal {
  const key = keyOf(half, verdict);
  const known = goals.byKey.get(key);
  if (known !== undefined) return known;
  const goal: Goal = {
    key,
    rule,
    verdict: verdict.isAllowed ? "allow" : "deny",
    isRule: verdict.cause.kind === "rule",
    flows: [],
    why: goals.why,
  };
  goals.byKey.set(key, goal);
  return goal;
}

function keyOf(half: Half, { isAllowed, cause }: Verdict): string {
  return `${cause.kind === "rule" ? half : ""}|${causeKey(cause)}|${isAllowed}`;
}

/** The keys of what decides the halves of a packet, whether or not it comes so far. */
export function decidersOf({ egress, ingress }: Halves): readonly string[] {
  return [keyOf("egress", egress), keyOf("ingress", ingress)];
}

/** The keys of what a packet shows: the half that denies it, the caller's first, or both halves. */
export function shownBy(halves: Halves): readonly string[] {
  if (!halves.egress.isAllowed) return [keyOf("egress", halves.egress)];
  return halves.ingress.isAllowed ? decidersOf(halves) : [keyOf("ingress", halves.ingress)];
}

function causeName(cause: Cause, side: PolicySide): string {
  switch (cause.kind) {
    case "end-of-tier":
      return `end of tier ${side.engine === "calico" ? (side.policies.tiers[cause.tier]?.name ?? "") : ""}`;
    case "profile":
      return "profile of the namespace";
    case "default-deny":
      return "default deny";
    case "own-node":
      return "the pod's own node";
    default:
      return "the lack of a policy";
  }
}

/** A Service's endpoints are looked up: whether a pod that is never ready is one of them is for the cluster to say. */
function namesService(cause: Cause, half: Half, side: PolicySide): boolean {
  if (cause.kind !== "rule" || side.engine !== "calico") return false;
  const rules: readonly CalicoRule[] = side.policies.policies[cause.ref.policy]?.[half] ?? [];
  const rule = rules.find(({ index }) => cause.ref.field === `${half}[${index}]`);
  return rule?.source.service !== undefined || rule?.destination.service !== undefined;
}
