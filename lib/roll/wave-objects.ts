import { digestAnnotation, digestPlaceholder } from "../core/digest-placeholder.ts";
import { InvariantError } from "../core/invariant.ts";
import { getString, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import type { Wave } from "../waves/waves.ts";
import type { HelperKind } from "./helper-pods.ts";
import type { StageRef } from "./job.ts";
import { jobStageObjects } from "./job-stage.ts";
import { bridgeName } from "./names.ts";
import { joinRights, type Rights, rule } from "./rbac.ts";
import { agentRights, moveRights, ownRights, readRights } from "./rights.ts";
import { hasBridge, type RollContext } from "./roll-context.ts";
import { type RollObject, rollObject, withProtection } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";

/** What a wave's objects are made from. */
export interface WaveInput {
  readonly context: RollContext;
  readonly stage: StageRef;
  readonly wave: Wave;
  /** The CiliumNodeConfig of the batch, as the target room makes it. */
  readonly nodeConfig: JsonObject;
}

/**
 * The objects of a wave that the executor `job` rolls: rights, pod texts, the CiliumNodeConfig, the Job, the completion.
 *
 * The Job moves the wave's nodes one after the other, by `roll.sh`. All digests are placeholders.
 * Throws InvariantError for a mode that a Job cannot do (the plan refuses it) and for a wave without nodes.
 */
export function waveObjects(input: WaveInput): readonly RollObject[] {
  const { context, stage, wave } = input;
  const { mode } = wave;
  if (mode !== "evict" && mode !== "recycle")
    throw new InvariantError("the executor job cannot roll in this mode", { mode, stage: stage.id });
  if (wave.nodes.length === 0) throw new InvariantError("a wave has no nodes", { stage: stage.id });
  return jobStageObjects({
    kind: "roll",
    context,
    stage,
    script: "roll.sh",
    rights: waveRights(input),
    env: { ...nodesEnv(input), SOAK_SECONDS: String(context.plan.spec.waves.soakSeconds) },
    deadlineSeconds: waveDeadlineSeconds(wave),
    helpers: mode === "evict" ? waveHelpers : [...waveHelpers, "recycle"],
    signals: signalsOf(context.plan),
    avoidHostnames: hostnamesOf(wave),
    objects: [nodeConfigObject(input.nodeConfig, stage.id)],
  });
}

/** Helper pods of every wave. */
const waveHelpers: readonly HelperKind[] = ["canary", "check", "hostports", "ports", "probe"];

/** Longest time of a wave's Job: twice its estimate, an hour at least. */
export function waveDeadlineSeconds(wave: Pick<Wave, "estimateSeconds">): number {
  return Math.max(3600, Math.ceil((2 * wave.estimateSeconds) / 60) * 60);
}

/** Values of `kubernetes.io/hostname` of a wave's nodes, as the CiliumNodeConfig lists them. */
export function hostnamesOf(wave: Pick<Wave, "nodes">): readonly string[] {
  return sortedUnique(wave.nodes.map((node) => node.hostname));
}

/** The CiliumNodeConfig of a stage with our annotations: the digest is what the Job compares before it touches a node. */
export function nodeConfigObject(
  nodeConfig: JsonObject,
  stageId: string,
  comment = "Agents of these nodes read it at their next start; applying it alone changes nothing.",
): RollObject {
  const annotated = withProtection(nodeConfig, stageId, -1, { [digestAnnotation]: digestPlaceholder });
  return rollObject(10, annotated, comment);
}

/** The rights of a wave's Job: read, cordon its own nodes, evict, restart agents, its marker and helper pods. */
export function waveRights({ context, stage, wave, nodeConfig }: WaveInput): Rights {
  const undoConfig = `${getString(nodeConfig, "metadata", "name") ?? ""}-undo`;
  return joinRights(
    readRights,
    moveRights(wave.nodes.map((node) => node.name)),
    agentRights(context.ciliumNamespace),
    {
      cluster: [],
      // An earlier rollback of this very stage left its object, whose name sorts last and so would win.
      namespaces: { [context.ciliumNamespace]: [rule("cilium.io", ["ciliumnodeconfigs"], ["delete"], [undoConfig])] },
    },
    ownRights("roll", stage),
  );
}

/** The variables that say which nodes are moved, by which CiliumNodeConfig, and what may be done to their pods. */
export function nodesEnv({ context, wave, nodeConfig }: WaveInput): Readonly<Record<string, string>> {
  const { roll } = context.plan.spec;
  return {
    ...networkEnv(context),
    MODE: wave.mode,
    NODES: wave.nodes.map((node) => node.name).join(" "),
    HOSTNAMES: hostnamesOf(wave).join(" "),
    NODE_CONFIG: getString(nodeConfig, "metadata", "name") ?? "",
    DRAIN_TIMEOUT: String(roll.drainTimeoutSeconds),
    DELETE_BARE_PODS: String(roll.deleteBarePods),
    DELETE_EMPTYDIR_DATA: String(roll.deleteEmptyDirData),
  };
}

/** The variables that say which network is which: for every script that judges addresses. */
export function networkEnv(context: RollContext): Readonly<Record<string, string>> {
  return {
    CILIUM_NAMESPACE: context.ciliumNamespace,
    OLD_CIDRS: context.facts.podCIDRs.join(" "),
    NEW_CIDRS: context.podCIDRs.join(" "),
    BRIDGE: hasBridge(context) ? bridgeName : "",
    SOURCE_DAEMONSETS: context.facts.daemonSets.join(" "),
  };
}
