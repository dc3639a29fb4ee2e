import {
  allTerms,
  complementTerms,
  doOverlap,
  intersectTerms,
  isSubsetOfTerms,
  type LabelTerms,
  subtractTerms,
  uniteTerms,
} from "../selector/label-term.ts";
import {
  type CidrTerms,
  doCidrsOverlap,
  everyAddress,
  intersectCidrs,
  isEveryAddress,
  isSubsetOfCidrs,
  subtractCidrs,
  uniteCidrs,
} from "./cidr-terms.ts";
import {
  complementNames,
  everyName,
  intersectNames,
  isEveryName,
  isNoName,
  type NameSet,
  noName,
  subtractNames,
  uniteNames,
} from "./name-set.ts";

/**
 * Whom a rule speaks of, cut into the four sorts of peer that Cilium tells apart: pods by labels, nodes (with their
 * hostNetwork pods) by name, and all other addresses of each family.
 */
export interface PeerSet {
  readonly pods: LabelTerms;
  readonly nodes: NameSet;
  readonly v4: CidrTerms;
  readonly v6: CidrTerms;
}

/** A set, and whether it is all of what was asked for. */
export interface BoundedPeers {
  readonly peers: PeerSet;
  readonly isComplete: boolean;
}

export const everybody: PeerSet = { pods: allTerms, nodes: everyName, v4: everyAddress(4), v6: everyAddress(6) };
export const nobody: PeerSet = { pods: [], nodes: noName, v4: [], v6: [] };
/** Whether a set holds every pod, node and address. */
export function isEverybody(peers: PeerSet): boolean {
  return (
    isEveryName(peers.nodes) &&
    isEveryAddress(peers.v4) &&
    isEveryAddress(peers.v6) &&
    peers.pods.some((term) => term.size === 0)
  );
}

/** Whether a set holds nothing. */
export function isNobody(peers: PeerSet): boolean {
  return peers.pods.length === 0 && isNoName(peers.nodes) && peers.v4.length === 0 && peers.v6.length === 0;
}

/** Whether some peer is in both. */
export function doPeersOverlap(a: PeerSet, b: PeerSet): boolean {
  return (
    doOverlap(a.pods, b.pods) ||
    !isNoName(intersectNames(a.nodes, b.nodes)) ||
    doCidrsOverlap(a.v4, b.v4) ||
    doCidrsOverlap(a.v6, b.v6)
  );
}

/** What is in both. */
export function intersectPeers(a: PeerSet, b: PeerSet): PeerSet {
  return {
    pods: intersectTerms(a.pods, b.pods),
    nodes: intersectNames(a.nodes, b.nodes),
    v4: intersectCidrs(a.v4, b.v4),
    v6: intersectCidrs(a.v6, b.v6),
  };
}

/** What is in either. */
export function unitePeers(a: PeerSet, b: PeerSet): PeerSet {
  return {
    pods: uniteTerms(a.pods, b.pods),
    nodes: uniteNames(a.nodes, b.nodes),
    v4: uniteCidrs(a.v4, b.v4),
    v6: uniteCidrs(a.v6, b.v6),
  };
}

/** What is in the first and not in the second; not complete: a part of it. */
export function subtractPeers(a: PeerSet, b: PeerSet): BoundedPeers {
  const pods = subtractTerms(a.pods, b.pods);
  const peers = {
    pods: pods.terms,
    nodes: subtractNames(a.nodes, b.nodes),
    v4: subtractCidrs(a.v4, b.v4),
    v6: subtractCidrs(a.v6, b.v6),
  };
  return { peers, isComplete: pods.isComplete };
}

/** All that is not in the set; not complete: a part of it. */
export function complementPeers(peers: PeerSet): BoundedPeers {
  const pods = complementTerms(peers.pods);
  return {
    peers: {
      pods: pods.terms,
      nodes: complementNames(peers.nodes),
      v4: subtractCidrs(everyAddress(4), peers.v4),
      v6: subtractCidrs(everyAddress(6), peers.v6),
    },
    isComplete: pods.isComplete,
  };
}

/** Whether every peer of the first is in the second. */
export function isSubsetOfPeers(a: PeerSet, b: PeerSet): boolean {
  return (
    isNoName(subtractNames(a.nodes, b.nodes)) &&
    isSubsetOfTerms(a.pods, b.pods) &&
    isSubsetOfCidrs(a.v4, b.v4) &&
    isSubsetOfCidrs(a.v6, b.v6)
  );
}
