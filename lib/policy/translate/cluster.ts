import { sortedUnique } from "../../core/order.ts";
import type { CalicoHostEndpoint, CalicoNetworkSet, CalicoPolicySet } from "../calico/model.ts";
import { type LabelTerms, matchesTerms } from "../selector/label-term.ts";
import type { LabelKey, Selector } from "../selector/selector.ts";
import { parseAddress } from "../space/address.ts";
import { createLabelFilter } from "../space/label-filter.ts";
import type { LabelSet, World, WorldNode, WorldPod } from "../space/world.ts";
import { isInside, type Prefix, prefixOf } from "./cidr-terms.ts";
import { hasName, type NameSet } from "./name-set.ts";
import type { Approximation, Note } from "./note.ts";
import type { PeerSet } from "./peer-set.ts";

/** What the translation knows of the cluster, prepared for the questions it asks often. */
export interface Cluster {
  readonly world: World;
  readonly networkSets: readonly LabelledSet[];
  readonly hostEndpoints: readonly { readonly endpoint: CalicoHostEndpoint; readonly labels: LabelSet }[];
  /** Whether Cilium gives a pod label to identities. */
  readonly isVisible: (podLabel: string) => boolean;
  /** The values that pods, namespaces or accounts have for a key today, sorted. Empty without an inventory. */
  readonly valuesOf: (key: LabelKey) => readonly string[];
  /** One label set for each kind of pod that exists, by namespace. */
  readonly podsByNamespace: ReadonlyMap<string, readonly LabelSet[]>;
  /** Whether some pod of these runs on one of the nodes today; `undefined` when nobody knows. */
  readonly runsOn: (subject: LabelTerms, nodes: NameSet) => boolean | undefined;
  /** The prefixes that pods have addresses of, and the addresses of pods outside them. */
  readonly podPrefixes: readonly Prefix[];
  readonly nodes: readonly ClusterNode[];
  /** Answers of `resolve-nets.ts` by the prefixes asked for: the same lists stand in many policies. */
  readonly nets: Map<string, ResolvedNets>;
}

/** Whom a list of prefixes means, and what there is to say about it. */
export interface ResolvedNets {
  readonly peers: Approximation<PeerSet>;
  readonly notes: readonly Note[];
}

/** A node with its addresses, read once. */
export interface ClusterNode {
  readonly name: string;
  readonly addresses: readonly Prefix[];
  /** Those that somebody connects to: not the one of the tunnel device, which lies in the pods' pool. */
  readonly ownAddresses: readonly Prefix[];
}

/** A network set with all labels that a selector sees on it. */
export interface LabelledSet {
  readonly set: CalicoNetworkSet;
  readonly labels: LabelSet;
  /** Whether the labels of its namespace are not known. */
  readonly isNamespaceUnknown: boolean;
}

/** Prepares what `translatePolicies` asks of the world. Cost: one pass over the pods, 50,000 in about 0.2 s. */
export function clusterOf(set: CalicoPolicySet, world: World): Cluster {
  const { podsByNamespace, nodesOfPods } = classifyPods(world, podLabelsIn(set));
  const prefixes = podPrefixes(world);
  const values = new Map<LabelKey, readonly string[]>();
  return {
    world,
    networkSets: set.networkSets.map((networkSet) => ({
      set: networkSet,
      labels: networkSetLabels(networkSet, world),
      isNamespaceUnknown:
        networkSet.identity.namespace !== undefined && !world.namespaces.has(networkSet.identity.namespace),
    })),
    hostEndpoints: set.hostEndpoints.map((endpoint) => ({ endpoint, labels: ownLabels(endpoint.labels) })),
    isVisible: createLabelFilter(world.cilium.labelFilter),
    valuesOf: (key) => {
      const known = values.get(key);
      if (known !== undefined) return known;
      const found = findValues(key, world, podsByNamespace);
      values.set(key, found);
      return found;
    },
    podsByNamespace,
    runsOn: (subject, nodes) =>
      world.isInventoryKnown
        ? [...nodesOfPods].some(
            ([labels, own]) => own.some((name) => hasName(nodes, name)) && matchesTerms(subject, labels),
          )
        : undefined,
    podPrefixes: prefixes,
    nodes: world.nodes.map((node) => clusterNode(node, prefixes)),
    nets: new Map(),
  };
}

function clusterNode(node: WorldNode, podPrefixesOfCluster: readonly Prefix[]): ClusterNode {
  const addresses = node.addresses.flatMap((address) => prefixOf(address) ?? []);
  const own = addresses.filter((address) => !podPrefixesOfCluster.some((prefix) => isInside(address, prefix)));
  return { name: node.name, addresses, ownAddresses: own.length > 0 ? own : addresses };
}

function podPrefixes(world: World): readonly Prefix[] {
  const pools = world.podCIDRs.source.flatMap((cidr) => prefixOf(cidr) ?? []);
  const stray: Prefix[] = [];
  for (const pod of world.pods)
    for (const text of pod.addresses) {
      const address = parseAddress(text);
      if (address === undefined || pools.some((pool) => holdsAddress(pool, address))) continue;
      stray.push({ text, family: address.family, first: address.value, last: address.value });
    }
  return [...pools, ...stray];
}

