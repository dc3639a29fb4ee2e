import type { LabelKey } from "../selector/selector.ts";
import { type AddressRange, type AddressValue, familyOf, parseAddress, parseRange } from "./address.ts";
import { type AddressCells, cutAddresses } from "./address-cells.ts";
import type { PacketEnd } from "./packet-end.ts";
import { podClasses } from "./pod-classes.ts";
import type { Vocabulary } from "./vocabulary.ts";
import type { LabelSet, World, WorldNode } from "./world.ts";

/** An address that Calico knows under labels that are no pod's: a HostEndpoint's expected address. */
export interface LabelledAddress {
  readonly address: string;
  readonly labels: LabelSet;
}

/** All ends of one address family, and the cut of its address space. */
export interface Ends {
  readonly family: 4 | 6;
  readonly cells: AddressCells;
  readonly ends: readonly PacketEnd[];
  /** Nodes that policies tell apart; empty where they tell none. */
  readonly nodeClasses: readonly NodeClass[];
}

/** Nodes whose addresses no policy tells apart. A pod's own node is `host` to it, every other one `node`. */
export interface NodeClass {
  readonly names: ReadonlySet<string>;
  /** Places of the `host` ends that these nodes are to their own pods. */
  readonly hosts: readonly number[];
  /** Places of the `node` ends that stand for nothing but one of these nodes alone: no other node to its own pods. */
  readonly sole: readonly number[];
}

/**
 * Every end that a packet of the inventory can have, folded into classes: pods, nodes (once as the pod's own `host`, once
 * as another `node` where there are several), one address of every cell outside the cluster, the API server where it
 * stands outside, and one address for each DNS name of the vocabulary.
 *
 * `labelled` are Calico's HostEndpoint addresses. Cells inside a pod prefix have no outside end.
 */
export function closedEnds(
  world: World,
  family: 4 | 6,
  vocabulary: Vocabulary,
  labelled: readonly LabelledAddress[],
): Ends {
  const podPrefixes = [...world.podCIDRs.source, ...world.podCIDRs.target];
  const cells = cutAddresses([...vocabulary.prefixes, ...podPrefixes], family);
  const groups = nodeGroups(world, cells, vocabulary, labelled);
  const classes = nodeClassesOf(world, groups);
  const classOf = new Map(classes.flatMap(({ names }, index) => [...names].map((name) => [name, index] as const)));
  const pods = podClasses(world, vocabulary, {
    cells,
    nodeClassOf: (node) => (classes.length > 1 ? classOf.get(node) : undefined),
  });
  const ends = [...pods, ...otherEnds(world, cells, vocabulary, labelled)];
  const firstHost = pods.length;
  const firstNode = firstHost + groups.length;
  const nodeClasses = classes.map(({ names, groups: own }) => ({
    names,
    hosts: own.map((group) => firstHost + group),
    sole: own.filter((group) => groups[group]?.weight === 1).map((group) => firstNode + group),
  }));
  return { family, cells, ends, nodeClasses: classes.length > 1 ? nodeClasses : [] };
}

/** Nodes by the groups that their addresses lie in. */
function nodeClassesOf(
  world: World,
  groups: readonly NodeGroup[],
): { readonly names: ReadonlySet<string>; readonly groups: readonly number[] }[] {
  const classes = new Map<string, { names: Set<string>; groups: number[] }>();
  for (const { name } of world.nodes) {
    const own = groups.flatMap(({ addressOf }, index) => (addressOf.has(name) ? [index] : []));
    const key = own.join(",");
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { names: new Set([name]), groups: own });
    else known.names.add(name);
  }
  return [...classes.values()];
}

/** The ends of a family that are no pods: nodes and outside addresses. */
export function otherEnds(
  world: World,
  cells: AddressCells,
  vocabulary: Vocabulary,
  labelled: readonly LabelledAddress[],
): PacketEnd[] {
  return [
    ...nodeEnds(world, cells, vocabulary, labelled),
    ...outsideEnds(world, cells),
    ...apiServerEnds(world, cells),
    ...fqdnEnds(world, cells, vocabulary),
  ];
}

interface NodeGroup {
  readonly node: WorldNode;
  readonly address: string;
  readonly labels: LabelSet | undefined;
  readonly isTunnel: boolean;
  /** An address of the group for each of its nodes. */
  readonly addressOf: Map<string, string>;
  /** How many nodes. */
  weight: number;
}

function nodeEnds(
  world: World,
  cells: AddressCells,
  vocabulary: Vocabulary,
  labelled: readonly LabelledAddress[],
): PacketEnd[] {
  const apiServers = new Set(world.apiServerAddresses ?? []);
  const groups = nodeGroups(world, cells, vocabulary, labelled);
  const kinds = world.nodes.length > 1 ? (["host", "node"] as const) : (["host"] as const);
  return kinds.flatMap((kind) =>
    groups.map(({ node, address, labels, isTunnel, addressOf, weight }): PacketEnd => {
      const matchesNodes = world.cilium.policyCIDRMatchMode.includes("nodes");
      return {
        kind,
        weight,
        names: [...addressOf.keys()].slice(0, 2),
        ...(isTunnel && { isTunnel }),
        addressOf,
        calico: { address, ...(labels !== undefined && { labels }) },
        cilium: {
          labels: nodeLabels(kind, node, world, isApiServer(node, apiServers)),
          ...(matchesNodes && { address }),
        },
        namedPorts: [],
      };
    }),
  );
}

