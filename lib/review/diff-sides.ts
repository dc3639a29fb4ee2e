import type { FileTree } from "../core/file-tree.ts";
import { getArray, getString, type JsonObject } from "../core/json.ts";
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
  /** The nodes that a stage changes, sorted: those that its CiliumNodeConfig selects, otherwise those that its page names. */
  readonly nodesOf: (stageId: string) => readonly string[];
}

const held: StageStanding = { state: "held", attempt: 1 };

/** Reads one side. Without a plan, states come from the labels of the engines' objects, and where no engine has one from STAGE.md. */
export function readSide(tree: FileTree, plan: Plan | undefined): DiffSide {
  const stages = readStages(tree);
  const pages = stagePages(tree);
  const nodesOf = (stageId: string): readonly string[] => {
    const selected = selectedNodes(stages.get(stageId));
    return selected.length > 0 ? selected : nodesOnPage(pages.get(stageId) ?? "");
  };
  if (plan !== undefined) {
    const standingOf = (stageId: string): StageStanding => {
      const { state, attempt } = positionOf(plan, stageId);
      return { state, attempt };
    };
    return { tree, stages, standingOf, nodesOf };
  }
  const labelled = labelledStandings(tree);
  const standingOf = (stageId: string): StageStanding =>
    labelled.get(stageId) ?? standingOnPage(pages.get(stageId) ?? "") ?? held;
  return { tree, stages, standingOf, nodesOf };
}

function stagePages(tree: FileTree): ReadonlyMap<string, string> {
  const pages = new Map<string, string>();
  for (const [path, text] of tree) {
    const place = placeOf(path);
    if (place.area === "stage" && place.file === "STAGE.md") pages.set(place.stageId, text);
  }
  return pages;
}

/** What the first row of a STAGE.md says: where kubectl applies the stages, nothing else in the tree knows. */
function standingOnPage(page: string): StageStanding | undefined {
  const row = /^\| State \| (\w+)(?:, attempt (\d+))? \|$/mu.exec(page);
  const state = stateNames.find((name) => name === row?.[1]);
  return state === undefined ? undefined : { state, attempt: Number(row?.[2] ?? "1") };
}

/** The row of nodes of a STAGE.md: a stage that restarts or cleans something on nodes names none of them in its objects. */
function nodesOnPage(page: string): readonly string[] {
  const row = /^\| Nodes \| \d+: (.+) \|$/mu.exec(page)?.[1] ?? "";
  return sortedUnique([...row.matchAll(/`([^`]+)`/gu)].map(([, name = ""]) => name));
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

/** The nodes of a stage's own CiliumNodeConfig: its wave, sorted. */
export function selectedNodes(stage: TreeStage | undefined): readonly string[] {
  if (stage === undefined) return [];
  const configs = [...stage.body]
    .filter(([file, text]) => !file.startsWith("undo/") && text.includes("kind: CiliumNodeConfig"))
    .map(([, text]) => tryParseObject(text))
    .filter((object) => object !== undefined);
  return sortedUnique(configs.flatMap(selectedHostnames));
}

function selectedHostnames(object: JsonObject): readonly string[] {
  return getArray(object, "spec", "nodeSelector", "matchExpressions")
    .filter((term) => getString(term, "key") === "kubernetes.io/hostname" && getString(term, "operator") === "In")
    .flatMap((term) => getArray(term, "values"))
    .filter((value) => typeof value === "string");
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
