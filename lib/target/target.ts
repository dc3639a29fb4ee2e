import type { Finding } from "../core/finding.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";

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
  /** Namespace of the agents. */
  readonly namespace: string;
  readonly findings: readonly Finding[];
}
