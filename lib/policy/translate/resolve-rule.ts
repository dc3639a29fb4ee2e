import { addressFamily } from "../../core/cidr.ts";
import type { CalicoEntity, CalicoRule } from "../calico/model.ts";
import { intersectTerms, type LabelTerms } from "../selector/label-term.ts";
import { matchesPartly } from "../selector/match-selector.ts";
import { type Box, isEmptyBox } from "./box.ts";
import type { Cluster } from "./cluster.ts";
import { intersectL4, ip, type L4 } from "./l4.ts";
import { noName } from "./name-set.ts";
import { type Approximation, between, exactly, type Note } from "./note.ts";
import type { PeerSet } from "./peer-set.ts";
import { resolveL4 } from "./resolve-l4.ts";
import { resolvePeers, resolveService, type ServicePeers } from "./resolve-peers.ts";

/** Which way the flows of a rule go, and the pods of the policy it stands in. */
export interface RulePlace {
  readonly direction: "ingress" | "egress";
  readonly subject: LabelTerms;
  /** A Kubernetes policy: what Cilium makes of it counts, and Cilium matches no pod or node by address. */
  readonly isFixed: boolean;
}

/**
 * The flows that a rule matches at the pods of its policy, as boxes; none when it can match nothing.
 *
 * The rule's own end (the destination of an ingress rule) narrows the pods. Findings: those of the resolvers, POL037.
 */
export function resolveRule(
  rule: CalicoRule,
  place: RulePlace,
  cluster: Cluster,
  notes: Note[],
): Approximation<readonly Box[]> {
  const names = namesBesideSets(rule, cluster);
  if (names === undefined) return resolveUniform(rule, place, cluster, notes);
  const parts = [
    ...(names.numbered === undefined ? [] : [resolveUniform(names.numbered, place, cluster, notes)]),
    resolveUniform(names.named, place, { ...cluster, networkSets: [] }, notes),
  ];
  const under = parts.flatMap((part) => part.under);
  return parts.every((part) => part.isExact)
    ? exactly(under)
    : between(
        under,
        parts.flatMap((part) => part.over),
      );
}

/**
 * A rule whose destination names ports and means network sets, in two: a name is looked up on endpoints that meet the selector by
 * themselves, so a pod whose address lies in a set is meant with the numbers only. `undefined` for every other rule.
 * Source: projectcalico/calico v3.28 felix/calc/rule_scanner.go namedPortsToIPSets.
 */
function namesBesideSets(
  rule: CalicoRule,
  cluster: Cluster,
): { readonly numbered: CalicoRule | undefined; readonly named: CalicoRule } | undefined {
  const { ports, selector } = rule.destination;
  const named = ports?.filter(({ kind }) => kind === "name") ?? [];
  if (ports === undefined || selector === undefined || named.length === 0) return undefined;
  const isSet = cluster.networkSets.some(
    ({ labels, isNamespaceUnknown }) =>
      matchesPartly(selector, labels, (key) => isNamespaceUnknown && key.startsWith("ns:")) !== false,
  );
  if (!isSet) return undefined;
  const withPorts = (some: typeof ports): CalicoRule => ({
    ...rule,
    destination: { ...rule.destination, ports: some },
  });
  const numbered = ports.filter(({ kind }) => kind !== "name");
  return { numbered: numbered.length === 0 ? undefined : withPorts(numbered), named: withPorts(named) };
}

function resolveUniform(
  rule: CalicoRule,
  place: RulePlace,
  cluster: Cluster,
  notes: Note[],
): Approximation<readonly Box[]> {
  const family = familyOf(rule);
  if (family === "none") return exactly([]);
  const isFamilyInProtocol = rule.protocol === ip.icmp || rule.protocol === ip.icmpv6;
  const [nearSide, farSide] =
    place.direction === "ingress" ? (["destination", "source"] as const) : (["source", "destination"] as const);
  const subject = resolveOwnEnd(rule[nearSide], place, cluster, notes, nearSide);
  const l4 = resolveL4(rule, notes);
  const all = resolveFarEnd(rule[farSide], cluster, notes, { side: farSide, family, isFamilyInProtocol });
  const far = place.isFixed && rule[farSide].nets ? exactly(outsideOnly(all.over)) : all;
  const http = resolveHTTP(rule, cluster, notes);
  const make = (pods: LabelTerms, headers: L4, peers: readonly ServicePeers[], isOver: boolean): readonly Box[] =>
    peers
      .map((one): Box => {
        const both = intersectL4(headers, one.l4);
        const l4s = isOver && !both.isComplete ? one.l4 : both.l4;
        return { subject: pods, peers: one.peers, l4: l4s, ...(rule.http && { http: rule.http }) };
      })
      .filter((box) => !isEmptyBox(box));
  const under = http === "dropped" ? [] : make(subject.under, l4.under, far.under, false);
  if (subject.isExact && l4.isExact && far.isExact && http === "kept") return exactly(under);
  return between(under, make(subject.over, l4.over, far.over, true));
}

