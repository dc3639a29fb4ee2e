import type { Plan } from "../plan/plan.ts";
import type { Stage } from "../stages/stage.ts";
import { migrationName } from "./layout.ts";

/** Labels of an engine object that say where its stage stands; `metachron diff` reads them back. */
export const stateLabel = "metachron.dev/state";
export const attemptLabel = "metachron.dev/attempt";

/** Labels of every engine object, for people who list them. */
export function engineLabels(plan: Plan, stageId?: string): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/managed-by": migrationName,
    "metachron.dev/plan": plan.name,
    ...(stageId !== undefined && { "metachron.dev/stage": stageId }),
  };
}

/** Labels of a stage's own engine object. */
export function stageLabels(plan: Plan, stage: Stage): Readonly<Record<string, string>> {
  return { ...engineLabels(plan, stage.id), [stateLabel]: stage.state, [attemptLabel]: String(stage.attempt) };
}
