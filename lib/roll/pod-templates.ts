import type { JsonObject, JsonValue } from "../core/json.ts";
import { renderYaml } from "../core/yaml.ts";
import { helperAccount, type JobKind, metachronNamespace, podTemplatesName } from "./names.ts";
import { scriptsName } from "./preparation.ts";
import type { RollContext } from "./roll-context.ts";
import { type RollObject, rollObject, stageMetadata } from "./roll-object.ts";
import type { Signal } from "./signals.ts";

/**
 * What a helper pod is for, and so what it may do:
 *
 * - `check`: looks at the CNI files and asks the agent's own socket; no capability, everything read-only;
 * - `ports`: on the host network of another node, tries the hostPorts of a node; no capability;
 * - `canary`: an ordinary pod that reaches its targets and then answers itself; `probe`: one that only reaches targets;
 * - `recycle`: privileged, the host's root, for crictl; `hostports`: host network with NET_ADMIN, for iptables;
 * - `sentinel`: may write in the folder of kured's sentinel file;
 * - `restore`: may write in the CNI directory, in the way back only; `clean`: privileged, the host's root, at the end.
 */
export type HelperKind =
  | "check"
  | "canary"
  | "ports"
  | "probe"
  | "recycle"
  | "hostports"
  | "restore"
  | "sentinel"
  | "clean";

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

/** Volume and mount of the scripts. */
const scriptsVolume: JsonObject = { name: "scripts", configMap: { name: scriptsName, defaultMode: 0o555 } };
const scriptsMount: JsonObject = { name: "scripts", mountPath: "/scripts", readOnly: true };
const tmpVolume: JsonObject = { name: "tmp", emptyDir: { sizeLimit: "16Mi" } };
const tmpMount: JsonObject = { name: "tmp", mountPath: "/tmp" };

const nothingAllowed: JsonObject = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/**
 * Reading the host's files and the agent's socket under SELinux: the type that the agent's own containers have. Without
 * SELinux it has no effect.
 * Source: cilium/cilium v1.20.2 install/kubernetes/cilium/values.yaml, securityContext.seLinuxOptions.
 */
const onHostFiles: JsonObject = { ...nothingAllowed, seLinuxOptions: { level: "s0", type: "spc_t" } };

interface HelperPod {
  readonly image: string;
  readonly command: readonly string[];
  readonly hostNetwork: boolean;
  readonly securityContext: JsonObject;
  readonly volumes: readonly JsonObject[];
  readonly mounts: readonly JsonObject[];
  readonly user: JsonObject;
  readonly extra?: JsonObject;
  readonly containerExtra?: JsonObject;
  readonly env?: readonly JsonObject[];
}

function hostPath(name: string, path: string, type: string): JsonObject {
  return { name, hostPath: { path, type } };
}

const root: JsonObject = { runAsUser: 0 };
const nobody: JsonObject = { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } };

function helperPod(context: RollContext, job: JobKind, stageId: string, kind: HelperKind): JsonObject {
  return pod(stageId, kind, specOf(context, kind, podTemplatesName(job, stageId)));
}

