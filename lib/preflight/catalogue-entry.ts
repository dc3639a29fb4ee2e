import type { Finding, Severity } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import type { Translation } from "../policy/translate/translation.ts";
import type { SourceDetection } from "../source/source.ts";
import type { TargetPlan } from "../target/target.ts";
import type { WavePlan } from "../waves/waves.ts";

/** What the preflight reads: everything that was worked out before the first stage. */
export interface PreflightContext {
  readonly inventory: Inventory;
  readonly plan: Plan;
  readonly source: SourceDetection;
  readonly target: TargetPlan;
  readonly waves: WavePlan;
  /** Absent before the policies are translated, and for a target that takes no policies. */
  readonly translation?: Translation;
}

interface EntryText {
  /** Stable for ever; a check's findings have the code `preflight/<id>`. */
  readonly id: string;
  /** Objects and fields that it reads. */
  readonly reads: string;
  /** What is true when it fires, one sentence without a full stop; of a question that nobody can check, what must hold. */
  readonly condition: string;
  /** Where the rule comes from: project, version, document. */
  readonly source: string;
}

/** A check of this room. */
export interface Check extends EntryText {
  readonly kind: "check";
  /** Unless a finding says otherwise, because its case is milder or harder. */
  readonly severity: Severity;
  /** What to do, as an order. */
  readonly remedy: string;
  /** Empty when nothing is wrong. */
  readonly check: (context: PreflightContext, own: Check) => readonly Finding[];
}

/** A question that another room answers with findings of its own. */
export interface Answered extends EntryText {
  readonly kind: "answered";
  readonly severity: Severity;
  /** Codes of the findings. */
  readonly answeredBy: readonly string[];
}

/** A danger that a value of the plan removes; taking the value away is refused with `target/override-breaks-invariant`. */
interface Settled extends EntryText {
  readonly kind: "settled";
  /** The Helm values, dots between their steps. */
  readonly settledBy: readonly string[];
}

/** A question that no inventory answers. */
interface NotCheckable extends EntryText {
  readonly kind: "not-checked";
  /** Whether the question is one for this cluster. */
  readonly applies: (context: PreflightContext) => boolean;
  /** Why the inventory does not tell, and what depends on it. */
  readonly why: string;
  /** The command that would tell. */
  readonly command: (context: PreflightContext) => string;
}

/** One row of the catalogue. */
export type CatalogueEntry = Check | Answered | Settled | NotCheckable;

/** A finding of a check: its code, severity and remedy are the row's unless `parts` says otherwise. */
export function report(
  own: Check,
  parts: Omit<Finding, "code" | "severity"> & { readonly severity?: Severity },
): Finding {
  return { code: `preflight/${own.id}`, remedy: own.remedy, ...parts, severity: parts.severity ?? own.severity };
}

/** Names for a message: the first few, and how many there are beyond them. */
export function someOf(names: readonly string[], shown = 5): string {
  if (names.length <= shown) return names.join(", ");
  return `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`;
}
