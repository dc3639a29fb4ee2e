import type { Finding } from "../../core/finding.ts";
import type { ObjectIdentity } from "../../core/identity.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Position } from "../../inventory/inventory.ts";

/** One Cilium object that the translation emits. */
export interface TranslatedObject {
  readonly object: JsonObject;
  /** Written above the YAML document: where it came from and why it looks as it does. */
  readonly comment: string;
}

/** What became of one source policy. */
export interface PolicyTranslation {
  readonly source: ObjectIdentity & { readonly position: Position };
  /**
   * `exact`: same verdicts by structure alone; `carved`: same verdicts, with terms computed from other policies or the
   * inventory; `partial`: never wider than the source, something is missing; `refused`: nothing is emitted.
   */
  readonly result: "exact" | "carved" | "partial" | "refused";
  readonly outputs: readonly TranslatedObject[];
  readonly findings: readonly Finding[];
}

/** The whole translation. `policies` has one entry for every policy object of the source, in the order of the input's identity. */
export interface Translation {
  readonly policies: readonly PolicyTranslation[];
  /** Findings that belong to no single policy. */
  readonly findings: readonly Finding[];
  /** Helm values that the emitted policies need: `nodeSelectorLabels`, `labels`, … */
  readonly requiredValues: JsonObject;
}
