import type { L4Set } from "../space/l4-set.ts";
import type { EndsHandle } from "../space/packet-space.ts";

/**
 * One conjunction that a rule matches by; a rule matches where any of its terms does. `own` is the end that the policy
 * selects, `peer` the other one.
 */
export interface Term {
  readonly own: EndsHandle;
  readonly peer: EndsHandle;
  readonly l4: L4Set;
  /** Source ports, half-open intervals ascending; absent: any. */
  readonly sources?: readonly number[];
  /** HTTP requests that match, one text each; absent: any request, and everything that is no HTTP. */
  readonly http?: readonly string[];
}

/** What a rule does where it matches. */
export type Action = "Allow" | "Deny" | "Pass";

/** Which rule, for people: the index of its policy in the side's list and its name inside the policy. */
export interface RuleRef {
  readonly policy: number;
  /** `ingress[1]`, `specs[0].ingressDeny[2]`. */
  readonly field: string;
}

/** A rule of either engine, ready to be matched. */
export interface CompiledRule {
  readonly action: Action;
  readonly ref: RuleRef;
  readonly terms: readonly Term[];
}
