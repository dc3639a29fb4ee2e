/** One end of a flow as a person names it. */
export interface FlowEnd {
  readonly kind: "pod" | "node" | "address" | "hypothetical-pod" | "health";
  /** `namespace/pod` (a real one), a node's name, or an address; a hypothetical pod is printed by its labels. */
  readonly name: string;
  readonly address?: string;
  /** Of a hypothetical pod, with keys of the one vocabulary (`pod:app`, `meta:namespace`). */
  readonly labels?: Readonly<Record<string, string>>;
  /** The node is the other end's own. */
  readonly isOwnNode?: boolean;
  /** Named ports of a hypothetical pod: `http` to `TCP/8080`. */
  readonly namedPorts?: Readonly<Record<string, string>>;
}

/** One concrete packet that shows a difference. */
export interface Witness {
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  readonly protocol: string;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  /** Given where a rule looks at source ports. */
  readonly sourcePort?: number;
  /** The HTTP request, where a rule looks at it: one of the texts that rules match by. */
  readonly http?: string;
  /** The address family of the packet; 4 where absent. */
  readonly family?: 4 | 6;
}

/** A verdict and the rule that gave it: `NetworkPolicy/a/p ingress[1]`, `end of tier default`, `default deny`, `profile kns.a`. */
export interface Decision {
  readonly verdict: "allow" | "deny";
  readonly decidedBy: string;
  readonly where?: import("../../core/finding.ts").Where;
}

export interface ProofDifference {
  /** `opened`: denied before and allowed after; `closed`: the other way round. */
  readonly direction: "opened" | "closed";
  readonly half: "ingress" | "egress";
  readonly witness: Witness;
  readonly before: Decision;
  readonly after: Decision;
  /** Pairs of pods (or pod and cell) and port classes that the same two rules decide differently. */
  readonly flows: number;
  /** All packets of the witness's pair that these two rules decide so: `TCP 1-79, TCP 81-1024`. */
  readonly packets?: string;
  /** A declared divergence that it would be, were it accepted: `D1`, `D8`. */
  readonly divergence?: string;
  /** The smallest world in which it is seen: `W0` the inventory, `W1` known namespaces, `W2` any namespace. */
  readonly seenIn?: "W0" | "W1" | "W2";
  /** Number of the known hazard, where one is recognised: `H1` … `H6`. */
  readonly hazard?: string;
}

/** The comparison of what two policy sets decide. */
export interface Proof {
  readonly equal: boolean;
  readonly differences: readonly ProofDifference[];
  /** Differences that are meant and known (kubelet probes, established flows): counted, never hidden. */
  readonly intended: readonly { readonly id: string; readonly why: string; readonly flows: number }[];
  readonly world: {
    /** `closed`: the inventory's pods; `open`: any labels a future pod may carry. */
    readonly kind: "closed" | "open";
    readonly pods: number;
    readonly classes: number;
    readonly cells: number;
    readonly flows: number;
    /** Set when the open world was too large to be walked whole: nothing is claimed about the rest. */
    readonly isTruncated?: boolean;
  };
}
