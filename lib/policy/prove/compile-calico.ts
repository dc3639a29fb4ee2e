import type { CalicoEntity, CalicoPolicy, CalicoPolicySet, CalicoPort, CalicoRule } from "../calico/model.ts";
import type { Selector } from "../selector/selector.ts";
import { familyOf } from "../space/address.ts";
import {
  complementL4,
  everyL4,
  icmpL4,
  intersectL4,
  type L4Set,
  noL4,
  portsL4,
  protocolL4,
  protocols,
  subtractL4,
  uniteL4,
} from "../space/l4-set.ts";
import { type EndsHandle, meetsSelector, type PacketSpace, type PortTarget } from "../space/packet-space.ts";
import type { LabelSet, World } from "../space/world.ts";
import type { Half } from "./policy-side.ts";
import type { CompiledRule, Term } from "./term.ts";

/** One Calico policy for one direction and address family. */
export interface CompiledCalicoPolicy {
  readonly subject: EndsHandle;
  /** Place in the policy set. */
  readonly index: number;
  /** Place of its tier in the evaluation order. */
  readonly tier: number;
  readonly rules: readonly CompiledRule[];
}

/** All Calico policies that govern a direction, in evaluation order. */
export interface CompiledCalico {
  readonly engine: "calico";
  readonly policies: readonly CompiledCalicoPolicy[];
  readonly tiers: readonly { readonly name: string; readonly passesAtEnd: boolean }[];
  /** Whether a packet to the pod's own node is dropped even where egress policy lets it pass. */
  readonly dropsToOwnNode: boolean;
}

interface Context {
  readonly set: CalicoPolicySet;
  readonly space: PacketSpace;
  readonly world: World;
  readonly half: Half;
  readonly addresses: (selector: Selector) => EndsHandle;
}

/**
 * Calico's policies as terms over a space. Staged policies decide nothing and are left out, and so are doNotTrack and
 * preDNAT ones, which exist for host endpoints only. Source: reference policy 1.4 to 1.6; Calico 3.32 felix/calc, felix/rules.
 */
export function compileCalico(set: CalicoPolicySet, space: PacketSpace, world: World, half: Half): CompiledCalico {
  const context: Context = { set, space, world, half, addresses: createAddressTest(set, space, world) };
  const tierOf = new Map(set.tiers.map(({ name }, index) => [name, index]));
  const pods = space.ofKind("pod");
  const policies = set.policies.flatMap((policy, index): CompiledCalicoPolicy[] => {
    if (!policy.governs[half] || !isEnforced(policy)) return [];
    const subject = space.and(pods, space.labels("calico", policy.appliesTo));
    if (subject === space.none) return [];
    const rules = policy[half].flatMap((rule) => compileRule(rule, index, subject, context));
    return [{ subject, index, tier: tierOf.get(policy.tier) ?? set.tiers.length, rules }];
  });
  return {
    engine: "calico",
    policies: sortByTier(policies),
    tiers: set.tiers.map(({ name, defaultAction }) => ({ name, passesAtEnd: defaultAction === "Pass" })),
    dropsToOwnNode: half === "egress" && world.endpointToHostAction === "drop",
  };
}

/** Whether a policy takes part in what pods may do. */
export function isEnforced(policy: CalicoPolicy): boolean {
  return !policy.isStaged && !policy.doNotTrack && !policy.preDNAT;
}

/** The reader sorts inside a tier; policies of several tiers may still be interleaved. */
function sortByTier(policies: readonly CompiledCalicoPolicy[]): CompiledCalicoPolicy[] {
  return policies
    .map((policy, index) => ({ policy, index }))
    .sort((a, b) => a.policy.tier - b.policy.tier || a.index - b.index)
    .map(({ policy }) => policy);
}

/** Ends whose address belongs to an endpoint or network set that the selector matches. */
function createAddressTest(set: CalicoPolicySet, space: PacketSpace, world: World): (selector: Selector) => EndsHandle {
  const labelled = set.networkSets.map((networkSet) => ({
    labels: networkSetLabels(networkSet.labels, networkSet.identity.namespace, world),
    nets: networkSet.nets,
  }));
  const memo = new WeakMap<Selector, EndsHandle>();
  return (selector) => {
    const known = memo.get(selector);
    if (known !== undefined) return known;
    const inSets = labelled
      .filter(({ labels }) => meetsSelector(selector, (key) => labels.get(key)))
      .flatMap(({ nets }) => nets.map((net) => space.inPrefix("calico", net)));
    const handle = space.anyOf([space.labels("calico", selector), ...inSets]);
    memo.set(selector, handle);
    return handle;
  };
}

