import type { Finding } from "../core/finding.ts";
import { whereOf } from "../core/finding.ts";
import { compareText, sortedUnique } from "../core/order.ts";
import type { WaveContext, WaveToCheck } from "./check-waves.ts";
import { movedPods, type PodView } from "./cluster-view.ts";
import type { BudgetView } from "./disruption-budget.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";

interface Touched {
  readonly budget: BudgetView;
  readonly pods: PodView[];
  readonly nodes: Set<string>;
  readonly waves: Set<string>;
}

/**
 * What PodDisruptionBudgets do to the waves: those that allow nothing, pods under several, and pods that go in rounds.
 * In mode `recycle` no eviction is asked for, so a budget cannot block; that it is not asked is said.
 */
export function checkBudgets(waves: readonly WaveToCheck[], context: WaveContext): readonly Finding[] {
  if (!context.inventory.kindsSeen.has("PodDisruptionBudget"))
    return [
      waveFinding("waves/budgets-unknown", {
        message: "The inventory holds no PodDisruptionBudgets: budgets cannot be checked",
        remedy: "Add kubectl get poddisruptionbudgets -A -o yaml to the inventory, even when there are none",
      }),
    ];
  const drained = touch(
    waves.filter(({ wave }) => wave.mode !== "recycle"),
    context,
  );
  const recycled = touch(
    waves.filter(({ wave }) => wave.mode === "recycle"),
    context,
  );
  return [
    ...context.budgets.filter((budget) => !budget.isReadable).map(reportUnreadable),
    ...drained.filter(({ budget }) => budget.allowed === 0).map(reportBlocking),
    ...recycled.filter(({ budget }) => budget.allowed === 0).map(reportIgnored),
    ...checkOverlaps(waves, context),
    ...waves.flatMap((wave) => checkRounds(wave, context)),
  ];
}

function touch(waves: readonly WaveToCheck[], { budgetsOf }: WaveContext): readonly Touched[] {
  const touched = new Map<string, Touched>();
  for (const { wave, nodes } of waves)
    for (const view of nodes)
      for (const pod of movedPods(view, wave.mode))
        for (const budget of budgetsOf(pod)) {
          const entry = touched.get(budget.name) ?? { budget, pods: [], nodes: new Set(), waves: new Set() };
          entry.pods.push(pod);
          entry.nodes.add(view.node.name);
          entry.waves.add(wave.id);
          touched.set(budget.name, entry);
        }
  return [...touched.values()].sort((a, b) => compareText(a.budget.name, b.budget.name));
}

function workloadsOf(pods: readonly PodView[]): readonly string[] {
  return sortedUnique(pods.map(({ workload, pod }) => workload ?? `Pod/${pod.namespace}/${pod.name}`));
}

function printNumbers({ expected, healthy, desired }: BudgetView): string {
  return `${healthy} of ${expected} are healthy and ${desired} must stay`;
}

function reportBlocking({ budget, pods, nodes, waves }: Touched): Finding {
  const workloads = workloadsOf(pods);
  const isStructural = budget.desired >= budget.expected;
  const unready = pods.filter(({ pod }) => !pod.isReady).map(({ pod }) => `${pod.namespace}/${pod.name}`);
  const firstStep = isStructural
    ? `Give ${nameSome(workloads)} one replica more than the budget keeps (${budget.desired + 1}), or let the budget say maxUnavailable: 1`
    : `Bring the pods back that are not ready${unready.length > 0 ? ` (${nameSome(unready)})` : ""}, then take the inventory again`;
  const policy =
    !isStructural && !budget.evictsUnhealthy ? "; unhealthyPodEvictionPolicy: AlwaysAllow lets unready pods go" : "";
  return waveFinding("waves/budget-blocks-drain", {
    message: `The PodDisruptionBudget ${budget.name} allows no disruption of ${nameSome(workloads)}, so ${nameSome([...nodes].sort(compareText))} cannot be drained`,
    where: whereOf(budget.object, budget.object.position, "spec"),
    reason: `${printNumbers(budget)}; the eviction API refuses until that changes, and the roll stops when its drain times out`,
    remedy: `${firstStep}${policy}; or set roll: { mode: recycle } for the group of these nodes, which restarts pods in place`,
    data: {
      budget: budget.name,
      workloads: [...workloads],
      nodes: [...nodes].sort(compareText),
      waves: [...waves].sort(compareText),
      expectedPods: budget.expected,
      currentHealthy: budget.healthy,
      desiredHealthy: budget.desired,
    },
  });
}

