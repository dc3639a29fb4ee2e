import type { ExecutorName, RollMode } from "./plan.ts";

/** What an executor can do, and why it cannot do the rest. */
export interface ExecutorModes {
  readonly modes: readonly RollMode[];
  /** Why no other mode makes sense, as the reason of a finding. */
  readonly why: string;
}

/**
 * The roll modes of each executor.
 * Source: kured 1.23.0 (drains and reboots, nothing else), Cluster API v1beta2 rollouts (new machines), rancher
 * system-upgrade-controller 0.20 (Jobs on the node), Kubernetes Jobs (cannot outlive the machine they run for).
 */
export const executorModes: Readonly<Record<ExecutorName, ExecutorModes>> = {
  job: {
    modes: ["evict", "recycle"],
    why: "A Job moves or recycles pods; it has no right to reboot a host and cannot make a new machine",
  },
  manual: {
    modes: ["evict", "recycle", "reboot", "replace"],
    why: "A person can do all of them",
  },
  "system-upgrade-controller": {
    modes: ["evict", "recycle", "reboot"],
    why: "system-upgrade-controller runs Jobs on the node; it cannot make a new machine",
  },
  kured: {
    modes: ["reboot"],
    why: "kured drains and reboots a node when its sentinel file appears, and does nothing else",
  },
  "cluster-api": {
    modes: ["replace"],
    why: "Cluster API rolls a MachineDeployment by making new machines; it does not touch pods on old ones",
  },
};
