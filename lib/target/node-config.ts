import { InvariantError } from "../core/invariant.ts";
import type { JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";

/** Settings of a CiliumNodeConfig: ConfigMap key to text. */
export type NodeConfigDefaults = Readonly<Record<string, string>>;

/** Namespace of the agents unless the plan's values move it: an agent reads only the CiliumNodeConfigs beside it. */
export const defaultNamespace = "kube-system";

/** The catch-all for nodes that join while the migration runs; sorts after every wave's. */
export const newNodesConfigName = "metachron-zz-new-nodes";

const labelValue = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/u;
const objectName = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/u;

/**
 * Whether a text can be the value of a label that a selector names.
 *
 * Source: Kubernetes, "Labels and Selectors": at most 63 characters, letters, digits, `-`, `_`, `.`, ends alphanumeric.
 */
export function isLabelValue(text: string): boolean {
  return labelValue.test(text);
}

/**
 * The CiliumNodeConfig of a node batch: agents on these nodes, once restarted, write the CNI configuration.
 *
 * Shape: `hostnames` are values of the label `kubernetes.io/hostname` (which may differ from the node's name), in any
 * order; the list in the object is sorted and has each once. The object is named `metachron-<stageId>`.
 * Throws InvariantError for an empty list or a value that no label can have: one malformed selector in the namespace
 * stops every agent of the cluster from starting.
 * Source: cilium/cilium v1.20.2 pkg/option/resolver/resolver.go readNodeConfigs; CRD ciliumnodeconfigs v2 (v2 is
 * served by 1.16 and newer).
 */
export function nodeBatch(
  stageId: string,
  hostnames: readonly string[],
  defaults: NodeConfigDefaults,
  namespace: string = defaultNamespace,
): JsonObject {
  return nodeConfig(`metachron-${stageId}`, "In", hostnames, defaults, namespace);
}

/**
 * The CiliumNodeConfig that takes a batch back: its name sorts after the batch's, so its keys win.
 *
 * It switches the agent's care for CNI files off (`write-cni-conf-when-ready` empty, `cni-exclusive` false), so that
 * the roll can put the source's file back without the agent renaming it again. Deleting the batch's object instead
 * would change nothing until the agent restarts, and would leave no record of the way back.
 * Source: the same resolver (last name in lexical order wins per key); daemon/cmd/cni/config.go: an empty path means
 * "CNI configuration management disabled".
 */
export function nodeBatchUndo(
  stageId: string,
  hostnames: readonly string[],
  namespace: string = defaultNamespace,
): JsonObject {
  const defaults = { "cni-exclusive": "false", "write-cni-conf-when-ready": "" };
  return nodeConfig(`metachron-${stageId}-undo`, "In", hostnames, defaults, namespace);
}

/**
 * The CiliumNodeConfig for nodes that join while the migration runs: every node whose hostname the plan does not know.
 *
 * Shape: `knownHostnames` are all hostnames of the inventory, also of nodes that no wave takes. The name sorts after
 * every wave's; no node matches both, because a wave's nodes are known.
 *
 * A new node becomes Ready as soon as any CNI file exists, and the source usually writes first. So the pool that makes
 * nodes has to give them the taint `newNodeTaint`, which the operator takes away when the agent is Ready.
 * Throws InvariantError as `nodeBatch` does.
 * Source: cilium/cilium v1.20.2 Documentation/installation/taints.rst.
 */
export function newNodesConfig(
  knownHostnames: readonly string[],
  defaults: NodeConfigDefaults,
  namespace: string = defaultNamespace,
): JsonObject {
  return nodeConfig(newNodesConfigName, "NotIn", knownHostnames, defaults, namespace);
}

/** The start-up taint that keeps pods off a new node until its agent is Ready; belongs into the pool's template, never into git as a Node. */
export const newNodeTaint = { key: "node.cilium.io/agent-not-ready", value: "true", effect: "NoExecute" } as const;

function nodeConfig(
  name: string,
  operator: "In" | "NotIn",
  hostnames: readonly string[],
  defaults: NodeConfigDefaults,
  namespace: string,
): JsonObject {
  const values = sortedUnique(hostnames);
  const invalid = values.filter((value) => !isLabelValue(value));
  if (values.length === 0) throw new InvariantError("a CiliumNodeConfig would select by an empty list", { name });
  if (invalid.length > 0) throw new InvariantError("a hostname cannot be a label value", { name, invalid });
  if (!objectName.test(name)) throw new InvariantError("a stage id makes no valid object name", { name });
  if (Object.keys(defaults).length === 0) throw new InvariantError("a CiliumNodeConfig would set nothing", { name });

  return {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNodeConfig",
    metadata: { name, namespace },
    spec: {
      nodeSelector: { matchExpressions: [{ key: "kubernetes.io/hostname", operator, values }] },
      defaults: { ...defaults },
    },
  };
}
