import type { Finding } from "../core/finding.ts";
import type { JsonObject } from "../core/json.ts";
import type { SourceName } from "../core/source-name.ts";

/** One observation that speaks for a source. */
export interface Evidence {
  readonly source: SourceName;
  /** `Kind/namespace/name`. */
  readonly object: string;
  /** Path of the field in the object. */
  readonly field: string;
  readonly value: string;
  /** `strong`: it runs; `medium`: it is configured; `weak`: it was installed once. */
  readonly weight: "strong" | "medium" | "weak";
}

/** How pods of different nodes reach each other. */
export type Encapsulation = "vxlan" | "ipip" | "geneve" | "wireguard" | "udp" | "fou" | "ipsec" | "none" | "unknown";

/** What the rest of the plan needs to know of the network that the cluster leaves. Absent means that the inventory does not tell. */
export interface SourceFacts {
  /** Every prefix that the source can give pod addresses out of, disabled pools included; merged and sorted. */
  readonly podCIDRs: readonly string[];
  /** Service prefixes; absent when nothing tells. */
  readonly serviceCIDRs?: readonly string[];
  readonly families: readonly (4 | 6)[];
  readonly encapsulation: Encapsulation;
  /** UDP port of the overlay. */
  readonly tunnelPort?: number;
  readonly vni?: number;
  /** Device or pod MTU that the source was told to use, in bytes; absent when it detects it. */
  readonly mtu?: number;
  /** `manifest`, `operator`, `k3s`, `rke2`, `talos`, … : who owns the installation. */
  readonly installation: string;
  readonly version?: string;
  readonly datastore?: "kubernetes" | "etcd";
  readonly dataplane?: "iptables" | "nftables" | "ebpf" | "openvswitch" | "ipvs" | "none";
  /** Who answers for Services: `kube-proxy` in its mode, the source itself, or embedded in the distribution. */
  readonly serviceProxy: {
    readonly kind: "kube-proxy" | "source" | "embedded" | "none" | "unknown";
    readonly mode?: string;
    readonly clusterCIDR?: string;
  };
  /** Which policy kinds the source enforces: kinds with their group (`NetworkPolicy.networking.k8s.io`). */
  readonly enforcedPolicyKinds: readonly string[];
  /** Names or patterns (`cali+`, `flannel.1`) of devices that belong to the source and must not be taken for uplinks. */
  readonly devices: readonly string[];
  /** Directory with the CNI configuration on the host, and of the binaries. */
  readonly cniConfDirectory: string;
  readonly cniBinDirectory: string;
  /** File that the source writes there: `10-canal.conflist`. */
  readonly cniConfFile?: string;
  /** DaemonSets of the source: `namespace/name`; empty for k3s, where the binary holds it. */
  readonly daemonSets: readonly string[];
  /** Products in front of the source that write CNI configuration: `multus`, `istio-cni`, `istio-ambient`, `linkerd-cni`. */
  readonly companions: readonly string[];
  /** Who enforces policy where it is not the source itself: `calico` (policy only), `kube-router` (firewall only), `k3s`. */
  readonly policyEngines: readonly string[];
  /** Names of the hosts' own interfaces that the source was told to use (`eth1`); absent when it detects them. */
  readonly uplinks?: readonly string[];
  /** The smallest prefixes around the ClusterIPs in use, where `serviceCIDRs` is absent: a hint and no fact. */
  readonly serviceCIDRHint?: readonly string[];
  /** Name of the CNI network in the source's conflist: `k8s-pod-network`, `cbr0`; hostPort chains carry it. */
  readonly cniNetworkName?: string;
  readonly usesTiers?: boolean;
  /** Anything an adapter wants to show that has no field: name to value, printed by `detect`. */
  readonly details: Readonly<Record<string, string>>;
}

/** Whether a live migration from the detected source can be planned. */
export type LiveSupport =
  | { readonly kind: "supported" }
  | { readonly kind: "conditional"; readonly conditions: readonly string[] }
  /** `alternatives` are strategies or steps that lead on, best first. */
  | { readonly kind: "refused"; readonly reason: string; readonly alternatives: readonly string[] };

