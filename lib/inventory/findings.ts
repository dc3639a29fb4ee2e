import type { Finding, FindingKind, Where } from "../core/finding.ts";
import type { JsonValue } from "../core/json.ts";

const ours = "metachron: how an inventory is read";
const apiConcepts = "Kubernetes: API Concepts (Resource representations, kind List)";
const yamlSpec = "YAML 1.1 as kubernetes-sigs/yaml goyaml.v2 reads it";

/** Every finding of this room: what it means and where its rule comes from. */
export const inventoryFindings = {
  "inventory/empty": {
    severity: "error",
    meaning: "The input holds no Kubernetes object at all",
    source: ours,
  },
  "inventory/no-nodes": {
    severity: "error",
    meaning: "The inventory holds no Node, so there is nothing to migrate",
    source: ours,
  },
  "inventory/kind-missing": {
    severity: "warning",
    meaning:
      "Nothing in the input says whether the cluster has objects of this kind; what depends on them is not checked",
    source: ours,
  },
  "inventory/empty-list": {
    severity: "info",
    meaning: "An empty list that does not name its kind; the file's name or its first comment did, or nothing did",
    source: "kubectl: `get -o yaml` prints `kind: List` for an empty result of any kind",
  },
  "inventory/secret-skipped": {
    severity: "info",
    meaning: "Secret objects were in the input; they are counted and their content is dropped unread",
    source: ours,
  },
  "inventory/kind-not-kept": {
    severity: "info",
    meaning: "Objects of a kind that no step reads were counted and left out",
    source: ours,
  },
  "inventory/not-kubernetes": {
    severity: "warning",
    meaning: "Documents without apiVersion and kind are no Kubernetes objects and were left out",
    source: apiConcepts,
  },
  "inventory/no-name": {
    severity: "error",
    meaning: "An object has no metadata.name and cannot be told from others",
    source: "Kubernetes: Object Names and IDs",
  },
  "inventory/kustomization": {
    severity: "warning",
    meaning: "A kustomization was in the input: the files it names may be patches, not whole objects",
    source: "kustomize: kustomization.yaml",
  },
  "inventory/helm-template": {
    severity: "error",
    meaning: "A file holds template directives that nobody has rendered",
    source: "Helm: Chart Template Guide",
  },
  "inventory/unresolved-variable": {
    severity: "error",
    meaning: "An object holds a ${VARIABLE} or {{ template }} that nobody has replaced",
    source: "Flux: Kustomization post build variable substitution",
  },
  "inventory/duplicate-object": {
    severity: "info",
    meaning: "An object was read more than once with the same content, status aside",
    source: ours,
  },
  "inventory/conflicting-object": {
    severity: "error",
    meaning: "An object was read twice with different content",
    source: ours,
  },
  "inventory/two-clusters": {
    severity: "error",
    meaning: "The input mixes objects of two clusters, or of two states of one cluster",
    source: ours,
  },
  "inventory/unknown-node": {
    severity: "warning",
    meaning: "Pods run on nodes that the inventory does not have",
    source: ours,
  },
  "inventory/shared-pod-ip": {
    severity: "warning",
    meaning: "Two running pods have one address: the dumps are of different times or clusters",
    source: "Kubernetes: Cluster Networking (every Pod gets its own IP address)",
  },
  "inventory/shared-pod-cidr": {
    severity: "error",
    meaning: "Two nodes have one pod CIDR: they are nodes of two clusters, or one was replaced between two dumps",
    source: "Kubernetes: Node API (podCIDRs)",
  },
  "inventory/syntax": {
    severity: "error",
    meaning: "A text is neither valid YAML nor valid JSON; the object in it is left out",
    source: yamlSpec,
  },
  "inventory/duplicate-key": {
    severity: "error",
    meaning: "A map has one key twice; readers disagree which one counts",
    source: yamlSpec,
  },
  "inventory/unsafe-key": {
    severity: "error",
    meaning: "A map has the key __proto__, which no Kubernetes field has; it is left out",
    source: ours,
  },
  "inventory/alias-bomb": {
    severity: "error",
    meaning: "YAML aliases would blow an object up beyond any real size; it is left out",
    source: ours,
  },
  "inventory/too-deep": {
    severity: "error",
    meaning: "Lists and maps are nested deeper than any real object; it is left out",
    source: ours,
  },
  "inventory/too-large": {
    severity: "error",
    meaning: "One object or document is longer than 64 million characters; it is left out",
    source: "etcd: request size limit (1.5 MiB by default)",
  },
  "inventory/unknown-tag": {
    severity: "warning",
    meaning: "A YAML tag that has no meaning for Kubernetes; the value is read as text",
    source: yamlSpec,
  },
  "inventory/ambiguous-scalar": {
    severity: "warning",
    meaning: "An unquoted value that YAML 1.1 (kubectl, Argo CD, Flux) and YAML 1.2 read differently",
    source: yamlSpec,
  },
  "inventory/not-text": {
    severity: "error",
    meaning: "A file holds binary data, or text in an encoding other than UTF-8; it is left out",
    source: ours,
  },
  "inventory/not-utf8": {
    severity: "warning",
    meaning: "A file has bytes that are not UTF-8; each was read as U+FFFD",
    source: ours,
  },
  "inventory/truncated": {
    severity: "error",
    meaning: "A file ends in the middle; the object it ends in is left out",
    source: ours,
  },
  "inventory/null-item": {
    severity: "warning",
    meaning: "A list has items that are null or no objects",
    source: apiConcepts,
  },
  "inventory/missing-separator": {
    severity: "info",
    meaning: "Two YAML documents follow each other without a line `---` between them",
    source: "YAML 1.2.2 §9.1.5",
  },
  "inventory/items-without-list": {
    severity: "warning",
    meaning: "A document has `items` but its kind is no list; the items were read all the same",
    source: apiConcepts,
  },
  "inventory/kubectl-table": {
    severity: "error",
    meaning: "A file holds the table that kubectl prints for people",
    source: "kubectl: output options",
  },
  "inventory/kubectl-describe": {
    severity: "error",
    meaning: "A file holds the output of kubectl describe",
    source: "kubectl: describe",
  },
  "inventory/kubectl-message": {
    severity: "error",
    meaning: "A file holds an error message of kubectl or of the API server in place of objects",
    source: "kubectl; Kubernetes: API Concepts (Status kind)",
  },
  "inventory/bad-field": {
    severity: "warning",
    meaning:
      "A field of a Node or Pod has a type that the API does not allow, or a quantity that is none; it is left out",
    source: "Kubernetes: API reference v1 (Node, Pod); apimachinery resource.Quantity",
  },
  "inventory/no-namespace": {
    severity: "warning",
    meaning: "A pod has no metadata.namespace; it is taken for one of the namespace default",
    source: "kubectl: applies objects without a namespace to the context's namespace",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** The codes of this room. */
export type InventoryFindingCode = keyof typeof inventoryFindings;

/** The parts of a finding that differ from case to case. */
export interface FindingParts {
  readonly message: string;
  readonly where?: Where;
  readonly reason?: string;
  readonly remedy?: string;
  readonly related?: Finding["related"];
  readonly data?: Readonly<Record<string, JsonValue>>;
  /** Where a case is milder or graver than the table says. */
  readonly severity?: Finding["severity"];
}

/** A finding of this room, with the severity of the table. */
export function inventoryFinding(code: InventoryFindingCode, parts: FindingParts): Finding {
  return { code, severity: inventoryFindings[code].severity, ...parts } as Finding;
}
