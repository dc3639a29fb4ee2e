import type { PodView } from "./cluster-view.ts";
import type { BudgetView } from "./disruption-budget.ts";

/** The budgets that select a pod, by namespace and name; empty for most pods of most clusters. */
export type BudgetsOfPods = (view: PodView) => readonly BudgetView[];

const none: readonly BudgetView[] = [];

/** Looks budgets up by pod. */
export function mapBudgets(budgets: readonly BudgetView[]): BudgetsOfPods {
  const byPod = new Map<PodView, BudgetView[]>();
  for (const budget of budgets)
    for (const view of budget.pods) {
      const list = byPod.get(view);
      if (list === undefined) byPod.set(view, [budget]);
      else list.push(budget);
    }
  return (view) => byPod.get(view) ?? none;
}