function holdsAddress(pool: Prefix, { family, value }: NonNullable<ReturnType<typeof parseAddress>>): boolean {
  return pool.family === family && pool.first <= value && value <= pool.last;
}

function ownLabels(labels: Readonly<Record<string, string>>): Map<LabelKey, string> {
  return new Map(Object.entries(labels).map(([key, value]) => [`pod:${key}`, value]));
}

/** A network set has its own labels, and those of its namespace. */
function networkSetLabels(set: CalicoNetworkSet, world: World): LabelSet {
  const labels = ownLabels(set.labels);
  const { namespace } = set.identity;
  if (namespace === undefined) return labels;
  labels.set("meta:namespace", namespace);
  for (const [key, value] of Object.entries(world.namespaces.get(namespace) ?? {})) labels.set(`ns:${key}`, value);
  return labels;
}

interface PodClasses {
  readonly podsByNamespace: ReadonlyMap<string, readonly LabelSet[]>;
  readonly nodesOfPods: ReadonlyMap<LabelSet, readonly string[]>;
}

/** The pods' own labels that any policy asks for: others tell no two pods apart. */
function podLabelsIn(set: CalicoPolicySet): ReadonlySet<string> {
  const labels = new Set<string>();
  const visit = (selector: Selector | undefined): void => {
    if (selector === undefined) return;
    if ("operand" in selector) visit(selector.operand);
    else if ("operands" in selector) for (const operand of selector.operands) visit(operand);
    else if ("key" in selector && selector.key.startsWith("pod:")) labels.add(selector.key.slice("pod:".length));
  };
  for (const policy of set.policies) {
    visit(policy.appliesTo);
    for (const rule of [...policy.ingress, ...policy.egress])
      for (const entity of [rule.source, rule.destination]) {
        visit(entity.selector);
        visit(entity.notSelector);
      }
  }
  return labels;
}

function classifyPods(world: World, asked: ReadonlySet<string>): PodClasses {
  const classes = new Map<string, { readonly labels: LabelSet; readonly nodes: Set<string> }>();
  const podsByNamespace = new Map<string, LabelSet[]>();
  for (const pod of world.pods) {
    const key = classKey(pod, asked);
    const known = classes.get(key) ?? { labels: podLabels(pod, world, asked), nodes: new Set<string>() };
    if (pod.node !== undefined) known.nodes.add(pod.node);
    if (classes.has(key)) continue;
    classes.set(key, known);
    const list = podsByNamespace.get(pod.namespace) ?? [];
    list.push(known.labels);
    podsByNamespace.set(pod.namespace, list);
  }
  const nodesOfPods = new Map([...classes.values()].map(({ labels, nodes }) => [labels, [...nodes]]));
  return { podsByNamespace, nodesOfPods };
}

function classKey(pod: WorldPod, asked: ReadonlySet<string>): string {
  let key = `${pod.namespace}\n${pod.serviceAccount}`;
  const own: string[] = [];
  for (const label in pod.labels) if (asked.has(label)) own.push(label);
  for (const label of own.sort()) key += `\n${label}=${pod.labels[label]}`;
  return key;
}

/** The labels of a pod that are asked for, in the one vocabulary. */
function podLabels(pod: WorldPod, world: World, asked: ReadonlySet<string>): LabelSet {
  const labels = ownLabels(Object.fromEntries(Object.entries(pod.labels).filter(([key]) => asked.has(key))));
  labels.set("meta:namespace", pod.namespace);
  labels.set("meta:orchestrator", "k8s");
  labels.set("meta:serviceaccount", pod.serviceAccount);
  for (const [key, value] of Object.entries(world.namespaces.get(pod.namespace) ?? {})) labels.set(`ns:${key}`, value);
  const account = world.serviceAccounts.get(`${pod.namespace}/${pod.serviceAccount}`) ?? {};
  for (const [key, value] of Object.entries(account)) labels.set(`sa:${key}`, value);
  return labels;
}

function findValues(
  key: LabelKey,
  world: World,
  podsByNamespace: ReadonlyMap<string, readonly LabelSet[]>,
): readonly string[] {
  if (key === "meta:namespace") return sortedUnique(world.namespaces.keys());
  if (key.startsWith("ns:"))
    return sortedUnique([...world.namespaces.values()].flatMap((labels) => labels[key.slice("ns:".length)] ?? []));
  if (key === "meta:serviceaccount")
    return sortedUnique([...world.serviceAccounts.keys()].map((name) => name.slice(name.indexOf("/") + 1)));
  const found = new Set<string>();
  for (const pods of podsByNamespace.values())
    for (const labels of pods) {
      const value = labels.get(key);
      if (value !== undefined) found.add(value);
    }
  return sortedUnique(found);
}
