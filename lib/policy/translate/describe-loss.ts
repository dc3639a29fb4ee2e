import type { EmittedRule } from "./build-object.ts";
import type { TranslationFindingCode } from "./findings.ts";
import type { Note } from "./note.ts";

/** What an emitted rule could not say, as notes: POL030, POL032, POL033, POL034, POL043. */
export function describeLoss(rule: EmittedRule): readonly Note[] {
  const { emitted, planned } = rule;
  const isDeny = planned.action === "deny";
  const unused: Note[] = emitted.isWithoutUnusedTypes ? [unusedTypes] : [];
  const losses = emitted.codes.flatMap((code) => {
    const text = texts[code];
    if (text === undefined) return [];
    // A deny was chosen so that what it cannot say is allowed by nothing.
    const effect = code === "POL043" ? (emitted.arePeersExact ? "carved" : "inexact") : isDeny ? "none" : "inexact";
    return effect === "none" ? [] : [{ code, effect, ...text } satisfies Note];
  });
  return [...losses, ...unused];
}

const unusedTypes: Note = {
  code: "POL030",
  effect: "carved",
  message:
    "every ICMP type is written as the types in use; types that IANA has assigned to nothing are not in the list",
  reason: "a Cilium rule lists ICMP types, and its type 0 does not mean what it says (issue 41304)",
  remedy: "nothing to do, unless a program of yours sends such types",
};

const texts: Partial<Record<TranslationFindingCode, Pick<Note, "message" | "reason" | "remedy">>> = {
  POL030: {
    message:
      "the rule allows all protocols but some; TCP, UDP, SCTP and ICMP are written, others (GRE, ESP, …) are no longer allowed",
    reason: "Cilium rules list protocols; there is no rule for all but one",
    remedy: "accept it if the pods use no other protocol",
  },
  POL032: {
    message: "ICMP type 0 (echo reply) is left out",
    reason: "Cilium reads type 0 as every type (issue 41304); replies to allowed pings pass anyway",
    remedy: "nothing to do: allow type 8 in the other direction instead",
  },
  POL033: {
    message: "the rule matches ICMP codes, which Cilium cannot; the types concerned are not allowed",
    reason: "Cilium's ICMP rules have a type and no code",
    remedy: "remove the code at the source to allow the whole type",
  },
  POL034: {
    message: "the rule allows an IP protocol that Cilium cannot name; it is not allowed",
    reason:
      "Cilium names TCP, UDP, SCTP and ICMP, and with enable-extended-ip-protocols VRRP, IGMP, GRE, IPIP, IPV6, ESP and AH",
    remedy: "set enableExtendedIPProtocols if the protocol is one of these, or move the workload to the host network",
  },
  POL043: {
    message: "the prefix holds some nodes, which are selected by name or as the API server",
    reason:
      "Cilium does not match nodes by address; a selector of nodes needs nodeSelectorLabels and never matches the pod's own node",
    remedy:
      "set nodeSelectorLabels: true in the Helm values where fromNodes or toNodes is written, and translate again when nodes change",
  },
};
