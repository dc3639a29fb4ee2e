import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { meetsLabelSelector } from "./naive-calico.ts";
import { field, inCIDR, list, type NaiveFlow, type NaivePeer, peerAddress } from "./naive-flow.ts";

/**
 * Cilium's verdict on one packet at one pod, straight from the raw objects: written from the reference and not from the
 * evaluator it judges. Objects are taken as valid; a subject may also be the health endpoint.
 */
export function naiveCilium(objects: readonly JsonObject[], world: World, flow: NaiveFlow): "allow" | "deny" {
  const rules = objects.flatMap((object) => rulesOf(object)).filter((rule) => selects(rule, flow.subject, world));
  let isDefaultDeny = world.cilium.enforcementMode === "always";
  let isAllowed = false;
  for (const rule of rules) {
    const deny = list(rule.spec, `${flow.half}Deny`);
    const allow = list(rule.spec, flow.half);
    if (deny.some((element) => matches(element, rule, objects, world, flow))) return "deny";
    if (allow.some((element) => matches(element, rule, objects, world, flow))) isAllowed = true;
    const isPosture = field(rule.spec, "enableDefaultDeny", flow.half) !== false;
    if ((deny.length > 0 || allow.length > 0 || rule.governs.includes(flow.half)) && isPosture) isDefaultDeny = true;
  }
  if (isAllowed || !isDefaultDeny) return "allow";
  return flow.half === "ingress" && flow.peer.kind === "host" ? "allow" : "deny";
}

interface NaiveRule {
  readonly spec: JsonValue;
  readonly namespace: string | undefined;
  readonly isKubernetes: boolean;
  /** Directions that are governed although they have no rule. */
  readonly governs: readonly string[];
}

function rulesOf(object: JsonObject): NaiveRule[] {
  const namespace = field(object, "metadata", "namespace");
  const shape = { namespace: typeof namespace === "string" ? namespace : undefined, isKubernetes: false, governs: [] };
  if (object["kind"] === "NetworkPolicy") {
    const spec = field(object, "spec") ?? {};
    const given = list(spec, "policyTypes").map((type) => String(type).toLowerCase());
    const governs = given.length > 0 ? given : list(spec, "egress").length > 0 ? ["ingress", "egress"] : ["ingress"];
    return [{ ...shape, spec, isKubernetes: true, governs }];
  }
  if (object["kind"] !== "CiliumNetworkPolicy" && object["kind"] !== "CiliumClusterwideNetworkPolicy") return [];
  return [field(object, "spec"), ...list(object, "specs")].flatMap((spec) =>
    spec === undefined ? [] : [{ ...shape, spec }],
  );
}

/** Labels in Cilium's spelling, with source: `k8s:app`, `reserved:host`. */
type CiliumLabels = Readonly<Record<string, string>>;

const excluded =
  /^(?:io\.kubernetes|kubernetes\.io|.*beta\.kubernetes\.io|k8s\.io|topology\.kubernetes\.io|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index|batch\.kubernetes\.io\/job-completion-index|batch\.kubernetes\.io\/controller-uid|pod-template-generation|pod-template-hash|controller-revision-hash|controller-uid|annotation|etcd_node)/u;

function podLabels(pod: WorldPod, world: World): CiliumLabels {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(pod.labels)) if (!excluded.test(key)) labels[`k8s:${key}`] = value;
  for (const [key, value] of Object.entries(world.namespaces.get(pod.namespace) ?? {}))
    labels[`k8s:io.cilium.k8s.namespace.labels.${key}`] = value;
  labels["k8s:io.kubernetes.pod.namespace"] = pod.namespace;
  labels["k8s:io.cilium.k8s.policy.serviceaccount"] = pod.serviceAccount;
  labels["k8s:io.cilium.k8s.policy.cluster"] = "default";
  return labels;
}

function peerLabels(peer: NaivePeer, world: World): CiliumLabels {
  switch (peer.kind) {
    case "pod":
      return podLabels(peer.pod, world);
    case "host":
      return { "reserved:host": "" };
    case "node":
      return { "reserved:remote-node": "" };
    case "address":
      return { "reserved:world": "" };
  }
}

/** Since 1.20 a pod is looked up a second time, under the identity that stands for the whole cluster. */
function groupLabels(peer: NaivePeer, world: World): CiliumLabels[] {
  return peer.kind === "pod" && world.cilium.minorVersion === "1.20" ? [{ "reserved:aggregate-cluster": "" }] : [];
}

