import type { StageRef } from "./job.ts";
import { jobStageObjects } from "./job-stage.ts";
import { bridgeName, metachronNamespace } from "./names.ts";
import { type Pack, packFiles, packRights } from "./probe-objects.ts";
import { joinRights, noRights, type Rights, rule } from "./rbac.ts";
import { ownRights, policyRights, readRights } from "./rights.ts";
import type { RollContext } from "./roll-context.ts";
import type { RollObject } from "./roll-object.ts";
import { type Signal, signalsOf } from "./signals.ts";
import { networkEnv } from "./wave-objects.ts";

/** What a gate can look at; `gate.sh` says what each word proves. */
export type GateCheck =
  | "agents"
  | "dormant"
  | "echo"
  | "bridge"
  | "goldpinger"
  | "images"
  | "operator"
  | "unbridged"
  | "policies"
  | "jobs"
  | "signals"
  | "probes";

/** The gate of a stage without nodes: its Job waits until the checks hold and writes the marker that the next stage asks for. */
export interface GateInput {
  readonly context: RollContext;
  readonly stage: StageRef;
  /** In this order. */
  readonly checks: readonly GateCheck[];
  /** `undone` in an `undo/` directory; `done` otherwise. */
  readonly endState?: "done" | "undone";
  /** Node to ask the user's signals from: any Linux node by name; needed for the check `signals` only. */
  readonly probeNode?: string;
  /** How many Cilium policies must be there and Valid; for the check `policies`. */
  readonly policies?: number;
  /** Jobs in our namespace that must be complete; for the check `jobs`. */
  readonly jobs?: readonly string[];
  /** For the check `probes`. */
  readonly pack?: Pack;
  /** Longest time of one check. */
  readonly patienceSeconds?: number;
  /** Whether the Job is called a validation: the probe pack's stage. */
  readonly kind?: "gate" | "validate" | "undo";
  /** The stage's own objects, applied before the Job. */
  readonly objects?: readonly RollObject[];
}

/**
 * The objects of a gate Job, around the stage's own objects.
 *
 * Markers are what G3, the gate in the cluster, reads: a stage that has a successor has one, also where its objects are
 * healthy by themselves. The Job reads; it changes its marker and nothing else, except that `unbridged` deletes the bridge.
 */
export function gateObjects(input: GateInput): readonly RollObject[] {
  const { context, stage, checks } = input;
  const kind = input.kind ?? "gate";
  const patience = input.patienceSeconds ?? 900;
  const signals = checks.includes("signals") ? signalsOf(context.plan) : [];
  return jobStageObjects({
    kind,
    context,
    stage,
    script: "gate.sh",
    rights: gateRights(input, kind),
    env: {
      ...networkEnv(context),
      CHECKS: checks.join(" "),
      PATIENCE: String(patience),
      END_STATE: input.endState ?? "done",
      NODES: input.probeNode ?? "",
      POLICIES: String(input.policies ?? 0),
      JOBS: (input.jobs ?? []).join(" "),
    },
    deadlineSeconds: 600 + checks.length * (patience + 60),
    helpers: [],
    signals: withNode(signals, input.probeNode),
    ...(input.pack !== undefined && { lists: packFiles(context, stage.id, input.pack) }),
    ...(input.objects !== undefined && { objects: input.objects }),
  });
}

/** Signals are asked by a pod on a node; without a node there is nothing to ask from. */
function withNode(signals: readonly Signal[], node: string | undefined): readonly Signal[] {
  return node === undefined ? [] : signals;
}

/** Rights of a gate: reading, its marker, and for single checks what they read or delete beside that. */
function gateRights({ stage, checks, jobs, pack }: GateInput, kind: "gate" | "validate" | "undo" = "gate"): Rights {
  const own = [
    ...(checks.includes("jobs") ? [rule("batch", ["jobs"], ["get"], jobs ?? [])] : []),
    ...(checks.includes("unbridged") ? [rule("apps", ["daemonsets"], ["delete"], [bridgeName])] : []),
  ];
  return joinRights(
    readRights,
    checks.includes("policies") || checks.includes("operator") ? policyRights : noRights,
    own.length > 0 ? { cluster: [], namespaces: { [metachronNamespace]: own } } : noRights,
    pack === undefined ? noRights : packRights(pack),
    ownRights(kind, stage),
  );
}
