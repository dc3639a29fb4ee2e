import type { Plan } from "../../plan/plan.ts";
import type { Stage } from "../../stages/stage.ts";
import { engineObjectName, migrationName } from "../layout.ts";
import type { Command } from "./command.ts";
import type { EngineName } from "./watch-commands.ts";

/**
 * The commands that stop a stage while it runs, in their order: first the engine, then the Job.
 *
 * The Job's script traps the signal and leaves every node as it is, the one at work cordoned; the next attempt goes on from
 * the marker. Without the first step Flux makes a deleted Job again within minutes, and Argo CD at the next commit where the
 * Application follows a branch.
 */
export function stopCommands(engine: EngineName, plan: Plan, stage: Stage): readonly Command[] {
  const job = stage.state === "rollback" ? stage.undoJob : stage.job;
  const end =
    job === undefined
      ? []
      : [
          {
            command: `kubectl -n ${job.namespace} delete job ${job.name} --wait=true`,
            why: "ends the Job; nodes stay as they are, the one at work stays cordoned",
          },
        ];
  return [...engineStop(engine, plan, stage), ...end];
}

/** The commands that take back the engine's part of `stopCommands`. */
export function resumeCommands(engine: EngineName, plan: Plan, stage: Stage): readonly Command[] {
  switch (engine) {
    case "argocd":
      return [{ command: projectPatch(plan, null), why: "removes the deny window" }];
    case "flux":
      return [
        { command: fluxPatch(plan, "gitrepository", migrationName, false), why: "Flux reads commits again" },
        {
          command: fluxPatch(plan, "kustomization", engineObjectName(stage.id), false),
          why: "Flux applies this stage again, and makes its Job again if it was deleted",
        },
      ];
    case "kubectl":
      return [];
  }
}

function engineStop(engine: EngineName, plan: Plan, stage: Stage): readonly Command[] {
  switch (engine) {
    case "argocd":
      return [{ command: denyWindowCommand(plan), why: "no Application of the migration syncs any more" }];
    case "flux":
      return [
        { command: suspendSourceCommand(plan), why: "Flux reads no new commit" },
        {
          command: fluxPatch(plan, "kustomization", engineObjectName(stage.id), true),
          why: "Flux does not make the Job again",
        },
      ];
    case "kubectl":
      return [];
  }
}

/** Gives the migration's project a window that denies every sync, by hand or not. It replaces windows that stand there. */
export function denyWindowCommand(plan: Plan): string {
  return projectPatch(plan, [
    { kind: "deny", schedule: "* * * * *", duration: "24h", applications: ["*"], manualSync: false },
  ]);
}

/** Suspends the migration's GitRepository: no new commit is looked at. */
export function suspendSourceCommand(plan: Plan): string {
  return fluxPatch(plan, "gitrepository", migrationName, true);
}

function projectPatch(plan: Plan, syncWindows: readonly object[] | null): string {
  const patch = JSON.stringify({ spec: { syncWindows } });
  return `kubectl -n ${plan.spec.delivery.argocd.namespace} patch appproject ${migrationName} --type merge -p '${patch}'`;
}

/** With a field manager of our own: Flux strips the fields of managers whose names begin with `kubectl` at its next apply. */
function fluxPatch(plan: Plan, kind: string, name: string, suspend: boolean): string {
  const patch = JSON.stringify({ spec: { suspend } });
  return `kubectl -n ${plan.spec.delivery.flux.namespace} patch ${kind} ${name} --type merge --field-manager=${migrationName} -p '${patch}'`;
}
