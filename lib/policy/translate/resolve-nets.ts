import type { AddressFamily } from "../../core/cidr.ts";
import { mergeCIDRs } from "../../core/cidr.ts";
import { allTerms } from "../selector/label-term.ts";
import { type CidrTerms, isInside, type Prefix, prefixOf } from "./cidr-terms.ts";
import type { Cluster, ResolvedNets } from "./cluster.ts";
import { everyName, type NameSet, namesOf, noName } from "./name-set.ts";
import { type Approximation, between, exactly, type Note } from "./note.ts";
import { nobody, type PeerSet } from "./peer-set.ts";

/** How much of a group of addresses prefixes hold. `isAssumed`: by their range alone, no inventory says so. */
type Coverage = { readonly kind: "all" | "none"; readonly isAssumed: boolean } | { readonly kind: "some" | "unknown" };

/** Ranges from which clusters number their pods and nodes. RFC 1918, RFC 6598, RFC 4193. */
const privateRanges: Readonly<Record<AddressFamily, readonly Prefix[]>> = {
  4: prefixesOf(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]),
  6: prefixesOf(["fc00::/7"]),
};
const sharedRange = prefixesOf(["100.64.0.0/10"]);

function prefixesOf(texts: readonly string[]): readonly Prefix[] {
  return texts.flatMap((text) => prefixOf(text) ?? []);
}

/** Where the prefixes stand: the field for messages, and whether they name destinations or sources. */
export interface NetsPlace {
  readonly field: string;
  readonly isDestination: boolean;
}

/**
 * Whoever has an address in the prefixes: outside addresses, and the pods and nodes that Calico matches by address, too. A prefix that
 * holds some pods only leaves bounds (POL042): their addresses change during the migration.
 *
 * Findings: POL042, POL043, POL046.
 */
export function resolveNets(
  nets: readonly string[],
  cluster: Cluster,
  notes: Note[],
  place: NetsPlace,
): Approximation<PeerSet> {
  const key = `${place.isDestination ? "to" : "from"} ${nets.join(" ")}`;
  const known = cluster.nets.get(key) ?? resolveOnce(nets, cluster, place);
  cluster.nets.set(key, known);
  notes.push(...known.notes.map((note) => ({ ...note, field: place.field })));
  return known.peers;
}

function resolveOnce(nets: readonly string[], cluster: Cluster, place: NetsPlace): ResolvedNets {
  const notes: Note[] = [];
  // Merged first: 0.0.0.0/1 and 128.0.0.0/1 together are everything.
  const merged = prefixesOf(nets.length > 1 ? mergeCIDRs(nets) : nets);
  const written = prefixesOf(nets);
  const terms = (family: AddressFamily): CidrTerms =>
    written.filter((prefix) => prefix.family === family).map((cidr) => ({ cidr, except: [] }));
  const outside = { ...nobody, v4: terms(4), v6: terms(6) };
  const pods = podsInside(merged, cluster, notes, place.field, nets);
  const nodes = nodesInside(merged, cluster, notes, place, nets);
  const under: PeerSet = { ...outside, pods: pods.under ? allTerms : [], nodes: nodes.under };
  if (pods.isExact && nodes.isExact) return { peers: exactly(under), notes };
  const over: PeerSet = { ...outside, pods: pods.over ? allTerms : [], nodes: nodes.over };
  return { peers: between(under, over), notes };
}

function podsInside(
  nets: readonly Prefix[],
  cluster: Cluster,
  notes: Note[],
  field: string,
  written: readonly string[],
): Approximation<boolean> {
  const families = familiesIn(nets);
  const coverages = families.map((family) => podCoverage(nets, family, cluster));
  const kinds = new Set(coverages.map((coverage) => coverage.kind));
  if (coverages.some((coverage) => "isAssumed" in coverage && coverage.isAssumed))
    noteAssumption(notes, field, written);
  if (kinds.size === 1 && kinds.has("all")) return exactly(true);
  if (kinds.size === 0 || (kinds.size === 1 && kinds.has("none"))) return exactly(false);
  const shown = shorten(written);
  const isUnknown = kinds.has("unknown");
  notes.push({
    code: "POL042",
    effect: "inexact",
    field,
    ...(isUnknown && { severity: "warning" as const }),
    message: isUnknown
      ? `whether ${shown} holds pods is not known; Cilium does not match pods by address`
      : `${shown} holds some of the cluster's pods; Cilium does not match pods by address`,
    reason: "a Cilium CIDR matches addresses outside the cluster only, and pods get new addresses during the migration",
    remedy: isUnknown
      ? "give the cluster's objects with --inventory"
      : "select the pods by labels, in a rule of their own beside the prefix",
    data: { nets: [...written] },
  });
  return between(false, true);
}

