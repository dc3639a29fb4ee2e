import type { JsonObject } from "../core/json.ts";
import type { SourceName } from "../core/source-name.ts";

/** How the cluster gets to the target. */
export type Strategy = "live" | "in-place" | "blue-green";

/** How policy holds while both networks run. */
export type Continuity = "exact" | "bridge" | "audit" | "off";

/** State of a stage, flipped by one word in the plan file per pull request. */
export type StageState = "held" | "open" | "done" | "rollback";

/** Who carries out a wave. */
export type ExecutorName = "job" | "manual" | "system-upgrade-controller" | "kured" | "cluster-api";

/** What happens to the pods of a node. */
export type RollMode = "evict" | "recycle" | "reboot" | "replace";

/** Which nodes: every given term must hold. Empty selects every node. */
export interface NodeSelection {
  /** A node pool, read from the label `metachron.dev/pool`, a cloud's own pool label or the node's roles (see waves). */
  readonly pool?: string;
  readonly zone?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
}

/** One group of waves: nodes that move together, `size` at a time. */
export interface WaveGroup extends NodeSelection {
  /** Nodes in a wave, at least 1. */
  readonly size: number;
  readonly roll?: { readonly mode?: RollMode };
}

/** An exception that a person made, printed in PLAN.md. */
export interface Acceptance {
  /** Code of the finding. */
  readonly code: string;
  /** `Kind/namespace/name` as in the finding, or `*` for every object. */
  readonly object: string;
  readonly reason: string;
  readonly by: string;
  /** ISO date after which the acceptance is an error; compared with nothing at synth time, shown to reviewers. */
  readonly until?: string;
}

/** A gate on the user's own signals, checked by the wave's Job before and after. */
export interface ServiceLevelGate {
  readonly name: string;
  /** A PromQL expression that is true (a non-empty, non-zero result) when all is well. */
  readonly query: string;
}

/** A place in the plan file, 1-based. */
export interface PlanPosition {
  readonly line: number;
  readonly column: number;
}

/** A plan file, checked, with every default filled in. */
export interface Plan {
  readonly name: string;
  /** The file as the user named it. */
  readonly file: string;
  /**
   * Where each field that the user wrote stands, by its path (`spec.waves.groups[1].size`), so that findings of later
   * rooms can point at it. Absent for plans in TypeScript.
   */
  readonly positions?: ReadonlyMap<string, PlanPosition>;
  readonly spec: {
    /** Folder or file of the inventory, relative to the plan file. */
    readonly inventory: string;
    readonly source: "auto" | SourceName;
    readonly target: {
      readonly cni: "cilium" | "flannel";
      /** Exact chart version, for example `1.20.2`. */
      readonly version: string;
      /** Pool of pod addresses for the target, one per family; empty means: propose. */
      readonly podCIDRs: readonly string[];
      /** Prefix length of the block that each node gets; absent means: derive from the nodes. */
      readonly podCIDRMaskSize?: number;
      readonly podCIDRMaskSizeIPv6?: number;
      /** Devices of the uplinks; empty means: exclude the source's devices from detection. */
      readonly devices: readonly string[];
      readonly kubeProxyReplacement: boolean;
      readonly k8sServiceHost?: string;
      readonly k8sServicePort?: number;
      /** Helm values merged last and checked against the migration's invariants. */
      readonly values: JsonObject;
      readonly chart: { readonly source: "https" | "oci"; readonly repository: string };
    };
    readonly strategy: Strategy;
    /** Prefixes in use outside the cluster that the new pool must not touch (VPC, on-premises, peered clusters). */
    readonly reservedCIDRs: readonly string[];
    readonly waves: {
      readonly canary: { readonly nodes: number; readonly from: NodeSelection };
      readonly groups: readonly WaveGroup[];
      readonly exclude: NodeSelection | undefined;
      readonly budget: {
        /** Nodes that may be away at once: a count or a percentage (`10%`). */
        readonly maxUnavailable: number | string;
        /** Whether one wave may hold nodes of several zones. */
        readonly acrossZones: boolean;
      };
      /** Seconds between the last node of a wave and its marker. */
      readonly soakSeconds: number;
    };
    readonly roll: {
      readonly executor: ExecutorName;
      readonly mode: RollMode;
      /** Image with `sh` and `kubectl`, by digest. */
      readonly image: string;
      /** Image for the pods that probe connectivity, by digest. */
      readonly probeImage: string;
      readonly drainTimeoutSeconds: number;
      readonly deleteEmptyDirData: boolean;
      /** Whether pods without a controller may be deleted; otherwise their node's wave uses `recycle` or is refused. */
      readonly deleteBarePods: boolean;
      /** Goldpinger's address in the cluster, and how many healthy answers in a row count as healthy. */
      readonly goldpinger?: {
        readonly url: string;
        readonly healthyAnswers: number;
        /** Longest p99 of its pings, in seconds, asked of Prometheus; absent means not asked. */
        readonly maxResponseSeconds?: number;
      };
      readonly prometheus?: { readonly url: string };
      readonly serviceLevelGates: readonly ServiceLevelGate[];
      /** Present if written, and always with that executor. */
      readonly systemUpgradeController?: { readonly namespace: string; readonly serviceAccountName: string };
      /** Present if written, and always with that executor. */
      readonly kured?: { readonly namespace: string; readonly daemonSet: string; readonly sentinel: string };
      /** Present if written, and always with that executor. */
      readonly clusterAPI?: {
        readonly apiVersion: "v1beta1" | "v1beta2";
        readonly namespace: string;
        /** Node pool to the MachineDeployment that makes its machines. */
        readonly machineDeployments: Readonly<Record<string, string>>;
      };
    };
    readonly policies: {
      readonly continuity: Continuity;
      readonly accept: readonly Acceptance[];
      /** Whether the probe pack runs, before the first wave and at the end. */
      readonly probes: boolean;
    };
    readonly newNodes: "cilium" | "source";
    readonly delivery: {
      readonly engines: readonly ("argocd" | "flux" | "kubectl")[];
      readonly repoURL: string;
      /** Branch that the engines follow. */
      readonly revision: string;
      /** Folder in the repository that holds `dist`. */
      readonly path: string;
      readonly argocd: { readonly namespace: string; readonly pinning: "commit" | "branch" };
      readonly flux: { readonly namespace: string; readonly secretRef?: string };
    };
    readonly observability: {
      readonly goldpinger: boolean;
      readonly goldpingerImage?: string;
      readonly hubble: boolean;
    };
    readonly preflight: { readonly accept: readonly Acceptance[] };
  };
  /** By stage id; a stage that is not named is `held`. */
  readonly stages: Readonly<Record<string, StageEntry>>;
}

/** What `next` and `rollback` write about one stage. */
export interface StageEntry {
  readonly state: StageState;
  /** 1 when absent. */
  readonly attempt?: number;
  /** Commit that holds the reviewed body; engines are pinned to it. */
  readonly commit?: string;
  /** Body digest at the time of opening. */
  readonly digest?: string;
}
