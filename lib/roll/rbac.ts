import type { JsonObject } from "../core/json.ts";
import { accountName, type JobKind, metachronNamespace } from "./names.ts";
import { type RollObject, rollObject, stageMetadata } from "./roll-object.ts";

/** One rule of a role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Rights of one Job: in the whole cluster, and by namespace. */
export interface Rights {
  readonly cluster: readonly Rule[];
  readonly namespaces: Readonly<Record<string, readonly Rule[]>>;
}

/** Nothing at all. */
export const noRights: Rights = { cluster: [], namespaces: {} };

/** A rule for one group; `names` limits it to objects of these names. */
export function rule(
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  names?: readonly string[],
): Rule {
  return { apiGroups: [group], resources, verbs, ...(names !== undefined && { resourceNames: names }) };
}

/** Several rights of one Job as one. */
export function joinRights(...parts: readonly Rights[]): Rights {
  const namespaces: Record<string, Rule[]> = {};
  for (const part of parts)
    for (const [namespace, rules] of Object.entries(part.namespaces))
      namespaces[namespace] = [...(namespaces[namespace] ?? []), ...rules];
  return { cluster: parts.flatMap((part) => part.cluster), namespaces };
}

const rbac = "rbac.authorization.k8s.io";

/** The ServiceAccount of a stage's Job with its roles and bindings, all of one name; nothing where no rule is given. */
export function accountObjects(kind: JobKind, stageId: string, rights: Rights): readonly RollObject[] {
  const name = accountName(kind, stageId);
  const subjects = [{ kind: "ServiceAccount", name, namespace: metachronNamespace }];
  const account: JsonObject = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: stageMetadata(stageId, name, metachronNamespace, -2),
  };
  const pair = (
    roleKind: "ClusterRole" | "Role",
    namespace: string | undefined,
    rules: readonly Rule[],
  ): JsonObject[] => [
    {
      apiVersion: `${rbac}/v1`,
      kind: roleKind,
      metadata: stageMetadata(stageId, name, namespace, -2),
      rules: plain(rules),
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: `${roleKind}Binding`,
      metadata: stageMetadata(stageId, name, namespace, -2),
      roleRef: { apiGroup: rbac, kind: roleKind, name },
      subjects,
    },
  ];
  const objects = [
    account,
    ...(rights.cluster.length > 0 ? pair("ClusterRole", undefined, rights.cluster) : []),
    ...Object.entries(rights.namespaces).flatMap(([namespace, rules]) => pair("Role", namespace, rules)),
  ];
  return objects.map((object) => rollObject(5, object));
}

function plain(rules: readonly Rule[]): JsonObject[] {
  return rules.map((one) => ({ ...one }));
}
