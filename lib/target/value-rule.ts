import type { JsonValue } from "../core/json.ts";
import type { ValuesPhase } from "./target.ts";
import type { TargetContext } from "./target-context.ts";

/** What a rule decides: the value and its reason, one line. */
export interface Decision {
  readonly value: JsonValue;
  readonly why: string;
}

/** One row of the table of Helm values: `undefined` leaves the value to the chart. */
export interface ValueRule {
  readonly path: readonly string[];
  readonly decide: (context: TargetContext, phase: ValuesPhase) => Decision | undefined;
}

/** A row; `path` is written with dots, none of Cilium's keys holds one. */
export function rule(path: string, decide: ValueRule["decide"]): ValueRule {
  return { path: path.split("."), decide };
}

/** A decision. */
export function set(value: JsonValue, why: string): Decision {
  return { value, why };
}

/** Another decision in each phase; without one for a phase the chart decides there. */
export function byPhase(
  phase: ValuesPhase,
  migration: Decision | undefined,
  final: Decision | undefined,
): Decision | undefined {
  return phase === "migration" ? migration : final;
}
