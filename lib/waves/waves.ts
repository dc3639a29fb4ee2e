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
  /** Stage id: `100-canary`, `110-general-a`. */
  readonly id: string;
  readonly title: string;
  readonly group: string;
  /** Sorted by name. */
  readonly nodes: readonly WaveNode[];
  readonly mode: RollMode;
  readonly workloads: readonly WaveWorkload[];
  readonly estimateSeconds: number;
}

/** All waves in their order, nodes that no wave takes, and why. */
export interface WavePlan {
  readonly waves: readonly Wave[];
  readonly excluded: readonly { readonly node: string; readonly why: string }[];
  readonly findings: readonly Finding[];
}
