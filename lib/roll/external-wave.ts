import { jobStageObjects } from "./job-stage.ts";
import { joinRights, rule } from "./rbac.ts";
import { ownRights, readRights } from "./rights.ts";
import type { RollObject } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";
import { hostnamesOf, nodeConfigObject, nodesEnv, type WaveInput } from "./wave-objects.ts";

/** What a gate Job of a wave that somebody else carries out is told. */
export interface ExternalWave {
  readonly input: WaveInput;
  /** Whether the nodes go and others come. */
  readonly isReplaced: boolean;
  /** Names of all nodes that the plan knows; read only where nodes are replaced. */
  readonly knownNodes: readonly string[];
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
export function externalWaveObjects({ input, isReplaced, knownNodes, objects }: ExternalWave): readonly RollObject[] {
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
    },
    deadlineSeconds: patienceSeconds(input) + 3600 + 600 * wave.nodes.length,
    helpers: ["canary", "check", "hostports", "probe"],
    signals: signalsOf(context.plan),
    lists: isReplaced ? { nodes: knownNodes } : {},
    avoidHostnames: hostnamesOf(wave),
    objects,
  });
}

/** The executor `manual`: the CiliumNodeConfig and the gate Job; a person does what CHECKLIST.md says. */
export function manualObjects(input: WaveInput): readonly RollObject[] {
  return externalWaveObjects({
    input,
    isReplaced: false,
    knownNodes: [],
    objects: [nodeConfigObject(input.nodeConfig, input.stage.id)],
  });
}

/**
 * The executor `cluster-api`: only the gate Job. The nodes of the wave go, so no CiliumNodeConfig names them; new machines
 * are taken by the plan's catch-all (`newNodes: cilium`).
 */
export function clusterAPIObjects(input: WaveInput): readonly RollObject[] {
  return externalWaveObjects({ input, isReplaced: true, knownNodes: input.knownNodes ?? [], objects: [] });
}
