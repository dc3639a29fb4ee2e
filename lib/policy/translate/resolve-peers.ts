import type { CalicoEntity } from "../calico/model.ts";
import { allTerms } from "../selector/label-term.ts";
import { matches, matchesPartly } from "../selector/match-selector.ts";
import { printSelector } from "../selector/print-selector.ts";
import type { Selector } from "../selector/selector.ts";
import type { WorldService } from "../space/world.ts";
import type { Cluster, LabelledSet } from "./cluster.ts";
import { type Intervals, uniteIntervals } from "./intervals.ts";
import { everyHeader, type L4, type NamedPort, noHeader, portRange } from "./l4.ts";
import { everyName, namesOf, noName } from "./name-set.ts";
import { type Approximation, between, exactly, type Note } from "./note.ts";
import { complementPeers, everybody, intersectPeers, nobody, type PeerSet, unitePeers } from "./peer-set.ts";
import { resolveNets } from "./resolve-nets.ts";
import { resolvePods } from "./resolve-selector.ts";

/** Which end of the rule it is, and the rule's one IP version where it has one. */
export interface PeerPlace {
  readonly side: "source" | "destination";
  readonly family: 4 | 6 | undefined;
  /** Whether ICMP already binds the rule to the family, so that no peer has to be cut to it. */
  readonly isFamilyInProtocol: boolean;
}

/**
 * Whom one end of a rule means, over pods, nodes and outside addresses.
 *
 * A positive selector matches pods, the addresses of network sets and of host endpoints with these labels; a negative
 * one everything else, outside addresses included. Prefixes match whatever has the address.
 *
 * Findings: those of `resolvePods` and `resolveNets`, POL026, POL027, POL028, POL035.
 */
export function resolvePeers(
  entity: CalicoEntity,
  cluster: Cluster,
  notes: Note[],
  place: PeerPlace,
): Approximation<PeerSet> {
  const criteria: Approximation<PeerSet>[] = [];
  const { side } = place;
  if (entity.selector)
    criteria.push(resolveSelected(entity.selector, cluster, notes, { field: `${side}.selector`, side }));
  if (entity.notSelector)
    criteria.push(
      complementOf(resolveSelected(entity.notSelector, cluster, notes, { field: `${side}.notSelector`, side })),
    );
  const isDestination = side === "destination";
  if (entity.nets) criteria.push(resolveNets(entity.nets, cluster, notes, { field: `${side}.nets`, isDestination }));
  if (entity.notNets)
    criteria.push(
      complementOf(resolveNets(entity.notNets, cluster, notes, { field: `${side}.notNets`, isDestination })),
    );
  const all = criteria.reduce(intersectBounds, exactly(everybody));
  if (!all.isExact && entity.selector && (entity.nets ?? entity.notNets)) noteBoth(notes, side);
  return restrictFamily(all, cluster, notes, place);
}

/** A rule that asks for labels and addresses of the same peer: one note instead of those about the addresses. */
function noteBoth(notes: Note[], side: "source" | "destination"): void {
  const isAboutNets = (note: Note): boolean => note.code === "POL042" && note.field?.startsWith(side) === true;
  if (!notes.some(isAboutNets)) return;
  const others = notes.filter((note) => !isAboutNets(note));
  notes.splice(0, notes.length, ...others, {
    code: "POL028",
    effect: "inexact",
    field: side,
    message: `the rule asks for labels and for an address of the same ${side}; which of the pods have such an address is not known or changes`,
    reason: "a Cilium CIDR never matches a pod, and pods get new addresses during the migration",
    remedy: "split the rule: one for the pods by labels, one for the addresses outside the cluster",
  });
}

function intersectBounds(a: Approximation<PeerSet>, b: Approximation<PeerSet>): Approximation<PeerSet> {
  const under = intersectPeers(a.under, b.under);
  return a.isExact && b.isExact ? exactly(under) : between(under, intersectPeers(a.over, b.over));
}

function complementOf(peers: Approximation<PeerSet>): Approximation<PeerSet> {
  const under = complementPeers(peers.over);
  if (peers.isExact && under.isComplete) return exactly(under.peers);
  const over = complementPeers(peers.under);
  // An incomplete complement is too small to stand around the set.
  return between(under.peers, over.isComplete ? over.peers : { ...over.peers, pods: allTerms });
}

interface SelectedPlace {
  readonly field: string;
  readonly side: "source" | "destination";
}

function resolveSelected(
  selector: Selector,
  cluster: Cluster,
  notes: Note[],
  place: SelectedPlace,
): Approximation<PeerSet> {
  const pods = resolvePods(selector, cluster, notes, place.field);
  let result: Approximation<PeerSet> = pods.isExact
    ? exactly({ ...nobody, pods: pods.under })
    : between({ ...nobody, pods: pods.under }, { ...nobody, pods: pods.over });
  result = uniteBounds(result, resolveNetworkSets(selector, cluster, notes, place));
  return uniteBounds(result, resolveHostEndpoints(selector, cluster, notes, place.field));
}

