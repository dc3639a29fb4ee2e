import { getArray, getNumber, getString, isJsonObject, type JsonObject } from "../../core/json.ts";
import type { StageState } from "../../plan/plan.ts";
import { stepWords } from "../../roll/step-words.ts";
import type { SealedStage } from "../../stages/seal-stages.ts";

/** How far a node of a stage is, out of the marker's record. */
export interface NodeProgress {
  readonly name: string;
  /** `waiting`: the Job has not come to it; `at-work`; `done`. */
  readonly state: "waiting" | "at-work" | "done";
  /** Number and words of the last step that is finished; absent where none is, or the script counts none. */
  readonly finished?: Step;
  /** The step that it is at; absent where it is done or waits. */
  readonly at?: Step;
  /** When the last step was finished. */
  readonly since?: string;
}

/** A step of a Job's script. */
export interface Step {
  readonly step: number;
  /** Steps are numbered up to this. */
  readonly of: number;
  readonly what: string;
}

/** One stage as git and the cluster tell it. */
export interface StageStatus {
  readonly id: string;
  readonly title: string;
  /** State and attempt in the plan. */
  readonly planned: StageState;
  readonly attempt: number;
  /** State of the marker: preflight, running, done, failed, undoing, undone; `none` where no Job has written one. */
  readonly live: string;
  /** Attempt of the marker. */
  readonly liveAttempt?: number;
  /** Whether the body that ran is the one in git; true where none of this attempt ran. */
  readonly isDigestReviewed: boolean;
  /** The marker's last word. */
  readonly message: string;
  /** When the stage ended. */
  readonly finished?: string;
  /** Nodes of the stage in the order of the plan, with those that the marker knows beside. */
  readonly nodes: readonly NodeProgress[];
}

/** Puts a stage of the plan and its marker side by side. */
export function stageStatus(stage: SealedStage, marker: JsonObject | undefined): StageStatus {
  const liveAttempt = Number(getString(marker, "attempt") ?? Number.NaN);
  const isOfThisAttempt = marker !== undefined && (Number.isNaN(liveAttempt) || liveAttempt === stage.attempt);
  const finished = getString(marker, "finished");
  return {
    id: stage.id,
    title: stage.title,
    planned: stage.state,
    attempt: stage.attempt,
    live: getString(marker, "state") ?? "none",
    ...(!Number.isNaN(liveAttempt) && { liveAttempt }),
    isDigestReviewed: !isOfThisAttempt || getString(marker, "digest") === stage.digest,
    message: getString(marker, "message") ?? "",
    ...(finished !== undefined && { finished }),
    nodes: marker === undefined ? [] : nodesOf(stage, marker),
  };
}

/** The script that the stage's Job runs in this state: `roll.sh`; absent where the stage has no Job. */
export function scriptOf(stage: SealedStage): string | undefined {
  const objects = stage.state === "rollback" ? stage.undo : stage.objects;
  const job = objects.find(({ object }) => object["kind"] === "Job");
  const [container] = getArray(job?.object, "spec", "template", "spec", "containers").filter(isJsonObject);
  const script = getArray(container, "command").at(-1);
  return typeof script === "string" ? script.slice(script.lastIndexOf("/") + 1) : undefined;
}

/** A step by its number; absent for a number that the script does not have. */
export function stepOf(script: string | undefined, step: number): Step | undefined {
  const words = stepWords[script ?? ""];
  const what = words?.[step];
  return words === undefined || what === undefined ? undefined : { step, of: lastStep(words), what };
}

function lastStep(words: Readonly<Record<number, string>>): number {
  return Math.max(...Object.keys(words).map(Number));
}

function nodesOf(stage: SealedStage, marker: JsonObject): readonly NodeProgress[] {
  const script = scriptOf(stage);
  // The way back keeps records of its own beside those of the way there.
  const prefix = script === "undo.sh" ? "undo." : "node.";
  const records = new Map(
    Object.entries(marker).flatMap(([key, value]): [string, string][] =>
      key.startsWith(prefix) && typeof value === "string" && value !== "" ? [[key.slice(prefix.length), value]] : [],
    ),
  );
  const names = [...new Set([...stage.nodes, ...records.keys()])];
  return names.map((name) => progressOf(name, records.get(name), script));
}

function progressOf(name: string, record: string | undefined, script: string | undefined): NodeProgress {
  if (record === undefined) return { name, state: "waiting" };
  if (record === "done") return { name, state: "done" };
  const parsed = parseRecord(record);
  // Agents that restart are recorded by their uid only.
  if (parsed === undefined) return { name, state: "at-work" };
  const words = stepWords[script ?? ""] ?? {};
  const step = getNumber(parsed, "step") ?? 0;
  const since = getString(parsed, "since");
  const end = script === "undo.sh" ? 10 : 11;
  const next = Object.keys(words)
    .map(Number)
    .sort((a, b) => a - b)
    .find((candidate) => candidate > step && candidate <= end);
  const [finished, at] = [stepOf(script, step), next === undefined ? undefined : stepOf(script, next)];
  return {
    name,
    state: step >= end ? "done" : "at-work",
    ...(finished !== undefined && { finished }),
    ...(step < end && at !== undefined && { at }),
    ...(since !== undefined && { since }),
  };
}

function parseRecord(record: string): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(record);
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