/** A network set's own labels and, for one in a namespace, the namespace's name and labels. Source: reference policy, corrections. */
function networkSetLabels(
  own: Readonly<Record<string, string>>,
  namespace: string | undefined,
  world: World,
): LabelSet {
  const labels = new Map(Object.entries(own).map(([key, value]) => [`pod:${key}`, value]));
  if (namespace === undefined) return labels;
  labels.set("meta:namespace", namespace);
  labels.set("ns:kubernetes.io/metadata.name", namespace);
  for (const [key, value] of Object.entries(world.namespaces.get(namespace) ?? {})) labels.set(`ns:${key}`, value);
  return labels;
}

function compileRule(rule: CalicoRule, policy: number, subject: EndsHandle, context: Context): CompiledRule[] {
  const { space, half } = context;
  if (rule.action === "Log") return [];
  if (rule.ipVersion !== undefined && rule.ipVersion !== space.family) return [];
  const source = entityTest(rule.source, context);
  const destination = entityTest(rule.destination, context);
  const l4 = headerTest(rule);
  if (source === undefined || destination === undefined || l4.length === 0) return [];
  const isIngress = half === "ingress";
  const base: Term = {
    own: space.and(subject, isIngress ? destination : source),
    peer: isIngress ? source : destination,
    l4,
    ...(rule.http !== undefined && { http: httpRequests(rule.http) }),
  };
  if (base.own === space.none || base.peer === space.none) return [];
  const terms = isPlain(rule)
    ? plainTerms(base, rule)
    : [base]
        .flatMap((term) => withDestinationPorts(term, rule, context))
        .flatMap((term) => withSourcePorts(term, rule, context))
        .flatMap((term) => withServices(term, rule, context))
        .filter((term) => term.own !== space.none && term.peer !== space.none && term.l4.length > 0);
  return terms.length === 0 ? [] : [{ action: rule.action, ref: { policy, field: `${half}[${rule.index}]` }, terms }];
}

/** Whether a rule is one term: numbered destination ports at most. */
function isPlain({ source, destination }: CalicoRule): boolean {
  const { ports = [], notPorts = [] } = destination;
  return (
    source.ports === undefined &&
    source.notPorts === undefined &&
    source.service === undefined &&
    destination.service === undefined &&
    [...ports, ...notPorts].every(({ kind }) => kind === "range")
  );
}

function plainTerms(base: Term, { destination }: CalicoRule): Term[] {
  let { l4 } = base;
  if (destination.ports !== undefined) l4 = intersectL4(l4, numericPorts(destination.ports));
  if (destination.notPorts !== undefined) l4 = subtractL4(l4, numericPorts(destination.notPorts));
  return l4.length === 0 ? [] : [{ ...base, l4 }];
}

/**
 * Ends that an entity's selectors and nets admit; `undefined` when the rule does not exist for this address family: a list
 * of nets that has members, and none of this family. Source: Calico felix/rules/policy.go FilterRuleToIPVersion.
 */
function entityTest(entity: CalicoEntity, context: Context): EndsHandle | undefined {
  const { space } = context;
  let result = space.all;
  if (entity.selector !== undefined) result = space.and(result, context.addresses(entity.selector));
  if (entity.notSelector !== undefined) result = space.and(result, space.not(context.addresses(entity.notSelector)));
  for (const [list, isNegative] of [
    [entity.nets, false],
    [entity.notNets, true],
  ] as const) {
    if (list === undefined || list.length === 0) continue;
    const own = list.filter((net) => familyOf(net) === space.family);
    if (own.length === 0) return undefined;
    const inside = space.anyOf(own.map((net) => space.inPrefix("calico", net)));
    result = space.and(result, isNegative ? space.not(inside) : inside);
  }
  return result;
}

function headerTest(rule: CalicoRule): L4Set {
  let l4 = rule.protocol === undefined ? everyL4 : protocolL4(rule.protocol);
  if (rule.notProtocol !== undefined) l4 = subtractL4(l4, protocolL4(rule.notProtocol));
  if (rule.icmp !== undefined) l4 = intersectL4(l4, icmpTest(rule, rule.icmp));
  if (rule.notICMP !== undefined) l4 = subtractL4(l4, icmpTest(rule, rule.notICMP));
  return l4;
}