function resolveNetworkSets(
  selector: Selector,
  cluster: Cluster,
  notes: Note[],
  place: SelectedPlace,
): Approximation<PeerSet> {
  const sure: LabelledSet[] = [];
  const possible: LabelledSet[] = [];
  for (const one of cluster.networkSets) {
    if (one.set.nets.length === 0) continue;
    const isMatch = matchesPartly(selector, one.labels, (key) => one.isNamespaceUnknown && key.startsWith("ns:"));
    if (isMatch === true) sure.push(one);
    else if (isMatch === undefined) possible.push(one);
  }
  const isDestination = place.side === "destination";
  const netsOf = (sets: readonly LabelledSet[], into: Note[]): Approximation<PeerSet> => {
    const nets = sets.flatMap(({ set }) => set.nets);
    return nets.length === 0
      ? exactly(nobody)
      : resolveNets(nets, cluster, into, { field: place.field, isDestination });
  };
  if (sure.length > 0) notes.push(setNote(sure, selector, place.field));
  const known = netsOf(sure, notes);
  if (possible.length === 0) return known;
  notes.push(unknownSetNote(possible, place.field));
  return between(known.under, unitePeers(known.over, netsOf(possible, []).over));
}

function setNames(sets: readonly LabelledSet[]): readonly string[] {
  return sets.map(({ set }) => printName(set.identity.namespace, set.identity.name));
}

function setNote(sets: readonly LabelledSet[], selector: Selector, field: string): Note {
  const names = setNames(sets);
  return {
    code: "POL026",
    effect: "carved",
    field,
    message: `the selector matches ${names.length === 1 ? "the network set" : "the network sets"} ${names.join(", ")}, whose prefixes are written into the policy`,
    reason: "a Calico selector matches network sets by their labels; Cilium's policies name addresses",
    remedy: "translate again when the set or its labels change, or when a set gets these labels",
    data: { networkSets: [...names], selector: printSelector(selector) },
  };
}

function unknownSetNote(sets: readonly LabelledSet[], field: string): Note {
  const names = setNames(sets);
  return {
    code: "POL026",
    effect: "inexact",
    severity: "warning",
    field,
    message: `whether the selector matches ${names.join(", ")} depends on labels of the namespace, which are not known`,
    reason: "a network set has the labels of its namespace, too",
    remedy: "give the namespaces beside the policies, or the cluster's objects with --inventory",
    data: { networkSets: [...names] },
  };
}

