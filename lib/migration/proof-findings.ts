import type { Finding } from "../core/finding.ts";
import type { JsonObject } from "../core/json.ts";
import type { Proof, ProofDifference } from "../policy/prove/proof.ts";

/** Each difference that the proof found, with its witness, as a finding: `POL080`. None when before and after are equal. */
export function proofFindings(proof: Proof | undefined): readonly Finding[] {
  return (proof?.differences ?? []).map(differenceFinding);
}

function differenceFinding(difference: ProofDifference): Finding {
  const { witness, before, after, direction, half, flows } = difference;
  const l4 = [witness.protocol, witness.port ?? witness.icmpType].filter((part) => part !== undefined).join(" ");
  return {
    code: "POL080",
    severity: "error",
    message: `${direction}: ${witness.from.name} to ${witness.to.name} ${l4} is ${word(before.verdict)} by ${before.decidedBy} and will be ${word(after.verdict)} by ${after.decidedBy} (${flows} flows, ${half})`,
    ...(before.where !== undefined && { where: before.where }),
    reason:
      direction === "opened"
        ? "the translation would let through what is denied today"
        : "the translation would cut what works today",
    remedy:
      "follow the remedy of the policy's own finding, or accept the difference in spec.policies.accept with a reason",
    data: { witness: JSON.parse(JSON.stringify(witness)) as JsonObject, flows, direction, half },
    ...(after.where !== undefined && {
      related: [{ message: `decides after: ${after.decidedBy}`, where: after.where }],
    }),
  };
}

function word(verdict: "allow" | "deny"): string {
  return verdict === "allow" ? "allowed" : "denied";
}
