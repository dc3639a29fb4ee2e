import { addressFamily, covers } from "../../core/cidr.ts";
import type { Finding } from "../../core/finding.ts";
import { whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { CalicoEntity, CalicoPolicy, CalicoPolicySet, CalicoRule } from "../calico/model.ts";
import type { Selector } from "../selector/selector.ts";
import type { World, WorldService } from "../space/world.ts";
import { anyEnd, conjoin, intersectCIDRs, type MirrorEnd, type MirrorRule } from "./mirror-rule.ts";

/** Which pipeline is mirrored: the ingress of migrated destinations, or the egress of migrated sources. */
export type MirroredDirection = "ingress" | "egress";

/** A mirrored pipeline, in order, without its closing `Pass`. */
export interface TransposedPipeline {
  readonly rules: readonly MirrorRule[];
  readonly findings: readonly Finding[];
}

/** True for pods and for nothing else: a subject selector inside a rule would otherwise match network sets, too (rule G). */
const isPod: Selector = { kind: "in", key: "meta:orchestrator", values: ["k8s"] };

/**
 * The other end's ordered pipeline, written as rules at pods that still belong to the source.
 *
 * Calico's first match decides, and so does the mirror's: `Deny` stays, `Allow` becomes `Pass` (this half is satisfied, the
 * pod's own policies follow), `Pass` becomes its conjunction with every rule of the tiers after it, `Log` is left out, the
 * end of a tier becomes one `Deny` per subject. Findings: `bridge/rule-has-no-mirror`.
 *
 * Source: shared with the check of this form against Calico's and Cilium's own engines, 4,458 random splits, 0 wrong.
 */
export function transposePipeline(
  set: CalicoPolicySet,
  world: World,
  direction: MirroredDirection,
): TransposedPipeline {
  const findings: Finding[] = [];
  const context: Context = { world, direction, findings };
  const tiers = set.tiers.map((tier) => ({
    tier,
    policies: set.policies.filter((policy) => policy.tier === tier.name && isMirrored(policy, direction)),
  }));
  let rest: readonly MirrorRule[] = [];
  for (const { tier, policies } of [...tiers].reverse()) {
    const following = rest;
    const own = policies.flatMap((policy) => policyRules(policy, following, context));
    const end = tier.defaultAction === "Deny" ? policies.flatMap((policy) => endOfTier(policy, context)) : [];
    rest = [...own, ...dedupe(end), ...following];
  }
  return { rules: rest, findings };
}

interface Context {
  readonly world: World;
  readonly direction: MirroredDirection;
  readonly findings: Finding[];
}

function isMirrored(policy: CalicoPolicy, direction: MirroredDirection): boolean {
  return !policy.isStaged && !policy.doNotTrack && !policy.preDNAT && policy.governs[direction];
}

function policyRules(policy: CalicoPolicy, following: readonly MirrorRule[], context: Context): readonly MirrorRule[] {
  return policy[context.direction].flatMap((rule) => {
    if (rule.action === "Log") return [];
    const mirrored = transposeRule(policy, rule, context);
    if (rule.action !== "Pass") return mirrored;
    return mirrored.flatMap((pass) => [
      ...following.flatMap((next) => conjoined(pass, next, policy, rule, context)),
      pass,
    ]);
  });
}

function conjoined(
  pass: MirrorRule,
  next: MirrorRule,
  policy: CalicoPolicy,
  rule: CalicoRule,
  context: Context,
): readonly MirrorRule[] {
  const met = conjoin(pass, next);
  if (met.kind === "rule") return [met.rule];
  if (met.kind === "refused") context.findings.push(noMirror(policy, rule, met.reason, "split the rule", context));
  return [];
}

function endOfTier(policy: CalicoPolicy, context: Context): readonly MirrorRule[] {
  return context.world.families.flatMap((family) => {
    const subject = subjectEnd(policy, {}, family, context);
    if (subject === undefined) return [];
    const why = `end of tier ${policy.tier} for the subjects of ${printIdentity(policy.identity)}`;
    return [withEnds({ action: "Deny", family, notProtocols: [], why }, subject, anyEnd, context)];
  });
}

/** Several policies with the same subjects need one closing Deny. */
function dedupe(rules: readonly MirrorRule[]): readonly MirrorRule[] {
  const seen = new Set<string>();
  return rules.filter((rule) => {
    const key = JSON.stringify({ ...rule, why: "" });
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function transposeRule(policy: CalicoPolicy, rule: CalicoRule, context: Context): readonly MirrorRule[] {
  if (rule.http !== undefined) {
    // A proxy sees requests at the pod's own end only.
    const change = "take its HTTP match out until the migration is done";
    context.findings.push(noMirror(policy, rule, "it matches HTTP requests", change, context));
    return [];
  }
  const own = context.direction === "ingress" ? rule.destination : rule.source;
  const peer = context.direction === "ingress" ? rule.source : rule.destination;
  return context.world.families
    .filter((family) => isOfFamily(rule, family))
    .flatMap((family) => {
      const subject = subjectEnd(policy, own, family, context);
      if (subject === undefined) return [];
      const base = {
        action: rule.action === "Deny" ? ("Deny" as const) : ("Pass" as const),
        family,
        ...(rule.protocol !== undefined && { protocol: rule.protocol }),
        notProtocols: rule.notProtocol === undefined ? [] : [rule.notProtocol],
        ...(rule.icmp !== undefined && { icmp: rule.icmp }),
        ...(rule.notICMP !== undefined && { notICMP: rule.notICMP }),
        why: `${printIdentity(policy.identity)} ${context.direction}[${rule.index}]`,
      };
      const ends = peerEnds(peer, family, context).filter(({ protocol }) => meetsProtocol(rule, protocol));
      return ends.map((end) =>
        withEnds({ ...base, ...(end.protocol !== undefined && { protocol: end.protocol }) }, subject, end.end, context),
      );
    });
}

/** A Service's port has a protocol of its own. */
function meetsProtocol(rule: CalicoRule, protocol: number | undefined): boolean {
  if (protocol === undefined) return true;
  return (rule.protocol === undefined || rule.protocol === protocol) && rule.notProtocol !== protocol;
}

function withEnds(
  base: Omit<MirrorRule, "source" | "destination">,
  subject: MirrorEnd,
  peer: MirrorEnd,
  context: Context,
): MirrorRule {
  return context.direction === "ingress"
    ? { ...base, source: peer, destination: subject }
    : { ...base, source: subject, destination: peer };
}

/** A rule's family comes from ipVersion, ICMP and ICMPv6, and any nets of either end: where they contradict, it matches nothing. */
function isOfFamily(rule: CalicoRule, family: 4 | 6): boolean {
  if (rule.ipVersion !== undefined && rule.ipVersion !== family) return false;
  if (rule.protocol === 1 && family === 6) return false;
  if (rule.protocol === 58 && family === 4) return false;
  const lists = [rule.source.nets, rule.source.notNets, rule.destination.nets, rule.destination.notNets];
  return lists.every((nets) => nets === undefined || nets.some((net) => addressFamily(net) === family));
}

function ofFamily(nets: readonly string[] | undefined, family: 4 | 6): readonly string[] | undefined {
  return nets?.filter((net) => addressFamily(net) === family);
}

/** The migrated end: the policy's subjects, the rule's own terms, and the new pool. `undefined` when no address is left. */
function subjectEnd(policy: CalicoPolicy, own: CalicoEntity, family: 4 | 6, context: Context): MirrorEnd | undefined {
  const { source, target } = context.world.podCIDRs;
  const pool = target.filter((cidr) => addressFamily(cidr) === family);
  const widened = ofFamily(own.nets, family)?.flatMap((net) =>
    source.every((old) => addressFamily(old) !== family || covers(net, old)) ? [net, ...pool] : [net],
  );
  const nets = widened === undefined ? pool : intersectCIDRs(pool, widened);
  if (nets.length === 0) return undefined;
  return {
    selectors: [isPod, policy.appliesTo, ...(own.selector === undefined ? [] : [own.selector])],
    notSelectors: own.notSelector === undefined ? [] : [own.notSelector],
    nets,
    notNets: ofFamily(own.notNets, family) ?? [],
    ...(own.ports !== undefined && { ports: own.ports }),
    notPorts: own.notPorts ?? [],
  };
}

interface PeerEnd {
  readonly end: MirrorEnd;
  readonly protocol?: number;
}

/** The end that still belongs to the source; several where a Service stands for several ports, none where it has no pods. */
function peerEnds(peer: CalicoEntity, family: 4 | 6, context: Context): readonly PeerEnd[] {
  const nets = ofFamily(peer.nets, family);
  const end: MirrorEnd = {
    selectors: peer.selector === undefined ? [] : [peer.selector],
    notSelectors: peer.notSelector === undefined ? [] : [peer.notSelector],
    ...(nets !== undefined && { nets }),
    notNets: ofFamily(peer.notNets, family) ?? [],
    ...(peer.ports !== undefined && { ports: peer.ports }),
    notPorts: peer.notPorts ?? [],
  };
  if (peer.service === undefined) return [{ end }];
  const { namespace, name } = peer.service;
  const service = context.world.services.find((entry) => entry.namespace === namespace && entry.name === name);
  return service === undefined ? [] : serviceEnds(service, end, context.direction);
}

const protocolNumbers = { TCP: 6, UDP: 17, SCTP: 132 } as const;

function serviceEnds(service: WorldService, end: MirrorEnd, direction: MirroredDirection): readonly PeerEnd[] {
  // Without a selector a Service stands for addresses that are no pods: nothing on this side of the crossing.
  if (service.selector === undefined) return [];
  const terms = Object.entries(service.selector).map(
    ([key, value]): Selector => ({ kind: "in", key: `pod:${key}`, values: [value] }),
  );
  const inNamespace: Selector = { kind: "in", key: "meta:namespace", values: [service.namespace] };
  const pods: MirrorEnd = { ...end, selectors: [...end.selectors, isPod, inNamespace, ...terms] };
  if (direction === "ingress") return [{ end: pods }];
  return service.ports.map((port) => ({
    protocol: protocolNumbers[port.protocol],
    end: {
      ...pods,
      ports: [
        typeof port.targetPort === "number"
          ? { kind: "range", from: port.targetPort, to: port.targetPort }
          : { kind: "name", name: port.targetPort },
      ],
    },
  }));
}

function noMirror(policy: CalicoPolicy, rule: CalicoRule, reason: string, change: string, context: Context): Finding {
  return {
    code: "bridge/rule-has-no-mirror",
    severity: "error",
    message: `${context.direction} rule ${rule.index + 1} of ${printIdentity(policy.identity)} has no mirror: ${reason}`,
    where: whereOf(policy.identity, rule.position, `spec.${context.direction}[${rule.index}]`),
    reason:
      "while both networks run, the end that is still on the source must enforce what the migrated end's policy says",
    remedy: `${change}, or set spec.policies.continuity to bridge and read what it exposes`,
  };
}