function printName(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function uniteBounds(a: Approximation<PeerSet>, b: Approximation<PeerSet>): Approximation<PeerSet> {
  const under = unitePeers(a.under, b.under);
  return a.isExact && b.isExact ? exactly(under) : between(under, unitePeers(a.over, b.over));
}

function resolveHostEndpoints(
  selector: Selector,
  cluster: Cluster,
  notes: Note[],
  field: string,
): Approximation<PeerSet> {
  const found = cluster.hostEndpoints.filter(({ labels }) => matches(selector, labels));
  if (found.length === 0) return exactly(nobody);
  const nodes = [...new Set(found.map(({ endpoint }) => endpoint.node))];
  const isAll = cluster.world.nodes.length > 0 && cluster.world.nodes.every((node) => nodes.includes(node.name));
  notes.push({
    code: "POL027",
    effect: "carved",
    field,
    message: `the selector matches host endpoints of ${isAll ? "every node" : nodes.join(", ")}, which ${isAll ? "are" : "is"} written as ${isAll ? "the entities of nodes" : "node names"}`,
    reason: "Cilium has no host endpoints; a node is a peer by itself",
    remedy: "translate again when host endpoints or their labels change",
    data: { nodes },
  });
  return exactly({ ...nobody, nodes: isAll ? everyName : namesOf(nodes) });
}

/** What is left of peers in a rule for one IP version. */
function restrictFamily(
  peers: Approximation<PeerSet>,
  cluster: Cluster,
  notes: Note[],
  place: PeerPlace,
): Approximation<PeerSet> {
  const { family } = place;
  // ICMP has its family in the protocol: such a rule says it once more with every peer.
  if (family === undefined || place.isFamilyInProtocol) return peers;
  const { families } = cluster.world;
  const outside = (set: PeerSet): PeerSet => (family === 4 ? { ...set, v6: [] } : { ...set, v4: [] });
  const cut = peers.isExact ? exactly(outside(peers.under)) : between(outside(peers.under), outside(peers.over));
  const isEverywhere = families.every((one) => one === family);
  if (isEverywhere || hasOutsideOnly(cut.over)) return cut;
  const without = (set: PeerSet): PeerSet => ({ ...set, pods: [], nodes: noName });
  if (!families.includes(family)) return exactly(without(cut.under));
  notes.push({
    code: "POL035",
    effect: "inexact",
    message: `the rule holds for IPv${family} only, and its pods and nodes have both versions`,
    reason: "a Cilium peer selected by labels or entity is meant with all its addresses",
    remedy: `write the same rule for IPv${family === 4 ? 6 : 4}, or remove what binds it to IPv${family}`,
  });
  return between(without(cut.under), cut.over);
}

function hasOutsideOnly(peers: PeerSet): boolean {
  return peers.pods.length === 0 && peers.nodes === noName;
}

/** Peers together with the headers that go with them. */
export interface ServicePeers {
  readonly peers: PeerSet;
  readonly l4: L4;
}

/**
 * The pods and ports behind a Service, as one entry for each group of addresses. Without an inventory: nothing at
 * least, everything at most. Findings: POL036.
 */
export function resolveService(
  service: NonNullable<CalicoEntity["service"]>,
  cluster: Cluster,
  notes: Note[],
  place: SelectedPlace,
): Approximation<readonly ServicePeers[]> {
  const name = `${service.namespace}/${service.name}`;
  const known = cluster.world.services.find((one) => one.namespace === service.namespace && one.name === service.name);
  const reason = "Calico follows the endpoints of the Service; Cilium's toServices does not mean the same";
  if (!cluster.world.isInventoryKnown) {
    notes.push({
      code: "POL036",
      effect: "inexact",
      field: place.field,
      message: `the Service ${name} cannot be resolved without the cluster's objects`,
      reason,
      remedy: "give the cluster's objects with --inventory, or select the pods behind the Service",
    });
    return between([], [{ peers: everybody, l4: everyHeader }]);
  }
  if (known === undefined || known.endpoints.length + Object.keys(known.selector ?? {}).length === 0) {
    notes.push({
      code: "POL036",
      effect: "carved",
      field: place.field,
      message: `the Service ${name} does not exist or has no endpoints, so the rule matches nothing`,
      reason,
      remedy: "translate again when the Service gets endpoints, or remove the rule",
    });
    return exactly([]);
  }
  const { selector } = known;
  notes.push({
    code: "POL036",
    effect: "carved",
    field: place.field,
    message: `the Service ${name} is written as ${selector ? "the pods that it selects" : "the addresses of its endpoints"}${place.side === "destination" ? " and their ports" : ""}`,
    reason,
    remedy: "translate again when the Service's selector, ports or endpoints change",
    data: { service: name },
  });
  return selector ? exactly(servicePods(known, selector, place.side)) : serviceAddresses(known, cluster, notes, place);
}

const protocolNumbers = { TCP: 6, UDP: 17, SCTP: 132 } as const;

function servicePods(
  service: WorldService,
  selector: Readonly<Record<string, string>>,
  side: "source" | "destination",
): readonly ServicePeers[] {
  const term = new Map(
    [
      ["meta:namespace", service.namespace] as const,
      ...Object.entries(selector).map(([key, value]) => [`pod:${key}`, value] as const),
    ]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, { absent: false, isNegated: false, values: [value], patterns: [] }] as const),
  );
  const peers: PeerSet = { ...nobody, pods: [term] };
  if (side === "source") return [{ peers, l4: everyHeader }];
  let points: Intervals = noHeader.points;
  const names: NamedPort[] = [];
  for (const { protocol, targetPort } of service.ports) {
    const number = protocolNumbers[protocol];
    if (typeof targetPort === "number") points = uniteIntervals(points, portRange(number, targetPort, targetPort));
    else names.push({ name: targetPort, protocol: number });
  }
  return [{ peers, l4: { points, names } }];
}

function serviceAddresses(
  service: WorldService,
  cluster: Cluster,
  notes: Note[],
  place: SelectedPlace,
): Approximation<readonly ServicePeers[]> {
  const entries = service.endpoints.map(({ address, protocol, port }) => {
    const net = address.includes(":") ? `${address}/128` : `${address}/32`;
    const peers = resolveNets([net], cluster, notes, {
      field: place.field,
      isDestination: place.side === "destination",
    });
    const number = protocolNumbers[protocol];
    const l4: L4 = place.side === "source" ? everyHeader : { points: portRange(number, port, port), names: [] };
    return { peers, l4 };
  });
  const under = entries.map(({ peers, l4 }) => ({ peers: peers.under, l4 }));
  if (entries.every(({ peers }) => peers.isExact)) return exactly(under);
  return between(
    under,
    entries.map(({ peers, l4 }) => ({ peers: peers.over, l4 })),
  );
}
