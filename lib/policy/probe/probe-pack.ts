import type { Decision } from "../prove/proof.ts";

/**
 * A pod of ours that policy cannot tell from pods of the user: same namespace, the labels that policies ask for and no
 * others, the same account where policies ask for it, the same named ports. It is never ready.
 */
export interface ProbePod {
  /** `03`: part of the names of its Jobs. */
  readonly id: string;
  readonly namespace: string;
  /** Absent where no policy asks for accounts: the namespace's default account serves. */
  readonly serviceAccount?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `shop/Deployment/cart`: the first workload that it stands for. */
  readonly standsFor: string;
  /** Named ports that policies ask for. */
  readonly namedPorts: readonly {
    readonly name: string;
    readonly protocol: "TCP" | "UDP" | "SCTP";
    readonly port: number;
  }[];
}

/** One connection between two probe pods, and whether it must come about. */
export interface Probe {
  /** `p01`: in the order of the pack. */
  readonly id: string;
  /** Ids of probe pods; they may be equal, since caller and listener are two pods. */
  readonly from: string;
  readonly to: string;
  readonly protocol: "TCP" | "UDP";
  readonly port: number;
  readonly family: 4 | 6;
  /** What decides the whole packet: the end that denies it, else the rule that admits it. */
  readonly before: Decision;
  readonly after: Decision;
  /** Which rules it shows: `GlobalNetworkPolicy/mesh ingress[0] allows`, `… does not match here`. Sorted. */
  readonly shows: readonly string[];
}

/** A verdict of the source that no probe shows, or pods that none may stand for. */
export interface NotShown {
  /** `NetworkPolicy/a/p ingress[1]`, `end of tier default`, `pods of shop/Deployment/cart`. */
  readonly rule: string;
  readonly verdict?: "allow" | "deny";
  readonly why: string;
}

/** A pack of probes, and what no probe of it can show. */
export interface ProbePack {
  readonly pods: readonly ProbePod[];
  readonly probes: readonly Probe[];
  /** Sorted by rule. */
  readonly notShown: readonly NotShown[];
}

/** Nothing to show: the source enforces no policy. */
export const emptyPack: ProbePack = { pods: [], probes: [], notShown: [] };
