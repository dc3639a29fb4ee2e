import { InvariantError } from "../core/invariant.ts";
import { ownNamespace } from "../core/own-namespace.ts";

/** The namespace of everything that metachron runs in the cluster. */
export const metachronNamespace = ownNamespace;

/** Jobs that a stage can have, by the first word of their names. */
export type JobKind = "roll" | "undo" | "gate" | "switch" | "finalise" | "restart" | "validate" | "remove" | "clean";

/** Longest stage id: a Job's name, `validate-<id>-a99`, still fits a label value (63). */
const longestStageId = 48;

/** `roll-100-canary-a1`: the attempt is part of the name, because a Job's template cannot change. */
export function jobName(kind: JobKind, stageId: string, attempt: number): string {
  return `${accountName(kind, stageId)}-a${attempt}`;
}

/**
 * Name of a Job's ServiceAccount, roles and bindings: without the attempt, so that a new attempt changes the Job only.
 * Throws InvariantError for a stage id that makes a name longer than Kubernetes allows: the stages room makes the ids.
 */
export function accountName(kind: JobKind, stageId: string): string {
  if (stageId.length > longestStageId || !/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/u.test(stageId))
    throw new InvariantError("a stage id makes no valid object name", { stageId });
  return `${kind}-${stageId}`;
}

/** The ConfigMap that a stage's Job keeps in the cluster and that no engine tracks. */
export function markerName(stageId: string): string {
  return `wave-${stageId}`;
}

/** The ConfigMap in git that Argo CD applies after the Job, so that its operation ends with the Job. Never read by anything. */
export function completionName(kind: JobKind, stageId: string, attempt: number): string {
  return `completed-${jobName(kind, stageId, attempt)}`;
}

/** The ConfigMap with the texts of the pods that a Job may make. */
export function podTemplatesName(kind: JobKind, stageId: string): string {
  return `pods-${accountName(kind, stageId)}`;
}

/** The DaemonSet that answers probes on every node, once on each network. */
export const echoName = "metachron-echo";

/** The DaemonSet, Service and account of Goldpinger, where the plan installs it. */
export const goldpingerName = "goldpinger";

/** The DaemonSet that brings Cilium's image to every node before an outage. */
export const imagesName = "metachron-images";

/** The DaemonSet that keeps the node rules of the exact bridge. */
export const bridgeName = "metachron-bridge";

/** The account of helper pods: it has no rights and gets no token. */
export const helperAccount = "metachron-helper";
