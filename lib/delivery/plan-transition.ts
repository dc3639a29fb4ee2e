import type { FileTree } from "../core/file-tree.ts";
import type { Plan } from "../plan/plan.ts";
import type { TreeStage } from "./stage-tree.ts";
import type { StagePosition } from "./transitions.ts";

/** What a stage's Job wrote into the cluster when it ended, as far as a gate needs it. */
export interface StageMarker {
  readonly stageId: string;
  /** `preflight`, `running`, `failed`, `done` or `undone`. */
  readonly state: string;
  /** Body digest that the Job ran with. */
  readonly digest: string;
}

/** A plan with the tree that was rendered from it. */
export interface PlanTree {
  readonly plan: Plan;
  /** Paths relative to the output folder; other plans' folders are left out by the caller. */
  readonly tree: FileTree;
}

/** What a pull request changes, and what is known beside it. */
export interface Transition {
  /** The branch that the engines follow. */
  readonly before: PlanTree;
  /** The pull request. */
  readonly after: PlanTree;
  /** Markers that the stages' Jobs left in the cluster, from the inventory; absent when it holds none of that kind at all. */
  readonly markers?: readonly StageMarker[];
  /** The rendered tree at a commit, for pins; absent when the caller has no git history. */
  readonly treeAt?: (commit: string) => FileTree | undefined;
}

/** One stage on both sides. */
export interface StageStep {
  readonly id: string;
  readonly before: StagePosition;
  readonly after: StagePosition;
  readonly bodyBefore: TreeStage | undefined;
  readonly bodyAfter: TreeStage | undefined;
}
