import { getArray, type JsonObject } from "../../core/json.ts";
import type { World } from "../space/world.ts";
import type { Box } from "./box.ts";
import { type CidrTerms, isEveryAddress, prefixOf, subtractCidrs } from "./cidr-terms.ts";
import type { Cluster } from "./cluster.ts";
import { emitL4 } from "./emit-l4.ts";
import { emitSelectors } from "./emit-selector.ts";
import type { TranslationFindingCode } from "./findings.ts";
import { type L4, noHeader } from "./l4.ts";
import { isEveryName, isNoName, type NameSet, namesOf } from "./name-set.ts";
import { isEverybody } from "./peer-set.ts";

/** Where a box is written. */
export interface EmissionPlace {
  readonly direction: "ingress" | "egress";
  readonly action: "allow" | "deny";
  /** The namespace of a namespaced policy. */
  readonly namespace?: string;
  readonly cluster: Cluster;
  /** Prefixes that denies must leave out while unmigrated pods have addresses there. */
  readonly bridgedCIDRs: readonly string[];
}

/** A box as rules of Cilium, and what of it could not be said. */
export interface EmittedBox {
  readonly rules: readonly JsonObject[];
  /** Headers that no rule says. */
  readonly lostL4: L4;
  /** Whether peers are said too small (allow) or too large (deny). */
  readonly arePeersExact: boolean;
  readonly codes: readonly TranslationFindingCode[];
  /** Whether ICMP types that nobody uses are left out of "every type". */
  readonly isWithoutUnusedTypes: boolean;
  readonly needsNodeLabels: boolean;
}

/**
 * Writes a box as rules of one peer kind each.
 *
 * A deny never covers the pod's own node on ingress, which Calico does not police, and is never written by way of `all`.
 * Source: cilium/cilium v1.20.2 pkg/policy/api/rule_validation.go (one peer kind), Documentation/security/policy.
 */
export function emitBox(box: Box, place: EmissionPlace): EmittedBox {
  const l4 = emitL4(box.l4, place.cluster.world.cilium, place.action, box.http);
  const peers = emitPeers(box, place);
  const rules = peers.parts.flatMap((peer) =>
    l4.parts
      .map((part) => ({ ...peer, ...part }))
      .map((rule) => (Object.keys(rule).length > 0 ? rule : anybody(place))),
  );
  return {
    rules,
    lostL4: l4.lost.length > 0 ? { points: l4.lost, names: [] } : noHeader,
    arePeersExact: peers.isExact,
    codes: [...l4.lostCodes, ...peers.codes],
    isWithoutUnusedTypes: l4.isWithoutUnusedTypes,
    needsNodeLabels: peers.needsNodeLabels,
  };
}

/** How much there is to read: one for each rule, and more for long lists of ports, types and prefixes. */
export function weighRules(rules: readonly JsonObject[]): number {
  return rules.reduce((sum, rule) => sum + 1 + Math.floor(countEntries(rule) / 10), 0);
}

function countEntries(rule: JsonObject): number {
  const lists = [
    ...getArray(rule, "toPorts").map((item) => getArray(item, "ports")),
    ...getArray(rule, "icmps").map((item) => getArray(item, "fields")),
  ];
  return lists.reduce((sum, list) => sum + list.length, 0);
}

function anybody(place: EmissionPlace): JsonObject {
  return { [field(place, "Entities")]: ["all"] };
}

function field(place: EmissionPlace, what: string): string {
  return `${place.direction === "ingress" ? "from" : "to"}${what}`;
}

interface EmittedPeers {
  readonly parts: readonly JsonObject[];
  readonly isExact: boolean;
  readonly codes: readonly TranslationFindingCode[];
  readonly needsNodeLabels: boolean;
}

