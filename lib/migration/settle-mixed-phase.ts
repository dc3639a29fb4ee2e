import { type Finding, hasError } from "../core/finding.ts";
import type { Continuity } from "../plan/plan.ts";
import { mixedFindings } from "../policy/bridge/mixed-findings.ts";
import type { MixedProof } from "../policy/bridge/mixed-proof.ts";

/** What holds while both networks run, and what it decides otherwise than before. */
export interface MixedPhase {
  readonly continuity: Continuity;
  readonly mixed: MixedProof | undefined;
  /** Why the continuity is less than was wanted: warnings with their witnesses. */
  readonly differs: readonly Finding[];
}

/** Exact is claimed only with the proof of the mixed phase; where that finds a difference, the bridge is taken and its exposure shown. */
export function settleMixedPhase(
  wanted: Continuity,
  prove: (continuity: Continuity) => MixedProof | undefined,
): MixedPhase {
  const mixed = prove(wanted);
  const differs = wanted !== "exact" || mixed === undefined ? [] : mixedFindings(mixed);
  if (!hasError(differs)) return { continuity: wanted, mixed, differs };
  return { continuity: "bridge", mixed: prove("bridge"), differs: differs.map(asWarning) };
}

/** What stands against exact does not block: the plan takes the next best and says so. */
export function asWarning(finding: Finding): Finding {
  return finding.severity === "error" ? { ...finding, severity: "warning" } : finding;
}
