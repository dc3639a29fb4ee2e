import type { JsonObject, JsonValue } from "../../core/json.ts";
import { sortedUnique } from "../../core/order.ts";
import { ownNamespace } from "../../core/own-namespace.ts";
import type { CalicoPolicySet, CalicoPort } from "../calico/model.ts";
import { toCanonicalKey } from "../selector/print-selector.ts";
import type { Selector } from "../selector/selector.ts";
import { conjunction, disjunction, simplifySelector } from "../selector/simplify-selector.ts";
import type { MirrorEnd, MirrorRule } from "./mirror-rule.ts";
import { printCalicoSelector } from "./print-calico-selector.ts";
import type { MirroredDirection } from "./transpose-pipeline.ts";

/** The tier that the mirrors live in, before all others. */
export const mirrorTier = "metachron-mirror";

/** Which of Calico's two API groups an object is written for: the one that the inventory's own policies use. */
export type CalicoGroup = "projectcalico.org/v3" | "crd.projectcalico.org/v1";

/** An object of the bridge, with the comment that stands above it. */
export interface BridgeObject {
  readonly object: JsonObject;
  readonly comment: string;
}

/**
 * The tier of the mirrors: its order below every tier there is, and transparent for all that no mirror speaks of.
 *
 * Source: projectcalico/calico v3.32.1 api/pkg/apis/projectcalico/v3/tier.go (order is a float, defaultAction since 3.29).
 */
export function mirrorTierObject(set: CalicoPolicySet, group: CalicoGroup): BridgeObject {
  const lowest = Math.min(1_000_000, ...set.tiers.filter((tier) => tier.exists).map((tier) => tier.order));
  return {
    object: {
      apiVersion: group,
      kind: "Tier",
      metadata: { name: mirrorTier },
      spec: { order: lowest - 1, defaultAction: "Pass" },
    },
    comment: [
      "Temporary: decides before every other tier what pods on the source say to and hear from pods on Cilium,",
      "and passes everything else on. Removed together with the bridge.",
    ].join("\n"),
  };
}

/** One long global policy with the mirrored rules of one direction; its own direction is the other one. */
export function mirrorPolicyObject(
  rules: readonly MirrorRule[],
  mirrored: MirroredDirection,
  targetPodCIDRs: readonly string[],
  group: CalicoGroup,
): BridgeObject {
  const own = mirrored === "ingress" ? "egress" : "ingress";
  const written = rules.map((rule) => ruleObject(rule));
  return {
    object: {
      apiVersion: group,
      kind: "GlobalNetworkPolicy",
      metadata: { name: `${mirrorTier}.${own}` },
      spec: {
        tier: mirrorTier,
        order: 100,
        selector: "projectcalico.org/orchestrator == 'k8s'",
        types: [own === "egress" ? "Egress" : "Ingress"],
        // Last, Pass for everything: the tier must not end anything that it does not mean.
        [own]: [...targetPodCIDRs.map((pool) => probePass(mirrored, pool)), ...written, { action: "Pass" }],
      },
    },
    comment: explain(rules, mirrored),
  };
}

/** The probe pods of the gates are in no policy that the source had, so no mirror may stop them. */
function probePass(mirrored: MirroredDirection, pool: string): JsonObject {
  const moved = { selector: `projectcalico.org/namespace == '${ownNamespace}'`, nets: [pool] };
  return mirrored === "ingress" ? { action: "Pass", destination: moved } : { action: "Pass", source: moved };
}

function explain(rules: readonly MirrorRule[], mirrored: MirroredDirection): string {
  const heading =
    mirrored === "ingress"
      ? "Temporary: pods still on the source ask here what the ingress policy of a migrated pod says."
      : "Temporary: pods still on the source ask here what the egress policy of a migrated pod says.";
  const rows = rules.map((rule) => `  ${rule.action.padEnd(4)}  ${rule.why}`);
  return [
    heading,
    "The rules and where each comes from, in the order in which Calico asks them (after the probe pods'):",
    ...rows,
  ].join("\n");
}

const protocolNames: Readonly<Record<number, string>> = {
  1: "ICMP",
  6: "TCP",
  17: "UDP",
  58: "ICMPv6",
  132: "SCTP",
  136: "UDPLite",
};

function ruleObject(rule: MirrorRule): JsonObject {
  const [notProtocol] = rule.notProtocols;
  const source = endObject(rule.source);
  const destination = endObject(rule.destination);
  return {
    action: rule.action,
    ...(rule.protocol !== undefined && { protocol: protocolNames[rule.protocol] ?? rule.protocol }),
    ...(notProtocol !== undefined && { notProtocol: protocolNames[notProtocol] ?? notProtocol }),
    ...(rule.icmp !== undefined && { icmp: { ...rule.icmp } }),
    ...(rule.notICMP !== undefined && { notICMP: { ...rule.notICMP } }),
    ...(Object.keys(source).length > 0 && { source }),
    ...(Object.keys(destination).length > 0 && { destination }),
  };
}

function endObject(end: MirrorEnd): JsonObject {
  const selector = printConjunction(end.selectors);
  const notSelector = end.notSelectors.length === 0 ? undefined : simplifySelector(disjunction(end.notSelectors));
  return {
    ...(selector !== undefined && { selector }),
    ...(notSelector !== undefined && { notSelector: printCalicoSelector(notSelector) }),
    ...(end.nets !== undefined && { nets: end.nets }),
    ...(end.notNets.length > 0 && { notNets: sortedUnique(end.notNets) }),
    ...(end.ports !== undefined && { ports: end.ports.map(portValue) }),
    ...(end.notPorts.length > 0 && { notPorts: end.notPorts.map(portValue) }),
  };
}

function printConjunction(selectors: readonly Selector[]): string | undefined {
  if (selectors.length === 0) return undefined;
  const terms = selectors.flatMap((selector) => (selector.kind === "and" ? selector.operands : [selector]));
  const once = new Map(terms.map((term) => [toCanonicalKey(term), term]));
  return printCalicoSelector(simplifySelector(conjunction([...once.values()])));
}

function portValue(port: CalicoPort): JsonValue {
  if (port.kind === "name") return port.name;
  return port.from === port.to ? port.from : `${port.from}:${port.to}`;
}
