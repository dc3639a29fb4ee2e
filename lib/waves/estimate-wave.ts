import type { RollMode } from "../plan/plan.ts";
import type { BudgetsOfPods } from "./budgets-of-pods.ts";
import { movedPods, type NodeView } from "./cluster-view.ts";

/** Seconds that each step is reckoned with. */
const stepSeconds = {
  /** Restart of the agent until it is Ready and its CNI file is there: 4 to 14 s measured, 20 to 60 s reported. */
  agent: 60,
  /** The canary pod and the probes of the gate; the first pod on a node waits for the datapath's template. */
  gate: 30,
  /** One eviction with its new pod scheduled and started elsewhere. */
  eviction: 3,
  /** One round of a budget: the pods that went must be Ready elsewhere before the next may go. */
  round: 60,
  /** One sandbox recycled in place, or one DaemonSet pod restarted: 3 to 5 s measured. */
  recycle: 5,
  reboot: 180,
  /** A machine made, joined and Ready. */
  replace: 600,
} as const;

/**
 * How long a wave takes, in seconds: its nodes one after the other, then the soak.
 *
 *   wave = sum over nodes (agent + gate + clearing) + soak
 *   evict   clearing = longest grace + 3 × pods + 60 × (rounds - 1) + 5 × DaemonSet pods
 *   recycle clearing = 5 × (pods + DaemonSet pods) + 60 × (rounds - 1)
 *   reboot  clearing = evict + 180
 *   replace clearing = evict + 600
 *
 * rounds = the most of ceil(pods of a budget on the node / disruptions it allows); the longest grace counts at most as long
 * as the plan lets a drain take. A wave takes longer where pods take longer than a minute to become Ready.
 * Source: shared reference migration 4.1, 4.4 and the lab pilot (agent 4 to 14 s, sandbox 3 to 5 s).
 */
export function estimateWave(
  nodes: readonly NodeView[],
  mode: RollMode,
  budgetsOf: BudgetsOfPods,
  settings: { readonly soakSeconds: number; readonly drainTimeoutSeconds: number },
): number {
  let seconds = settings.soakSeconds;
  for (const view of nodes)
    seconds +=
      stepSeconds.agent + stepSeconds.gate + clearingSeconds(view, mode, budgetsOf, settings.drainTimeoutSeconds);
  return seconds;
}

function clearingSeconds(
  view: NodeView,
  mode: RollMode,
  budgetsOf: BudgetsOfPods,
  drainTimeoutSeconds: number,
): number {
  const moved = movedPods(view, mode);
  const daemonSetPods = view.pods.filter(({ role }) => role === "daemonSet").length;
  const waiting = stepSeconds.round * (countRounds(moved, budgetsOf) - 1);
  if (mode === "recycle") return stepSeconds.recycle * (moved.length + daemonSetPods) + waiting;
  const grace = Math.max(0, ...moved.map(({ pod }) => pod.terminationGracePeriodSeconds));
  const drain =
    Math.min(grace, drainTimeoutSeconds) +
    stepSeconds.eviction * moved.length +
    waiting +
    stepSeconds.recycle * daemonSetPods;
  return drain + (mode === "reboot" ? stepSeconds.reboot : mode === "replace" ? stepSeconds.replace : 0);
}

/** Rounds that the tightest budget needs for these pods; 1 without budgets. */
function countRounds(moved: readonly NodeView["pods"][number][], budgetsOf: BudgetsOfPods): number {
  const pods = new Map<string, { count: number; allowed: number }>();
  for (const view of moved)
    for (const { name, allowed } of budgetsOf(view))
      pods.set(name, { count: (pods.get(name)?.count ?? 0) + 1, allowed });
  let rounds = 1;
  for (const { count, allowed } of pods.values()) rounds = Math.max(rounds, Math.ceil(count / Math.max(1, allowed)));
  return rounds;
}
