/**
 * A selector over label sets, whatever system it was written for. Keys are in the one vocabulary of `label-key.ts`;
 * each reader rewrites its own spelling (`pcns.x`, `io.cilium.k8s.namespace.labels.x`) into it.
 */
export type Selector =
  | { readonly kind: "all" }
  | { readonly kind: "none" }
  | { readonly kind: "has"; readonly key: LabelKey }
  /** Label present with one of the values. */
  | { readonly kind: "in"; readonly key: LabelKey; readonly values: readonly string[] }
  | { readonly kind: "contains" | "startsWith" | "endsWith"; readonly key: LabelKey; readonly text: string }
  | { readonly kind: "not"; readonly operand: Selector }
  | { readonly kind: "and" | "or"; readonly operands: readonly Selector[] };

/**
 * A label key with its origin in front:
 *
 * - `pod:<key>`: the object's own label (pod, network set, host endpoint);
 * - `ns:<key>`: a label of the pod's namespace; `ns:kubernetes.io/metadata.name` is its name where the label says so;
 * - `sa:<key>`: a label of the pod's service account;
 * - `meta:namespace`, `meta:serviceaccount`: the names themselves (Calico `projectcalico.org/namespace` and
 *   `pcns.projectcalico.org/name`, Cilium `io.kubernetes.pod.namespace`);
 * - `meta:orchestrator`: `k8s` on every pod and on nothing else;
 * - `meta:cluster`: Cilium's cluster name on its pods (`io.cilium.k8s.policy.cluster`); Calico has no such label;
 * - `node:<key>`: a label of a node (Cilium with nodeSelectorLabels; host endpoints are their own objects);
 * - `reserved:<name>`: Cilium's reserved labels (`host`, `remote-node`, `world`, `health`, …), value empty.
 */
export type LabelKey = string;
