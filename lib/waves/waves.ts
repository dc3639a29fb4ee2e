import type { Finding } from "../core/finding.ts";
import type { RollMode } from "../plan/plan.ts";

/** One node in a wave, with what a reviewer and the roll need to know of it. */
export interface WaveNode {
  readonly name: string;
  /** Value of `kubernetes.io/hostname`. */
  readonly hostname: string;
  readonly pool: string;
  readonly zone?: string;
  readonly isControlPlane: boolean;
  readonly wasUnschedulable: boolean;
  /** Pods that the roll has to move or restart: no DaemonSet, mirror, hostNetwork or finished pods. */
  readonly podsToMove: number;
  /** Pods of DaemonSets on the pod network, restarted in place. */
  readonly daemonSetPods: number;
  /** `namespace/name` of pods that need a person's eye, sorted. */
  readonly barePods: readonly string[];
  readonly localStoragePods: readonly string[];
  readonly hostPorts: readonly number[];
  /** True for a node of an opened wave that the inventory does not hold any more; its other fields are empty. */
  readonly isGone?: boolean;
}

/** A workload that a wave touches. */
export interface WaveWorkload {
  /** `Kind/namespace/name`. */
  readonly workload: string;
  readonly replicas: number;
  readonly replicasInWave: number;
  /** PodDisruptionBudgets that cover it: `namespace/name`. */
  readonly budgets: readonly string[];
}

/** A node batch that moves together. */
export interface Wave {
  /** Stage id: `100-canary`, `110-general-a`. Ids are in order as texts, not as numbers: `1305-…` follows `130-…`. */
  readonly id: string;
  readonly title: string;
  readonly group: string;
  /** Sorted by name. */
  readonly nodes: readonly WaveNode[];
  readonly mode: RollMode;
  readonly workloads: readonly WaveWorkload[];
  readonly estimateSeconds: number;
  /** Zones of its nodes, sorted. */
  readonly zones: readonly string[];
  /**
   * The rule of the plan that made it, in words. Rendered beside the wave's hostnames and read back as `RenderedWave.rule`:
   * a held wave keeps its nodes while the rule is the same.
   */
  readonly rule: string;
  /** Whether the wave was opened, so that its nodes never change again. */
  readonly isLocked: boolean;
}

/** A wave as it stands in the output that was rendered before: what keeps nodes where they are. */
export interface RenderedWave {
  /** Stage id. */
  readonly id: string;
  /** Values of `kubernetes.io/hostname` that its CiliumNodeConfig selects. */
  readonly hostnames: readonly string[];
  /** Names of the nodes where they differ from the hostnames, by hostname. */
  readonly names?: Readonly<Record<string, string>>;
  /** `Wave.rule` at that time; absent: the wave keeps its nodes whatever the plan says. */
  readonly rule?: string;
}

/** What wave planning needs besides the inventory and the plan. */
export interface WaveSettings {
  /** Names or hostnames of nodes that run on the target already, by whatever means. */
  readonly alreadyMigrated?: readonly string[];
  /** Waves of the output that was rendered before, in any order. */
  readonly renderedWaves?: readonly RenderedWave[];
}

/** All waves in their order, nodes that no wave takes, and why. */
export interface WavePlan {
  readonly waves: readonly Wave[];
  readonly excluded: readonly { readonly node: string; readonly why: string }[];
  readonly findings: readonly Finding[];
}
