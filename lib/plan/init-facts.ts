import type { SourceName } from "../core/source-name.ts";
import type { ClusterPool } from "./cluster-pool.ts";
import type { Plan, Strategy } from "./plan.ts";

/** What `init` knows of a cluster when it proposes a plan: plain values, gathered by the caller from the other rooms. */
export interface InitFacts {
  /** Name of the plan, as `metadata.name`. */
  readonly name: string;
  /** Folder or file of the inventory, relative to the plan file. */
  readonly inventory: string;
  /** Address of the JSON Schema for editors, relative to the plan file. */
  readonly schema?: string;
  readonly source: {
    readonly name: SourceName;
    readonly confidence: "certain" | "likely" | "unsure";
    /** The strongest observations, one line each. */
    readonly evidence: readonly string[];
    readonly podCIDRs: readonly string[];
  };
  /** Absent: live. */
  readonly strategy?: { readonly name: Strategy; readonly why: string };
  /** Conditions of the exact bridge that the cluster does not meet, one line each; empty where it holds. */
  readonly exactBlockers: readonly string[];
  /** The new pool, one prefix per family, and the block of each node; why they were chosen. */
  readonly podCIDRs: readonly string[];
  readonly podCIDRMaskSize?: number;
  readonly podCIDRMaskSizeIPv6?: number;
  readonly podCIDRWhy?: string;
  readonly devices?: readonly string[];
  /** Set where the source answers for Services and nobody else is there to take over; why. */
  readonly kubeProxyReplacementWhy?: string;
  readonly k8sServiceHost?: string;
  readonly k8sServicePort?: number;
  /** Exact version of the target; absent: the newest supported. */
  readonly version?: string;
  /** Why this version; a sentence. */
  readonly versionWhy?: string;
  /** Image of kubectl that fits the API server; absent: the schema's default fits. */
  readonly rollImage?: string;
  /** Nodes in the cluster, all of them. */
  readonly nodes: number;
  /** Pools of the nodes, from the waves room. */
  readonly pools: readonly ClusterPool[];
  /** Addresses inside the cluster, where the inventory shows these. */
  readonly goldpingerURL?: string;
  readonly prometheusURL?: string;
  /** Engines seen in the cluster; empty: both Argo CD and Flux are written. */
  readonly engines: readonly Plan["spec"]["delivery"]["engines"][number][];
  readonly repoURL?: string;
}
