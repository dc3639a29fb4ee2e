import type { Severity } from "../../core/finding.ts";
import type { JsonValue } from "../../core/json.ts";
import type { TranslationFindingCode } from "./findings.ts";

/** Something found while one rule or subject was resolved; becomes a finding of its policy if it mattered. */
export interface Note {
  readonly code: TranslationFindingCode;
  /** The sentence without the policy's name: `starts with 'batch-' on the label job is written as …`. */
  readonly message: string;
  /** The field inside the rule or the spec; the rule itself when absent. */
  readonly field?: string;
  readonly reason?: string;
  readonly remedy?: string;
  readonly data?: Readonly<Record<string, JsonValue>>;
  /**
   * `none`: the meaning is the same; `carved`: the same for what exists today; `inexact`: cannot be written exactly, so a narrower
   * or wider set stands in.
   */
  readonly effect: "none" | "carved" | "inexact";
  /** Where the case at hand is milder than the code's own severity. */
  readonly severity?: Severity;
}

/** A value that may be known only between two bounds: `under` surely lies inside what is meant, `over` surely around it. */
export interface Approximation<T> {
  readonly under: T;
  readonly over: T;
  readonly isExact: boolean;
}

/** A value that is known exactly. */
export function exactly<T>(value: T): Approximation<T> {
  return { under: value, over: value, isExact: true };
}

/** A value between two bounds. */
export function between<T>(under: T, over: T): Approximation<T> {
  return { under, over, isExact: false };
}
