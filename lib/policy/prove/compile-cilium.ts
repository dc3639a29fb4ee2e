import type { CiliumDirectionRule, CiliumL4, CiliumPeers, CiliumPolicySet, CiliumRule } from "../cilium/model.ts";
import { matches } from "../selector/match-selector.ts";
import type { Selector } from "../selector/selector.ts";
import { everyL4, icmpL4, type L4Set, portsL4, protocolL4, protocols, uniteL4 } from "../space/l4-set.ts";
import type { EndsHandle, PacketSpace } from "../space/packet-space.ts";
import type { World } from "../space/world.ts";
import type { Half } from "./policy-side.ts";
import { servicesOf } from "./services.ts";
import type { CompiledRule, Term } from "./term.ts";

/** One Cilium rule for one direction and address family. */
export interface CompiledCiliumRule {
  readonly subject: EndsHandle;
  /** Place in the policy set. */
  readonly index: number;
  readonly isDefaultDeny: boolean;
  /** The allow and the deny elements, in the order of the object. */
  readonly elements: readonly CompiledRule[];
}

/** All Cilium rules of a direction. */
export interface CompiledCilium {
  readonly engine: "cilium";
  readonly rules: readonly CompiledCiliumRule[];
  readonly mode: "default" | "always" | "never";
}

/** Cilium's policies as terms over a space. Node policies are left out: they decide nothing for pods. Source: reference policy 2. */
export function compileCilium(set: CiliumPolicySet, space: PacketSpace, world: World, half: Half): CompiledCilium {
  const pods = space.ofKind("pod");
  const rules = set.rules.flatMap((rule, index): CompiledCiliumRule[] => {
    if (rule.subject.kind === "nodes" || !speaksOf(rule, half)) return [];
    const subject = space.and(pods, space.labels("cilium", rule.subject.selector));
    if (subject === space.none) return [];
    return [
      {
        subject,
        index,
        isDefaultDeny: rule.defaultDeny[half],
        elements: compileElements(rule, index, subject, { space, world, half }),
      },
    ];
  });
  return { engine: "cilium", rules, mode: world.cilium.enforcementMode };
}

function speaksOf(rule: CiliumRule, half: Half): boolean {
  const deny = half === "ingress" ? rule.ingressDeny : rule.egressDeny;
  return rule[half].length > 0 || deny.length > 0 || rule.defaultDeny[half];
}

interface Context {
  readonly space: PacketSpace;
  readonly world: World;
  readonly half: Half;
}

function compileElements(rule: CiliumRule, index: number, subject: EndsHandle, context: Context): CompiledRule[] {
  const { half } = context;
  const denySection = half === "ingress" ? "ingressDeny" : "egressDeny";
  const compile = (element: CiliumDirectionRule, section: typeof half | typeof denySection): CompiledRule[] => {
    const terms = compileElement(element, subject, context);
    const action = section === half ? "Allow" : "Deny";
    return terms.length === 0 ? [] : [{ action, ref: { policy: index, field: `${section}[${element.index}]` }, terms }];
  };
  return [
    ...rule[half].flatMap((element) => compile(element, half)),
    ...rule[denySection].flatMap((element) => compile(element, denySection)),
  ];
}

function compileElement({ peers, l4 }: CiliumDirectionRule, subject: EndsHandle, context: Context): Term[] {
  const { space, half } = context;
  const peer = peerTest(peers, context, true);
  if (peer === space.none) return [];
  if (l4 === undefined) return [{ own: subject, peer, l4: everyL4 }];
  const numbered = numericGroups(l4).map(
    ({ numbers, http }): Term => ({ own: subject, peer, l4: numbers, ...(http && { http }) }),
  );
  const names = l4.filter((port) => port.kind === "namedPort");
  if (names.length === 0) return numbered;
  // The identity that stands for the whole cluster has no ports, so no name of a peer's port is found there.
  const holders = half === "ingress" ? peer : peerTest(peers, context, false);
  const named = names.flatMap((port) => namedTerms(port, { own: subject, peer: holders }, context));
  return [...numbered, ...named].filter((term) => term.own !== space.none && term.peer !== space.none);
}

/** A port name is looked up at the destination: the subject for ingress, the peers for egress. */
function namedTerms(
  port: Extract<CiliumL4, { readonly kind: "namedPort" }>,
  ends: Pick<Term, "own" | "peer">,
  { space, half }: Context,
): Term[] {
  const side = half === "ingress" ? "own" : "peer";
  return space
    .portTargets(port.name)
    .filter(({ protocol }) => port.protocol === "ANY" || port.protocol === protocol)
    .map((target) => ({
      ...ends,
      [side]: space.and(ends[side], space.hasPort(port.name, target)),
      l4: portsL4(protocols[target.protocol], target.port, target.port),
      ...(port.http && { http: port.http }),
    }));
}

