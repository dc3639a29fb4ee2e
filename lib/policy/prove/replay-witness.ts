import { InvariantError } from "../../core/invariant.ts";
import { pointOf, protocolNumber } from "../space/l4-set.ts";
import type { World } from "../space/world.ts";
import { labelledAddresses } from "./compile-side.ts";
import { decideFlow } from "./decide-flow.ts";
import type { Variant } from "./evaluate.ts";
import { packetEndOf } from "./find-end.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import { decisionOf } from "./printing.ts";
import type { Decision, Witness } from "./proof.ts";

/**
 * The verdict of one side on a witness, and the rule that gives it, worked out from the policies alone. `undefined` when
 * the world has no such pod or node, or the end that the half is decided at is no pod.
 */
export function replayWitness(witness: Witness, half: Half, side: PolicySide, world: World): Decision | undefined {
  const family = witness.family ?? 4;
  const context = { world, family, labelled: labelledAddresses([side]) };
  const from = packetEndOf(witness.from, context);
  const to = packetEndOf(witness.to, context);
  const subject = half === "ingress" ? to : from;
  const peer = half === "ingress" ? from : to;
  if (subject?.kind !== "pod" || peer === undefined) return undefined;
  const { verdict } = decideFlow(side, world, {
    half,
    subject,
    peer,
    family,
    point: witnessPoint(witness),
    variant: variantOf(witness),
  });
  return decisionOf(verdict, side, subject);
}

/** The header of a witness as a point. */
function witnessPoint(witness: Pick<Witness, "protocol" | "port" | "icmpType" | "icmpCode">): number {
  const protocol = protocolNumber(witness.protocol);
  if (protocol === undefined) throw new InvariantError("a witness names no protocol", { protocol: witness.protocol });
  return pointOf({
    protocol,
    ...(witness.port !== undefined && { port: witness.port }),
    ...(witness.icmpType !== undefined && { icmpType: witness.icmpType }),
    ...(witness.icmpCode !== undefined && { icmpCode: witness.icmpCode }),
  });
}

function variantOf({ sourcePort, http }: Witness): Variant {
  return { ...(sourcePort !== undefined && { sourcePort }), ...(http !== undefined && { http }) };
}
