import type { PodView } from "./cluster-view.ts";
import type { BudgetView } from "./disruption-budget.ts";

/** The budgets that select a pod, by namespace and name; empty for most pods of most clusters. */
export type BudgetsOfPods = (view: PodView) => readonly BudgetView[];

const none: readonly BudgetView[] = [];

/** Looks budgets up by pod. */
export function mapBudgets(budgets: readonly BudgetView[]): BudgetsOfPods {
  const byPod: BudgetView[][] = [];
  for (const budget of budgets)
    for (const view of budget.pods) {
      const list = byPod[view.at];
      if (list === undefined) byPod[view.at] = [budget];
      else list.push(budget);
    }
  return (view) => byPod[view.at] ?? none;
}
