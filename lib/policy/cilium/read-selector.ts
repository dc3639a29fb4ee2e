import type { JsonObject, JsonValue } from "../../core/json.ts";
import { compareText, sortedUnique } from "../../core/order.ts";
import type { LabelKey, Selector } from "../selector/selector.ts";
import { note, type Reading, readList, readObject, readText, reject, rejectUnknownKeys } from "./reading.ts";

/** One requirement of a label selector, key with its source prefix taken apart. */
export interface Requirement {
  /** `k8s`, `any`, `reserved`, `cidr`, `node`, …; empty when the key is written bare. */
  readonly source: string;
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
  /** Set for an entry of matchLabels. */
  readonly isLabel?: boolean;
}

/** Labels that the selector language of Cilium gives a name of its own. Source: cilium 1.20.2 pkg/k8s/apis/cilium.io/const.go. */
export const labelNames = {
  namespace: "io.kubernetes.pod.namespace",
  namespaceLabels: "io.cilium.k8s.namespace.labels.",
  cluster: "io.cilium.k8s.policy.cluster",
  serviceAccount: "io.cilium.k8s.policy.serviceaccount",
} as const;

/**
 * The requirements of a LabelSelector as written, checked as Cilium checks them (S8); `undefined` when it is no selector
 * at all. Whatever is refused is left out of the result and the object marked as refused.
 */
export function readRequirements(
  reading: Reading,
  value: JsonValue | undefined,
  path: string,
): readonly Requirement[] | undefined {
  const object = readObject(reading, value, path);
  if (object === undefined) return undefined;
  rejectUnknownKeys(reading, object, ["matchLabels", "matchExpressions"], path);
  const labels = object["matchLabels"];
  const fromLabels =
    labels === undefined || labels === null ? [] : readMatchLabels(reading, labels, `${path}.matchLabels`);
  const expressions = readList(reading, object, "matchExpressions", path) ?? [];
  return [
    ...fromLabels,
    ...expressions.flatMap((item, index) => readExpression(reading, item, `${path}.matchExpressions[${index}]`)),
  ];
}

function readMatchLabels(reading: Reading, value: JsonValue, path: string): Requirement[] {
  const object = readObject(reading, value, path);
  return Object.keys(object ?? {})
    .sort(compareText)
    .flatMap((name) => {
      const field = `${path}[${JSON.stringify(name)}]`;
      const text = readText(reading, object?.[name], field);
      const key = readKey(reading, name, field);
      if (text === undefined || key === undefined) return [];
      checkValue(reading, text, field);
      return [{ ...key, operator: "In" as const, values: [text], isLabel: true }];
    });
}

function readExpression(reading: Reading, value: JsonValue, path: string): Requirement[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["key", "operator", "values"], path);
  const name = readText(reading, object["key"], `${path}.key`);
  const operator = readOperator(reading, object, path);
  const values = (readList(reading, object, "values", path) ?? []).flatMap(
    (item, index) => readText(reading, item, `${path}.values[${index}]`) ?? [],
  );
  const key = name === undefined ? undefined : readKey(reading, name, `${path}.key`);
  if (key === undefined || operator === undefined) return [];
  checkOperands(reading, operator, values, path);
  values.forEach((text, index) => {
    checkValue(reading, text, `${path}.values[${index}]`);
  });
  return [{ ...key, operator, values: sortedUnique(values) }];
}

function readOperator(reading: Reading, object: JsonObject, path: string): Requirement["operator"] | undefined {
  const operator = object["operator"];
  if (operator === "In" || operator === "NotIn" || operator === "Exists" || operator === "DoesNotExist")
    return operator;
  reject(
    reading,
    "cilium/label-selector",
    `${path}.operator`,
    `the operator ${JSON.stringify(operator ?? null)} is none of In, NotIn, Exists, DoesNotExist`,
    "write one of the four operators",
  );
  return undefined;
}

function checkOperands(
  reading: Reading,
  operator: Requirement["operator"],
  values: readonly string[],
  path: string,
): void {
  const wantsValues = operator === "In" || operator === "NotIn";
  if (wantsValues === values.length > 0) return;
  reject(
    reading,
    "cilium/label-selector",
    `${path}.values`,
    wantsValues ? `${operator} has no values` : `${operator} has values`,
    wantsValues ? "give at least one value" : "remove the values",
  );
}

const namePattern = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/u;
const prefixPattern = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/u;
const sourcePattern = /^[A-Za-z0-9](?:[-A-Za-z0-9]{0,62}[A-Za-z0-9])?$/u;