function reportIgnored({ budget, pods, nodes, waves }: Touched): Finding {
  return waveFinding("waves/budget-blocks-drain", {
    severity: "warning",
    message: `The PodDisruptionBudget ${budget.name} allows no disruption of ${nameSome(workloadsOf(pods))}, and recycling restarts its pods all the same`,
    where: whereOf(budget.object, budget.object.position, "spec"),
    reason: `${printNumbers(budget)}; a sandbox that is recycled asks no budget, so its pods are away for some seconds, one at a time`,
    remedy: "Agree on a time with the owners, or make room in the budget first",
    data: { budget: budget.name, nodes: [...nodes].sort(compareText), waves: [...waves].sort(compareText) },
  });
}

function reportUnreadable(budget: BudgetView): Finding {
  return waveFinding("waves/budget-invalid", {
    message: `The PodDisruptionBudget ${budget.name} has a minAvailable or maxUnavailable that is neither a count nor a percentage`,
    where: whereOf(budget.object, budget.object.position, "spec"),
    remedy: "Write a whole number or a percentage such as 50%",
  });
}

function checkOverlaps(waves: readonly WaveToCheck[], { budgetsOf }: WaveContext): readonly Finding[] {
  const pairs = new Map<string, { budgets: readonly BudgetView[]; pods: PodView[] }>();
  for (const { wave, nodes } of waves) {
    if (wave.mode === "recycle") continue;
    for (const pod of nodes.flatMap((view) => movedPods(view, wave.mode))) {
      const budgets = budgetsOf(pod);
      if (budgets.length < 2) continue;
      const key = budgets.map((budget) => budget.name).join(" ");
      const entry = pairs.get(key) ?? { budgets, pods: [] };
      entry.pods.push(pod);
      pairs.set(key, entry);
    }
  }
  return [...pairs.values()].map(({ budgets, pods }) => {
    const names = budgets.map((budget) => budget.name);
    const [first, ...others] = budgets;
    return waveFinding("waves/budget-overlap", {
      message: `${count(pods.length, "pod")} of ${nameSome(workloadsOf(pods))} stand under ${names.length} PodDisruptionBudgets: ${names.join(", ")}`,
      ...(first !== undefined && { where: whereOf(first.object, first.object.position, "spec.selector") }),
      reason: "The eviction API answers such a pod with an internal error, so its node cannot be drained",
      remedy: "Narrow the selectors so that one budget selects each pod, or set roll: { mode: recycle } for the group",
      related: others.map((budget) => ({
        message: "selects the same pods",
        where: whereOf(budget.object, budget.object.position, "spec.selector"),
      })),
      data: { budgets: names, workloads: [...workloadsOf(pods)] },
    });
  });
}

function checkRounds({ wave, nodes }: WaveToCheck, { budgetsOf }: WaveContext): readonly Finding[] {
  if (wave.mode === "recycle") return [];
  const pods = new Map<BudgetView, number>();
  for (const pod of nodes.flatMap((view) => movedPods(view, wave.mode)))
    for (const budget of budgetsOf(pod)) pods.set(budget, (pods.get(budget) ?? 0) + 1);
  const late = [...pods].filter(([budget, number]) => budget.allowed > 0 && number > budget.allowed);
  if (late.length === 0) return [];
  const names = late.map(([budget]) => budget.name).sort(compareText);
  return [
    waveFinding("waves/budget-rounds", {
      message: `The wave ${wave.id} holds more pods of ${count(names.length, "budget")} than may go at once: ${nameSome(names)}`,
      where: { object: `Wave/${wave.id}` },
      reason:
        "They go in rounds, each waiting for the pods of the one before to be Ready elsewhere; the estimate counts them",
      data: {
        wave: wave.id,
        budgets: late
          .map(([budget, number]) => ({ budget: budget.name, pods: number, allowed: budget.allowed }))
          .sort((a, b) => compareText(a.budget, b.budget)),
      },
    }),
  ];
}