function emitPeers(box: Box, place: EmissionPlace): EmittedPeers {
  const { peers } = box;
  if (place.action === "allow" && isEverybody(peers))
    return { parts: [{}], isExact: true, codes: [], needsNodeLabels: false };
  const parts: JsonObject[] = [];
  if (peers.pods.length > 0) {
    const scope = { position: "peer", ...(place.namespace !== undefined && { namespace: place.namespace }) } as const;
    parts.push({ [field(place, "Endpoints")]: [...emitSelectors(peers.pods, scope)] });
  }
  const nodes = emitNodes(box, place);
  const isBridged = place.action === "deny" && place.bridgedCIDRs.length > 0;
  const isWorld = isEveryAddress(peers.v4) && isEveryAddress(peers.v6) && !isBridged;
  const entities = [...nodes.entities, ...(isWorld ? ["world"] : [])];
  if (entities.length > 0) parts.push({ [field(place, "Entities")]: entities });
  parts.push(...nodes.selectors);
  if (!isWorld) {
    const bridged = isBridged ? place.bridgedCIDRs.flatMap((text) => prefixOf(text) ?? []) : [];
    const cidrs = subtractCidrs(
      [...peers.v4, ...peers.v6],
      bridged.map((cidr) => ({ cidr, except: [] })),
    );
    if (cidrs.length > 0) parts.push(emitCIDRs(cidrs, place));
  }
  return { parts, isExact: nodes.isExact, codes: nodes.codes, needsNodeLabels: nodes.selectors.length > 0 };
}

function emitCIDRs(terms: CidrTerms, place: EmissionPlace): JsonObject {
  if (terms.every((term) => term.except.length === 0))
    return { [field(place, "CIDR")]: terms.map((term) => term.cidr.text) };
  return {
    [field(place, "CIDRSet")]: terms.map((term) => ({
      cidr: term.cidr.text,
      ...(term.except.length > 0 && { except: term.except.map((except) => except.text) }),
    })),
  };
}

interface EmittedNodes {
  readonly entities: readonly string[];
  readonly selectors: readonly JsonObject[];
  readonly isExact: boolean;
  readonly codes: readonly TranslationFindingCode[];
}

const exactNodes: Omit<EmittedNodes, "entities"> = { selectors: [], isExact: true, codes: [] };

function emitNodes(box: Box, place: EmissionPlace): EmittedNodes {
  const { nodes } = box.peers;
  const { world } = place.cluster;
  if (isNoName(nodes)) return { ...exactNodes, entities: [] };
  const withHost = place.action === "allow" || place.direction === "egress";
  if (isEveryName(nodes)) return { ...exactNodes, entities: withHost ? ["host", "remote-node"] : ["remote-node"] };
  if (isApiServer(nodes, world)) return { ...exactNodes, entities: ["kube-apiserver"], codes: ["POL043"] };
  const hostnames = nodes.names.map((name) => hostnameOf(name, world));
  if (hostnames.includes(undefined)) return withoutNames(place, withHost);
  // Node selectors never match the pod's own node. An allow leaves it out, a deny must take it in.
  const meetsOwnNode = place.direction === "egress" && place.cluster.runsOn(box.subject, nodes) !== false;
  return {
    entities: place.action === "deny" && meetsOwnNode ? ["host"] : [],
    selectors: [
      {
        [field(place, "Nodes")]: [
          nodeSelector(
            hostnames.flatMap((name) => name ?? []),
            nodes.isNegated,
          ),
        ],
      },
    ],
    isExact: !meetsOwnNode,
    codes: ["POL043"],
  };
}

function nodeSelector(hostnames: readonly string[], isNegated: boolean): JsonObject {
  const key = "kubernetes.io/hostname";
  const [only] = hostnames;
  if (!isNegated && hostnames.length === 1 && only !== undefined) return { matchLabels: { [key]: only } };
  return { matchExpressions: [{ key, operator: isNegated ? "NotIn" : "In", values: [...hostnames] }] };
}

/** Nodes that no label tells apart: an allow leaves all of them out, a deny takes all of them in. */
function withoutNames(place: EmissionPlace, withHost: boolean): EmittedNodes {
  const all = withHost ? ["host", "remote-node"] : ["remote-node"];
  return { entities: place.action === "deny" ? all : [], selectors: [], isExact: false, codes: ["POL043"] };
}

/** Whether the nodes are exactly those on which the API server runs: Cilium has an entity for them. */
function isApiServer(nodes: NameSet, world: World): boolean {
  if (nodes.isNegated) return false;
  const addresses = world.apiServerAddresses ?? [];
  const owners = addresses.map((address) => world.nodes.find((node) => node.addresses.includes(address))?.name);
  const known = namesOf(owners.flatMap((name) => name ?? []));
  return (
    known.names.length > 0 &&
    !owners.includes(undefined) &&
    known.names.length === nodes.names.length &&
    known.names.every((name) => nodes.names.includes(name))
  );
}

function hostnameOf(name: string, world: World): string | undefined {
  return world.nodes.find((node) => node.name === name)?.labels["kubernetes.io/hostname"];
}
