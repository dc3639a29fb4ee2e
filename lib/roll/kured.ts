import { jobStageObjects } from "./job-stage.ts";
import type { RollObject } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";
import { hostnamesOf, nodeConfigObject, nodesEnv, type WaveInput, waveRights } from "./wave-objects.ts";

/** kured may have to wait for its window and its lock: six hours for each node. */
const kuredPatienceSeconds = 21_600;

/**
 * The executor `kured`: the wave's Job switches each node's agent and passes the canary gate, then makes kured's sentinel
 * file on the node and waits until the node came back with another boot id. The CNI file is in place before the reboot, so
 * every pod starts on the new network.
 * Source: kubereboot/kured 1.23.0 cmd/kured/main.go: it drains, reboots and uncordons a node whose sentinel file exists.
 */
export function kuredObjects(input: WaveInput): readonly RollObject[] {
  const { context, stage, wave } = input;
  return jobStageObjects({
    kind: "roll",
    context,
    stage,
    script: "roll.sh",
    rights: waveRights(input),
    env: {
      ...nodesEnv(input),
      MODE: "kured",
      DRAIN_TIMEOUT: String(kuredPatienceSeconds),
      SOAK_SECONDS: String(context.plan.spec.waves.soakSeconds),
    },
    deadlineSeconds: 3600 + wave.nodes.length * (kuredPatienceSeconds + 1800),
    helpers: ["canary", "check", "hostports", "ports", "probe", "sentinel"],
    signals: signalsOf(context.plan),
    avoidHostnames: hostnamesOf(wave),
    objects: [nodeConfigObject(input.nodeConfig, stage.id)],
  });
}
