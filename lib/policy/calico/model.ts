import type { Finding } from "../../core/finding.ts";
import type { ObjectIdentity } from "../../core/identity.ts";
import type { Position } from "../../inventory/inventory.ts";
import type { Selector } from "../selector/selector.ts";

/** A policy that takes part in Calico's ordered evaluation, with all rewriting, defaulting and tier handling done. */
export interface CalicoPolicy {
  readonly identity: ObjectIdentity;
  readonly position: Position;
  /** Where a field of it stands, as the inventory tells; absent for objects that were not read from a file. */
  readonly locate?: (field: string) => Position;
  /** Kubernetes NetworkPolicies and AdminNetworkPolicies take part beside Calico's own. */
  readonly origin: "GlobalNetworkPolicy" | "NetworkPolicy" | "KubernetesNetworkPolicy";
  /** Staged kinds are read, reported and never decide. */
  readonly isStaged: boolean;
  readonly tier: string;
  /** The name without the `<tier>.` that older releases store in front of it. */
  readonly baseName?: string;
  /** Positive infinity when the object has none. */
  readonly order: number;
  /** What equal orders are told apart by (3.32: name, namespace, kind; see reference policy 1.6). */
  readonly tieBreak: string;
  /** Effective selector over endpoints (reference policy 1.4). */
  readonly appliesTo: Selector;
  /** Whether host endpoints can match `appliesTo`. */
  readonly governs: { readonly ingress: boolean; readonly egress: boolean };
  readonly ingress: readonly CalicoRule[];
  readonly egress: readonly CalicoRule[];
  readonly doNotTrack: boolean;
  readonly preDNAT: boolean;
  readonly applyOnForward: boolean;
  /** `Kind/namespace/name` annotations of rules and the object that are worth keeping as a description. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface CalicoRule {
  /** Zero-based place in the list, and its line in the file. */
  readonly index: number;
  readonly position: Position;
  readonly action: "Allow" | "Deny" | "Log" | "Pass";
  readonly ipVersion?: 4 | 6;
  /** Protocol number 1..255; names are resolved by the reader (TCP 6, UDP 17, ICMP 1, ICMPv6 58, SCTP 132, UDPLite 136). */
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: { readonly type?: number; readonly code?: number };
  readonly notICMP?: { readonly type?: number; readonly code?: number };
  readonly source: CalicoEntity;
  readonly destination: CalicoEntity;
  readonly http?: {
    readonly methods: readonly string[];
    readonly paths: readonly { readonly kind: "exact" | "prefix"; readonly path: string }[];
  };
  readonly description?: string;
}

/** One end of a rule. Every present criterion must hold. */
export interface CalicoEntity {
  /** Effective positive selector after the rewrite of reference policy 1.5; absent means any address at all. */
  readonly selector?: Selector;
  readonly notSelector?: Selector;
  /** Normalised prefixes; absent means no such criterion, empty never occurs. */
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly ports?: readonly CalicoPort[];
  readonly notPorts?: readonly CalicoPort[];
  readonly service?: { readonly namespace: string; readonly name: string };
}

export type CalicoPort =
  | { readonly kind: "range"; readonly from: number; readonly to: number }
  | { readonly kind: "name"; readonly name: string };

export interface CalicoTier {
  readonly name: string;
  /** Positive infinity when the object has none. */
  readonly order: number;
  readonly defaultAction: "Deny" | "Pass";
  /** A tier that policies name and that does not exist sorts after all others. */
  readonly exists: boolean;
}

export interface CalicoNetworkSet {
  readonly identity: ObjectIdentity;
  readonly position: Position;
  readonly labels: Readonly<Record<string, string>>;
  /** Normalised prefixes of both families. */
  readonly nets: readonly string[];
}

export interface CalicoHostEndpoint {
  readonly identity: ObjectIdentity;
  readonly position: Position;
  readonly labels: Readonly<Record<string, string>>;
  readonly node: string;
  readonly interfaceName?: string;
  readonly expectedIPs: readonly string[];
  readonly profiles: readonly string[];
}

/** A policy object that takes no part in the evaluation although it is there. */
export interface CalicoAbsentPolicy {
  readonly identity: ObjectIdentity;
  readonly position: Position;
  /**
   * `invalid`: Calico ignores it; `unresolved`: it holds template variables, so nobody can know its meaning;
   * `other-api`: a kind that Calico maps into tiers of its own and that this reader does not model.
   */
  readonly reason: "invalid" | "unresolved" | "other-api";
  readonly findings: readonly Finding[];
}

/** All of a cluster's Calico (or Kubernetes) policy, in evaluation order: tiers sorted, policies sorted inside their tier. */
export interface CalicoPolicySet {
  readonly tiers: readonly CalicoTier[];
  readonly policies: readonly CalicoPolicy[];
  /** Policy objects without effect, sorted by identity; each is told in a finding. */
  readonly absent?: readonly CalicoAbsentPolicy[];
  readonly networkSets: readonly CalicoNetworkSet[];
  readonly hostEndpoints: readonly CalicoHostEndpoint[];
  /** Profiles other than the generated `kns.*` and `ksa.*`, which always allow. */
  readonly profiles: readonly {
    readonly name: string;
    readonly ingress: readonly CalicoRule[];
    readonly egress: readonly CalicoRule[];
  }[];
}
