import type { Plan } from "../../plan/plan.ts";
import type { Stage, StageJob } from "../../stages/stage.ts";
import { engineObjectName, migrationNamespace } from "../layout.ts";
import type { Command } from "./command.ts";

/** Who applies stages: an entry of the plan's `delivery.engines`. */
export type EngineName = Plan["spec"]["delivery"]["engines"][number];

/** The commands that show how a stage goes: the Job's log, its end, and what the engine says. */
export function watchCommands(engine: EngineName, plan: Plan, stage: Stage): readonly Command[] {
  const job = stage.state === "rollback" ? stage.undoJob : stage.job;
  return [...(job === undefined ? [] : jobCommands(job)), ...engineCommands(engine, plan, stage)];
}

/** `kubectl wait --for=condition=complete` hangs for ever on a Job that failed, so the loop asks for both ends. */
function jobCommands(job: StageJob): readonly Command[] {
  return [
    { command: `kubectl -n ${job.namespace} logs -f job/${job.name}`, why: "follows the Job, one line for each step" },
    {
      command: `until kubectl -n ${job.namespace} get job ${job.name} -o jsonpath='{.status.conditions[*].type}' | grep -E 'Complete|Failed'; do sleep 5; done`,
      why: "waits for the Job's end, good or bad",
    },
  ];
}

function engineCommands(engine: EngineName, plan: Plan, stage: Stage): readonly Command[] {
  const name = engineObjectName(stage.id);
  switch (engine) {
    case "argocd":
      return [
        {
          command: `kubectl -n ${plan.spec.delivery.argocd.namespace} get application ${name} -w`,
          why: "Synced and Healthy when the stage is done; Degraded when its Job failed",
        },
      ];
    case "flux":
      return [
        {
          command: `kubectl -n ${plan.spec.delivery.flux.namespace} get kustomization ${name} -w`,
          why: "Ready when the stage is done; a Job that is still running shows as not ready after 15 minutes, and is read again",
        },
      ];
    case "kubectl":
      return [
        {
          command: `kubectl -n ${migrationNamespace} get configmaps -l app.kubernetes.io/managed-by=metachron-roll`,
          why: "lists the markers that the stages' Jobs left",
        },
      ];
  }
}
