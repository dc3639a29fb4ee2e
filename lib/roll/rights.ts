import { sortedUnique } from "../core/order.ts";
import type { StageRef } from "./job.ts";
import { type JobKind, jobName, markerName, metachronNamespace } from "./names.ts";
import { type Rights, rule } from "./rbac.ts";

/**
 * What every Job needs in our namespace: its marker and the lease, helper pods and their logs.
 *
 * Markers and the lease are named; `create` cannot be limited by name. The marker of the stage before may only be read.
 * From the second attempt on, the earlier Jobs of the stage may be annotated, so that Argo CD stops counting them.
 */
export function ownRights(kind: JobKind, stage: StageRef): Rights {
  const previous = stage.previous;
  const earlier = Array.from({ length: stage.attempt - 1 }, (_, at) => jobName(kind, stage.id, at + 1));
  return {
    cluster: [],
    namespaces: {
      [metachronNamespace]: [
        rule("", ["configmaps"], ["get", "patch", "update"], [markerName(stage.id)]),
        ...(previous === undefined ? [] : [rule("", ["configmaps"], ["get"], [markerName(previous.id)])]),
        rule("", ["configmaps"], ["create"]),
        rule("coordination.k8s.io", ["leases"], ["get", "update"], ["roll"]),
        rule("coordination.k8s.io", ["leases"], ["create"]),
        rule("", ["pods"], ["create", "delete", "get", "list"]),
        rule("", ["pods/log"], ["get"]),
        ...(earlier.length === 0 ? [] : [rule("batch", ["jobs"], ["get", "patch"], earlier)]),
      ],
    },
  };
}

/** Reading what gates look at: nodes, pods, DaemonSets, Cilium's view of nodes and pods. */
export const readRights: Rights = {
  cluster: [
    rule("", ["nodes"], ["get", "list", "watch"]),
    rule("", ["pods"], ["get", "list"]),
    rule("apps", ["daemonsets"], ["get"]),
    rule("cilium.io", ["ciliumendpoints", "ciliumnodes"], ["get", "list"]),
  ],
  namespaces: {},
};

/** Reading every Cilium policy, for the gate that asks whether they are Valid. */
export const policyRights: Rights = {
  cluster: [rule("cilium.io", ["ciliumclusterwidenetworkpolicies", "ciliumnetworkpolicies"], ["list"])],
  namespaces: {},
};

/** Cordoning these nodes and no other, and evicting pods (the Eviction API keeps budgets; there is no right to delete pods). */
export function moveRights(nodes: readonly string[]): Rights {
  return {
    cluster: [rule("", ["nodes"], ["patch"], sortedUnique(nodes)), rule("", ["pods/eviction"], ["create"])],
    namespaces: {},
  };
}

/** Restarting agents by deleting their pods, and reading the node configurations beside them. */
export function agentRights(ciliumNamespace: string): Rights {
  return {
    cluster: [],
    namespaces: {
      [ciliumNamespace]: [
        rule("", ["pods"], ["delete", "get", "list", "watch"]),
        rule("cilium.io", ["ciliumnodeconfigs"], ["get", "list"]),
      ],
    },
  };
}
