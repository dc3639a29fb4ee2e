import type { ObjectIdentity } from "../core/identity.ts";
import { getArray, getString, isJsonObject } from "../core/json.ts";
import { byAll, byText, compareText } from "../core/order.ts";
import type { Collected } from "./collect-objects.ts";
import type { ClusterVersion, Inventory, Owner, Pod, RawObject } from "./inventory.ts";

const compareNames = byAll<ObjectIdentity>(
  byText((object) => object.namespace ?? ""),
  byText((object) => object.name),
  byText((object) => object.apiVersion),
);

/** The inventory out of what was collected: everything sorted, each pod with the workload behind it. */
export function buildInventory(collected: Collected): Inventory {
  const objects = new Map<string, RawObject[]>();
  for (const object of [...collected.objects].sort(
    byAll<RawObject>(
      byText((raw) => raw.kind),
      compareNames,
    ),
  )) {
    const list = objects.get(object.kind);
    if (list === undefined) objects.set(object.kind, [object]);
    else list.push(object);
  }
  const version = chooseVersion(collected.versions);
  return {
    nodes: [...collected.nodes].sort(compareNames),
    pods: resolveWorkloads([...collected.pods].sort(compareNames), objects),
    objects,
    ...(version !== undefined && { version }),
    kindsSeen: new Set([...collected.kindsSeen].sort(compareText)),
  };
}

function chooseVersion(versions: Collected["versions"]): ClusterVersion | undefined {
  const sorted = versions.map(({ version }) => version).sort(byText((version) => version.gitVersion));
  return sorted.at(-1);
}

/** What the owner of pods is itself owned by, by `kind/namespace/name` of the owner. */
type OwnersOfOwners = ReadonlyMap<string, Owner | undefined>;

/** Gives each pod the workload behind it. The pods are this reading's own, so they are completed in place. */
function resolveWorkloads(pods: readonly Pod[], objects: ReadonlyMap<string, readonly RawObject[]>): readonly Pod[] {
  const owners = new Map<string, Owner | undefined>();
  for (const kind of ["ReplicaSet", "Job", "ReplicationController"])
    for (const raw of objects.get(kind) ?? []) owners.set(`${kind}/${raw.namespace ?? ""}/${raw.name}`, ownerOf(raw));
  const shared = new Map<string, Owner>();
  for (const pod of pods) {
    const found = resolveWorkload(pod, owners);
    if (found === undefined) continue;
    const key = `${found.workload.apiVersion} ${found.workload.kind} ${found.workload.name}`;
    const workload = shared.get(key) ?? found.workload;
    shared.set(key, workload);
    Object.assign(pod, { workload }, found.isGuessed && { isWorkloadGuessed: true });
  }
  return pods;
}

function ownerOf(raw: RawObject): Owner | undefined {
  const references = getArray(raw.object, "metadata", "ownerReferences").filter(isJsonObject);
  const owner = references.find((reference) => reference["controller"] === true) ?? references[0];
  const apiVersion = getString(owner, "apiVersion");
  const kind = getString(owner, "kind");
  const name = getString(owner, "name");
  return apiVersion === undefined || kind === undefined || name === undefined ? undefined : { apiVersion, kind, name };
}

interface Resolved {
  readonly workload: Owner;
  readonly isGuessed: boolean;
}

function resolveWorkload(pod: Pod, owners: OwnersOfOwners): Resolved | undefined {
  const { owner } = pod;
  if (owner === undefined || owner.kind === "Node") return undefined;
  const key = `${owner.kind}/${pod.namespace}/${owner.name}`;
  if (owners.has(key)) return { workload: owners.get(key) ?? owner, isGuessed: false };
  const guessed = guessWorkload(pod, owner);
  return guessed === undefined ? { workload: owner, isGuessed: false } : { workload: guessed, isGuessed: true };
}

/**
 * The workload by names alone. A Deployment names its ReplicaSet `<deployment>-<pod-template-hash>`, an Argo Rollout
 * likewise with a label of its own; a CronJob names its Job `<cronjob>-<minutes since 1970>`.
 * Source: Kubernetes pkg/controller/deployment/sync.go, pkg/controller/cronjob/utils.go (getJobName); Argo Rollouts docs.
 */
function guessWorkload(pod: Pod, owner: Owner): Owner | undefined {
  if (owner.kind === "ReplicaSet") {
    const rollout = stripHash(owner.name, pod.labels["rollouts-pod-template-hash"]);
    if (rollout !== undefined) return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: rollout };
    const deployment = stripHash(owner.name, pod.labels["pod-template-hash"]);
    return deployment === undefined ? undefined : { apiVersion: "apps/v1", kind: "Deployment", name: deployment };
  }
  if (owner.kind === "ReplicationController") {
    const name = pod.annotations["openshift.io/deployment-config.name"];
    return name === undefined ? undefined : { apiVersion: "apps.openshift.io/v1", kind: "DeploymentConfig", name };
  }
  const cronJob = owner.kind === "Job" ? /^(.+)-\d{8,}$/u.exec(owner.name)?.[1] : undefined;
  return cronJob === undefined ? undefined : { apiVersion: "batch/v1", kind: "CronJob", name: cronJob };
}

function stripHash(name: string, hash: string | undefined): string | undefined {
  const suffix = `-${hash ?? ""}`;
  return hash === undefined || hash === "" || !name.endsWith(suffix) ? undefined : name.slice(0, -suffix.length);
}
