import { type Where, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { describePoint, protocolName } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { Cause, Variant, Verdict } from "./evaluate.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import type { Decision, FlowEnd, Witness } from "./proof.ts";

/** A verdict in the words of a proof, with the place of the deciding rule in the user's files. */
export function decisionOf(verdict: Verdict, side: PolicySide, subject: PacketEnd): Decision {
  const { text, where } = describeCause(verdict.cause, side, subject);
  return {
    verdict: verdict.isAllowed ? "allow" : "deny",
    decidedBy: text,
    ...(where !== undefined && { where }),
  };
}

/** A cause as text that is equal for equal causes, whatever the subject. */
export function causeKey(cause: Cause): string {
  switch (cause.kind) {
    case "rule":
      return `rule ${cause.ref.policy} ${cause.ref.field}`;
    case "end-of-tier":
      return `tier ${cause.tier}`;
    default:
      return cause.kind;
  }
}

function describeCause(cause: Cause, side: PolicySide, subject: PacketEnd): { text: string; where?: Where } {
  switch (cause.kind) {
    case "rule":
      return describeRule(cause.ref.policy, cause.ref.field, side);
    case "end-of-tier":
      return { text: `end of tier ${side.engine === "calico" ? (side.policies.tiers[cause.tier]?.name ?? "?") : "?"}` };
    case "profile":
      return { text: `profile kns.${subject.calico.labels?.get("meta:namespace") ?? "*"}` };
    case "own-node":
      return { text: "the pod's own node" };
    case "no-policy":
      return { text: "no policy" };
    case "default-deny": {
      const where = cause.policy === undefined ? undefined : describeRule(cause.policy, "", side).where;
      return { text: "default deny", ...(where !== undefined && { where }) };
    }
  }
}

function describeRule(index: number, field: string, side: PolicySide): { text: string; where?: Where } {
  if (side.engine === "calico") {
    const policy = side.policies.policies[index];
    if (policy === undefined) return { text: field };
    const match = /^(ingress|egress)\[(\d+)\]$/u.exec(field);
    const half: Half = match?.[1] === "egress" ? "egress" : "ingress";
    const rule = policy[half].find((candidate) => candidate.index === Number(match?.[2]));
    return {
      text: `${printIdentity(policy.identity)} ${field}`,
      where: whereOf(policy.identity, { ...policy.position, ...rule?.position }, `spec.${field}`),
    };
  }
  const rule = side.engine === "cilium" ? side.policies.rules[index] : undefined;
  if (rule === undefined) return { text: field };
  const path = rule.path ?? "spec";
  const inside = field === "" ? path : `${path}.${field}`;
  const shown = path === "spec" ? field : `${path}.${field}`;
  return {
    text: `${printIdentity(rule.identity)} ${shown}`.trimEnd(),
    where: whereOf(rule.identity, rule.locate?.(inside) ?? rule.position, inside),
  };
}

/** An end as a witness names it; `place` chooses among the ends of a class. */
export function flowEndOf(end: PacketEnd, place = 0): FlowEnd {
  const name = end.names[place] ?? end.names[0] ?? "";
  const { address } = end.calico;
  const shape = { name, ...(place === 0 && address !== undefined && { address }) };
  if (end.cilium.labels.has("reserved:health")) return { kind: "health", ...shape };
  if (end.hypothetical !== undefined) return { kind: "hypothetical-pod", ...shape, ...end.hypothetical };
  switch (end.kind) {
    case "host":
      return { kind: "node", ...shape, isOwnNode: true };
    case "node":
      return { kind: "node", ...shape };
    case "address":
      return { kind: "address", ...shape };
    case "pod":
      return { kind: "pod", ...shape };
  }
}

/** The peer of a subject: another pod than itself, its own node, another node than its own. */
export function peerEndOf(subject: PacketEnd, peer: PacketEnd, other?: PacketEnd): FlowEnd {
  if (peer === subject) return peer.names.length > 1 || other === undefined ? flowEndOf(peer, 1) : flowEndOf(other);
  const end = flowEndOf(peer);
  const names = [...(peer.addressOf?.keys() ?? [])];
  const own = subject.node;
  const wanted = peer.kind === "host" ? names.find((name) => name === own) : names.find((name) => name !== own);
  const address = wanted === undefined ? undefined : peer.addressOf?.get(wanted);
  return wanted === undefined || address === undefined ? end : { ...end, name: wanted, address };
}

/** One packet between a subject and a peer. */
export function witnessOf(
  half: Half,
  subject: FlowEnd,
  peer: FlowEnd,
  packet: { readonly point: number; readonly variant: Variant; readonly family: 4 | 6 },
): Witness {
  const { protocol, port, icmp } = describePoint(packet.point);
  const { sourcePort, http } = packet.variant;
  return {
    from: half === "ingress" ? peer : subject,
    to: half === "ingress" ? subject : peer,
    protocol: protocolName(protocol),
    ...(port !== undefined && { port }),
    ...(icmp !== undefined && { icmpType: icmp.type, icmpCode: icmp.code }),
    ...(sourcePort !== undefined && { sourcePort }),
    ...(http !== undefined && { http }),
    ...(packet.family === 6 && { family: 6 as const }),
  };
}
