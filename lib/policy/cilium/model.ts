import type { ObjectIdentity } from "../../core/identity.ts";
import type { Position } from "../../inventory/inventory.ts";
import type { Selector } from "../selector/selector.ts";

/** One rule (`spec`, or one of `specs`) of a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy, or a Kubernetes NetworkPolicy as Cilium reads it. */
export interface CiliumRule {
  readonly identity: ObjectIdentity;
  readonly position: Position;
  /** 0 for `spec`; the place in `specs` otherwise. */
  readonly specIndex: number;
  /** Where the rule stands in its object: `spec` (absent means that too) or `specs[2]`. */
  readonly path?: string;
  /** Where a field of the object stands in the user's file; absent for objects that were not read from one. */
  readonly locate?: (field: string) => Position;
  /** Pods (with the automatic scopes of reference policy 2.4 applied) or nodes (`nodeSelector`, inert without the host firewall). */
  readonly subject: { readonly kind: "endpoints" | "nodes"; readonly selector: Selector };
  /** Whether this rule switches its subjects to default deny, per direction: it has a section there and enableDefaultDeny is not false. */
  readonly defaultDeny: { readonly ingress: boolean; readonly egress: boolean };
  readonly ingress: readonly CiliumDirectionRule[];
  readonly ingressDeny: readonly CiliumDirectionRule[];
  readonly egress: readonly CiliumDirectionRule[];
  readonly egressDeny: readonly CiliumDirectionRule[];
}

export interface CiliumDirectionRule {
  readonly index: number;
  readonly position: Position;
  readonly peers: CiliumPeers;
  /** `undefined`: every protocol, ICMP included. An empty list matches nothing. */
  readonly l4: readonly CiliumL4[] | undefined;
}

/** Whom a rule speaks of. One kind only; a rule with two is rejected by Cilium. */
export type CiliumPeers =
  /** No peer field: anybody. (A rule with nothing at all is `nobody`.) */
  | { readonly kind: "anybody" }
  | { readonly kind: "nobody" }
  /** Selectors over managed endpoints, automatic scopes applied; a list is an or. */
  | { readonly kind: "endpoints"; readonly selectors: readonly Selector[] }
  | { readonly kind: "entities"; readonly entities: readonly string[] }
  | { readonly kind: "cidrs"; readonly cidrs: readonly { readonly cidr: string; readonly except: readonly string[] }[] }
  | { readonly kind: "nodes"; readonly selectors: readonly Selector[] }
  /** `toServices`: what Services select, or their addresses where they select nothing. */
  | { readonly kind: "services"; readonly services: readonly CiliumServicePeer[] }
  /** Names that only a DNS proxy can resolve: an opaque set of outside addresses. */
  | { readonly kind: "fqdns"; readonly names: readonly string[] };

/** One item of `toServices`. Without a namespace every namespace is meant. Source: cilium 1.20.2 pkg/policy/k8s/service.go. */
export type CiliumServicePeer =
  | { readonly kind: "name"; readonly namespace?: string; readonly name: string }
  /** `selector` speaks of the Service's own labels, as `pod:` keys. */
  | { readonly kind: "labels"; readonly namespace?: string; readonly selector: Selector };

export type CiliumL4 =
  /** `protocol` ANY stands for TCP, UDP and SCTP, never ICMP. Port 0 with no end is every port. */
  | {
      readonly kind: "ports";
      readonly protocol: "TCP" | "UDP" | "SCTP" | "ANY";
      readonly from: number;
      readonly to: number;
      readonly http?: readonly string[];
    }
  | {
      readonly kind: "namedPort";
      readonly protocol: "TCP" | "UDP" | "SCTP" | "ANY";
      readonly name: string;
      readonly http?: readonly string[];
    }
  | { readonly kind: "icmp"; readonly family: 4 | 6; readonly type: number }
  /** An IP protocol number beyond TCP, UDP, SCTP and ICMP (1.20, enable-extended-ip-protocols). */
  | { readonly kind: "protocol"; readonly protocol: number };

/** All of a cluster's Cilium policy. Order means nothing. */
export interface CiliumPolicySet {
  readonly rules: readonly CiliumRule[];
  /** CIDR groups by name, already resolved into the rules that name them; kept for messages. */
  readonly cidrGroups: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly cidrs: readonly string[];
  }[];
}