interface Term {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

function termsOf(selector: JsonValue | undefined): Term[] {
  const pairs = Object.entries((field(selector, "matchLabels") ?? {}) as JsonObject);
  return [
    ...pairs.map(([key, value]) => ({ key, operator: "In", values: [String(value)] })),
    ...list(selector, "matchExpressions").map((term) => ({
      key: String(field(term, "key")),
      operator: String(field(term, "operator")),
      values: list(term, "values").map(String),
    })),
  ];
}

function meets({ key, operator, values }: Term, labels: CiliumLabels): boolean {
  const bare = key.replace(/^any:/u, "");
  const names = bare.includes(":") ? [bare] : ["k8s", "reserved", "cidr", "node"].map((source) => `${source}:${bare}`);
  const name = names.find((candidate) => labels[candidate] !== undefined);
  const value = name === undefined ? undefined : labels[name];
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  return operator === "In"
    ? value !== undefined && values.includes(value)
    : value === undefined || !values.includes(value);
}

const namespaceKey = /^(?:any:|k8s:)?io\.kubernetes\.pod\.namespace$/u;
const namespaceLabelKey = /^(?:any:|k8s:)?io\.cilium\.k8s\.namespace\.labels\./u;

function selects(rule: NaiveRule, pod: WorldPod, world: World): boolean {
  if (field(rule.spec, "nodeSelector") !== undefined) return false;
  if (rule.namespace !== undefined && rule.namespace !== pod.namespace) return false;
  if (rule.isKubernetes) return meetsLabelSelector(field(rule.spec, "podSelector"), visible(pod));
  return termsOf(field(rule.spec, "endpointSelector")).every((term) => meets(term, podLabels(pod, world)));
}

function visible(pod: WorldPod): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(pod.labels).filter(([key]) => !excluded.test(key)));
}

function matches(
  element: JsonValue,
  rule: NaiveRule,
  objects: readonly JsonObject[],
  world: World,
  flow: NaiveFlow,
): boolean {
  if (rule.isKubernetes) return matchesKubernetes(element, rule, world, flow);
  if (matchesPeers(element, rule, objects, world, flow, false)) return matchesL4(element, flow, true);
  // The identity that stands for the whole cluster has no ports that a name could mean.
  return matchesPeers(element, rule, objects, world, flow, true) && matchesL4(element, flow, flow.half === "ingress");
}

function matchesPeers(
  element: JsonValue,
  rule: NaiveRule,
  objects: readonly JsonObject[],
  world: World,
  flow: NaiveFlow,
  hasGroups: boolean,
): boolean {
  const prefix = flow.half === "ingress" ? "from" : "to";
  const labels = peerLabels(flow.peer, world);
  const get = (kind: string): readonly JsonValue[] | undefined => {
    const value = field(element, `${prefix}${kind}`);
    return Array.isArray(value) ? value : undefined;
  };
  const endpoints = get("Endpoints");
  if (endpoints !== undefined)
    return endpoints.some((selector) => {
      const terms = scoped(termsOf(selector), rule, world);
      const groups = hasGroups ? groupLabels(flow.peer, world) : [];
      return [labels, ...groups].some((one) => terms.every((term) => meets(term, one)));
    });
  const entities = get("Entities");
  if (entities !== undefined) return entities.some((entity) => isEntity(String(entity), flow.peer));
  const address = flow.peer.kind === "address" ? peerAddress(flow.peer, flow.family) : undefined;
  const cidrs = get("CIDR");
  if (cidrs !== undefined) return address !== undefined && cidrs.some((cidr) => inCIDR(address, String(cidr)));
  const sets = get("CIDRSet");
  if (sets !== undefined) return address !== undefined && sets.some((set) => inSet(address, set, objects));
  return field(element, "toPorts") !== undefined || field(element, "icmps") !== undefined;
}

function scoped(terms: readonly Term[], rule: NaiveRule, world: World): readonly Term[] {
  if (terms.some(({ key }) => key.startsWith("reserved:"))) return terms;
  const result = [...terms];
  const key = "k8s:io.kubernetes.pod.namespace";
  const namesNamespace = terms.some((term) => namespaceKey.test(term.key));
  const namesLabel = terms.some((term) => namespaceLabelKey.test(term.key));
  if (rule.namespace === undefined && !namesNamespace) result.push({ key, operator: "Exists", values: [] });
  if (rule.namespace !== undefined && !namesNamespace && !namesLabel)
    result.push({ key, operator: "In", values: [rule.namespace] });
  if (
    world.cilium.policyDefaultLocalCluster &&
    !terms.some((term) => term.key.endsWith("io.cilium.k8s.policy.cluster"))
  )
    result.push({ key: "k8s:io.cilium.k8s.policy.cluster", operator: "In", values: ["default"] });
  return result;
}

