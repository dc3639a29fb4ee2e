import { apiGroup } from "../core/identity.ts";
import { sortedUnique } from "../core/order.ts";
import type { NodeLeftovers, RemovalObject } from "../source/source.ts";
import { batchSize } from "./agent-objects.ts";
import type { StageRef } from "./job.ts";
import { jobStageObjects } from "./job-stage.ts";
import { bridgeName, metachronNamespace } from "./names.ts";
import { joinRights, type Rights, type Rule, rule } from "./rbac.ts";
import { ownRights, readRights } from "./rights.ts";
import { hasBridge, type RollContext } from "./roll-context.ts";
import type { RollObject } from "./roll-object.ts";
import { signalsOf } from "./signals.ts";
import { networkEnv } from "./wave-objects.ts";

/** What the stage that removes the source deletes. */
export interface RemovalInput {
  readonly context: RollContext;
  readonly stage: StageRef;
  /** Every Linux node that a done wave took. */
  readonly nodes: readonly string[];
  /** The Cilium policy that admits old pods: deleted first. */
  readonly bridgePolicies: readonly ObjectRef[];
  /** The mirrors at the source, and the policy for the probe pods: deleted second. */
  readonly mirrors: readonly ObjectRef[];
  /** The source's own objects, in their order. */
  readonly removal: readonly RemovalObject[];
}

/** One object by name. */
export type ObjectRef = Pick<RemovalObject, "apiVersion" | "kind" | "namespace" | "name">;

/** For STAGE.md and PLAN.md: what a reviewer must know before the stage is opened. */
export const noWayBackFromRemoval: string =
  "There is no way back after this stage but to install the source again, with the same prefixes, and to run every wave in reverse: its address management and policy objects are gone.";

/** For STAGE.md and PLAN.md: the same for the cleaning of nodes. */
export const noWayBackFromCleaning: string =
  "There is no way back after this stage: what is deleted on a node is not kept. A node that fails is left as it is and named; nothing on it depends on what is cleaned.";

/** One object to delete, with what the Job has to know of it. */
export interface RemovalLine extends ObjectRef {
  readonly step: string;
  readonly waitUntilGone: boolean;
  readonly isKnown: boolean;
}

/**
 * The order of a removal: the bridge policy, the mirrors, then the source's own objects by their steps (what would bring
 * it back, policies, agents, …), and last the bridge DaemonSet, whose rules the cleaning of nodes takes away.
 * Source: lab pilot of metachron, "Order".
 */
function removalLines({ context, bridgePolicies, mirrors, removal }: RemovalInput): readonly RemovalLine[] {
  const line = (step: string, ref: ObjectRef): RemovalLine => ({ ...ref, step, waitUntilGone: false, isKnown: true });
  const bridge: ObjectRef = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    namespace: metachronNamespace,
    name: bridgeName,
  };
  return [
    ...bridgePolicies.map((ref) => line("bridge-policy", ref)),
    ...mirrors.map((ref) => line("mirrors", ref)),
    ...sourceLines(removal),
    ...(hasBridge(context) ? [line("bridge", bridge)] : []),
  ];
}

/** The source's own objects as lines, in their order. */
export function sourceLines(removal: readonly RemovalObject[]): readonly RemovalLine[] {
  return removal.map((one) => ({
    ...one,
    waitUntilGone: one.waitUntilGone === true,
    isKnown: one.from === "inventory",
  }));
}

/** The file `removal` as the Job reads it. */
export function removalFile(lines: readonly RemovalLine[]): readonly string[] {
  return lines.map((one) =>
    [one.step, resourceOf(one), one.namespace ?? "", one.name, one.waitUntilGone ? "yes" : "no"].join("|"),
  );
}

/**
 * The objects of the stage that removes the source: a Job that proves first that nothing uses it, then deletes object by
 * object, by name, and may delete nothing else.
 */
export function removalObjects(input: RemovalInput): readonly RollObject[] {
  const { context, stage, nodes } = input;
  const lines = removalLines(input);
  return jobStageObjects({
    kind: "remove",
    context,
    stage,
    script: "remove-source.sh",
    rights: joinRights(readRights, removalRights(lines), ownRights("remove", stage)),
    env: { ...networkEnv(context), NODES: nodes[0] ?? "" },
    deadlineSeconds: 3600 + 60 * lines.length,
    helpers: ["probe"],
    signals: nodes.length > 0 ? signalsOf(context.plan) : [],
    lists: {
      nodes,
      removal: removalFile(lines),
    },
  });
}

/**
 * Rights to read and delete exactly these objects. An object of the source's manifests that was not seen in the cluster may
 * lie in a namespace that does not exist, where no Role can be made: its right is cluster-wide, for its name.
 */
