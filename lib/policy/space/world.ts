import type { LabelKey } from "../selector/selector.ts";

/** A pod as policy sees it: never hostNetwork (its traffic is its node's), never finished. */
export interface WorldPod {
  readonly namespace: string;
  readonly name: string;
  /** Own labels, as on the object. */
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly node?: string;
  readonly addresses: readonly string[];
  /** Named ports of all containers, init containers included. */
  readonly namedPorts: readonly {
    readonly name: string;
    readonly protocol: "TCP" | "UDP" | "SCTP";
    readonly port: number;
  }[];
  /** `Kind/name` of the workload behind the pod; the pod's own name where there is none. */
  readonly workload: string;
}

export interface WorldNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those of its tunnel devices included, under which its own packets reach pods of other nodes. */
  readonly addresses: readonly string[];
  /** Of `addresses`, those of the source's tunnel devices, where the node has others: they go with the source, and nobody connects to them. */
  readonly tunnelAddresses?: readonly string[];
  readonly isControlPlane: boolean;
}

/** A Service with what policy rules that name it resolve to. */
export interface WorldService {
  readonly namespace: string;
  readonly name: string;
  /** Own labels of the Service; Cilium's `toServices` selects by them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Absent for a Service without a selector. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: readonly {
    readonly name?: string;
    readonly protocol: "TCP" | "UDP" | "SCTP";
    readonly port: number;
    readonly targetPort: number | string;
  }[];
  /** Addresses and ports of its EndpointSlices. */
  readonly endpoints: readonly {
    readonly address: string;
    readonly protocol: "TCP" | "UDP" | "SCTP";
    readonly port: number;
  }[];
}

/** What the Cilium agents are told that changes the meaning of policy; read from the plan's Helm values. */
export interface CiliumSettings {
  /** `1.18`, `1.19`, `1.20`. */
  readonly minorVersion: string;
  /** Entries of the `labels` value (flag --labels); empty means Cilium's default filter. */
  readonly labelFilter: readonly string[];
  readonly nodeSelectorLabels: boolean;
  readonly policyCIDRMatchMode: readonly ("nodes" | "pods")[];
  /** `clustermesh.policyDefaultLocalCluster`: chart default true since 1.19. */
  readonly policyDefaultLocalCluster: boolean;
  readonly hostFirewall: boolean;
  readonly l7Proxy: boolean;
  readonly sctp: boolean;
  readonly enableExtendedIPProtocols: boolean;
  readonly families: readonly (4 | 6)[];
  readonly enforcementMode: "default" | "always" | "never";
  /** `cluster.name`; `default` where absent. */
  readonly clusterName?: string;
}

/** Everything that policies can talk about. Without an inventory it is empty, and only the open world decides. */
export interface World {
  /** Namespace labels by name, `kubernetes.io/metadata.name` included. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Labels by `namespace/name`. */
  readonly serviceAccounts: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly pods: readonly WorldPod[];
  readonly nodes: readonly WorldNode[];
  readonly services: readonly WorldService[];
  /** Prefixes that the source hands out, and the target's pool. */
  readonly podCIDRs: { readonly source: readonly string[]; readonly target: readonly string[] };
  readonly families: readonly (4 | 6)[];
  readonly cilium: CiliumSettings;
  /** Addresses of the API server: what the Service default/kubernetes points to, else those of the control-plane nodes. */
  readonly apiServerAddresses?: readonly string[];
  /** What Calico does with traffic from a pod to its own node once egress policy has let it pass; `accept` where absent. */
  readonly endpointToHostAction?: "accept" | "drop";
  /** Whether an inventory was given: a resolution against the inventory is refused without one. */
  readonly isInventoryKnown: boolean;
}

/** The labels of a pod in the vocabulary of `LabelKey`. */
export type LabelSet = ReadonlyMap<LabelKey, string>;
