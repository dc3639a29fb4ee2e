import type { LabelKey, Selector } from "../selector/selector.ts";
import type { PacketEnd } from "./packet-end.ts";

/** A set of ends inside one space. Equal sets of a closed space are equal numbers. */
export type EndsHandle = number;

/** Whose eyes: Calico and Cilium know different labels and addresses of one end. */
export type View = "calico" | "cilium";

/** A named port as it resolves on some end. */
export interface PortTarget {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
}

/** Pods that are selected by exactly the same of the sets asked for. */
export interface SubjectLeaf {
  /** Places in the list of sets, ascending: those that contain these pods. */
  readonly selected: readonly number[];
  /** How many pods. */
  readonly weight: number;
  /** How many classes the leaf has; with one, `sample` is the class. */
  readonly classes: number;
  readonly sample: PacketEnd;
  /** The only class, where it is one; absent otherwise. Two leaves and blocks with one equal `only` are the same class. */
  readonly only?: number;
}

/** Ends that lie in exactly the same of the sets asked for. */
export interface PeerBlock {
  /** One byte for each set of the list: 1 when the ends lie in it. */
  readonly isIn: Uint8Array;
  readonly weight: number;
  readonly sample: PacketEnd;
  /** An end of another class than the sample's, where the block has one. */
  readonly other?: PacketEnd;
  readonly only?: number;
}

/**
 * The ends of one address family as sets: over the classes of an inventory (`closed`), or over every label set that a pod
 * may ever carry (`open`). Evaluators are written against this face and know neither.
 */
export interface PacketSpace {
  readonly kind: "closed" | "open";
  readonly family: 4 | 6;
  readonly all: EndsHandle;
  readonly none: EndsHandle;
  readonly and: (a: EndsHandle, b: EndsHandle) => EndsHandle;
  readonly or: (a: EndsHandle, b: EndsHandle) => EndsHandle;
  readonly not: (a: EndsHandle) => EndsHandle;
  readonly anyOf: (handles: readonly EndsHandle[]) => EndsHandle;
  /** Ends that the engine knows labels of and whose labels match. */
  readonly labels: (view: View, selector: Selector) => EndsHandle;
  /** Ends whose address, as the engine sees it, lies in a prefix of the vocabulary. Empty for another family. */
  readonly inPrefix: (view: View, prefix: string) => EndsHandle;
  readonly ofKind: (kind: PacketEnd["kind"]) => EndsHandle;
  /** Nodes at the address of a tunnel device of the source. */
  readonly ofTunnels: EndsHandle;
  /** Ends on which a port name resolves to this port, and all that it resolves to anywhere. */
  readonly hasPort: (name: string, target: PortTarget) => EndsHandle;
  readonly portTargets: (name: string) => readonly PortTarget[];
  readonly hasFQDN: (name: string) => EndsHandle;
  /** Splits the pods by the sets; leaves without pods do not occur. */
  readonly subjects: (handles: readonly EndsHandle[]) => Iterable<SubjectLeaf>;
  /** Splits all ends by the sets; blocks without ends do not occur. */
  readonly blocks: (handles: readonly EndsHandle[]) => readonly PeerBlock[];
  /**
   * Where policies tell nodes apart: the pods of a class of nodes, the `host` ends that are their own node, and the `node`
   * ends that may be another one. Empty where they do not; a pod that is in none of them may be on any node.
   */
  readonly nodeClasses: readonly {
    readonly pods: EndsHandle;
    readonly own: EndsHandle;
    readonly others: EndsHandle;
  }[];
  readonly size: { readonly pods: number; readonly classes: number; readonly cells: number };
}

/** Whether labels meet a selector. A missing label fails every positive term. Source: reference policy 1.3 and 2.4. */
export function meetsSelector(selector: Selector, labelOf: (key: LabelKey) => string | undefined): boolean {
  switch (selector.kind) {
    case "all":
      return true;
    case "none":
      return false;
    case "has":
      return labelOf(selector.key) !== undefined;
    case "in": {
      const value = labelOf(selector.key);
      return value !== undefined && selector.values.includes(value);
    }
    case "contains":
      return labelOf(selector.key)?.includes(selector.text) ?? false;
    case "startsWith":
      return labelOf(selector.key)?.startsWith(selector.text) ?? false;
    case "endsWith":
      return labelOf(selector.key)?.endsWith(selector.text) ?? false;
    case "not":
      return !meetsSelector(selector.operand, labelOf);
    case "and":
      return selector.operands.every((operand) => meetsSelector(operand, labelOf));
    case "or":
      return selector.operands.some((operand) => meetsSelector(operand, labelOf));
  }
}
