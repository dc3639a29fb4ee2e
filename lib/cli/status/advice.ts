import { assertNever } from "../../core/invariant.ts";
import { ownNamespace } from "../../core/own-namespace.ts";
import { watchCommands } from "../../delivery/kubectl/watch-commands.ts";
import type { Plan } from "../../plan/plan.ts";
import { failureOf } from "./failure.ts";
import type { ActiveSituation, Situation } from "./situation.ts";

/** One thing to do next. */
export interface Advice {
  /** An order, one sentence without a full stop. */
  readonly do: string;
  /** The command that does it. */
  readonly command?: string;
}

/** What a person does next, in this order. `out` is the folder of the rendered plans. */
export function adviceFor(situation: Situation, plan: Plan, out: string): readonly Advice[] {
  const options = `--plan ${plan.file}${out === "dist" ? "" : ` --out ${out}`}`;
  const page = (stageId: string): string => `${out}/${plan.name}/stages/${stageId}/STAGE.md`;
  switch (situation.kind) {
    case "complete":
      return [{ do: "nothing: the migration is complete" }];
    case "between":
      return [
        {
          do: `read ${page(situation.stage.id)}, then open the stage by a pull request`,
          command: `metachron next ${options}`,
        },
      ];
    case "other-body":
      return [
        {
          do: "before anything else find out who changed the stage: what ran is not what was reviewed",
          command: `git log -p -- ${out}/${plan.name}/stages/${situation.stage.id}`,
        },
      ];
    default:
      return activeAdvice(situation, { plan, options, page: page(situation.stage.id) });
  }
}

interface AdviceContext {
  readonly plan: Plan;
  /** Options that every move of the plan needs. */
  readonly options: string;
  /** The stage's page, which has the commands that apply, watch and stop it. */
  readonly page: string;
}

function activeAdvice(situation: ActiveSituation, context: AdviceContext): readonly Advice[] {
  const { stage } = situation;
  const close: Advice = {
    do: stage.state === "rollback" ? "hold the stage again by a pull request" : "close the stage by a pull request",
    command: `metachron next ${context.options}`,
  };
  const log = { command: `kubectl -n ${ownNamespace} logs job/${jobNameOf(situation)}` };
  switch (situation.kind) {
    case "finished":
      return [close];
    case "no-job":
      return [...askEngines(situation, context), { ...close, do: `when it is healthy, ${close.do}` }];
    case "waiting":
      return [{ do: "merge the pull request, if that is not done yet" }, ...askEngines(situation, context)];
    case "starting":
      return [
        {
          do: "see whether the Job's pod can start",
          command: `kubectl -n ${ownNamespace} describe job ${jobNameOf(situation)}`,
        },
        { do: "read what it says", ...log },
      ];
    case "at-work":
      return [
        { do: "wait; follow the Job", command: log.command.replace("logs", "logs -f") },
        { do: `to stop it, type what ${context.page} says under "Stop"; the node at work stays cordoned` },
      ];
    case "stopped":
      return [...askEngines(situation, context), ...waysOn(situation, context)];
    case "failed":
      return [
        { do: "read the end of the Job's log", ...log },
        { do: lowerFirst(failureOf(situation).remedy) },
        ...waysOn(situation, context),
      ];
    default:
      return assertNever(situation.kind);
  }
}

/** Forward or back, each by a pull request. */
function waysOn({ stage }: ActiveSituation, { options }: AdviceContext): readonly Advice[] {
  const retry = {
    do: "then try again by a pull request: nodes that are done stay done",
    command: `metachron next --retry ${stage.id} ${options}`,
  };
  const back = { do: "or take the stage back by a pull request", command: `metachron rollback ${stage.id} ${options}` };
  return stage.state === "open" && stage.undo.length > 0 ? [retry, back] : [retry];
}

/** What shows whether the engines have taken the stage up. */
function askEngines({ stage }: ActiveSituation, { plan, page }: AdviceContext): readonly Advice[] {
  return plan.spec.delivery.engines.map((engine) => {
    // The engine's own command is the last; those before are the Job's.
    const command = watchCommands(engine, plan, stage).at(-1)?.command;
    if (engine === "kubectl" || command === undefined) return { do: `apply it as ${page} says` };
    return { do: `see what ${engine === "argocd" ? "Argo CD" : "Flux"} says`, command: command.replace(/ -w$/u, "") };
  });
}

function jobNameOf({ job, stage }: ActiveSituation): string {
  return job?.name ?? (stage.state === "rollback" ? stage.undoJob : stage.job)?.name ?? "";
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
