import type { JsonObject } from "../core/json.ts";
import type { SourceDetection } from "../source/source.ts";
import { gateObjects } from "./gate-objects.ts";
import type { StageRef } from "./job.ts";
import { bridgeName, helperAccount, metachronNamespace } from "./names.ts";
import { scriptsName } from "./preparation.ts";
import type { RollContext } from "./roll-context.ts";
import { onEveryNode, type RollObject, rollLabels, rollObject, stageMetadata } from "./roll-object.ts";

/** What the bridge does on the nodes. `remove` takes its rules away and keeps them away: the way back. */
export type BridgeMode = "keep" | "remove";

/** What the bridge needs to know of the source beside the context. */
export interface BridgeInput {
  readonly context: RollContext;
  readonly stageId: string;
  readonly source: Pick<SourceDetection, "source" | "facts">;
  /** The old pods' prefixes, one per family, as the continuity's conditions found them. */
  readonly sourcePrefixes: readonly string[];
}

/** Name of the DaemonSet of each mode: two objects, because two stages must not claim one. */
function bridgeDaemonSetName(mode: BridgeMode): string {
  return mode === "keep" ? bridgeName : `${bridgeName}-removal`;
}

/**
 * The DaemonSet that keeps three iptables rules per pair of prefixes in place on every node, and is Ready on a node only
 * while they stand there in order.
 *
 * Host network, so that it needs no CNI; privileged, because `/proc/sys` is read-only otherwise; every taint tolerated,
 * since a node without the rules opens a way past the mirrored denies. The image is the Cilium agent's: after the dormant
 * install every node has it, it brings `sh` and both iptables backends.
 * Source: lab pilot of metachron, "Exact bridge: objects".
 */
export function bridgeObjects(input: BridgeInput, mode: BridgeMode = "keep"): readonly RollObject[] {
  return [rollObject(20, bridgeDaemonSet(input, mode), comments[mode])];
}

/**
 * The objects of `undo/` of the bridge's stage: a DaemonSet that takes the rules away, and a Job that first deletes the
 * bridge (it would put them back), then waits until no node has a rule left.
 */
export function bridgeUndoObjects(input: BridgeInput, stage: StageRef): readonly RollObject[] {
  return gateObjects({
    context: input.context,
    stage: { ...stage, previous: undefined },
    kind: "undo",
    checks: ["unbridged"],
    endState: "undone",
    objects: bridgeObjects(input, "remove"),
  });
}

const comments: Readonly<Record<BridgeMode, string>> = {
  keep: "Keeps pod addresses across the two networks. Ready on a node means: all rules in place and in order.\nIts absence on a node opens new-to-old flows past the mirrored denies: alarm on it.",
  remove: "Takes the bridge's rules away. Ready on a node means: no rule is left.",
};

function bridgeDaemonSet(input: BridgeInput, mode: BridgeMode): JsonObject {
  const { stageId } = input;
  const name = bridgeDaemonSetName(mode);
  const labels = { "app.kubernetes.io/name": name };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: stageMetadata(stageId, name, metachronNamespace, -1),
    spec: {
      selector: { matchLabels: labels },
      // A few nodes at a time: the rules stay while a pod restarts, so nothing opens; but an error would show on few nodes.
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } },
      template: {
        metadata: { labels: { ...rollLabels(stageId), ...labels } },
        spec: {
          serviceAccountName: helperAccount,
          automountServiceAccountToken: false,
          hostNetwork: true,
          dnsPolicy: "Default",
          priorityClassName: "system-node-critical",
          terminationGracePeriodSeconds: 5,
          ...onEveryNode,
          containers: [bridgeContainer(input, mode)],
          volumes: [
            { name: "scripts", configMap: { name: scriptsName, defaultMode: 0o555 } },
            { name: "state", hostPath: { path: "/run/metachron", type: "DirectoryOrCreate" } },
            { name: "lock", hostPath: { path: "/run/xtables.lock", type: "FileOrCreate" } },
          ],
        },
      },
    },
  };
}

function bridgeContainer(input: BridgeInput, mode: BridgeMode): JsonObject {
  const { context, source, sourcePrefixes } = input;
  const values = {
    OLD_CIDRS: sourcePrefixes.join(" "),
    NEW_CIDRS: context.podCIDRs.join(" "),
    POLICY_CHAIN: policyChainOf(source),
    SOURCE_CHAINS: sourceChainsOf(source),
    ARRIVAL_DEVICES: arrivalDevices(source).join(" "),
  };
  return {
    name: "bridge",
    image: context.ciliumImage,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", "/scripts/bridge.sh", mode],
    env: [
      ...Object.entries(values).map(([name, value]) => ({ name, value })),
      { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ],
    readinessProbe: {
      exec: { command: ["/bin/sh", "/scripts/bridge.sh", "ready"] },
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: 2,
    },
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    securityContext: { privileged: true },
    volumeMounts: [
      { name: "scripts", mountPath: "/scripts", readOnly: true },
      { name: "state", mountPath: "/run/metachron" },
      { name: "lock", mountPath: "/run/xtables.lock" },
    ],
  };
}

/**
 * The chain in which the source decides on forwarded pod traffic: our FORWARD rule stands right after the jump to it.
 * Empty for sources without policy of their own: old pods were open before, and ours comes first.
 */
function policyChainOf(source: BridgeInput["source"]): string {
  return source.facts.enforcedPolicyKinds.length > 0 && (source.source === "calico" || source.source === "canal")
    ? "cali-FORWARD"
    : "";
}

/** A grep pattern for lines of the source in iptables-save: they show which backend it writes to. */
function sourceChainsOf(source: BridgeInput["source"]): string {
  const patterns: Readonly<Record<string, string>> = {
    calico: "cali-",
    canal: "cali-\\|FLANNEL-",
    flannel: "FLANNEL-",
    "kube-router": "KUBE-ROUTER-",
    weave: "WEAVE",
    antrea: "ANTREA-",
  };
  return patterns[source.source] ?? "";
}

/**
 * Devices over which packets of the other network reach a node, whose strict rp_filter would drop them: the overlay's;
 * without an overlay the word `default`, which the script resolves to the devices of default routes.
 */
function arrivalDevices(source: BridgeInput["source"]): readonly string[] {
  const { devices, encapsulation } = source.facts;
  if (encapsulation === "none") return ["default"];
  return devices.filter((device) => !/[+*?[\]]/u.test(device));
}
