import type { HelperKind } from "./helper-pods.ts";
import { jobStageObjects } from "./job-stage.ts";
import { joinRights, type Rights } from "./rbac.ts";
import { agentRights, moveRights, ownRights, readRights } from "./rights.ts";
import type { RollObject } from "./roll-object.ts";
import { hostnamesOf, nodeConfigObject, nodesEnv, type WaveInput, waveDeadlineSeconds } from "./wave-objects.ts";

/**
 * The objects of `undo/` of a wave: the way back is a forward stage with objects and a Job of its own.
 *
 * `nodeConfig` is the CiliumNodeConfig that sorts after the wave's and switches the agents' care for CNI files off
 * (`nodeBatchUndo` of the target room). Its helper pod `restore` may write in the CNI directory of the node that it is
 * bound to; nothing of the wave may. There is a way back until the source is removed.
 */
export function undoObjects(input: WaveInput): readonly RollObject[] {
  const { context, wave } = input;
  // No gate: the way back must be open whatever the stage before says.
  const stage = { ...input.stage, previous: undefined };
  return jobStageObjects({
    kind: "undo",
    context,
    stage,
    script: "undo.sh",
    rights: undoRights(input),
    env: nodesEnv(input),
    deadlineSeconds: waveDeadlineSeconds(wave),
    helpers: wave.mode === "recycle" ? [...undoHelpers, "recycle"] : undoHelpers,
    avoidHostnames: hostnamesOf(wave),
    objects: [
      nodeConfigObject(
        input.nodeConfig,
        stage.id,
        "Sorts after the wave's object, so its keys win: agents stop caring for CNI files.",
      ),
    ],
  });
}

const undoHelpers: readonly HelperKind[] = ["canary", "check", "hostports", "ports", "probe", "restore"];

/** The rights of the way back: as the wave's, without reading the stage before and without deleting a CiliumNodeConfig. */
function undoRights({ context, stage, wave }: WaveInput): Rights {
  return joinRights(
    readRights,
    moveRights(wave.nodes.map((node) => node.name)),
    agentRights(context.ciliumNamespace),
    ownRights("undo", { ...stage, previous: undefined }),
  );
}