/** The answer of detection. */
export interface SourceDetection {
  readonly source: SourceName;
  readonly confidence: "certain" | "likely" | "unsure";
  /** Strongest first, then by object. */
  readonly evidence: readonly Evidence[];
  readonly facts: SourceFacts;
  readonly live: LiveSupport;
  /** Present when Cilium runs beside the source: a dormant install, or a migration that has begun. */
  readonly hybrid?: HybridState;
  /**
   * Policy controllers that filter every pod of a node by its address, Cilium's too, and are switched off before Cilium
   * comes, in words: `k3s' embedded policy controller`. Absent where there is none.
   */
  readonly switchedOffFilters?: readonly string[];
  readonly findings: readonly Finding[];
}

/** How far the pods have moved. Counts are of pods with an address of their own, not of the host. */
export interface HybridState {
  readonly ciliumVersion?: string;
  /** Prefixes that Cilium gives addresses out of. */
  readonly ciliumPodCIDRs: readonly string[];
  readonly podsOnSource: number;
  readonly podsOnCilium: number;
  /** Pods whose address is in no prefix of either. */
  readonly podsElsewhere: number;
  /** Nodes all of whose pods are on Cilium, and at least one is; sorted. */
  readonly migratedNodes: readonly string[];
  /** Nodes with pods of both; sorted. */
  readonly mixedNodes: readonly string[];
}

/** One thing that has to go when the source is removed, in order. */
export interface RemovalObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** The part of the removal it belongs to; the parts are done in the order of `removalSteps`. */
  readonly step: RemovalStep;
  /** `inventory`: it was dumped; `manifest`: its kind was not dumped, and the product's manifests have it. */
  readonly from: "inventory" | "manifest";
  /** Whether the next object may only be deleted when this one is gone: it carries a finalizer that needs its manager. */
  readonly waitUntilGone?: boolean;
  /** Why it stands at this place in the order. */
  readonly why: string;
}

/** The parts of a removal. */
export type RemovalStep = (typeof removalSteps)[number];

/**
 * The parts of a removal, in their order: its policies, what runs on the nodes (or the chart or operator's resource
 * that stands for it), what runs beside it, what the API server calls, rights and configuration, its custom resources,
 * their definitions, namespaces that held nothing else. What would bring the source back is a preparation before it.
 * Source: shared order of the vendors' uninstall guides; tigera/operator finalizers; lab pilot.
 */
export const removalSteps = [
  "policies",
  "agents",
  "controllers",
  "webhooks",
  "access",
  "configuration",
  "resources",
  "definitions",
  "namespaces",
] as const;

/** What stays on each node and has to be cleaned there. */
export interface NodeLeftovers {
  readonly devices: readonly string[];
  /** Prefixes of iptables chains, for example `cali-`, `FLANNEL-`. */
  readonly iptablesChainPrefixes: readonly string[];
  readonly iptablesRuleTags: readonly string[];
  readonly nftTables: readonly string[];
  readonly ipsetPrefixes: readonly string[];
  readonly files: readonly string[];
  readonly nodeAnnotationPrefixes: readonly string[];
  /** Names of CNI networks whose hostPort chains stay (`k8s-pod-network`). */
  readonly portmapNetworks: readonly string[];
}

/** A source's settings that have to change before Cilium is installed beside it. */
export interface SourcePreparation {
  readonly title: string;
  readonly why: string;
  /** Patch as an object for server-side apply, where an object can carry it; otherwise only `commands`. */
  readonly object?: JsonObject;
  /** What a person runs or edits where no object carries the change: shell lines; what is no command stands behind `#`. */
  readonly commands: readonly string[];
  /** When: before Cilium is installed, or before the source is removed. */
  readonly before: "install" | "removal";
  /** `required`: the stage after it must not start without it. */
  readonly necessity: "required" | "recommended";
  /** How to take the change back, in the same form; empty when nothing has to be taken back. */
  readonly undo: readonly string[];
}