/** The numbers of a port list, together where they look at the same HTTP requests. */
function numericGroups(l4: readonly CiliumL4[]): { numbers: L4Set; http: readonly string[] | undefined }[] {
  const groups = new Map<string, { numbers: L4Set; http: readonly string[] | undefined }>();
  for (const port of l4) {
    if (port.kind === "namedPort") continue;
    const http = port.kind === "ports" ? port.http : undefined;
    const key = JSON.stringify(http ?? null);
    const known = groups.get(key)?.numbers ?? [];
    groups.set(key, { numbers: uniteL4(known, numbersOf(port)), http });
  }
  return [...groups.values()].filter(({ numbers }) => numbers.length > 0);
}

function numbersOf(port: Exclude<CiliumL4, { readonly kind: "namedPort" }>): L4Set {
  switch (port.kind) {
    case "protocol":
      return protocolL4(port.protocol);
    case "icmp": {
      const protocol = port.family === 4 ? protocols.ICMP : protocols.ICMPv6;
      // cilium issue 41304: type 0 is the port wildcard, in all of 1.18 to 1.20.2.
      return port.type === 0 ? protocolL4(protocol) : icmpL4(protocol, port.type);
    }
    case "ports": {
      const all = port.protocol === "ANY" ? (["TCP", "UDP", "SCTP"] as const) : [port.protocol];
      return all.map((name) => portsL4(protocols[name], port.from, port.to)).reduce(uniteL4, []);
    }
  }
}

function peerTest(peers: CiliumPeers, context: Context, hasGroups: boolean): EndsHandle {
  const { space } = context;
  switch (peers.kind) {
    case "anybody":
      return space.all;
    case "nobody":
      return space.none;
    case "endpoints":
      return space.anyOf(
        peers.selectors.map((selector) =>
          hasGroups ? endpointTest(selector, context) : space.labels("cilium", selector),
        ),
      );
    case "nodes":
      return space.anyOf(peers.selectors.map((selector) => space.labels("cilium", selector)));
    case "entities":
      return space.anyOf(peers.entities.map((entity) => entityTest(entity, context)));
    case "cidrs":
      return space.anyOf(
        peers.cidrs.map(({ cidr, except }) =>
          space.and(
            space.inPrefix("cilium", cidr),
            space.not(space.anyOf(except.map((inner) => space.inPrefix("cilium", inner)))),
          ),
        ),
      );
    case "fqdns":
      return space.anyOf(peers.names.map(space.hasFQDN));
    case "services":
      return space.anyOf(servicesOf(peers.services, context.world).map((service) => serviceTest(service, space)));
  }
}

/** The labels of the identity that stands for every pod of the cluster when the agent looks a peer up. */
const aggregateCluster: ReadonlyMap<string, string> = new Map([["reserved:aggregate-cluster", ""]]);

/**
 * Who an endpoint selector selects. Since 1.20 the agent looks a pod up under its own identity and under the one that stands
 * for the whole cluster, whose only label no policy names: a selector that asks for nothing and only excludes matches it, and
 * so every pod, also those that it excludes. Source: cilium 1.20.2 pkg/policy/aggregate.go; shown by the real engine.
 */
function endpointTest(selector: Selector, { space, world }: Context): EndsHandle {
  const own = space.labels("cilium", selector);
  const isForAll = world.cilium.minorVersion === "1.20" && matches(selector, aggregateCluster);
  return isForAll ? space.or(own, space.ofKind("pod")) : own;
}

function serviceTest(service: World["services"][number], space: PacketSpace): EndsHandle {
  if (service.selector === undefined)
    return space.anyOf(service.endpoints.map(({ address }) => space.inPrefix("cilium", address)));
  const terms = Object.entries(service.selector).map(([key, value]) => ({
    kind: "in" as const,
    key: `pod:${key}`,
    values: [value],
  }));
  const namespace = { kind: "in" as const, key: "meta:namespace", values: [service.namespace] };
  return space.labels("cilium", { kind: "and", operands: [namespace, ...terms] });
}

/** Labels that each entity stands for. Source: cilium 1.20.2 pkg/policy/api/entity.go. */
const entityLabels: Readonly<Record<string, readonly string[]>> = {
  host: ["reserved:host"],
  "remote-node": ["reserved:remote-node"],
  "kube-apiserver": ["reserved:kube-apiserver"],
  world: ["reserved:world", "reserved:world-ipv4", "reserved:world-ipv6"],
  "world-ipv4": ["reserved:world-ipv4"],
  "world-ipv6": ["reserved:world-ipv6"],
  health: ["reserved:health"],
  init: ["reserved:init"],
  ingress: ["reserved:ingress"],
  unmanaged: ["reserved:unmanaged"],
  none: [],
  cluster: [
    "reserved:host",
    "reserved:remote-node",
    "reserved:init",
    "reserved:ingress",
    "reserved:health",
    "reserved:unmanaged",
    "reserved:kube-apiserver",
    "meta:cluster",
  ],
};

function entityTest(entity: string, { space }: Context): EndsHandle {
  if (entity === "all") return space.all;
  const keys = entityLabels[entity === "cluster-mesh" ? "cluster" : entity] ?? [];
  return space.anyOf(keys.map((key) => space.labels("cilium", { kind: "has", key })));
}
