import type { Finding } from "../core/finding.ts";
import type { JsonObject } from "../core/json.ts";
import type { Proof, ProofDifference } from "../policy/prove/proof.ts";

/** Each difference that the proof found, with its witness, as a finding: `POL080`. None when before and after are equal. */
export function proofFindings(proof: Proof | undefined): readonly Finding[] {
  return (proof?.differences ?? []).map(differenceFinding);
}

function differenceFinding(difference: ProofDifference): Finding {
  const { witness, before, after, direction, half, flows } = difference;
  // Nobody wrote the end of a tier: an opened flow is found where it is let through.
  const where = before.where ?? after.where;
  const l4 = [witness.protocol, witness.port ?? witness.icmpType].filter((part) => part !== undefined).join(" ");
  return {
    code: "POL080",
    severity: "error",
    message: `${direction}: ${witness.from.name} to ${witness.to.name} ${l4} is ${word(before.verdict)} by ${before.decidedBy} and will be ${word(after.verdict)} by ${after.decidedBy} (${flows} flows, ${half})`,
    ...(where !== undefined && { where }),
    reason:
      direction === "opened"
        ? "the translation would let through what is denied today"
        : "the translation would cut what works today",
    remedy: `follow the remedy of the policy's own finding, or accept it in spec.policies.accept: {code: POL080, object: ${where?.object ?? '"*"'}, reason: …, by: …}`,
    data: { witness: JSON.parse(JSON.stringify(witness)) as JsonObject, flows, direction, half },
    ...(after.where !== undefined &&
      where !== after.where && {
        related: [{ message: `decides after: ${after.decidedBy}`, where: after.where }],
      }),
  };
}

function word(verdict: "allow" | "deny"): string {
  return verdict === "allow" ? "allowed" : "denied";
}
