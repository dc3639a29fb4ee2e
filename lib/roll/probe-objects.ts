import type { JsonObject } from "../core/json.ts";
import { renderYaml } from "../core/yaml.ts";
import { nobody, nothingAllowed, tmpMount, tmpVolume } from "./helper-pods.ts";
import { noRights, type Rights, type Rule, rule } from "./rbac.ts";
import type { RollContext } from "./roll-context.ts";
import { rollLabels } from "./roll-object.ts";
import { scripts } from "./scripts.ts";

/** A pod that policy takes for one of the users' own. */
export interface PackPod {
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namedPorts: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

/** A connection and what must come of it. */
export interface PackProbe {
  readonly id: string;
  /** Ids of pods. */
  readonly from: string;
  readonly to: string;
  readonly protocol: "TCP" | "UDP";
  readonly port: number;
  readonly family: 4 | 6;
  readonly expected: "allow" | "deny";
  /** For people: `shop/Deployment/web -> shop/Deployment/db TCP 5432`, and the rule that decides. */
  readonly packet: string;
  readonly decidedBy: string;
}

/** The probe pack as a stage runs it. */
export interface Pack {
  readonly pods: readonly PackPod[];
  readonly probes: readonly PackProbe[];
}

/** A pod of the pack in one of its two parts: it listens, or it calls and ends. */
interface PackRole {
  readonly id: string;
  readonly role: "caller" | "listener";
  readonly pod: PackPod;
  readonly job: string;
}

/** Condition that nobody ever sets: with it among its readiness gates a pod is never ready. */
const neverReady = "metachron.dev/never-ready";

/** Longest life of a pod of the pack, and how long its Job stays after it: a run that was broken off leaves nothing for good. */
const lifeSeconds = 900;
const staySeconds = 120;

/** The files that `probes.sh` reads: one Job for each pod, the list of pods and the list of probes. */
export function packFiles(
  context: RollContext,
  stageId: string,
  pack: Pack,
): Readonly<Record<string, readonly string[]>> {
  const roles = rolesOf(pack);
  const texts = roles.map((role) => [`${role.id}.yaml`, linesOf(packJob(context, stageId, role, pack))] as const);
  return {
    ...Object.fromEntries(texts),
    "probe-pods": roles.map(({ id, role, pod, job }) => [id, role, pod.namespace, job].join("|")),
    probes: pack.probes.map((probe) =>
      [
        probe.id,
        `c${probe.from}`,
        `l${probe.to}`,
        probe.protocol.toLowerCase(),
        probe.port,
        probe.family,
        probe.expected,
        probe.packet,
        probe.decidedBy,
      ].join("|"),
    ),
  };
}

/**
 * What the pack needs beside reading pods: Jobs of its own in the namespaces of its pods, deleted by name. It may not touch
 * pods, read logs or run anything in a pod of the user.
 */
export function packRights(pack: Pack): Rights {
  const namespaces: Record<string, Rule[]> = {};
  for (const { pod, job } of rolesOf(pack)) {
    const known = namespaces[pod.namespace]?.[1]?.resourceNames ?? [];
    namespaces[pod.namespace] = [
      rule("batch", ["jobs"], ["create"]),
      rule("batch", ["jobs"], ["delete", "get"], [...known, job]),
    ];
  }
  return { ...noRights, namespaces };
}

function rolesOf({ pods, probes }: Pack): readonly PackRole[] {
  return pods.flatMap((pod): PackRole[] => {
    const roles: PackRole[] = [];
    const add = (role: PackRole["role"]): void => {
      const id = `${role === "caller" ? "c" : "l"}${pod.id}`;
      roles.push({ id, role, pod, job: `metachron-probe-${id}` });
    };
    if (probes.some(({ from }) => from === pod.id)) add("caller");
    if (probes.some(({ to }) => to === pod.id)) add("listener");
    return roles;
  });
}

function linesOf(object: JsonObject): readonly string[] {
  return renderYaml(object).trimEnd().split("\n");
}

/**
 * The Job of one pod. Every field has its reason:
 *
 * - the pod is a Job's: controllers adopt pods that match their selector and have no owner, and this one has the users' labels;
 * - it is never ready, by a readiness gate that nobody fulfils: no Service sends it traffic, no rollout and no budget counts
 *   it as healthy;
 * - it ends by itself, and its Job goes by itself;
 * - no token, no right, no capability, no file of the host; it keeps the Pod Security Standard `restricted`;
 * - ports below 1024 need no capability with the sysctl, which is a safe one since Kubernetes 1.22;
 * - proxies of service meshes stay out: they would answer in its place.
 * Source: Kubernetes pkg/controller/controller_ref_manager.go, "Pod readiness", "Jobs", "Pod Security Standards".
 */
function packJob(context: RollContext, stageId: string, { id, role, pod, job }: PackRole, pack: Pack): JsonObject {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: job,
      namespace: pod.namespace,
      labels: { ...rollLabels(stageId), "metachron.dev/probe": "pack" },
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: lifeSeconds,
      ttlSecondsAfterFinished: staySeconds,
      template: {
        metadata: {
          labels: { ...pod.labels, "metachron.dev/probe": "pack" },
          annotations: { "sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled" },
        },
        spec: {
          ...(pod.serviceAccount !== undefined && { serviceAccountName: pod.serviceAccount }),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 1,
          readinessGates: [{ conditionType: neverReady }],
          nodeSelector: { "kubernetes.io/os": "linux" },
          securityContext: { ...nobody, sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
          containers: [packContainer(context, id, role, pod, pack)],
          volumes: [tmpVolume],
        },
      },
    },
  };
}

function packContainer(context: RollContext, id: string, role: PackRole["role"], pod: PackPod, pack: Pack): JsonObject {
  const isListener = role === "listener";
  const ports = pack.probes
    .filter(({ to }) => to === pod.id)
    .map(({ protocol, port }) => `${protocol.toLowerCase()}/${port}`);
  return {
    name: "probe",
    image: context.plan.spec.roll.probeImage,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", "-c", scripts["probe-pod.sh"] ?? "", id, isListener ? "serve" : "ask"],
    env: [
      isListener ? { name: "PORTS", value: [...new Set(ports)].join(" ") } : { name: "TARGETS", value: "@TARGETS@" },
    ],
    ...(pod.namedPorts.length > 0 && {
      ports: pod.namedPorts.map(({ name, protocol, port }) => ({ name, protocol, containerPort: port })),
    }),
    // Asked inside the container: no policy can stop it. It says that the ports answer, and makes nobody ready.
    ...(isListener && { readinessProbe: { exec: { command: ["/bin/cat", "/tmp/listening"] }, periodSeconds: 2 } }),
    resources: { requests: { cpu: "5m", memory: "16Mi" }, limits: { cpu: "200m", memory: "64Mi" } },
    securityContext: nothingAllowed,
    volumeMounts: [tmpMount],
  };
}