function specOf(context: RollContext, kind: HelperKind, listsName: string): HelperPod {
  const { facts, plan } = context;
  const onHost = { hostNetwork: true, image: "@CILIUM_IMAGE@", user: root };
  const cni = hostPath("cni", facts.cniConfDirectory, "Directory");
  const wholeHost = hostPath("host", "/", "Directory");
  const onPodNetwork = { hostNetwork: false, image: plan.spec.roll.probeImage, user: nobody };
  switch (kind) {
    case "check":
      return {
        ...onHost,
        command: ["/bin/sh", "/scripts/node-check.sh", "@CHECK@"],
        securityContext: onHostFiles,
        volumes: [cni, hostPath("agent", "/var/run/cilium", "Directory")],
        mounts: [readOnly("cni", "/host/cni"), readOnly("agent", "/var/run/cilium")],
      };
    case "canary":
      return {
        ...onPodNetwork,
        command: ["/bin/sh", "/scripts/probe.sh", "serve"],
        securityContext: nothingAllowed,
        volumes: [tmpVolume],
        mounts: [tmpMount],
        extra: { initContainers: [reachContainer(context)] },
        containerExtra: echoPort,
      };
    case "probe":
      return {
        ...onPodNetwork,
        command: ["/bin/sh", "-c", "exec /bin/sh /scripts/probe.sh connect @TARGETS@"],
        securityContext: nothingAllowed,
        volumes: [tmpVolume],
        mounts: [tmpMount],
      };
    case "ports":
      return {
        ...onPodNetwork,
        hostNetwork: true,
        command: ["/bin/sh", "-c", "exec /bin/sh /scripts/probe.sh ports @TARGETS@"],
        securityContext: nothingAllowed,
        volumes: [tmpVolume],
        mounts: [tmpMount],
      };
    case "recycle":
      return {
        ...onHost,
        command: ["/bin/sh", "/scripts/node-recycle.sh", "@POD_NAMESPACE@", "@POD_NAME@"],
        securityContext: { privileged: true },
        volumes: [wholeHost],
        mounts: [{ name: "host", mountPath: "/host" }],
      };
    case "hostports":
      return {
        ...onHost,
        command: ["/bin/sh", "/scripts/node-hostports.sh", "@LIVE_IPS@"],
        securityContext: { ...onHostFiles, capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] } },
        volumes: [hostPath("lock", "/run/xtables.lock", "FileOrCreate")],
        mounts: [{ name: "lock", mountPath: "/run/xtables.lock" }],
      };
    case "restore":
      return {
        ...onHost,
        command: ["/bin/sh", "/scripts/node-restore.sh"],
        securityContext: onHostFiles,
        volumes: [cni, hostPath("agent", "/var/run/cilium", "Directory")],
        mounts: [{ name: "cni", mountPath: "/host/cni" }, readOnly("agent", "/var/run/cilium")],
      };
    case "sentinel": {
      const sentinel = plan.spec.roll.kured?.sentinel ?? "/var/run/reboot-required";
      const slash = sentinel.lastIndexOf("/");
      return {
        ...onHost,
        image: plan.spec.roll.probeImage,
        command: ["/bin/sh", "-c", `: >'/sentinel/${sentinel.slice(slash + 1)}'`],
        securityContext: onHostFiles,
        volumes: [hostPath("sentinel", sentinel.slice(0, slash) || "/", "Directory")],
        mounts: [{ name: "sentinel", mountPath: "/sentinel" }],
      };
    }
    case "clean":
      return {
        ...onHost,
        command: ["/bin/sh", "/scripts/node-clean.sh", "/stage"],
        securityContext: { privileged: true },
        volumes: [
          wholeHost,
          hostPath("lock", "/run/xtables.lock", "FileOrCreate"),
          { name: "stage", configMap: { name: listsName, defaultMode: 0o444 } },
        ],
        mounts: [
          { name: "host", mountPath: "/host" },
          readOnly("stage", "/stage"),
          { name: "lock", mountPath: "/run/xtables.lock" },
        ],
      };
  }
}

function readOnly(name: string, mountPath: string): JsonObject {
  return { name, mountPath, readOnly: true };
}

/** Port and readiness of what answers probes. */
const echoPort: JsonObject = {
  ports: [{ name: "echo", containerPort: 8080, protocol: "TCP" }],
  readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 2 },
};

/** The canary's first container: it shares the pod's network, so what it reaches is what a pod of this node reaches. */
function reachContainer(context: RollContext): JsonObject {
  return {
    name: "reach",
    image: context.plan.spec.roll.probeImage,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", "-c", "exec /bin/sh /scripts/probe.sh connect @TARGETS@ api dns"],
    securityContext: nothingAllowed,
    volumeMounts: [scriptsMount, tmpMount],
  };
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
