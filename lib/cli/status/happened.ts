import { assertNever } from "../../core/invariant.ts";
import { failureOf } from "./failure.ts";
import type { LiveCluster, TroubledNode } from "./live-cluster.ts";
import type { ActiveSituation, Situation } from "./situation.ts";
import { type NodeProgress, type Step, scriptOf, stepOf } from "./stage-status.ts";
import { tellTime } from "./tell-time.ts";

/** What happened, one sentence each: what, on which node, at which step, since when. `now` in milliseconds. */
export function happenedOf(situation: Situation, cluster: LiveCluster, now: number): readonly string[] {
  switch (situation.kind) {
    case "complete":
      return ["every stage is done"];
    case "between":
      return [
        situation.isFirst
          ? "nothing is applied yet: every stage is held"
          : `no stage is open; the next one is ${situation.stage.id}`,
      ];
    case "other-body":
      return [
        `${situation.stage.id} ran with another body than the one in git`,
        `the marker's digest is ${String(cluster.markers.get(situation.stage.id)?.["digest"] ?? "missing")}, git's is ${situation.stage.digest}`,
      ];
    default:
      return [...activeLines(situation, now), ...troubles(situation, cluster, now)];
  }
}

function activeLines(situation: ActiveSituation, now: number): readonly string[] {
  const { stage, status, job } = situation;
  const name = stage.attempt === 1 ? stage.id : `${stage.id} (attempt ${stage.attempt})`;
  switch (situation.kind) {
    case "waiting":
      return [
        `${name} is ${stage.state === "rollback" ? "to be taken back" : "open"} in the plan, and its Job is not in the cluster: the engine has not applied it`,
        ...earlier(situation),
      ];
    case "starting":
      return [
        `${name}: its Job is there${since(job?.started, now)} and has not written its marker yet`,
        ...earlier(situation),
      ];
    case "at-work":
      return [
        `${name} ${status.live === "preflight" ? "looks at the cluster before it changes anything" : "is at work"}${since(job?.started, now)}`,
        ...atWork(situation, now),
        ...(status.message === "" ? [] : [wordsForSteps(status.message, situation)]),
      ];
    case "stopped":
      return [`${name} was at work, and its Job is gone: nobody works on it`, ...atWork(situation, now)];
    case "failed":
      return failedLines(name, situation, now);
    case "finished":
      return [
        `${name} is ${stage.state === "rollback" ? "taken back" : "done"}${since(status.finished, now)}: ${status.message}`,
      ];
    case "no-job":
      return [`${name} is open; it has no Job and no marker: the engine alone knows whether it is healthy`];
    default:
      return assertNever(situation.kind);
  }
}

function failedLines(name: string, situation: ActiveSituation, now: number): readonly string[] {
  const { exitCode, message, meaning } = failureOf(situation);
  const code = exitCode === undefined ? "" : `exit code ${exitCode}, `;
  return [
    `${name} failed${since(situation.job?.ended, now)}: ${code}${meaning}`,
    ...atWork(situation, now),
    ...(message === "" ? [] : [`it said: ${wordsForSteps(message, situation)}`]),
  ];
}

/** The node that the Job is at, or was when it ended. */
function atWork({ status }: ActiveSituation, now: number): readonly string[] {
  return status.nodes.filter(({ state }) => state === "at-work").map((node) => describeNode(node, now));
}

/** One node: where it is, and what it finished when. */
function describeNode({ name, finished, at, since: time }: NodeProgress, now: number): string {
  const where = at === undefined ? "its agent restarts" : printStep(at);
  return `${name}: ${where}${finished === undefined ? "" : `; before it finished ${finished.what}`}${since(time, now)}`;
}

function printStep({ step, of, what }: Step): string {
  return `step ${step} of ${of}, ${what}`;
}

/** What an earlier attempt left: its marker is the last that the cluster knows. */
function earlier({ status, stage }: ActiveSituation): readonly string[] {
  if (status.liveAttempt === undefined || status.liveAttempt === stage.attempt) return [];
  return [`the marker is that of attempt ${status.liveAttempt}: ${status.live}, ${status.message}`];
}

/** Nodes that are not Ready or take no pods: those of the stage by name, the others together. */
function troubles({ stage, status }: ActiveSituation, { nodes = [] }: LiveCluster, now: number): readonly string[] {
  const own = new Set([...stage.nodes, ...status.nodes.map(({ name }) => name)]);
  const others = nodes.filter(({ name, isReady }) => !own.has(name) && !isReady).map(({ name }) => name);
  const more = others.length > 5 ? ` and ${others.length - 5} more` : "";
  return [
    ...nodes.filter(({ name }) => own.has(name)).map((node) => describeTrouble(node, now)),
    ...(others.length === 0 ? [] : [`not of this stage, and not Ready: ${others.slice(0, 5).join(", ")}${more}`]),
  ];
}

function describeTrouble({ name, isReady, isSchedulable, since: time }: TroubledNode, now: number): string {
  const ready = isReady ? "Ready" : `not Ready${since(time, now)}`;
  return `node ${name} is ${ready}${isSchedulable ? "" : " and cordoned: no new pod comes to it"}`;
}

/** `step 7` in a script's own words says nothing at night. */
function wordsForSteps(message: string, { stage }: ActiveSituation): string {
  return message.replaceAll(/\bstep (\d+)\b/gu, (found, step: string) => {
    const known = stepOf(scriptOf(stage), Number(step));
    return known === undefined ? found : `${found} (${known.what})`;
  });
}

function since(time: string | undefined, now: number): string {
  const told = tellTime(time, now);
  return told === undefined ? "" : ` (${told})`;
}