export function removalRights(lines: readonly RemovalLine[]): Rights {
  const known = new Set(lines.filter((one) => one.isKnown).map((one) => one.namespace));
  const placeOf = (one: RemovalLine): string =>
    one.namespace !== undefined && (known.has(one.namespace) || one.namespace === "kube-system") ? one.namespace : "";
  const places = sortedUnique(lines.map(placeOf));
  const rulesAt = (place: string): readonly Rule[] => namedRules(lines.filter((one) => placeOf(one) === place));
  return {
    cluster: rulesAt(""),
    namespaces: Object.fromEntries(places.filter((place) => place !== "").map((place) => [place, rulesAt(place)])),
  };
}

/** One rule for each resource, with the names to delete. */
function namedRules(lines: readonly RemovalLine[]): readonly Rule[] {
  const names = new Map<string, string[]>();
  for (const one of lines) {
    const key = `${apiGroup(one.apiVersion)}\0${pluralOf(one.kind)}`;
    names.set(key, [...(names.get(key) ?? []), one.name]);
  }
  return sortedUnique(names.keys()).map((key) => {
    const [group = "", resource = ""] = key.split("\0");
    return rule(group, [resource], ["delete", "get"], sortedUnique(names.get(key) ?? []));
  });
}

/** The resource as kubectl takes it: `daemonsets.apps`, `felixconfigurations.v1.crd.projectcalico.org`, `configmaps`. */
function resourceOf(one: ObjectRef): string {
  const group = apiGroup(one.apiVersion);
  if (group === "") return pluralOf(one.kind);
  // Named without a version where the group is Kubernetes' own; the others may serve several groups of one kind.
  const version = one.apiVersion.slice(group.length + 1);
  return isBuiltIn(group) ? `${pluralOf(one.kind)}.${group}` : `${pluralOf(one.kind)}.${version}.${group}`;
}

function isBuiltIn(group: string): boolean {
  return !group.includes(".") || group.endsWith(".k8s.io");
}

/**
 * The resource name of a kind, by the rule that Kubernetes and the definitions in question follow: `NetworkPolicy` is
 * `networkpolicies`, `IngressClass` is `ingressclasses`, `Job` is `jobs`.
 */
function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (/[^aeiou]y$/u.test(lower)) return `${lower.slice(0, -1)}ies`;
  return /(?:s|x|ch|sh)$/u.test(lower) ? `${lower}es` : `${lower}s`;
}

/** What the stage that cleans nodes needs. */
export interface CleanInput {
  readonly context: RollContext;
  readonly stage: StageRef;
  /** Every Linux node, by name. */
  readonly nodes: readonly string[];
  readonly leftovers: NodeLeftovers;
}

/**
 * The objects of the stage that cleans nodes: the first node alone, then 1 % of them at a time. On each node a privileged
 * helper pod takes away what the lists name and nothing else; then its endpoints and its echo pod are looked at, and the
 * source's annotations go from the Node object.
 */
export function cleanObjects(input: CleanInput): readonly RollObject[] {
  const { context, stage, nodes, leftovers } = input;
  const batch = batchSize(nodes.length);
  return jobStageObjects({
    kind: "clean",
    context,
    stage,
    script: "clean-nodes.sh",
    rights: joinRights(readRights, nodeRights(nodes), ownRights("clean", stage)),
    env: { ...networkEnv(context), NODES: nodes[0] ?? "", BATCH: String(batch) },
    deadlineSeconds: 3600 + 180 * Math.ceil(nodes.length / batch),
    helpers: ["check", "clean", "probe"],
    signals: nodes.length > 0 ? signalsOf(context.plan) : [],
    lists: leftoverLists(leftovers),
  });
}

/** What node-clean.sh takes away, and the annotations that go from the Node object: one file for each kind. */
export function leftoverLists(leftovers: NodeLeftovers): Readonly<Record<string, readonly string[]>> {
  return {
    "annotation-prefixes": leftovers.nodeAnnotationPrefixes,
    "chain-prefixes": leftovers.iptablesChainPrefixes,
    "rule-tags": leftovers.iptablesRuleTags,
    "portmap-networks": leftovers.portmapNetworks,
    "nft-tables": leftovers.nftTables,
    "ipset-prefixes": leftovers.ipsetPrefixes,
    devices: leftovers.devices,
    files: leftovers.files,
  };
}

/** Changing the metadata of these Nodes and no other; the rest of a cleaning is done by helper pods. */
export function nodeRights(nodes: readonly string[]): Rights {
  return { cluster: [rule("", ["nodes"], ["patch"], sortedUnique(nodes))], namespaces: {} };
}
