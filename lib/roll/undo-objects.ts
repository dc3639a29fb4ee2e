import { digestAnnotation, digestPlaceholder } from "../core/digest-placeholder.ts";
import type { JsonObject } from "../core/json.ts";
import { completionObject, jobObject } from "./job.ts";
import { type HelperKind, podTemplatesObject } from "./pod-templates.ts";
import { accountObjects, joinRights, type Rights } from "./rbac.ts";
import { agentRights, moveRights, ownRights, readRights } from "./rights.ts";
import { type RollObject, rollObject, withProtection } from "./roll-object.ts";
import { apiServerEntry, hostnamesOf, nodesEnv, type WaveInput, waveDeadlineSeconds } from "./wave-objects.ts";

/**
 * The objects of `undo/` of a wave: the way back is a forward stage with objects and a Job of its own.
 *
 * `nodeConfig` is the CiliumNodeConfig that sorts after the wave's and switches the agents' care for CNI files off
 * (`nodeBatchUndo` of the target room). The Job has one right more than the wave's: its helper pod `restore` may write in
 * the CNI directory of the node that it is bound to.
 * There is a way back until the source is removed; after that its CNI and its IPAM are gone.
 */
export function undoObjects(input: WaveInput): readonly RollObject[] {
  const { context, stage, wave } = input;
  const withoutGate = { ...stage, previous: undefined };
  return [
    ...accountObjects("undo", stage.id, undoRights(input)),
    podTemplatesObject(context, "undo", stage.id, undoHelpers(wave.mode)),
    undoConfigObject(input.nodeConfig, stage.id),
    jobObject({
      kind: "undo",
      stage: withoutGate,
      script: "undo.sh",
      image: context.plan.spec.roll.image,
      env: nodesEnv(input),
      deadlineSeconds: waveDeadlineSeconds(wave),
      avoidHostnames: hostnamesOf(wave),
      ...apiServerEntry(context),
    }),
    completionObject("undo", stage),
  ];
}

/** The rights of the way back: as the wave's, without reading the stage before. */
export function undoRights({ context, stage, wave }: WaveInput): Rights {
  return joinRights(
    readRights,
    moveRights(wave.nodes.map((node) => node.name)),
    agentRights(context.ciliumNamespace),
    ownRights("undo", { ...stage, previous: undefined }),
  );
}

function undoHelpers(mode: string): readonly HelperKind[] {
  const always: HelperKind[] = ["canary", "check", "hostports", "probe", "restore"];
  return mode === "recycle" ? [...always, "recycle"] : always;
}

function undoConfigObject(nodeConfig: JsonObject, stageId: string): RollObject {
  const annotated = withProtection(nodeConfig, stageId, -1, { [digestAnnotation]: digestPlaceholder });
  return rollObject(10, annotated, "Sorts after the wave's object, so its keys win: agents stop caring for CNI files.");
}
