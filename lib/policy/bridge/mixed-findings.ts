import type { Finding } from "../../core/finding.ts";
import type { JsonObject } from "../../core/json.ts";
import { bridgeFindings } from "./findings.ts";
import type { MixedDifference, MixedProof, MixedRow } from "./mixed-proof.ts";

/** A row in words. */
export const rowNames: Readonly<Record<MixedRow, string>> = {
  "old-to-old": "source to source",
  "new-to-new": "Cilium to Cilium",
  "old-to-new": "source to Cilium",
  "new-to-old": "Cilium to source",
};

/**
 * What stands against calling the mixed phase exact: each difference with its witness (`bridge/mixed-phase-differs`), or
 * that it could not be worked out (`bridge/mixed-phase-not-proven`). Empty when the proof is equal, and for a source that
 * enforces no policy: everything was open before, and what closes is what the plan asks for.
 */
export function mixedFindings(proof: MixedProof): readonly Finding[] {
  if (!proof.isPolicyEnforcedBefore) return [];
  const { severity } = bridgeFindings["bridge/mixed-phase-differs"];
  if (proof.isTruncated === true)
    return [
      {
        code: "bridge/mixed-phase-not-proven",
        severity,
        message: `${proof.classes} classes of pods are too many to compare the mixed phase whole`,
        reason: "exact is claimed only where every pair of classes was compared",
        remedy: "set spec.policies.continuity to bridge, or migrate with fewer distinct policies",
      },
    ];
  return proof.differences.map((difference) => ({
    code: "bridge/mixed-phase-differs",
    severity,
    message: `${difference.direction} while both networks run, ${rowNames[difference.row]}${difference.place === undefined ? "" : ` on the ${difference.place}`}: ${describeWitness(difference)} is ${word(difference.before.verdict)} by ${difference.before.decidedBy} and would be ${word(difference.after.verdict)} by ${difference.after.decidedBy} (${difference.flows} flows)`,
    ...(difference.before.where !== undefined && { where: difference.before.where }),
    reason: "the half that is decided at the other network does not see what the rule asks for",
    remedy: "name the pods of that rule by labels, or set spec.policies.continuity to bridge and read what it exposes",
    data: {
      witness: JSON.parse(JSON.stringify(difference.witness)) as JsonObject,
      flows: difference.flows,
      direction: difference.direction,
      row: difference.row,
    },
    ...(difference.after.where !== undefined && {
      related: [{ message: `decides then: ${difference.after.decidedBy}`, where: difference.after.where }],
    }),
  }));
}

/** `shop/web-0 to shop/db-0 TCP 5432`. */
export function describeWitness({ witness }: MixedDifference): string {
  const l4 = [witness.protocol, witness.port ?? witness.icmpType].filter((part) => part !== undefined).join(" ");
  return `${witness.from.name} to ${witness.to.name} ${l4}`;
}

function word(verdict: "allow" | "deny"): string {
  return verdict === "allow" ? "allowed" : "denied";
}
