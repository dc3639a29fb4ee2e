import type { JsonObject } from "../core/json.ts";
import type { NodeLeftovers, RemovalObject } from "../source/source.ts";
import { agentLabel } from "../target/waiting-values.ts";
import { outageBatch } from "../waves/outage.ts";
import type { StageRef } from "./job.ts";
import { jobStageObjects } from "./job-stage.ts";
import { helperAccount, imagesName, metachronNamespace } from "./names.ts";
import { joinRights, noRights } from "./rbac.ts";
import { leftoverLists, nodeRights, removalFile, removalRights, sourceLines } from "./removal-objects.ts";
import { ownRights, policyRights, readRights } from "./rights.ts";
import type { RollContext } from "./roll-context.ts";
import { onEveryNode, type RollObject, rollLabels, rollObject, stageMetadata } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";
import { networkEnv } from "./wave-objects.ts";

/** What the stage needs that switches a whole cluster in place. */
export interface SwitchInput {
  readonly context: RollContext;
  readonly stage: StageRef;
  /** Every Linux node, by name. */
  readonly nodes: readonly string[];
  /** The source's objects that must not run beside Cilium, in their order: agents, controllers, webhooks. */
  readonly removal: readonly RemovalObject[];
  readonly leftovers: NodeLeftovers;
  /** How many Cilium policies must be there and Valid before and after; 0: not looked at. */
  readonly policies: number;
}

/**
 * The objects of the outage: one Job that deletes the source's agents, and on each node cleans up, lets Cilium's agent start and
 * gives every pod a new sandbox, the first node alone.
 *
 * One Job, because Argo CD and Flux are pods too: they have no network until it is done. Nothing it needs is pulled or asked
 * for outside the cluster meanwhile. It may delete these objects by name and nothing else, and change these nodes' metadata.
 */
export function switchObjects(input: SwitchInput): readonly RollObject[] {
  const { context, stage, nodes, policies } = input;
  const lines = sourceLines(input.removal);
  return jobStageObjects({
    kind: "switch",
    context,
    stage,
    script: "switch.sh",
    rights: joinRights(
      readRights,
      policies > 0 ? policyRights : noRights,
      removalRights(lines),
      nodeRights(nodes),
      ownRights("switch", stage),
    ),
    env: {
      ...networkEnv(context),
      NODES: nodes[0] ?? "",
      BATCH: String(outageBatch),
      CILIUM_IMAGE: context.ciliumImage,
      AGENT_LABEL: agentLabel,
      POLICIES: String(policies),
    },
    deadlineSeconds: 7200 + 1800 * Math.ceil(nodes.length / outageBatch),
    helpers: ["check", "clean", "restart"],
    signals: nodes.length > 0 ? signalsOf(context.plan) : [],
    lists: { nodes, removal: removalFile(lines), ...leftoverLists(input.leftovers) },
  });
}

/**
 * The DaemonSet that brings Cilium's image to every node before the outage: in it a node that has to pull keeps the whole
 * cluster waiting. Its pods sleep on the host network and go with the source.
 */
export function imagesObject(context: RollContext, stageId: string): RollObject {
  const labels = { "app.kubernetes.io/name": imagesName };
  const object: JsonObject = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: stageMetadata(stageId, imagesName, metachronNamespace, -1),
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
      template: {
        metadata: { labels: { ...rollLabels(stageId), ...labels } },
        spec: {
          serviceAccountName: helperAccount,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          hostNetwork: true,
          ...onEveryNode,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "images",
              image: context.ciliumImage,
              imagePullPolicy: "IfNotPresent",
              command: ["/bin/sh", "-c", "while :; do sleep 3600; done"],
              resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { memory: "32Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
            },
          ],
        },
      },
    },
  };
  return rollObject(20, object, "Brings Cilium's image to every node, so that none has to pull it during the outage.");
}
