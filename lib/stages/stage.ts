import type { Finding } from "../core/finding.ts";
import type { JsonObject } from "../core/json.ts";
import type { StageState } from "../plan/plan.ts";
import type { HealthRule } from "../roll/executors.ts";

/** What a stage does; decides its gate, its RBAC and its texts. */
export type StageKind =
  | "prepare"
  | "cilium"
  | "bridge"
  | "policies"
  | "probes"
  | "observe"
  | "wave"
  | "switch"
  | "finalise"
  | "validate"
  | "remove"
  | "clean-nodes";

/** One Kubernetes object in a file of its own. */
export interface StageObject {
  /** File name in the stage directory: `10-ciliumnodeconfig-metachron-100-canary.yaml`. */
  readonly file: string;
  readonly object: JsonObject;
  /** Written above the object as a YAML comment. */
  readonly comment?: string;
}

/** A file of a stage that is no Kubernetes object: `values.yaml`, a checklist. */
export interface StageFile {
  readonly file: string;
  readonly text: string;
}

/** What must hold before a stage starts and before it counts as done, in words and as what the Job checks. */
export interface StageGate {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The Job whose completion is the stage's completion. Stages without one are done when their objects are healthy. */
export interface StageJob {
  readonly name: string;
  readonly namespace: string;
  /** Longest time that the Job may take. */
  readonly deadlineSeconds: number;
}

/** One ordered step of a migration, complete but for the engine that applies it. */
export interface Stage {
  /** Directory name: three digits or more, a dash, a slug. */
  readonly id: string;
  readonly kind: StageKind;
  readonly title: string;
  /** One paragraph for a reviewer who never saw the tool. */
  readonly purpose: string;
  readonly state: StageState;
  readonly attempt: number;
  /** Commit that the engine is pinned to, from the plan; absent while held. */
  readonly commit?: string;
  /** Nodes that this stage changes, sorted. */
  readonly nodes: readonly string[];
  readonly objects: readonly StageObject[];
  /** Objects of `undo/`: a forward stage of its own that takes this one back. */
  readonly undo: readonly StageObject[];
  readonly files: readonly StageFile[];
  readonly gate: StageGate;
  /** What a person must know of the way back: what `undo/` does, or what to do where there is none. */
  readonly wayBack?: string;
  readonly job?: StageJob;
  readonly undoJob?: StageJob;
  /** `sha256:` and the digest of the body; see `body-digest.ts`. */
  readonly digest: string;
  readonly previous?: { readonly id: string; readonly digest: string };
  readonly estimateSeconds: number;
  readonly findings: readonly Finding[];
  /** How engines tell that objects of kinds they do not know are healthy. */
  readonly health: readonly HealthRule[];
  /** What a reviewer has to know beside the purpose, one sentence each. */
  readonly caveats: readonly string[];
}

/** The Helm release that a stage changes: the engines carry its values, plain kubectl users call helm. */
export interface HelmRelease {
  readonly releaseName: string;
  readonly namespace: string;
  readonly chart: {
    readonly source: "https" | "oci";
    readonly repository: string;
    readonly name: string;
    readonly version: string;
  };
  readonly values: JsonObject;
}
