import type { FileTree } from "../core/file-tree.ts";
import { getArray, getString, isJsonObject, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { attemptLabel, stateLabel } from "../delivery/engine-labels.ts";
import { placeOf } from "../delivery/layout.ts";
import { readStages, type TreeStage, tryParseObject } from "../delivery/stage-tree.ts";
import { positionOf } from "../delivery/transitions.ts";
import type { Plan, StageState } from "../plan/plan.ts";
import type { StageStanding } from "./diff.ts";

/** One side of a comparison, with what its files say of stages. */
export interface DiffSide {
  readonly tree: FileTree;
  readonly stages: ReadonlyMap<string, TreeStage>;
  /** Where a stage stands; a stage that nobody speaks of is held. */
  readonly standingOf: (stageId: string) => StageStanding;
}

const held: StageStanding = { state: "held", attempt: 1 };

/** Reads one side. Without a plan, states come from the labels of the engines' objects, and where no engine has one from STAGE.md. */
export function readSide(tree: FileTree, plan: Plan | undefined): DiffSide {
  const stages = readStages(tree);
  if (plan !== undefined) {
    const standingOf = (stageId: string): StageStanding => {
      const { state, attempt } = positionOf(plan, stageId);
      return { state, attempt };
    };
    return { tree, stages, standingOf };
  }
  const labelled = labelledStandings(tree);
  const written = pageStandings(tree);
  return { tree, stages, standingOf: (stageId) => labelled.get(stageId) ?? written.get(stageId) ?? held };
}

/** What the first row of each STAGE.md says: where kubectl applies the stages, nothing else in the tree knows. */
function pageStandings(tree: FileTree): ReadonlyMap<string, StageStanding> {
  const standings = new Map<string, StageStanding>();
  for (const [path, text] of tree) {
    const place = placeOf(path);
    if (place.area !== "stage" || place.file !== "STAGE.md") continue;
    const row = /^\| State \| (\w+)(?:, attempt (\d+))? \|$/mu.exec(text);
    const state = stateNames.find((name) => name === row?.[1]);
    if (state !== undefined) standings.set(place.stageId, { state, attempt: Number(row?.[2] ?? "1") });
  }
  return standings;
}

const stateNames: readonly StageState[] = ["held", "open", "done", "rollback"];

function labelledStandings(tree: FileTree): ReadonlyMap<string, StageStanding> {
  const standings = new Map<string, StageStanding>();
  for (const [path, text] of tree) {
    const place = placeOf(path);
    if (place.area !== "engine" || standings.has(place.stageId)) continue;
    const state = stateNames.find((name) => name === labelOf(text, stateLabel));
    if (state !== undefined)
      standings.set(place.stageId, { state, attempt: Number(labelOf(text, attemptLabel) ?? "1") });
  }
  return standings;
}

/** A label of an object that we wrote; read from the text, because a tree holds thousands of them. */
function labelOf(text: string, label: string): string | undefined {
  return new RegExp(`^ {4}${label.replaceAll(".", "\\.")}: "?([\\w-]+)"?$`, "mu").exec(text)?.[1];
}

/** The nodes that a stage changes, sorted: those that its CiliumNodeConfig selects, otherwise those that its Job is told. */
export function nodesOfStage(stage: TreeStage | undefined): readonly string[] {
  if (stage === undefined) return [];
  const own = [...stage.body].filter(([file]) => !file.startsWith("undo/"));
  const objectsOf = (mark: string): readonly JsonObject[] =>
    own
      .filter(([, text]) => text.includes(mark))
      .map(([, text]) => tryParseObject(text))
      .filter((object) => object !== undefined);
  const selected = objectsOf("kind: CiliumNodeConfig").flatMap(selectedHostnames);
  return sortedUnique(selected.length > 0 ? selected : objectsOf("kind: Job").flatMap(jobNodes));
}

function selectedHostnames(object: JsonObject): readonly string[] {
  return getArray(object, "spec", "nodeSelector", "matchExpressions")
    .filter((term) => getString(term, "key") === "kubernetes.io/hostname" && getString(term, "operator") === "In")
    .flatMap((term) => getArray(term, "values"))
    .filter((value) => typeof value === "string");
}

function jobNodes(object: JsonObject): readonly string[] {
  return getArray(object, "spec", "template", "spec", "containers")
    .flatMap((container) => getArray(container, "env"))
    .filter((variable) => isJsonObject(variable) && variable["name"] === "NODES")
    .flatMap((variable) => (getString(variable, "value") ?? "").split(/\s+/u))
    .filter((name) => name !== "");
}

/** The objects that a stage applies in this standing, as `[file, object]`: its own, or those of its way back. */
export function appliedObjects(
  stage: TreeStage | undefined,
  state: StageState,
): readonly (readonly [string, JsonObject])[] {
  if (stage === undefined || (state !== "open" && state !== "rollback")) return [];
  return [...stage.body]
    .filter(([file]) => file.endsWith(".yaml") && file.startsWith("undo/") === (state === "rollback"))
    .map(([file, text]) => [file, tryParseObject(text)] as const)
    .filter((entry): entry is readonly [string, JsonObject] => getString(entry[1], "metadata", "name") !== undefined);
}

/** Number of nodes of a stage, for its line in the table. */
export function nodeCount(side: DiffSide, stageId: string): number {
  return nodesOfStage(side.stages.get(stageId)).length;
}
