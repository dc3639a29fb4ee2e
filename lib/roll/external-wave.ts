import { newNodesConfigName } from "../target/node-config.ts";
import { jobStageObjects } from "./job-stage.ts";
import { joinRights, rule } from "./rbac.ts";
import { ownRights, readRights } from "./rights.ts";
import type { RollObject } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";
import { hostnamesOf, nodeConfigObject, nodesEnv, type WaveInput } from "./wave-objects.ts";

/** What a gate Job of a wave that somebody else carries out is told. */
export interface ExternalWave {
  readonly input: WaveInput;
  /** Whether the nodes go and others come: new ones are told by the plan's catch-all CiliumNodeConfig. */
  readonly isReplaced: boolean;
  readonly objects: readonly RollObject[];
}

/** Longest wait for a person or another controller: a day, or four times the wave's estimate. */
function patienceSeconds(input: WaveInput): number {
  return Math.max(86_400, 4 * input.wave.estimateSeconds);
}

/**
 * The gate Job of a wave that the plan does not move itself, around the wave's objects: it waits for the stage before,
 * looks at the cluster, lets each node pass the same gates as a rolled one, and writes the marker.
 */
export function externalWaveObjects({ input, isReplaced, objects }: ExternalWave): readonly RollObject[] {
  const { context, stage, wave } = input;
  return jobStageObjects({
    kind: "gate",
    context,
    stage,
    script: "wave-gate.sh",
    rights: joinRights(
      readRights,
      {
        cluster: [],
        namespaces: { [context.ciliumNamespace]: [rule("cilium.io", ["ciliumnodeconfigs"], ["get", "list"])] },
      },
      ownRights("gate", stage),
    ),
    env: {
      ...nodesEnv(input),
      MODE: "external",
      SOAK_SECONDS: String(context.plan.spec.waves.soakSeconds),
      PATIENCE: String(patienceSeconds(input)),
      REPLACED: isReplaced ? "yes" : "no",
      NEW_NODES_CONFIG: newNodesConfigName,
    },
    deadlineSeconds: patienceSeconds(input) + 3600 + 600 * wave.nodes.length,
    helpers: ["canary", "check", "hostports", "probe"],
    signals: signalsOf(context.plan),
    avoidHostnames: hostnamesOf(wave),
    objects,
  });
}

/**
 * The executors `manual` and `cluster-api`: the CiliumNodeConfig and the gate Job; CHECKLIST.md says who does what.
 *
 * A machine that is replaced takes the plan's catch-all (`newNodes: cilium`); the CiliumNodeConfig of the wave is for the one
 * that comes back under its old name, and it is where the next synth reads the wave's nodes from.
 */
export function manualObjects(input: WaveInput): readonly RollObject[] {
  return externalWaveObjects({
    input,
    isReplaced: input.wave.mode === "replace",
    objects: [nodeConfigObject(input.nodeConfig, input.stage.id)],
  });
}
