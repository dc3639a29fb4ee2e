import type { JsonObject, JsonValue } from "../core/json.ts";
import { renderYaml } from "../core/yaml.ts";
import {
  type HelperKind,
  type HelperPod,
  helperPods,
  nobody,
  nothingAllowed,
  scriptsMount,
  scriptsVolume,
  tmpMount,
  tmpVolume,
} from "./helper-pods.ts";
import { helperAccount, type JobKind, metachronNamespace, podTemplatesName } from "./names.ts";
import type { RollContext } from "./roll-context.ts";
import { type RollObject, rollObject, stageMetadata } from "./roll-object.ts";
import type { Signal } from "./signals.ts";

/**
 * The ConfigMap with the texts of all pods that a stage's Job may make on a node: reviewed with the stage, filled in by the
 * script at the words between `@` signs, nothing else.
 *
 * Every pod has a fixed name, is bound to its node by name (so it needs no scheduler and no uncordoned node), tolerates all
 * taints, asks for no resources (a full node would refuse it), and runs with an account without rights or token. `lists` are files of lines that the script reads beside them.
 */
export function podTemplatesObject(
  context: RollContext,
  job: JobKind,
  stageId: string,
  kinds: readonly HelperKind[],
  signals: readonly Signal[] = [],
  lists: Readonly<Record<string, readonly string[]>> = {},
): RollObject {
  const data: Record<string, string> = {};
  for (const [name, lines] of Object.entries(lists)) data[name] = lines.map((line) => `${line}\n`).join("");
  for (const kind of kinds) data[`${kind}.yaml`] = renderYaml(helperPod(context, job, stageId, kind));
  for (const signal of signals) data[`${signal.name}.yaml`] = renderYaml(signalPod(context, stageId, signal));
  const object: JsonObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: stageMetadata(stageId, podTemplatesName(job, stageId), metachronNamespace, -2),
    data,
  };
  return rollObject(
    8,
    object,
    "Every pod that this stage's Job may make, word for word. The script fills in what stands between @ signs.",
  );
}

function helperPod(context: RollContext, job: JobKind, stageId: string, kind: HelperKind): JsonObject {
  return pod(stageId, kind, helperPods[kind]({ context, listsName: podTemplatesName(job, stageId) }));
}

function signalPod(context: RollContext, stageId: string, signal: Signal): JsonObject {
  return pod(stageId, "signal", {
    image: context.plan.spec.roll.probeImage,
    command: ["/bin/sh", "/scripts/probe.sh", ...signal.arguments],
    hostNetwork: false,
    securityContext: nothingAllowed,
    volumes: [tmpVolume],
    mounts: [tmpMount],
    user: nobody,
    env: Object.entries(signal.env).map(([name, value]) => ({ name, value: value.replaceAll("$", "$$$$") })),
  });
}

function pod(stageId: string, kind: string, spec: HelperPod): JsonObject {
  const container: JsonObject = {
    name: kind,
    image: spec.image,
    imagePullPolicy: "IfNotPresent",
    command: spec.command,
    ...(spec.env !== undefined && { env: spec.env }),
    securityContext: spec.securityContext,
    volumeMounts: [scriptsMount, ...spec.mounts],
    ...spec.containerExtra,
  };
  const metadata: JsonValue = {
    name: "@NAME@",
    namespace: metachronNamespace,
    labels: {
      "app.kubernetes.io/managed-by": "metachron-roll",
      "app.kubernetes.io/name": "metachron-helper",
      "metachron.dev/helper": kind,
      "metachron.dev/stage": stageId,
    },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: {
      nodeName: "@NODE@",
      serviceAccountName: helperAccount,
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 5,
      hostNetwork: spec.hostNetwork,
      ...(spec.hostNetwork && { dnsPolicy: "Default" }),
      tolerations: [{ operator: "Exists" }],
      securityContext: spec.user,
      ...spec.extra,
      containers: [container],
      volumes: [scriptsVolume, ...spec.volumes],
    },
  };
}
