import type { CalicoPolicy, CalicoRule, CalicoTier } from "../calico/model.ts";
import type { LabelTerms } from "../selector/label-term.ts";
import type { Box } from "./box.ts";
import type { Approximation, Note } from "./note.ts";

/** Which way flows go, as seen from the pods of a policy. */
export type Direction = "ingress" | "egress";

/** A policy on its way through the translation. */
export interface SourcePolicy {
  readonly policy: CalicoPolicy;
  readonly tier: CalicoTier;
  readonly tierRank: number;
  /** Place in the evaluation order of all policies. */
  readonly rank: number;
  /** Kubernetes NetworkPolicies are enforced by Cilium as they are; nothing about them can be changed. */
  readonly isFixed: boolean;
  /** Whether an output is written at all; a refused policy still counts for what others may allow. */
  readonly isWritten: boolean;
  /** Pods only; host endpoints are another question. */
  readonly subject: Approximation<LabelTerms>;
}

/** One rule of one direction, resolved. */
export interface RuleEntry {
  readonly owner: SourcePolicy;
  readonly rule: CalicoRule;
  readonly direction: Direction;
  /** Place in the evaluation order of all rules of the direction. */
  readonly at: number;
  readonly boxes: Approximation<readonly Box[]>;
  readonly notes: readonly Note[];
}

/** A rule of another policy, or an earlier one of the same, that changed how a rule is written. */
export interface Cause {
  readonly entry: RuleEntry;
  /** Number of the known hazard (reference policy 3.3). */
  readonly hazard: "H1" | "H2" | "H3" | "H4" | "H6";
}

/**
 * What becomes of one rule.
 *
 * `written`: as it is; `carved`: smaller, because of its causes; `default-deny`: not written, since all that it denies is
 * not allowed by anything; `dead`: not written, since earlier rules decide all that it matches; `restricting`: a deny that is written as the
 * absence of later allows; `silent`: decides nothing (Log), or was resolved to nothing.
 */
export interface PlannedRule {
  readonly entry: RuleEntry;
  readonly action: "allow" | "deny";
  readonly fate: "written" | "carved" | "default-deny" | "dead" | "restricting" | "silent";
  readonly boxes: readonly Box[];
  readonly isExact: boolean;
  readonly causes: readonly Cause[];
}

/** Policies of equal order whose rules decide some flow differently: the first that was found, and all that come before the second. */
export interface OrderTie {
  readonly first: RuleEntry;
  readonly second: RuleEntry;
  readonly others: Set<SourcePolicy>;
}

/** What becomes of all rules of one direction. */
export interface DirectionPlan {
  readonly rules: readonly PlannedRule[];
  readonly ties: readonly OrderTie[];
}
