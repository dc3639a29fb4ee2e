import { digestPlaceholder } from "../core/digest-placeholder.ts";
import type { JsonObject } from "../core/json.ts";
import { externalWaveObjects } from "./external-wave.ts";
import { accountName, markerName, metachronNamespace } from "./names.ts";
import { type Rule, rule } from "./rbac.ts";
import { type RollObject, rollObject, stageMetadata } from "./roll-object.ts";
import type { WaveInput } from "./wave-objects.ts";
import { hostnamesOf, nodeConfigObject } from "./wave-objects.ts";

/** Namespace and account of the controller's Jobs, as its own manifests have them. */
const defaultController = { namespace: "system-upgrade", serviceAccountName: "system-upgrade" };

/**
 * The executor `system-upgrade-controller`: a Plan that drains each node of the wave and restarts its agent there, and the
 * gate Job of an external wave.
 *
 * The Plan's text of commands stands in the object, since its Jobs run in the controller's namespace, which cannot mount
 * our ConfigMap. Its account gets the right to delete the agents' pods and to evict pods; it has the rights of the
 * controller's own manifests beside that.
 * Source: rancher/system-upgrade-controller 0.20.1 pkg/apis/upgrade.cattle.io/v1/types.go, pkg/upgrade/job: host network
 * and host PID, host root at /host, node name in SYSTEM_UPGRADE_NODE_NAME.
 */
export function upgradePlanObjects(input: WaveInput): readonly RollObject[] {
  const { stage } = input;
  return externalWaveObjects({
    input,
    isReplaced: false,
    objects: [
      ...upgradeRights(input),
      nodeConfigObject(input.nodeConfig, stage.id),
      rollObject(15, upgradePlan(input), "Applied with the stage: the controller starts at once, one node at a time."),
    ],
  });
}

/** Name of the Plan of a stage. */
export function upgradePlanName(stageId: string): string {
  return `metachron-${stageId}`;
}

function upgradePlan(input: WaveInput): JsonObject {
  const { context, stage, wave } = input;
  const { roll } = context.plan.spec;
  const controller = roll.systemUpgradeController ?? defaultController;
  const isReboot = wave.mode === "reboot";
  // Another version is another Plan to the controller: so an attempt runs again.
  const version = `${stage.id}-a${stage.attempt}`;
  return {
    apiVersion: "upgrade.cattle.io/v1",
    kind: "Plan",
    metadata: stageMetadata(stage.id, upgradePlanName(stage.id), controller.namespace, -1),
    spec: {
      concurrency: 1,
      exclusive: true,
      jobActiveDeadlineSecs: roll.drainTimeoutSeconds + 1800,
      nodeSelector: {
        matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: hostnamesOf(wave) }],
      },
      serviceAccountName: controller.serviceAccountName,
      tolerations: [{ operator: "Exists" }],
      version,
      drain: {
        ignoreDaemonSets: true,
        deleteEmptydirData: roll.deleteEmptyDirData,
        force: roll.deleteBarePods,
        timeout: `${roll.drainTimeoutSeconds}s`,
      },
      prepare: {
        image: roll.image,
        command: ["/bin/sh", "-c"],
        args: [gateText(stage.id)],
      },
      upgrade: {
        image: roll.image,
        command: ["/bin/sh", "-c"],
        args: [upgradeText(context.ciliumNamespace, context.facts.cniConfDirectory, version, isReboot)],
        securityContext: { privileged: true },
      },
    },
  };
}

/** What runs before the controller cordons: the gate Job says in the marker when the cluster is ready for this wave. */
function gateText(stageId: string): string {
  const marker = `kubectl get configmap ${markerName(stageId)} -n ${metachronNamespace} --ignore-not-found`;
  return [
    "set -u",
    `until [ "$(${marker} -o 'jsonpath={.data.state}|{.data.digest}')" = "running|${digestPlaceholder}" ]; do`,
    "  sleep 5",
    "done",
    "",
  ].join("\n");
}

/** What runs on the node after the drain: agent, CNI file, then the DaemonSets' pods, or the whole machine. */
function upgradeText(ciliumNamespace: string, cniConfDirectory: string, version: string, isReboot: boolean): string {
  const file = `/host${cniConfDirectory}/05-cilium.conflist`;
  const here = '--field-selector "spec.nodeName=$SYSTEM_UPGRADE_NODE_NAME"';
  const switchOver = [
    "set -eu",
    `if [ ! -e ${file} ]; then`,
    `  kubectl delete pod -n ${ciliumNamespace} -l k8s-app=cilium ${here}`,
    "  tries=0",
    `  until [ -e ${file} ]; do`,
    "    tries=$((tries + 1))",
    '    [ "$tries" -lt 300 ] || exit 1',
    "    sleep 2",
    "  done",
    "fi",
  ];
  const restartPods = [
    `kubectl get pods --all-namespaces ${here} -o 'jsonpath={range .items[*]}{.spec.hostNetwork}|{.metadata.namespace}|{.metadata.name}|{.metadata.ownerReferences[?(@.controller==true)].kind}{"\\n"}{end}' |`,
    "  grep '^|' | grep '|DaemonSet$' | while IFS='|' read -r host namespace name kind; do",
    '    kubectl delete pod -n "$namespace" "$name" --wait=true --timeout=300s',
    "  done",
  ];
  // The boot id before the reboot is kept on the disk: the Job's next pod sees another one and is done.
  const reboot = [
    "mkdir -p /host/var/lib/metachron",
    `boot=/host/var/lib/metachron/boot-${version}`,
    "now=$(cat /proc/sys/kernel/random/boot_id)",
    '[ -e "$boot" ] || printf %s "$now" >"$boot"',
    'if [ "$(cat "$boot")" = "$now" ]; then',
    "  chroot /host systemctl reboot",
    "  sleep 600",
    "  exit 1",
    "fi",
    'rm -f "$boot"',
  ];
  return `${[...switchOver, ...(isReboot ? reboot : restartPods)].join("\n")}\n`;
}

/** What the controller's Jobs need beside their own rights: agents' and DaemonSets' pods, and this wave's marker. */
function upgradeRights(input: WaveInput): readonly RollObject[] {
  const { context, stage } = input;
  const controller = context.plan.spec.roll.systemUpgradeController ?? defaultController;
  const name = `${accountName("roll", stage.id)}-controller`;
  const group = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "ServiceAccount", name: controller.serviceAccountName, namespace: controller.namespace }];
  const pair = (kind: "ClusterRole" | "Role", namespace: string | undefined, granted: Rule): RollObject[] => [
    rollObject(6, {
      apiVersion: `${group}/v1`,
      kind,
      metadata: stageMetadata(stage.id, name, namespace, -2),
      rules: [{ ...granted }],
    }),
    rollObject(6, {
      apiVersion: `${group}/v1`,
      kind: `${kind}Binding`,
      metadata: stageMetadata(stage.id, name, namespace, -2),
      roleRef: { apiGroup: group, kind, name },
      subjects,
    }),
  ];
  return [
    ...pair("ClusterRole", undefined, rule("", ["pods"], ["delete", "get", "list", "watch"])),
    ...pair("Role", metachronNamespace, rule("", ["configmaps"], ["get"], [markerName(stage.id)])),
  ];
}