function icmpTest(rule: CalicoRule, icmp: { readonly type?: number; readonly code?: number }): L4Set {
  const protocol = rule.protocol ?? protocols.ICMP;
  return icmp.type === undefined ? protocolL4(protocol) : icmpL4(protocol, icmp.type, icmp.code);
}

/** Protocols with ports, ascending. */
const portProtocols = [protocols.TCP, protocols.UDP, protocols.SCTP, protocols.UDPLite];

/** The numbers of a port list, for every protocol that has ports. */
function numericPorts(ports: readonly CalicoPort[]): L4Set {
  const ranges = sourceRanges(ports);
  // The protocols are ascending and far apart, so one list after the other is the union.
  return portProtocols.flatMap((protocol) => ranges.map((bound) => protocol * 65_536 + bound));
}

/** Every way in which the names of a port list resolve on some end, with the ends where they do. */
function namedTargets(ports: readonly CalicoPort[], space: PacketSpace): { name: string; target: PortTarget }[] {
  return ports.flatMap((port) =>
    port.kind === "name" ? space.portTargets(port.name).map((target) => ({ name: port.name, target })) : [],
  );
}

/**
 * Ends on which a name resolves to a port: pods that have it and meet the entity's selector by themselves. A pod that is meant
 * only because its address lies in a network set has no names there.
 * Source: Calico 3.28 felix/calc/rule_scanner.go namedPortsToIPSets: the set of a name holds endpoints, filtered by the selector.
 */
function createNameTest(entity: CalicoEntity, { space }: Context): (name: string, target: PortTarget) => EndsHandle {
  const { selector } = entity;
  if (selector === undefined) return space.hasPort;
  return (name, target) => space.and(space.hasPort(name, target), space.labels("calico", selector));
}

function pointOfTarget({ protocol, port }: PortTarget): L4Set {
  return portsL4(protocols[protocol], port, port);
}

/** Restricts a term to the rule's destination ports. A name is resolved at the destination: the subject for ingress. */
function withDestinationPorts(term: Term, rule: CalicoRule, context: Context): Term[] {
  const { ports, notPorts } = rule.destination;
  const { space, half } = context;
  const hasName = createNameTest(rule.destination, context);
  const side = half === "ingress" ? "own" : "peer";
  const narrow = (from: Term, ends: EndsHandle, l4: L4Set): Term => ({
    ...from,
    [side]: space.and(from[side], ends),
    l4: intersectL4(from.l4, l4),
  });
  const positive =
    ports === undefined
      ? [term]
      : [
          narrow(term, space.all, numericPorts(ports)),
          ...namedTargets(ports, space).map(({ name, target }) =>
            narrow(term, hasName(name, target), pointOfTarget(target)),
          ),
        ];
  if (notPorts === undefined) return positive;
  const targets = namedTargets(notPorts, space);
  const excluded = targets.map(({ target }) => pointOfTarget(target)).reduce(uniteL4, numericPorts(notPorts));
  return positive.flatMap((from) => [
    narrow(from, space.all, complementL4(excluded)),
    // A named port takes away its number only where the name is.
    ...groupTargets(targets).map(({ names, target }) =>
      narrow(
        from,
        space.not(space.anyOf(names.map((name) => hasName(name, target)))),
        subtractL4(pointOfTarget(target), numericPorts(notPorts)),
      ),
    ),
  ]);
}

