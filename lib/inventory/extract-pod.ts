import type { ObjectIdentity } from "../core/identity.ts";
import { getArray, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { ContainerPort, Owner, Pod, PodVolume, Position } from "./inventory.ts";
import { podRequests } from "./pod-requests.ts";
import type { FieldReader } from "./read-fields.ts";

/**
 * A pod as planning and policy read it, without `workload`, which needs the other objects.
 *
 * Units: cores, bytes, seconds. Fields of a wrong type are left out, and told through the reader. The annotation
 * `kubectl.kubernetes.io/last-applied-configuration` is left out: it repeats the object.
 * Source: Kubernetes API v1 Pod, with the defaults of the API server (restartPolicy Always, grace period 30, account default).
 */
export function extractPod(
  object: JsonObject,
  known: ObjectIdentity & { readonly position: Position },
  read: FieldReader,
): Pod {
  const annotations = withoutLastApplied(read.textMap(object, "metadata", "annotations"));
  const owner = readOwner(object, read);
  const containers = <T>(take: (container: JsonObject) => readonly T[]): readonly T[] => [
    ...read.items(object, ["spec", "initContainers"], take),
    ...read.items(object, ["spec", "containers"], take),
  ];
  const isTerminating = read.text(object, "metadata", "deletionTimestamp") !== undefined;
  return {
    apiVersion: known.apiVersion,
    kind: known.kind,
    namespace: known.namespace ?? "default",
    name: known.name,
    labels: read.textMap(object, "metadata", "labels"),
    annotations,
    position: known.position,
    ...optional("nodeName", read.text(object, "spec", "nodeName")),
    phase: read.text(object, "status", "phase") ?? "Unknown",
    isReady: getArray(object, "status", "conditions").some(isReadyCondition),
    podIPs: readPodIPs(object, read),
    isHostNetwork: read.flag(object, "spec", "hostNetwork"),
    serviceAccountName: read.text(object, "spec", "serviceAccountName") ?? "default",
    ...(owner !== undefined && { owner }),
    isMirror: annotations["kubernetes.io/config.mirror"] !== undefined || owner?.kind === "Node",
    ...readCommandLine(annotations, owner, containers, read),
    ...(isTerminating && { isTerminating }),
    restartPolicy: read.text(object, "spec", "restartPolicy") ?? "Always",
    terminationGracePeriodSeconds: read.number(object, "spec", "terminationGracePeriodSeconds") ?? 30,
    ...optional("priorityClassName", read.text(object, "spec", "priorityClassName")),
    ports: containers((container) => readPorts(container, read)),
    images: containers((container) => toList(read.text(container, "image"))),
    requests: podRequests(object, read),
    nodeSelector: read.textMap(object, "spec", "nodeSelector"),
    ...readPlacement(object, read),
    volumes: read.items(object, ["spec", "volumes"], (volume) => readVolume(volume, known.name, read)),
  };
}

function isReadyCondition(condition: JsonValue): boolean {
  return isJsonObject(condition) && condition["type"] === "Ready" && condition["status"] === "True";
}

function toList(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

function optional<Key extends string>(key: Key, value: string | undefined): { readonly [key in Key]?: string } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { readonly [key in Key]?: string });
}

/** Only for mirrors of static pods: the control plane's flags tell the cluster's networks. */
function readCommandLine(
  annotations: Readonly<Record<string, string>>,
  owner: Owner | undefined,
  containers: (take: (container: JsonObject) => readonly string[]) => readonly string[],
  read: FieldReader,
): { readonly commandLine?: readonly string[] } {
  const isMirror = annotations["kubernetes.io/config.mirror"] !== undefined || owner?.kind === "Node";
  if (!isMirror) return {};
  return { commandLine: containers((one) => [...read.texts(one, "command"), ...read.texts(one, "args")]) };
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

function withoutLastApplied(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (annotations[lastApplied] === undefined) return annotations;
  const { [lastApplied]: _dropped, ...rest } = annotations;
  return Object.assign(Object.create(null) as Record<string, string>, rest);
}

/** The controller among the owners, or the first owner where none is marked as the controller. */
function readOwner(object: JsonObject, read: FieldReader): Owner | undefined {
  const owners = read.items(object, ["metadata", "ownerReferences"], (owner) => [owner]);
  const owner = owners.find((candidate) => candidate["controller"] === true) ?? owners[0];
  const apiVersion = read.text(owner, "apiVersion");
  const kind = read.text(owner, "kind");
  const name = read.text(owner, "name");
  if (apiVersion === undefined || kind === undefined || name === undefined) return undefined;
  return { apiVersion, kind, name };
}

function readPodIPs(object: JsonObject, read: FieldReader): readonly string[] {
  const podIPs = read.items(object, ["status", "podIPs"], (entry) => toList(read.text(entry, "ip")));
  const podIP = read.text(object, "status", "podIP");
  return podIPs.length > 0 || podIP === undefined || podIP === "" ? podIPs : [podIP];
}

function readPorts(container: JsonObject, read: FieldReader): readonly ContainerPort[] {
  return read.items<ContainerPort>(container, ["ports"], (port) => {
    const containerPort = read.number(port, "containerPort");
    if (containerPort === undefined) return [];
    const hostPort = read.number(port, "hostPort");
    const protocol = read.text(port, "protocol");
    return [
      {
        ...optional("name", read.text(port, "name")),
        containerPort,
        ...(hostPort !== undefined && hostPort !== 0 && { hostPort }),
        ...optional("hostIP", read.text(port, "hostIP")),
        protocol: protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP",
      },
    ];
  });
}

function readPlacement(
  object: JsonObject,
  read: FieldReader,
): Pick<Pod, "affinity" | "tolerations" | "topologySpreadConstraints"> {
  const affinity = read.object(object, "spec", "affinity");
  const tolerations = read.items(object, ["spec", "tolerations"], (toleration) => [toleration]);
  const topologySpreadConstraints = read.items(object, ["spec", "topologySpreadConstraints"], (constraint) => [
    constraint,
  ]);
  return {
    ...(Object.keys(affinity).length > 0 && { affinity }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(topologySpreadConstraints.length > 0 && { topologySpreadConstraints }),
  };
}

function readVolume(volume: JsonObject, podName: string, read: FieldReader): PodVolume[] {
  const name = read.text(volume, "name") ?? "";
  if (isJsonObject(volume["emptyDir"])) return [{ kind: "emptyDir", name }];
  const path = read.text(volume, "hostPath", "path");
  if (path !== undefined) return [{ kind: "hostPath", name, path }];
  const claimName = read.text(volume, "persistentVolumeClaim", "claimName");
  if (claimName !== undefined) return [{ kind: "persistentVolumeClaim", name, claimName }];
  // A generic ephemeral volume is a claim that Kubernetes names after the pod and the volume.
  const isEphemeral = isJsonObject(volume["ephemeral"]);
  return isEphemeral ? [{ kind: "persistentVolumeClaim", name, claimName: `${podName}-${name}` }] : [];
}