function noteAssumption(notes: Note[], field: string, written: readonly string[]): void {
  notes.push({
    code: "POL046",
    effect: "none",
    field,
    message: `${shorten(written)} is taken to hold every pod and node of the cluster`,
    reason:
      "it holds all private ranges (RFC 1918); without an inventory the addresses of pods and nodes are not known",
    remedy: "give the cluster's objects with --inventory to be sure",
    data: { nets: [...written] },
  });
}

function shorten(nets: readonly string[]): string {
  return nets.length <= 3 ? nets.join(", ") : `${nets.slice(0, 3).join(", ")} and ${nets.length - 3} more`;
}

function familiesIn(nets: readonly Prefix[]): readonly AddressFamily[] {
  return ([4, 6] as const).filter((family) => nets.some((net) => net.family === family));
}

function holds(nets: readonly Prefix[], inner: Prefix): boolean {
  return nets.some((net) => isInside(inner, net));
}

function touches(nets: readonly Prefix[], other: Prefix): boolean {
  return nets.some((net) => isInside(other, net) || isInside(net, other));
}

function podCoverage(nets: readonly Prefix[], family: AddressFamily, cluster: Cluster): Coverage {
  // A cluster without this family has no pod in the prefix.
  if (!cluster.world.families.includes(family)) return { kind: "none", isAssumed: false };
  return findPodCoverage(nets, family, cluster);
}

function findPodCoverage(nets: readonly Prefix[], family: AddressFamily, cluster: Cluster): Coverage {
  const pods = cluster.podPrefixes.filter((prefix) => prefix.family === family);
  if (pods.length === 0) return coverageByRange(nets, family);
  if (pods.every((prefix) => holds(nets, prefix))) return { kind: "all", isAssumed: false };
  return pods.some((prefix) => touches(nets, prefix)) ? { kind: "some" } : { kind: "none", isAssumed: false };
}

function coverageByRange(nets: readonly Prefix[], family: AddressFamily): Coverage {
  if (nets.some((net) => net.family === family && net.text.endsWith("/0"))) return { kind: "all", isAssumed: false };
  const ranges = privateRanges[family];
  if (ranges.every((range) => holds(nets, range))) return { kind: "all", isAssumed: true };
  const touched = [...ranges, ...(family === 4 ? sharedRange : [])].some((range) => touches(nets, range));
  return touched ? { kind: "unknown" } : { kind: "none", isAssumed: false };
}

function nodesInside(
  nets: readonly Prefix[],
  cluster: Cluster,
  notes: Note[],
  place: NetsPlace,
  written: readonly string[],
): Approximation<NameSet> {
  const { nodes } = cluster;
  const { families } = cluster.world;
  const wanted = familiesIn(nets).filter((family) => families.includes(family));
  if (wanted.length === 0) return exactly(noName);
  if (nodes.length === 0) return nodesByRange(nets, wanted, notes, place.field, written);
  const inside: string[] = [];
  const touched: string[] = [];
  for (const node of nodes) {
    // As a source the address of the tunnel device counts: it is by it that other nodes' traffic arrives.
    const all = place.isDestination ? node.ownAddresses : node.addresses;
    if (!all.some((address) => holds(nets, address))) continue;
    touched.push(node.name);
    const isWhole = all.every((address) => !wanted.includes(address.family) || holds(nets, address));
    if (isWhole) inside.push(node.name);
  }
  const under = allOr(inside, nodes.length);
  if (inside.length === touched.length) return exactly(under);
  const partly = touched.filter((name) => !inside.includes(name));
  notes.push({
    code: "POL043",
    effect: "inexact",
    field: place.field,
    message: `${shorten(written)} holds some addresses of ${shorten(partly)}, but not all`,
    reason: "Cilium knows a node as one peer, whichever of its addresses is used",
    remedy: "name all addresses of the node, the one of its tunnel device included, or none",
    data: { nodes: partly },
  });
  return between(under, allOr(touched, nodes.length));
}

function allOr(names: readonly string[], count: number): NameSet {
  return names.length === count ? everyName : namesOf(names);
}

function nodesByRange(
  nets: readonly Prefix[],
  families: readonly AddressFamily[],
  notes: Note[],
  field: string,
  written: readonly string[],
): Approximation<NameSet> {
  const kinds = new Set(families.map((family) => coverageByRange(nets, family).kind));
  if (kinds.size === 1 && kinds.has("all")) return exactly(everyName);
  if (kinds.size === 1 && kinds.has("none")) return exactly(noName);
  if (!notes.some((note) => note.code === "POL042" && note.field === field))
    notes.push({
      code: "POL043",
      effect: "inexact",
      field,
      message: `whether ${shorten(written)} holds nodes is not known; Cilium does not match nodes by address`,
      reason: "a Cilium CIDR matches addresses outside the cluster only",
      remedy: "give the cluster's objects with --inventory",
      data: { nets: [...written] },
    });
  return between(noName, everyName);
}
