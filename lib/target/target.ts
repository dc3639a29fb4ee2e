import type { Finding } from "../core/finding.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { Continuity } from "../plan/plan.ts";

/** Phase of the Helm values: dormant beside the source until finalise, then final. */
export type ValuesPhase = "migration" | "final";

/** One Helm value with its reason. */
export interface ReasonedValue {
  /** Path in values.yaml, each step a key: `["operator", "unmanagedPodWatcher", "restart"]`. */
  readonly path: readonly string[];
  readonly value: JsonValue;
  /** One line, written as a comment beside the value. */
  readonly why: string;
}

/** The values of one phase. */
export interface CiliumValues {
  readonly phase: ValuesPhase;
  readonly version: string;
  readonly values: JsonObject;
  readonly reasons: readonly ReasonedValue[];
  /** The file as people read it: keys in a fixed order, a reason as comment above each. */
  readonly text: string;
}

/** One thing that must hold for policy to be exact while both networks run. */
export interface ContinuityCondition {
  /** `source`, `datastore`, `dataplane`, `source-prefixes`, `target-prefixes`. */
  readonly id: string;
  readonly holds: boolean;
  /** What was found, one line. */
  readonly why: string;
}

/** How policy holds during the mixed phase: what was asked for, what can be had, and why. */
export interface ContinuityChoice {
  readonly requested: Continuity;
  /** What the plan does; never stronger than requested. */
  readonly effective: Continuity;
  /** Whether the source enforces policy, so that an exact bridge also needs mirrored denies there. */
  readonly needsMirrors: boolean;
  /** The one prefix per family that stands for every old pod in the bridge's rules; empty when there is none. */
  readonly sourcePrefixes: readonly string[];
  /** Every condition of `exact`, in a fixed order; empty when `exact` was not asked for. */
  readonly conditions: readonly ContinuityCondition[];
}

/** All that the target needs, made once for the whole plan. */
export interface TargetPlan {
  readonly migration: CiliumValues;
  readonly final: CiliumValues;
  /** The pool of pod addresses, one prefix per family, and the block each node gets. */
  readonly podCIDRs: readonly string[];
  readonly podCIDRMaskSize: { readonly ipv4?: number; readonly ipv6?: number };
  readonly tunnelPort: number;
  /** `defaults` of every CiliumNodeConfig of a wave, without the selector. */
  readonly nodeConfigDefaults: Readonly<Record<string, string>>;
  /** The same with a reason for each key; `path` has one step. */
  readonly nodeConfigReasons: readonly ReasonedValue[];
  readonly continuity: ContinuityChoice;
  /** Namespace of the agents. */
  readonly namespace: string;
  readonly findings: readonly Finding[];
}
