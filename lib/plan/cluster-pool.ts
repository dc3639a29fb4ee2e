import type { RollMode } from "./plan.ts";

/** A pool of nodes and how it could migrate: what the waves room tells `init`. */
export interface ClusterPool {
  readonly name: string;
  readonly nodes: number;
  /** Number of zones that its nodes stand in; 0 without zone labels. */
  readonly zones: number;
  /** In words: `ingress`, `storage`, `gpu`, `tainted`, `spot`. */
  readonly traits: readonly string[];
  /** Nodes in a wave, at least 1, and why. */
  readonly size: number;
  readonly sizeWhy: string;
  /** Mode for the whole pool where it should not be the plan's, and why. */
  readonly mode?: { readonly name: RollMode; readonly why: string };
  /** Single nodes that should be recycled although their pool is evicted, and why. Empty when `mode` says it for all. */
  readonly recycle: { readonly names: readonly string[]; readonly why: string };
  /** Whether it is the control plane, which migrates last and one by one whatever the plan says. */
  readonly isControlPlane: boolean;
  /** Whether the canary can come from it: the most ordinary pool. */
  readonly isOrdinary: boolean;
}
