import type { FieldChange } from "../core/field-changes.ts";
import type { Plan, StageState } from "../plan/plan.ts";
import type { Wave } from "../waves/waves.ts";

/** What a pull request changes, in the words of a migration: the shape that `metachron diff --format json` prints. */
export interface PlanDiff {
  readonly apiVersion: "metachron.dev/v1alpha1";
  readonly kind: "PlanDiff";
  readonly summary: DiffSummary;
  /** Stages whose state or attempt changes, in their order. */
  readonly stages: readonly StageDiff[];
  /** Nodes that a changed state touches, and nodes that enter or leave a stage; by stage, then by name. */
  readonly nodes: readonly NodeDiff[];
  /** Objects that a stage applies which is opened, tried again or taken back; by stage, then by file. */
  readonly applied: readonly AppliedObject[];
  /** Workloads on the nodes of stages that are opened or taken back; empty where the caller knows no waves. */
  readonly workloads: readonly WorkloadDiff[];
  /** The chart that engines hold in the cluster, when it changes. */
  readonly chart?: { readonly before?: string; readonly after?: string };
  /** Helm values that change, key by key. */
  readonly values: readonly ValueDiff[];
  /** Objects that change, by stage, then by file. Pages and kustomization.yaml are files, not objects; digests are not compared. */
  readonly objects: readonly ObjectDiff[];
  /** Every file that differs, sorted by path. */
  readonly files: readonly FileDiff[];
}

/** The counts that the first line says. */
export interface DiffSummary {
  readonly stages: number;
  readonly nodes: number;
  readonly workloads: number;
  readonly values: number;
  readonly policies: number;
  readonly files: number;
  readonly unexpected: number;
}

/** State and attempt of a stage. */
export interface StageStanding {
  readonly state: StageState;
  readonly attempt: number;
}

/** One stage whose standing changes. */
export interface StageDiff {
  readonly stage: string;
  readonly before: StageStanding;
  readonly after: StageStanding;
  /** How many nodes the stage changes. */
  readonly nodes: number;
}

/** One node that a pull request touches. */
export interface NodeDiff {
  readonly node: string;
  readonly stage: string;
  /**
   * `rolls`: its wave is opened or tried again. `rolls-back`: it is taken back. `touched`: a stage that is no wave does
   * something on it. `enters`, `leaves`: its batch changes.
   */
  readonly change: "rolls" | "touched" | "rolls-back" | "enters" | "leaves";
}

/** One object that reaches the cluster when the pull request is merged. */
export interface AppliedObject {
  readonly stage: string;
  /** `Kind/namespace/name`. */
  readonly object: string;
  /** Path below the stage's directory. */
  readonly file: string;
}

/** One workload with pods on nodes that roll. */
export interface WorkloadDiff {
  readonly stage: string;
  /** `Kind/namespace/name`. */
  readonly workload: string;
  readonly replicas: number;
  readonly replicasInWave: number;
  readonly budgets: readonly string[];
}

/** One Helm value. */
export interface ValueDiff extends FieldChange {
  /** `release`: what the engines hold in the cluster. Otherwise the stage whose values.yaml changes. */
  readonly scope: string;
  /** The comment beside the value. */
  readonly reason?: string;
}

/** One object. */
export interface ObjectDiff {
  /** `Kind/namespace/name`. */
  readonly object: string;
  readonly file: string;
  /** Stage that holds it; absent for the engines' own objects. */
  readonly stage?: string;
  readonly change: "added" | "removed" | "changed" | "renamed";
  /** Former name, where a Job of the next attempt takes the place of the last. */
  readonly from?: string;
  readonly isPolicy: boolean;
  /** Fields that differ; empty for objects that are added or removed, and where only comments or the order differ. */
  readonly fields: readonly FieldChange[];
}

/** One file. */
export interface FileDiff {
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
  /** Whether the change of state explains it. What it does not explain is for a person to explain. */
  readonly isExpected: boolean;
  /** Why it is expected, or why it is not. */
  readonly why: string;
}

/** What is known beside the two trees. */
export interface DiffContext {
  /** The plan of each side, when the trees hold one plan. Without them states are read from the labels of the engines' objects. */
  readonly plans?: { readonly before: Plan; readonly after: Plan };
  /** Waves of the new side, for the workloads. */
  readonly waves?: readonly Wave[];
}