function readKey(reading: Reading, text: string, path: string): { source: string; key: string } | undefined {
  const parts = text.split(":");
  const [source, key] = parts.length === 1 ? ["", parts[0] ?? ""] : [parts[0] ?? "", parts[1] ?? ""];
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const isPrefixRight = prefix === undefined || (prefix.length <= 253 && prefixPattern.test(prefix));
  const isRight =
    parts.length <= 2 &&
    (source === "" ? parts.length === 1 : sourcePattern.test(source)) &&
    isPrefixRight &&
    namePattern.test(slash < 0 ? key : key.slice(slash + 1));
  if (isRight) return { source, key };
  reject(reading, "cilium/label-selector", path, `${JSON.stringify(text)} is no label key`, "write a valid label key");
  return undefined;
}

/** Whether Kubernetes takes a text for a label value: at most 63 characters of letters, digits, `-`, `_`, `.`. */
function isLabelValue(text: string): boolean {
  return text === "" || namePattern.test(text);
}

function checkValue(reading: Reading, text: string, path: string): void {
  if (isLabelValue(text)) return;
  reject(
    reading,
    "cilium/label-selector",
    path,
    `${JSON.stringify(text)} is no label value`,
    "write at most 63 characters of letters, digits, '-', '_' and '.'",
  );
}

/** Whether a requirement speaks of pods by their namespace's name. */
export function namesNamespace(requirement: Requirement): boolean {
  return isPodSource(requirement) && requirement.key === labelNames.namespace;
}

/** Whether a requirement speaks of pods by a label of their namespace. */
export function namesNamespaceLabel(requirement: Requirement): boolean {
  return isPodSource(requirement) && requirement.key.startsWith(labelNames.namespaceLabels);
}

/** Whether a requirement speaks of the cluster. */
export function namesCluster(requirement: Requirement): boolean {
  return isPodSource(requirement) && requirement.key === labelNames.cluster;
}

/** `k8s:` and `any:` keys, and bare ones, which Cilium reads as `any:`. */
export function isPodSource(requirement: Requirement): boolean {
  return requirement.source === "" || requirement.source === "any" || requirement.source === "k8s";
}

/** A requirement that the namespace name is there, or is one name. */
export function namespaceRequirement(namespace?: string): Requirement {
  return namespace === undefined
    ? { source: "k8s", key: labelNames.namespace, operator: "Exists", values: [] }
    : { source: "k8s", key: labelNames.namespace, operator: "In", values: [namespace] };
}

/** All requirements together as one selector; `all` for an empty list. */
export function selectorOf(requirements: readonly Requirement[]): Selector {
  const operands = requirements.map(requirementSelector);
  if (operands.length === 0) return { kind: "all" };
  return operands.length === 1 && operands[0] !== undefined ? operands[0] : { kind: "and", operands };
}

function requirementSelector(requirement: Requirement): Selector {
  const { operator, values } = requirement;
  const positive = keysOf(requirement).map(
    (key): Selector => (operator === "In" || operator === "NotIn" ? { kind: "in", key, values } : { kind: "has", key }),
  );
  const term: Selector = positive.length === 1 && positive[0] ? positive[0] : { kind: "or", operands: positive };
  return operator === "In" || operator === "Exists" ? term : { kind: "not", operand: term };
}

/** Labels of Cilium's reserved identities; a bare key of that name means them too. Source: cilium 1.20.2 pkg/labels/labels.go. */
const reservedNames = new Set([
  "host",
  "world",
  "world-ipv4",
  "world-ipv6",
  "health",
  "init",
  "kube-apiserver",
  "remote-node",
  "ingress",
  "unmanaged",
  "none",
]);

/** The keys of our one vocabulary that a Cilium key stands for: several, because a bare key means any source. */
function keysOf({ source, key }: Requirement): LabelKey[] {
  if (source === "reserved") return [`reserved:${key}`];
  if (source === "node") return [`node:${key}`];
  if (source !== "" && source !== "any" && source !== "k8s") return [`${source}:${key}`];
  if (key === labelNames.namespace) return ["meta:namespace"];
  if (key === labelNames.serviceAccount) return ["meta:serviceaccount"];
  if (key === labelNames.cluster) return ["meta:cluster"];
  if (key.startsWith(labelNames.namespaceLabels)) return [`ns:${key.slice(labelNames.namespaceLabels.length)}`];
  return source !== "k8s" && reservedNames.has(key) ? [`pod:${key}`, `reserved:${key}`] : [`pod:${key}`];
}

/** Warns about keys that the label filter drops: a positive term on them never matches, a negative one always. */
export function noteFilteredLabels(reading: Reading, requirements: readonly Requirement[], path: string): void {
  for (const { source, key, operator } of requirements) {
    const isPodLabel = keysOf({ source, key, operator, values: [] }).some((name) => name.startsWith("pod:"));
    if (!isPodLabel || reading.keepsLabel(key)) continue;
    const effect = operator === "In" || operator === "Exists" ? "never" : "always";
    note(
      reading,
      "cilium/label-filtered",
      path,
      `the label ${key} is not part of a pod's identity, so this term ${effect} matches`,
      `add ${key} to the Helm value labels, or select by another label`,
    );
  }
}