function isEntity(entity: string, peer: NaivePeer): boolean {
  const members: Readonly<Record<string, readonly NaivePeer["kind"][]>> = {
    all: ["pod", "node", "host", "address"],
    world: ["address"],
    host: ["host"],
    "remote-node": ["node"],
    cluster: ["pod", "node", "host"],
  };
  return members[entity]?.includes(peer.kind) ?? false;
}

function inSet(address: string, set: JsonValue, objects: readonly JsonObject[]): boolean {
  const group = field(set, "cidrGroupRef");
  const cidrs =
    group === undefined
      ? [String(field(set, "cidr"))]
      : objects
          .filter(({ kind, metadata }) => kind === "CiliumCIDRGroup" && field(metadata, "name") === group)
          .flatMap((object) => list(object, "spec", "externalCIDRs").map(String));
  const isInside = cidrs.some((cidr) => inCIDR(address, cidr));
  return isInside && !list(set, "except").some((except) => inCIDR(address, String(except)));
}

const numbers: Readonly<Record<string, readonly number[]>> = {
  TCP: [6],
  UDP: [17],
  SCTP: [132],
  ANY: [6, 17, 132],
};

function matchesL4(element: JsonValue, flow: NaiveFlow, hasNames: boolean): boolean {
  const ports = list(element, "toPorts");
  const icmps = list(element, "icmps");
  if (ports.length === 0 && icmps.length === 0) return true;
  return (
    ports.some((item) => list(item, "ports").some((port) => matchesPort(port, flow, hasNames))) ||
    icmps.some((item) => list(item, "fields").some((one) => matchesIcmp(one, flow)))
  );
}

function matchesPort(port: JsonValue, flow: NaiveFlow, hasNames: boolean): boolean {
  const name = String(field(port, "protocol") ?? "ANY").toUpperCase();
  if (flow.port === undefined || !(numbers[name] ?? []).includes(flow.protocol)) return false;
  const text = String(field(port, "port"));
  if (text === "0") return true;
  const end = Number(field(port, "endPort") ?? 0);
  if (/^\d+$/u.test(text)) return Number(text) <= flow.port && flow.port <= Math.max(Number(text), end);
  if (!hasNames) return false;
  const owner = flow.half === "ingress" ? flow.subject : flow.peer.kind === "pod" ? flow.peer.pod : undefined;
  return (owner?.namedPorts ?? []).some(
    (named) =>
      named.name === text && named.port === flow.port && (numbers[named.protocol] ?? []).includes(flow.protocol),
  );
}

function matchesIcmp(one: JsonValue, flow: NaiveFlow): boolean {
  const protocol = field(one, "family") === "IPv6" ? 58 : 1;
  const type = Number(field(one, "type"));
  return flow.protocol === protocol && (type === 0 || type === flow.icmpType);
}

function matchesKubernetes(element: JsonValue, rule: NaiveRule, world: World, flow: NaiveFlow): boolean {
  const peers = list(element, flow.half === "ingress" ? "from" : "to");
  const ports = list(element, "ports");
  const isPeer = peers.length === 0 || peers.some((peer) => matchesKubernetesPeer(peer, rule, world, flow));
  return isPeer && (ports.length === 0 || ports.some((port) => matchesKubernetesPort(port, flow)));
}

function matchesKubernetesPeer(peer: JsonValue, rule: NaiveRule, world: World, flow: NaiveFlow): boolean {
  const block = field(peer, "ipBlock");
  if (block !== undefined) {
    const address = flow.peer.kind === "address" ? peerAddress(flow.peer, flow.family) : undefined;
    if (address === undefined || !inCIDR(address, String(field(block, "cidr")))) return false;
    return !list(block, "except").some((except) => inCIDR(address, String(except)));
  }
  if (flow.peer.kind !== "pod") return false;
  const { pod } = flow.peer;
  const namespaceSelector = field(peer, "namespaceSelector");
  const isNamespace =
    namespaceSelector === undefined
      ? pod.namespace === rule.namespace
      : meetsLabelSelector(namespaceSelector, world.namespaces.get(pod.namespace) ?? {});
  return isNamespace && meetsLabelSelector(field(peer, "podSelector"), visible(pod));
}

function matchesKubernetesPort(port: JsonValue, flow: NaiveFlow): boolean {
  const value = field(port, "port");
  const protocol = String(field(port, "protocol") ?? "TCP");
  const asCilium: JsonObject = { ...(port as JsonObject), protocol, port: value === undefined ? "0" : String(value) };
  return matchesPort(asCilium, flow, true);
}