function resolveFarEnd(
  entity: CalicoEntity,
  cluster: Cluster,
  notes: Note[],
  place: Parameters<typeof resolvePeers>[3],
): Approximation<readonly ServicePeers[]> {
  if (entity.service)
    return resolveService(entity.service, cluster, notes, { field: `${place.side}.services`, side: place.side });
  const peers = resolvePeers(entity, cluster, notes, place);
  const list = (set: PeerSet): readonly ServicePeers[] => [{ peers: set, l4: everyPeerHeader }];
  return peers.isExact ? exactly(list(peers.under)) : between(list(peers.under), list(peers.over));
}

function outsideOnly(peers: readonly ServicePeers[]): readonly ServicePeers[] {
  return peers.map(({ peers: set, l4 }) => ({ peers: { ...set, pods: [], nodes: noName }, l4 }));
}

const everyPeerHeader: L4 = { points: [0, 256 * 65_536], names: [] };

/** The pods of the policy that the rule's own end leaves. Addresses at that end mean the pods that have them. */
function resolveOwnEnd(
  entity: CalicoEntity,
  place: RulePlace,
  cluster: Cluster,
  notes: Note[],
  side: "source" | "destination",
): Approximation<LabelTerms> {
  const hasCriteria = entity.selector ?? entity.notSelector ?? entity.nets ?? entity.notNets;
  if (hasCriteria === undefined) return exactly(place.subject);
  const end = resolvePeers(entity, cluster, notes, { side, family: undefined, isFamilyInProtocol: false });
  const under = intersectTerms(place.subject, end.under.pods);
  return end.isExact ? exactly(under) : between(under, intersectTerms(place.subject, end.over.pods));
}

/**
 * The one IP version that a rule holds for: by its ipVersion, by ICMP, by any prefix of either end. `none` when they
 * contradict each other: the rule then vanishes for both.
 *
 * Source: projectcalico/calico v3.32.1 felix/rules/policy.go FilterRuleToIPVersion.
 */
export function familyOf(rule: CalicoRule): 4 | 6 | undefined | "none" {
  const families = new Set<4 | 6>();
  if (rule.ipVersion !== undefined) families.add(rule.ipVersion);
  if (rule.protocol === ip.icmp) families.add(4);
  if (rule.protocol === ip.icmpv6) families.add(6);
  for (const nets of [rule.source.nets, rule.source.notNets, rule.destination.nets, rule.destination.notNets]) {
    if (nets === undefined) continue;
    const own = new Set(nets.map((net) => addressFamily(net) ?? 4));
    // A list with both versions binds to none; the validator refuses it, and Kubernetes policies cannot have it.
    if (own.size === 1) for (const family of own) families.add(family);
  }
  if (families.size > 1) return "none";
  const [only] = families;
  return only;
}

function resolveHTTP(rule: CalicoRule, cluster: Cluster, notes: Note[]): "kept" | "narrowed" | "dropped" {
  if (rule.http === undefined) return "kept";
  const hasProxy = cluster.world.cilium.l7Proxy;
  if (hasProxy && rule.protocol === undefined)
    notes.push({
      code: "POL037",
      effect: "inexact",
      field: "http",
      message:
        "the rule names no protocol: what it allows beside TCP is left out, because Cilium matches HTTP in TCP only",
      reason: "Calico's packet filter ignores the HTTP match and lets every protocol through",
      remedy: "write protocol: TCP at the source, where HTTP is all that is meant",
    });
  notes.push({
    code: "POL037",
    effect: hasProxy ? "carved" : "inexact",
    field: "http",
    message: hasProxy
      ? "the HTTP match is written as an L7 rule, so these flows go through Cilium's proxy"
      : "the HTTP match needs Cilium's L7 proxy, which is switched off",
    reason:
      "Calico decides HTTP in its own proxy where application layer policy is on, and ignores the match where it is not",
    remedy: hasProxy
      ? "check that the application works through the proxy, or remove the HTTP match"
      : "set l7Proxy: true in the Helm values, or remove the HTTP match",
  });
  if (!hasProxy) return "dropped";
  return rule.protocol === undefined ? "narrowed" : "kept";
}
