import { addressFamily } from "../../core/cidr.ts";
import { ownNamespace } from "../../core/own-namespace.ts";
import type { LabelledAddress } from "../space/closed-ends.ts";
import { closedEnds, worldLabels } from "../space/closed-ends.ts";
import { type ClosedSpace, createClosedSpace } from "../space/closed-space.ts";
import { createLabelFilter } from "../space/label-filter.ts";
import { onceForLabels } from "../space/once-for-labels.ts";
import { calicoLabelsOf, ciliumLabelsOf, type PacketEnd } from "../space/packet-end.ts";
import { canonicalKey, type Vocabulary } from "../space/vocabulary.ts";
import type { LabelSet, World, WorldPod } from "../space/world.ts";
import { oldAddress, oldLook, remoteLook, translatedOldLook, translatedYoungLook, youngLook } from "./mixed-looks.ts";

/** Pods that no policy can tell apart, wherever they run, with the places of the ends that stand for them. */
export interface MixedClass {
  readonly pods: readonly WorldPod[];
  /** For people: names and the address of today. */
  readonly shown: PacketEnd;
  /** On the source: Calico knows its labels and today's address, Cilium knows it as `unmanaged`. */
  readonly old: number;
  /** On the source and on another node than the moved pod that speaks to it: for Cilium an address of the outside. */
  readonly remote: number;
  /** Moved: Cilium knows its labels; Calico knows them, too, with an address of the new pool. One for each part of that pool that policies tell apart. */
  readonly young: readonly number[];
}

/** A node or an outside address, as both engines see it before, during and after. */
export interface MixedOther {
  readonly place: number;
  readonly shown: PacketEnd;
}

/** All ends of one address family in the mixed phase. */
export interface MixedEnds {
  readonly family: 4 | 6;
  readonly space: ClosedSpace;
  readonly ends: readonly PacketEnd[];
  readonly classes: readonly MixedClass[];
  readonly others: readonly MixedOther[];
  /** An old pod behind address translation, as Cilium sees it: the outside, without an address that CIDR rules match. */
  readonly translatedOld: number;
  /** Addresses of nodes that a moved pod hides behind without node rules, as Calico sees them; one for each that policies tell apart. */
  readonly translatedYoung: readonly number[];
}

/**
 * The ends of the mixed phase. What each engine sees of the other side's pods is what the pilot measured: with node rules
 * real addresses and Calico's labels, `unmanaged` on the same node and a CIDR identity from another one; without them the
 * address of a node, or the outside.
 *
 * metachron's own probe pods are left out: mirrors let them pass on purpose. A pod of the inventory that has an address
 * of the new pool already is looked at as if it had not moved yet.
 * Source: pilot with Canal and Cilium 1.20.2, "Sources and identities".
 */
export function mixedEnds(
  world: World,
  family: 4 | 6,
  vocabulary: Vocabulary,
  labelled: readonly LabelledAddress[],
): MixedEnds {
  const fixed = closedEnds({ ...world, pods: [] }, family, vocabulary, labelled);
  const pools = world.podCIDRs.target.filter((pool) => addressFamily(pool) === family);
  const youngAddresses = pools.flatMap((pool) => addressesOf(pool, fixed.cells));
  const outside = worldLabels(world, family);
  const ends: PacketEnd[] = [...fixed.ends];
  const add = (end: PacketEnd): number => ends.push(end) - 1;

  const classes = foldPods(world, family, vocabulary, fixed.cells.cellOf).map(({ pods, end }): MixedClass => {
    const places = youngAddresses.length === 0 ? [undefined] : youngAddresses;
    return {
      pods,
      shown: end,
      old: add(oldLook(end)),
      remote: add(remoteLook(end, outside)),
      young: places.map((young) => add(youngLook(end, young))),
    };
  });
  const translatedOld = add(translatedOldLook(outside));
  const translatedYoung = distinctNodeAddresses(world, fixed.ends).map((address) =>
    add(translatedYoungLook(address, outside)),
  );
  return {
    family,
    space: createClosedSpace({ ...fixed, ends }, vocabulary),
    ends,
    classes,
    others: fixed.ends.map((shown, place) => ({ place, shown })),
    translatedOld,
    translatedYoung,
  };
}

/** One address of every part of the pool that policies tell apart. */
function addressesOf(pool: string, cells: ReturnType<typeof closedEnds>["cells"]): readonly string[] {
  const range = cells.cellsOf(pool);
  if (range === undefined) return [];
  const addresses: string[] = [];
  for (let cell = range.first; cell <= range.last; cell += 1) {
    const address = cells.freeAddressOf(cell, new Set(), []);
    if (address !== undefined) addresses.push(address);
  }
  return addresses;
}

/** The nodes' addresses are folded already where policies do not tell them apart. */
function distinctNodeAddresses(world: World, ends: readonly PacketEnd[]): readonly string[] {
  const kind = world.nodes.length > 1 ? "node" : "host";
  return ends.flatMap((end) => (end.kind === kind && end.calico.address !== undefined ? [end.calico.address] : []));
}

function foldPods(
  world: World,
  family: 4 | 6,
  vocabulary: Vocabulary,
  cellOf: (address: string) => number | undefined,
): readonly { readonly pods: readonly WorldPod[]; readonly end: PacketEnd }[] {
  const keepsLabel = createLabelFilter(world.cilium.labelFilter);
  const labelsOf = onceForLabels((pod) => {
    const calico = calicoLabelsOf(pod, world);
    const cilium = ciliumLabelsOf(pod, world, keepsLabel);
    return { calico, cilium, text: `${labelText(calico, vocabulary)}\u0001${labelText(cilium, vocabulary)}` };
  });
  const folded = new Map<string, { pods: WorldPod[]; end: PacketEnd; names: string[] }>();
  for (const pod of world.pods) {
    if (pod.namespace === ownNamespace) continue;
    const address = oldAddress(pod.addresses, world, family);
    if (address === undefined && pod.addresses.length > 0) continue;
    const { calico, cilium, text } = labelsOf(pod);
    const cell = address === undefined ? "-" : String(cellOf(address));
    const signature = `${cell}\u0001${text}\u0001${portText(pod, vocabulary)}`;
    const known = folded.get(signature);
    if (known !== undefined) {
      known.pods.push(pod);
      if (known.names.length < 2) known.names.push(`${pod.namespace}/${pod.name}`);
      continue;
    }
    const names = [`${pod.namespace}/${pod.name}`];
    const end: PacketEnd = {
      kind: "pod",
      weight: 1,
      names,
      ...(pod.node !== undefined && { node: pod.node }),
      calico: { labels: calico, ...(address !== undefined && { address }) },
      cilium: { labels: cilium },
      namedPorts: pod.namedPorts,
    };
    folded.set(signature, { pods: [pod], end, names });
  }
  return [...folded.values()];
}

/** Equal for two label sets exactly when no selector of the vocabulary tells them apart. */
function labelText(labels: LabelSet, vocabulary: Vocabulary): string {
  const parts: string[] = [];
  for (const [key, value] of labels) {
    const terms = key === canonicalKey(key) ? vocabulary.keys.get(key) : undefined;
    if (terms !== undefined)
      parts.push(terms.texts.length > 0 || terms.values.has(value) ? `${key}=${value}` : `${key}*`);
  }
  return parts.sort().join("\u0002");
}

function portText(pod: WorldPod, vocabulary: Vocabulary): string {
  return pod.namedPorts
    .filter(({ name }) => vocabulary.portNames.has(name))
    .map(({ name, protocol, port }) => `${name}/${protocol}/${port}`)
    .sort()
    .join("\u0002");
}
