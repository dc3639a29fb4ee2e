import type { StageRef } from "./job.ts";
import { jobStageObjects } from "./job-stage.ts";
import { joinRights, noRights, type Rights, rule } from "./rbac.ts";
import { agentRights, ownRights, policyRights, readRights } from "./rights.ts";
import type { RollContext } from "./roll-context.ts";
import type { RollObject } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";
import { networkEnv } from "./wave-objects.ts";

/** A stage that restarts every agent on the configuration of now. */
export interface AgentsInput {
  readonly context: RollContext;
  readonly stage: StageRef;
  /** `finalise`: the final values; `restart`: a setting that agents and operator both read at their start. */
  readonly kind: "finalise" | "restart" | "undo";
  /** Every Linux node that a done wave took, and that the plan knows: a node beyond them stops the stage (`finalise`). */
  readonly nodes: readonly string[];
  /**
   * Keys of the ConfigMap cilium-config that show that the values of this stage are applied, with their text. An empty
   * text means that the key must be empty or absent.
   */
  readonly expectedConfig: Readonly<Record<string, string>>;
  /** CiliumNodeConfigs to delete before the restart; for `finalise`, all that the plan made. */
  readonly nodeConfigs: readonly string[];
  /** How many Cilium policies must be there and Valid afterwards; 0 or absent: not looked at. */
  readonly policies?: number;
  /** The stage's own objects, applied before the Job. */
  readonly objects?: readonly RollObject[];
}

/**
 * The objects of a stage that restarts agents: the first alone, then as many at a time as 1 % of the nodes.
 *
 * `finalise` refuses while a node is there that no wave took or a pod has an old address: agents started on the final
 * values take every node over. `restart` also restarts the operator, in between: with agents alone, policies with node
 * selectors stay "not Valid"; with the operator alone they are called Valid and not enforced.
 * Deleting a CiliumNodeConfig changes nothing by itself; Flux brings it back while it reconciles the wave that holds it,
 * which is harmless, because its keys are those of the final values.
 * Source: cilium/cilium v1.20.2 pkg/option/resolver, operator/pkg/networkpolicy/validator.go.
 */
export function agentObjects(input: AgentsInput): readonly RollObject[] {
  const { context, kind, nodes } = input;
  const stage = kind === "undo" ? { ...input.stage, previous: undefined } : input.stage;
  const firstNode = nodes[0];
  return jobStageObjects({
    kind,
    context,
    stage,
    script: "agents.sh",
    rights: agentStageRights(input),
    env: {
      ...networkEnv(context),
      BATCH: String(batchSize(nodes.length)),
      CHECK_NODES: kind === "finalise" ? "yes" : "no",
      RESTART_OPERATOR: kind === "restart" ? "yes" : "no",
      END_STATE: kind === "undo" ? "undone" : "done",
      NODES: firstNode ?? "",
      POLICIES: String(input.policies ?? 0),
    },
    deadlineSeconds: agentsDeadlineSeconds(nodes.length),
    helpers: ["check"],
    signals: firstNode === undefined ? [] : signalsOf(context.plan),
    lists: {
      nodes,
      config: Object.entries(input.expectedConfig).map(([key, value]) => `${key}=${value}`),
      "node-configs": input.nodeConfigs,
    },
    ...(input.objects !== undefined && { objects: input.objects }),
  });
}

/** Nodes at a time after the first: 1 % of them, one at least. */
export function batchSize(nodes: number): number {
  return Math.max(1, Math.floor(nodes / 100));
}

/** An hour, and two minutes for each batch. */
function agentsDeadlineSeconds(nodes: number): number {
  return 3600 + 120 * Math.ceil(nodes / batchSize(nodes));
}

/** Rights: reading, the agents' pods (the operator's are in the same namespace), the configuration, the named objects to delete. */
function agentStageRights({ context, stage, kind, nodeConfigs, policies }: AgentsInput): Rights {
  const own = ownRights(kind, kind === "undo" ? { ...stage, previous: undefined } : stage);
  const inNamespace = [
    rule("", ["configmaps"], ["get"], ["cilium-config"]),
    ...(nodeConfigs.length > 0 ? [rule("cilium.io", ["ciliumnodeconfigs"], ["delete"], nodeConfigs)] : []),
  ];
  return joinRights(
    readRights,
    (policies ?? 0) > 0 ? policyRights : noRights,
    agentRights(context.ciliumNamespace),
    { cluster: [], namespaces: { [context.ciliumNamespace]: inNamespace } },
    own,
  );
}
