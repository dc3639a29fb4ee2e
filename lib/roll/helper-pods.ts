import type { JsonObject } from "../core/json.ts";
import { scriptsName } from "./preparation.ts";
import type { RollContext } from "./roll-context.ts";

/**
 * What a helper pod is for, and so what it may do:
 *
 * - `check`: looks at the CNI files and asks the agent's own socket; no capability, everything read-only;
 * - `ports`: on the host network of another node, tries the hostPorts of a node; no capability;
 * - `canary`: an ordinary pod that reaches its targets and then answers itself; `probe`: one that only reaches targets;
 * - `recycle`, `restart`: privileged, the host's root, for crictl, one pod or many; `hostports`: host network with NET_ADMIN, for iptables;
 * - `sentinel`: may write in the folder of kured's sentinel file;
 * - `restore`: may write in the CNI directory, in the way back only; `clean`: privileged, the host's root, at the end.
 */
export type HelperKind =
  | "check"
  | "canary"
  | "ports"
  | "probe"
  | "recycle"
  | "restart"
  | "hostports"
  | "restore"
  | "sentinel"
  | "clean";

/** What is particular to one kind of helper pod. */
export interface HelperPod {
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

/** What a helper pod is made from. */
interface HelperInput {
  readonly context: RollContext;
  /** The ConfigMap of the Job's pod texts and lists. */
  readonly listsName: string;
}

/** Volume of the scripts, its mount, and a small writable folder: in every helper pod or most. */
export const scriptsVolume: JsonObject = { name: "scripts", configMap: { name: scriptsName, defaultMode: 0o555 } };
export const scriptsMount: JsonObject = { name: "scripts", mountPath: "/scripts", readOnly: true };
export const tmpVolume: JsonObject = { name: "tmp", emptyDir: { sizeLimit: "16Mi" } };
export const tmpMount: JsonObject = { name: "tmp", mountPath: "/tmp" };

/** Nothing beyond an ordinary process. */
export const nothingAllowed: JsonObject = {
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

function hostPath(name: string, path: string, type: string): JsonObject {
  return { name, hostPath: { path, type } };
}

const root: JsonObject = { runAsUser: 0 };
/** Nobody in particular, for pods that only talk. */
export const nobody: JsonObject = { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } };

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

type HelperMaker = (input: HelperInput) => HelperPod;

const onHost = { hostNetwork: true, image: "@CILIUM_IMAGE@", user: root };
const agentSocket: JsonObject = hostPath("agent", "/var/run/cilium", "Directory");
const wholeHost: JsonObject = hostPath("host", "/", "Directory");
const tablesLock: JsonObject = hostPath("lock", "/run/xtables.lock", "FileOrCreate");
const lockMount: JsonObject = { name: "lock", mountPath: "/run/xtables.lock" };
const hostMount: JsonObject = { name: "host", mountPath: "/host" };

/** The CNI directory of the host. */
function cniDirectory({ context }: HelperInput): JsonObject {
  return hostPath("cni", context.facts.cniConfDirectory, "Directory");
}

/** A pod that runs probe.sh and needs nothing. */
function probing({ context }: HelperInput, command: readonly string[]): HelperPod {
  return {
    hostNetwork: false,
    image: context.plan.spec.roll.probeImage,
    user: nobody,
    command,
    securityContext: nothingAllowed,
    volumes: [tmpVolume],
    mounts: [tmpMount],
  };
}

/** probe.sh with words that the script fills in, each a word of its own. */
function probeWords(words: string): readonly string[] {
  return ["/bin/sh", "-c", `exec /bin/sh /scripts/probe.sh ${words}`];
}

/** Every kind of helper pod. */
export const helperPods: Readonly<Record<HelperKind, HelperMaker>> = {
  check: (input) => ({
    ...onHost,
    command: ["/bin/sh", "/scripts/node-check.sh", "@CHECK@"],
    securityContext: onHostFiles,
    volumes: [cniDirectory(input), agentSocket],
    mounts: [readOnly("cni", "/host/cni"), readOnly("agent", "/var/run/cilium")],
  }),
  canary: (input) => ({
    ...probing(input, ["/bin/sh", "/scripts/probe.sh", "serve"]),
    extra: { initContainers: [reachContainer(input.context)] },
    containerExtra: echoPort,
  }),
  probe: (input) => probing(input, probeWords("connect @TARGETS@")),
  ports: (input) => ({ ...probing(input, probeWords("ports @TARGETS@")), hostNetwork: true }),
  recycle: () => ({
    ...onHost,
    command: ["/bin/sh", "/scripts/node-recycle.sh", "@POD_NAMESPACE@", "@POD_NAME@"],
    securityContext: { privileged: true },
    volumes: [wholeHost],
    mounts: [hostMount],
  }),
  restart: () => ({
    ...onHost,
    command: ["/bin/sh", "-c", "exec /bin/sh /scripts/node-restart.sh @PODS@"],
    securityContext: { privileged: true },
    volumes: [wholeHost],
    mounts: [hostMount],
  }),
  hostports: () => ({
    ...onHost,
    command: ["/bin/sh", "/scripts/node-hostports.sh", "@LIVE_IPS@"],
    securityContext: { ...onHostFiles, capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] } },
    volumes: [tablesLock],
    mounts: [lockMount],
  }),
  restore: (input) => ({
    ...onHost,
    command: ["/bin/sh", "/scripts/node-restore.sh"],
    securityContext: onHostFiles,
    volumes: [cniDirectory(input), agentSocket],
    mounts: [{ name: "cni", mountPath: "/host/cni" }, readOnly("agent", "/var/run/cilium")],
  }),
  sentinel: ({ context }) => {
    const sentinel = context.plan.spec.roll.kured?.sentinel ?? "/var/run/reboot-required";
    const slash = sentinel.lastIndexOf("/");
    return {
      ...onHost,
      image: context.plan.spec.roll.probeImage,
      command: ["/bin/sh", "-c", `: >'/sentinel/${sentinel.slice(slash + 1)}'`],
      securityContext: onHostFiles,
      volumes: [hostPath("sentinel", sentinel.slice(0, slash) || "/", "Directory")],
      mounts: [{ name: "sentinel", mountPath: "/sentinel" }],
    };
  },
  clean: ({ listsName }) => ({
    ...onHost,
    command: ["/bin/sh", "/scripts/node-clean.sh", "/stage"],
    securityContext: { privileged: true },
    volumes: [wholeHost, tablesLock, { name: "stage", configMap: { name: listsName, defaultMode: 0o444 } }],
    mounts: [hostMount, readOnly("stage", "/stage"), lockMount],
  }),
};