/** Node addresses that no policy can tell apart, together. */
function nodeGroups(
  world: World,
  cells: AddressCells,
  vocabulary: Vocabulary,
  labelled: readonly LabelledAddress[],
): NodeGroup[] {
  const labelsAt = new Map(labelled.map(({ address, labels }) => [address, labels]));
  const apiServers = new Set(world.apiServerAddresses ?? []);
  const pairs = world.nodes.flatMap((node) => node.addresses.map((address) => ({ node, address })));
  const groups = new Map<string, NodeGroup>();
  for (const { node, address } of pairs) {
    if (familyOf(address) !== cells.family) continue;
    const labels = labelsAt.get(address);
    const isTunnel = node.tunnelAddresses?.includes(address) === true;
    const signature = [
      cells.cellOf(address),
      isTunnel ? "tunnel" : "",
      labels === undefined ? "" : JSON.stringify([...labels].sort()),
      isApiServer(node, apiServers) ? "api" : "",
      world.cilium.nodeSelectorLabels ? nodeSignature(node, vocabulary) : "",
    ].join("|");
    const known = groups.get(signature);
    if (known === undefined)
      groups.set(signature, { node, address, labels, isTunnel, addressOf: new Map([[node.name, address]]), weight: 1 });
    else if (!known.addressOf.has(node.name)) {
      known.weight += 1;
      known.addressOf.set(node.name, address);
    }
  }
  return [...groups.values()];
}

function isApiServer(node: WorldNode, apiServers: ReadonlySet<string>): boolean {
  return node.addresses.some((address) => apiServers.has(address));
}

function nodeSignature(node: WorldNode, vocabulary: Vocabulary): string {
  return Object.keys(node.labels)
    .filter((key) => vocabulary.keys.has(`node:${key}`))
    .sort()
    .map((key) => `${key}=${node.labels[key]}`)
    .join("\u0001");
}

/**
 * What Cilium's selectors see on a node. With nodeSelectorLabels every remote node also has its labels and the cluster's
 * name. Source: reference policy 2.3 and its corrections.
 */
export function nodeLabels(
  kind: "host" | "node",
  node: Pick<WorldNode, "labels">,
  world: World,
  isApi: boolean,
): LabelSet {
  const labels = new Map<LabelKey, string>([[kind === "host" ? "reserved:host" : "reserved:remote-node", ""]]);
  if (isApi) labels.set("reserved:kube-apiserver", "");
  if (!world.cilium.nodeSelectorLabels) return labels;
  for (const [key, value] of Object.entries(node.labels)) labels.set(`node:${key}`, value);
  if (kind === "node") labels.set("meta:cluster", world.cilium.clusterName ?? "default");
  return labels;
}

/** The label of everything outside: one name in a single-stack cluster, one for each family in a dual-stack one. */
export function worldLabels(world: World, family: 4 | 6): Map<LabelKey, string> {
  const isDual = world.cilium.families.length > 1;
  return new Map([[isDual ? `reserved:world-ipv${family}` : "reserved:world", ""]]);
}

function outsideEnds(world: World, cells: AddressCells): PacketEnd[] {
  const avoided = [...world.podCIDRs.source, ...world.podCIDRs.target].flatMap((text) => parseRange(text) ?? []);
  const taken = takenAddresses(world);
  const labels = worldLabels(world, cells.family);
  const result: PacketEnd[] = [];
  for (let cell = 0; cell < cells.count; cell += 1) {
    const address = cells.freeAddressOf(cell, taken, avoided);
    if (address !== undefined) result.push(outsideEnd(address, address, labels));
  }
  return result;
}

function outsideEnd(name: string, address: string, labels: LabelSet, fqdns?: readonly string[]): PacketEnd {
  return {
    kind: "address",
    weight: 1,
    names: [name],
    calico: { address },
    cilium: { labels, address, ...(fqdns !== undefined && { fqdns }) },
    namedPorts: [],
  };
}

function takenAddresses(world: World): ReadonlySet<AddressValue> {
  const taken = new Set<AddressValue>();
  const add = (text: string): void => {
    const parsed = parseAddress(text);
    if (parsed !== undefined) taken.add(parsed.value);
  };
  for (const { addresses } of world.pods) addresses.forEach(add);
  for (const { addresses } of world.nodes) addresses.forEach(add);
  for (const address of world.apiServerAddresses ?? []) add(address);
  return taken;
}

/** API servers that are no nodes of the cluster: outside addresses with a label of their own. */
function apiServerEnds(world: World, cells: AddressCells): PacketEnd[] {
  const ofNodes = new Set(world.nodes.flatMap(({ addresses }) => addresses));
  const labels = worldLabels(world, cells.family).set("reserved:kube-apiserver", "");
  return (world.apiServerAddresses ?? [])
    .filter((address) => familyOf(address) === cells.family && !ofNodes.has(address))
    .map((address) => outsideEnd(address, address, labels));
}

function fqdnEnds(world: World, cells: AddressCells, vocabulary: Vocabulary): PacketEnd[] {
  if (vocabulary.fqdns.size === 0) return [];
  const labels = worldLabels(world, cells.family);
  const avoided: AddressRange[] = [...world.podCIDRs.source, ...world.podCIDRs.target].flatMap(
    (text) => parseRange(text) ?? [],
  );
  const taken = takenAddresses(world);
  for (let cell = 0; cell < cells.count; cell += 1) {
    const address = cells.freeAddressOf(cell, taken, avoided);
    if (address !== undefined)
      return [...vocabulary.fqdns].sort().map((name) => outsideEnd(name, address, labels, [name]));
  }
  return [];
}