function groupTargets(
  targets: readonly { name: string; target: PortTarget }[],
): { names: string[]; target: PortTarget }[] {
  const groups = new Map<string, { names: string[]; target: PortTarget }>();
  for (const { name, target } of targets) {
    const key = `${target.protocol}/${target.port}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { names: [name], target });
    else known.names.push(name);
  }
  return [...groups.values()];
}

/** Restricts a term to the rule's source ports. A name is resolved at the source: the subject for egress. */
function withSourcePorts(term: Term, rule: CalicoRule, context: Context): Term[] {
  const { ports, notPorts } = rule.source;
  if (ports === undefined && notPorts === undefined) return [term];
  const { space, half } = context;
  const hasName = createNameTest(rule.source, context);
  const side = half === "ingress" ? "peer" : "own";
  const withPorts = portProtocols.map(protocolL4).reduce(uniteL4, noL4);
  const narrow = (ends: EndsHandle, l4: L4Set, sources: readonly number[]): Term => ({
    ...term,
    [side]: space.and(term[side], ends),
    l4: intersectL4(term.l4, l4),
    sources,
  });
  const everyPort: readonly number[] = [0, 65_536];
  const excluded = notPorts === undefined ? noL4 : sourceRanges(notPorts);
  const positive =
    ports === undefined
      ? [narrow(space.all, withPorts, everyPort)]
      : [
          narrow(space.all, withPorts, sourceRanges(ports)),
          ...namedTargets(ports, space).map(({ name, target }) =>
            narrow(hasName(name, target), protocolL4(protocols[target.protocol]), [target.port, target.port + 1]),
          ),
        ];
  const names = notPorts === undefined ? [] : namedTargets(notPorts, space);
  return positive
    .map((one) => ({ ...one, sources: subtractL4(one.sources ?? everyPort, excluded) }))
    .flatMap((one) => withoutNamedSources(one, names, side, { space, hasName }))
    .filter(({ sources }) => sources === undefined || sources.length > 0);
}

/** Takes the named source ports away where an end has them, protocol by protocol. */
function withoutNamedSources(
  term: Term,
  names: readonly { name: string; target: PortTarget }[],
  side: "own" | "peer",
  { space, hasName }: { readonly space: PacketSpace; readonly hasName: ReturnType<typeof createNameTest> },
): Term[] {
  return names.reduce<Term[]>(
    (terms, { name, target }) =>
      terms.flatMap((one) => {
        const protocol = protocolL4(protocols[target.protocol]);
        const has = hasName(name, target);
        const sources = subtractL4(one.sources ?? [0, 65_536], [target.port, target.port + 1]);
        return [
          { ...one, l4: subtractL4(one.l4, protocol) },
          { ...one, l4: intersectL4(one.l4, protocol), [side]: space.and(one[side], space.not(has)) },
          { ...one, l4: intersectL4(one.l4, protocol), [side]: space.and(one[side], has), sources },
        ];
      }),
    [term],
  );
}

function sourceRanges(ports: readonly CalicoPort[]): readonly number[] {
  return ports.reduce<readonly number[]>(
    (ranges, port) => (port.kind === "range" ? uniteL4(ranges, [port.from, port.to + 1]) : ranges),
    [],
  );
}

/**
 * A service names, for egress, addresses and ports of its endpoints; for the source of ingress, addresses only. A service
 * that does not exist matches nothing. Source: reference policy 1.5.
 */
function withServices(term: Term, rule: CalicoRule, context: Context): Term[] {
  const { space, world, half } = context;
  const wanted = half === "egress" ? rule.destination.service : rule.source.service;
  if (wanted === undefined) return [term];
  const service = world.services.find(({ namespace, name }) => namespace === wanted.namespace && name === wanted.name);
  const endpoints = (service?.endpoints ?? []).filter(({ address }) => familyOf(address) === space.family);
  if (half === "ingress") {
    const all = space.anyOf(endpoints.map(({ address }) => space.inPrefix("calico", address)));
    return [{ ...term, peer: space.and(term.peer, all) }];
  }
  const byPort = new Map<string, { target: PortTarget; ends: EndsHandle[] }>();
  for (const { address, protocol, port } of endpoints) {
    const key = `${protocol}/${port}`;
    const group = byPort.get(key) ?? { target: { protocol, port }, ends: [] };
    group.ends.push(space.inPrefix("calico", address));
    byPort.set(key, group);
  }
  return [...byPort.values()].map(({ target, ends }) => ({
    ...term,
    peer: space.and(term.peer, space.anyOf(ends)),
    l4: intersectL4(term.l4, pointOfTarget(target)),
  }));
}

/**
 * One text per method and path, as the Cilium reader writes its own: `GET /a`, `GET /a/.*`. Source: reference policy 3.2
 * (path exact: the escaped path; prefix: the escaped path and anything after it).
 */
function httpRequests(http: NonNullable<CalicoRule["http"]>): string[] {
  const methods = http.methods.length === 0 ? [".*"] : http.methods;
  const paths =
    http.paths.length === 0
      ? [".*"]
      : http.paths.map(
          ({ kind, path }) => `${path.replace(/[\\^$.*+?()[\]{}|]/gu, "\\$&")}${kind === "prefix" ? ".*" : ""}`,
        );
  return methods.flatMap((method) => paths.map((path) => `${method} ${path}`));
}
