import { digestPlaceholder } from "../core/digest-placeholder.ts";
import type { JsonObject } from "../core/json.ts";
import { accountName, completionName, type JobKind, jobName, metachronNamespace, podTemplatesName } from "./names.ts";
import { scriptsName } from "./preparation.ts";
import { type RollObject, rollLabels, rollObject, stageMetadata } from "./roll-object.ts";

/** The stage before, as a gate names it. */
export interface PreviousStage {
  readonly id: string;
  /** `sha256:` and 64 digits, or the placeholder that stands for it. */
  readonly digest: string;
}

/** Which stage a Job belongs to. */
export interface StageRef {
  readonly id: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** Absent for the first stage that has a Job: it has no gate. */
  readonly previous: PreviousStage | undefined;
}

/** What a Job runs. */
export interface JobSpec {
  readonly kind: JobKind;
  readonly stage: StageRef;
  /** Script in the scripts ConfigMap: `roll.sh`. */
  readonly script: string;
  /** Image with sh and kubectl. */
  readonly image: string;
  /** Variables beside those that every script has; values are taken literally. */
  readonly env: Readonly<Record<string, string>>;
  readonly deadlineSeconds: number;
  /** Values of `kubernetes.io/hostname` that the Job must not run on: it would have to evict itself. */
  readonly avoidHostnames: readonly string[];
  /** Overrides where the API server is found, for clusters in which its Service cannot be relied on. */
  readonly apiServer?: { readonly host: string; readonly port: number };
}

/** The labels of a Job's pods: the one that the Job controller gives holds the Job's uid, which is the holder of the lease. */
const jobUidLabel = "metadata.labels['batch.kubernetes.io/controller-uid']";

/**
 * A value that Kubernetes leaves as it is: in `env` values it expands `$(NAME)`, and a doubled dollar stands for one.
 * Source: Kubernetes API reference, EnvVar.value.
 */
function literalValue(text: string): string {
  return text.replaceAll("$", "$$$$");
}

/**
 * The Job of a stage. Every field has its reason:
 *
 * - the name holds the attempt: a template is immutable, and the earlier Job keeps its log;
 * - no `ttlSecondsAfterFinished`: an engine would see it vanish and run it again;
 * - `backoffLimit: 0`: a failure is for a person to judge; but an eviction of the executor's own pod is not one
 *   (`podFailurePolicy`, Kubernetes 1.31), and never two executors at once (`podReplacementPolicy`);
 * - host network and the node's DNS: it depends on neither of the two networks;
 * - it runs outside the nodes it moves, by hostname, on a control-plane node where there is one;
 * - it tolerates every NoSchedule taint, and gives up a dead node after two minutes: tolerating everything would hang on
 *   it until the deadline.
 * Source: Kubernetes "Jobs" (1.31), "Taints and Tolerations".
 */
export function jobObject(spec: JobSpec): RollObject {
  const { kind, stage } = spec;
  const name = jobName(kind, stage.id, stage.attempt);
  const job: JsonObject = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: stageMetadata(stage.id, name, metachronNamespace, 0),
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: spec.deadlineSeconds,
      podReplacementPolicy: "Failed",
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      template: {
        metadata: { labels: { ...rollLabels(stage.id), "app.kubernetes.io/name": `metachron-${kind}` } },
        spec: podSpec(spec),
      },
    },
  };
  return rollObject(
    20,
    job,
    `Runs ${spec.script} of ConfigMap ${scriptsName} once, for at most ${spec.deadlineSeconds} s.`,
  );
}

function podSpec(spec: JobSpec): JsonObject {
  return {
    serviceAccountName: accountName(spec.kind, spec.stage.id),
    restartPolicy: "Never",
    hostNetwork: true,
    dnsPolicy: "Default",
    priorityClassName: "system-cluster-critical",
    terminationGracePeriodSeconds: 60,
    tolerations: [
      { operator: "Exists", effect: "NoSchedule" },
      ...["unreachable", "not-ready"].map((taint) => ({
        key: `node.kubernetes.io/${taint}`,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: 120,
      })),
    ],
    affinity: { nodeAffinity: nodeAffinity(spec.avoidHostnames) },
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: spec.kind,
        image: spec.image,
        imagePullPolicy: "IfNotPresent",
        command: ["/bin/sh", `/scripts/${spec.script}`],
        env: jobEnv(spec),
        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
          { name: "scripts", mountPath: "/scripts", readOnly: true },
          { name: "stage", mountPath: "/stage", readOnly: true },
          { name: "tmp", mountPath: "/tmp" },
        ],
      },
    ],
    volumes: [
      { name: "scripts", configMap: { name: scriptsName, defaultMode: 0o555 } },
      { name: "stage", configMap: { name: podTemplatesName(spec.kind, spec.stage.id), defaultMode: 0o444 } },
      { name: "tmp", emptyDir: { sizeLimit: "128Mi" } },
    ],
  };
}

function nodeAffinity(avoidHostnames: readonly string[]): JsonObject {
  const notThese = [{ key: "kubernetes.io/hostname", operator: "NotIn", values: avoidHostnames }];
  const linux = [{ key: "kubernetes.io/os", operator: "In", values: ["linux"] }];
  return {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [...linux, ...(avoidHostnames.length > 0 ? notThese : [])] }],
    },
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        preference: { matchExpressions: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists" }] },
      },
    ],
  };
}

function jobEnv(spec: JobSpec): readonly JsonObject[] {
  const { stage } = spec;
  const server = spec.apiServer;
  const values = {
    STAGE: stage.id,
    ATTEMPT: String(stage.attempt),
    KIND: spec.kind,
    DIGEST: digestPlaceholder,
    PREVIOUS: stage.previous?.id ?? "",
    PREVIOUS_DIGEST: stage.previous?.digest ?? "",
    // Where kubectl keeps what it learned of the API: without it each call asks the server again.
    HOME: "/tmp",
    ...spec.env,
    ...(server !== undefined && { KUBERNETES_SERVICE_HOST: server.host, KUBERNETES_SERVICE_PORT: String(server.port) }),
  };
  return [
    ...Object.entries(values).map(([name, value]) => ({ name, value: literalValue(value) })),
    { name: "JOB_UID", valueFrom: { fieldRef: { fieldPath: jobUidLabel } } },
  ];
}

/**
 * The object that Argo CD applies last, in the sync wave after the Job: the operation then stays Running until the Job is
 * complete, and a failed Job leaves it out (measured with Argo CD 3.5.7). Flux and kubectl apply it at once; it proves
 * nothing to anybody. What is true is the marker that the Job itself writes.
 */
export function completionObject(kind: JobKind, stage: StageRef): RollObject {
  const object: JsonObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: stageMetadata(stage.id, completionName(kind, stage.id, stage.attempt), metachronNamespace, 1),
    data: { stage: stage.id, attempt: String(stage.attempt), digest: digestPlaceholder },
  };
  return rollObject(
    30,
    object,
    `Argo CD applies this after the Job, so that its operation ends with the Job. It proves nothing:\nthe marker is ConfigMap wave-${stage.id}, written by the Job.`,
  );
}
