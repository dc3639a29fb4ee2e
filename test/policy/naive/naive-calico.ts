import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import {
  addressValue,
  field,
  inCIDR,
  list,
  type NaiveFlow,
  type NaivePeer,
  peerAddress,
  podAddress,
} from "./naive-flow.ts";
import { matchesCalicoSelector, type NaiveLabels } from "./naive-selector.ts";

/**
 * Calico's verdict on one packet at one pod, straight from the raw objects, rule by rule: written from the reference and
 * not from the evaluator it judges. Objects are taken as valid.
 */
export function naiveCalico(objects: readonly JsonObject[], world: World, flow: NaiveFlow): "allow" | "deny" {
  if (flow.half === "ingress" && flow.peer.kind === "host") return "allow";
  const policies = objects.flatMap((object) => policyOf(object));
  const governing = policies.filter(
    (policy) => policy.types.includes(flow.half) && selects(policy, flow.subject, world),
  );
  for (const tier of tiersInOrder(objects, policies)) {
    const own = governing.filter((policy) => policy.tier === tier.name).sort(compareOrder);
    if (own.length === 0) continue;
    const action = firstAction(own, objects, world, flow);
    if (action === "Allow") return "allow";
    if (action === "Deny") return "deny";
    if (action === undefined && !tier.passes) return "deny";
  }
  return "allow";
}

interface NaivePolicy {
  readonly object: JsonObject;
  readonly isKubernetes: boolean;
  readonly namespace: string | undefined;
  readonly tier: string;
  readonly order: number;
  readonly tieBreak: string;
  readonly types: readonly string[];
}

function policyOf(object: JsonObject): NaivePolicy[] {
  const kind = String(object["kind"]);
  const group = String(object["apiVersion"]).split("/")[0];
  if (kind !== "NetworkPolicy" && kind !== "GlobalNetworkPolicy") return [];
  const namespace = field(object, "metadata", "namespace");
  const isKubernetes = group === "networking.k8s.io";
  const name = String(field(object, "metadata", "name"));
  const order = field(object, "spec", "order");
  return [
    {
      object,
      isKubernetes,
      namespace: typeof namespace === "string" ? namespace : undefined,
      tier: isKubernetes ? "default" : String(field(object, "spec", "tier") ?? "default"),
      order: isKubernetes ? 1000 : typeof order === "number" ? order : Number.POSITIVE_INFINITY,
      tieBreak: `${isKubernetes ? "knp.default." : ""}${name}/${String(namespace ?? "")}/${isKubernetes ? "KubernetesNetworkPolicy" : kind}`,
      types: typesOf(object, isKubernetes, group === "crd.projectcalico.org"),
    },
  ];
}

function typesOf(object: JsonObject, isKubernetes: boolean, isStored: boolean): string[] {
  const given = list(object, "spec", isKubernetes ? "policyTypes" : "types").map((type) => String(type).toLowerCase());
  if (given.length > 0) return given;
  if (isKubernetes) return list(object, "spec", "egress").length > 0 ? ["ingress", "egress"] : ["ingress"];
  if (isStored) return ["ingress", "egress"];
  const hasIngress = list(object, "spec", "ingress").length > 0;
  const hasEgress = list(object, "spec", "egress").length > 0;
  if (hasEgress) return hasIngress ? ["ingress", "egress"] : ["egress"];
  return ["ingress"];
}

function compareOrder(a: NaivePolicy, b: NaivePolicy): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return a.tieBreak < b.tieBreak ? -1 : 1;
}

function tiersInOrder(
  objects: readonly JsonObject[],
  policies: readonly NaivePolicy[],
): { name: string; passes: boolean }[] {
  const known = objects
    .filter(({ kind }) => kind === "Tier")
    .map((tier) => ({
      name: String(field(tier, "metadata", "name")),
      order: Number(field(tier, "spec", "order") ?? Number.POSITIVE_INFINITY),
      passes: field(tier, "spec", "defaultAction") === "Pass",
    }));
  if (!known.some(({ name }) => name === "default")) known.push({ name: "default", order: 1_000_000, passes: false });
  known.sort((a, b) => (a.order === b.order ? (a.name < b.name ? -1 : 1) : a.order - b.order));
  const unknown = policies.map(({ tier }) => tier).filter((name) => !known.some((tier) => tier.name === name));
  return [...known, ...[...new Set(unknown)].sort().map((name) => ({ name, passes: false }))];
}

/** A pod's labels in Calico's spelling. */
function labelsOf(pod: WorldPod, world: World): NaiveLabels {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(world.namespaces.get(pod.namespace) ?? {})) labels[`pcns.${key}`] = value;
  const account = world.serviceAccounts.get(`${pod.namespace}/${pod.serviceAccount}`) ?? {};
  for (const [key, value] of Object.entries(account)) labels[`pcsa.${key}`] = value;
  labels["pcns.projectcalico.org/name"] = pod.namespace;
  labels["pcsa.projectcalico.org/name"] = pod.serviceAccount;
  for (const [key, value] of Object.entries(pod.labels)) if (!/^pc(?:ns|sa)\./u.test(key)) labels[key] = value;
  labels["projectcalico.org/namespace"] = pod.namespace;
  labels["projectcalico.org/orchestrator"] = "k8s";
  if (pod.serviceAccount.length < 63) labels["projectcalico.org/serviceaccount"] = pod.serviceAccount;
  return labels;
}

/** Puts a prefix in front of every key of a selector: `team == 'x'` becomes `pcns.team == 'x'`. */
function prefixKeys(selector: string, prefix: string): string {
  return selector.replace(
    /"[^"]*"|'[^']*'|has\(\s*([^)\s]+)\s*\)|(all\(\)|global\(\))|([A-Za-z0-9_./-]+)(?=\s*(?:==|!=|in\s*\{|not in\b|notin\b|contains\b|starts|ends))/gu,
    (whole, hasKey: string | undefined, call: string | undefined, key: string | undefined) => {
      if (call !== undefined) return whole;
      if (hasKey !== undefined) return `has(${prefix}${hasKey})`;
      return key === undefined || key === "not" ? whole : `${prefix}${key}`;
    },
  );
}

function selects(policy: NaivePolicy, pod: WorldPod, world: World): boolean {
  if (policy.namespace !== undefined && policy.namespace !== pod.namespace) return false;
  if (policy.isKubernetes) return meetsLabelSelector(field(policy.object, "spec", "podSelector"), pod.labels);
  const labels = labelsOf(pod, world);
  const part = (key: string): string => String(field(policy.object, "spec", key) ?? "");
  if (!matchesCalicoSelector(part("selector"), labels)) return false;
  if (policy.namespace === undefined && !matchesCalicoSelector(prefixKeys(part("namespaceSelector"), "pcns."), labels))
    return false;
  return matchesCalicoSelector(prefixKeys(part("serviceAccountSelector"), "pcsa."), labels);
}

/** A Kubernetes label selector on plain labels; absent or empty matches. */
export function meetsLabelSelector(selector: JsonValue | undefined, labels: NaiveLabels): boolean {
  const pairs = Object.entries((field(selector, "matchLabels") ?? {}) as JsonObject);
  if (!pairs.every(([key, value]) => labels[key] === value)) return false;
  return list(selector, "matchExpressions").every((term) => {
    const value = labels[String(field(term, "key"))];
    const values = list(term, "values").map(String);
    switch (field(term, "operator")) {
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      case "In":
        return value !== undefined && values.includes(value);
      default:
        return value === undefined || !values.includes(value);
    }
  });
}

function firstAction(
  policies: readonly NaivePolicy[],
  objects: readonly JsonObject[],
  world: World,
  flow: NaiveFlow,
): string | undefined {
  for (const policy of policies)
    for (const rule of list(policy.object, "spec", flow.half)) {
      if (policy.isKubernetes) {
        if (matchesKubernetesRule(rule, policy, world, flow)) return "Allow";
      } else if (field(rule, "action") !== "Log" && matchesRule(rule, policy, objects, world, flow))
        return String(field(rule, "action"));
    }
  return undefined;
}

const numbers: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, ICMP: 1, ICMPV6: 58, SCTP: 132, UDPLITE: 136 };

function protocolOf(value: JsonValue): number {
  return typeof value === "number" ? value : (numbers[value?.toString().toUpperCase() ?? ""] ?? Number(value));
}

function matchesRule(
  rule: JsonValue,
  policy: NaivePolicy,
  objects: readonly JsonObject[],
  world: World,
  flow: NaiveFlow,
): boolean {
  const version = field(rule, "ipVersion");
  if (version !== undefined && version !== flow.family) return false;
  const protocol = field(rule, "protocol");
  if (protocol !== undefined && protocolOf(protocol) !== flow.protocol) return false;
  const notProtocol = field(rule, "notProtocol");
  if (notProtocol !== undefined && protocolOf(notProtocol) === flow.protocol) return false;
  const icmp = field(rule, "icmp");
  if (icmp !== undefined && !matchesIcmp(icmp, flow)) return false;
  const notICMP = field(rule, "notICMP");
  if (notICMP !== undefined && matchesIcmp(notICMP, flow)) return false;
  const own: NaivePeer = { kind: "pod", pod: flow.subject };
  const [source, destination] = flow.half === "ingress" ? [flow.peer, own] : [own, flow.peer];
  const context = { policy, objects, world, flow };
  return (
    matchesEntity(field(rule, "source"), source, flow.sourcePort ?? 40_000, context) &&
    matchesEntity(field(rule, "destination"), destination, flow.port, context)
  );
}

function matchesIcmp(icmp: JsonValue, flow: NaiveFlow): boolean {
  if (flow.icmpType === undefined) return false;
  const type = field(icmp, "type");
  const code = field(icmp, "code");
  return (type === undefined || type === flow.icmpType) && (code === undefined || code === (flow.icmpCode ?? 0));
}

interface Context {
  readonly policy: NaivePolicy;
  readonly objects: readonly JsonObject[];
  readonly world: World;
  readonly flow: NaiveFlow;
}

function matchesEntity(
  entity: JsonValue | undefined,
  end: NaivePeer,
  port: number | undefined,
  context: Context,
): boolean {
  if (entity === undefined) return true;
  const address = peerAddress(end, context.flow.family);
  return (
    matchesNets(entity, address, context.flow.family) &&
    matchesWho(entity, end, address, context) &&
    matchesPorts(entity, end, port, context)
  );
}

function matchesNets(entity: JsonValue, address: string | undefined, family: 4 | 6): boolean {
  for (const [key, isWanted] of [
    ["nets", true],
    ["notNets", false],
  ] as const) {
    const nets = list(entity, key).map(String);
    if (nets.length === 0) continue;
    const ofFamily = nets.filter((net) => addressValue(net.split("/")[0] ?? "").family === family);
    // A list that loses all its members for a family takes the whole rule with it.
    if (ofFamily.length === 0) return false;
    const isInside = address !== undefined && ofFamily.some((net) => inCIDR(address, net));
    if (isInside !== isWanted) return false;
  }
  return true;
}

/** Endpoints and network sets that own an address, each by its labels. */
function owners(end: NaivePeer, address: string | undefined, { objects, world }: Context): NaiveLabels[] {
  const result: NaiveLabels[] = end.kind === "pod" ? [labelsOf(end.pod, world)] : [];
  for (const object of objects) {
    const namespace = field(object, "metadata", "namespace");
    const isSet = object["kind"] === "GlobalNetworkSet" || object["kind"] === "NetworkSet";
    if (!isSet || address === undefined) continue;
    if (!list(object, "spec", "nets").some((net) => inCIDR(address, String(net)))) continue;
    const labels: Record<string, string> = {
      ...(field(object, "metadata", "labels") as Record<string, string> | undefined),
    };
    if (typeof namespace === "string") {
      labels["projectcalico.org/namespace"] = namespace;
      labels["pcns.projectcalico.org/name"] = namespace;
      for (const [key, value] of Object.entries(world.namespaces.get(namespace) ?? {})) labels[`pcns.${key}`] = value;
    }
    result.push(labels);
  }
  return result;
}

/** What an object's labels have to meet where the entity has a positive part; `undefined` where it has none. */
function positiveTest(entity: JsonValue, context: Context): ((labels: NaiveLabels) => boolean) | undefined {
  const selector = field(entity, "selector");
  const notSelector = field(entity, "notSelector");
  const namespaceSelector = field(entity, "namespaceSelector");
  const accounts = field(entity, "serviceAccounts");
  const parts: string[] = [];
  if (selector !== undefined) parts.push(`(${String(selector) === "" ? "all()" : String(selector)})`);
  if (accounts !== undefined) parts.push(...accountTerms(accounts));
  const asks =
    selector !== undefined || notSelector !== undefined || namespaceSelector !== undefined || accounts !== undefined;
  if (asks) {
    if (typeof namespaceSelector === "string" && namespaceSelector !== "")
      parts.push(
        `(${prefixKeys(namespaceSelector, "pcns.")
          .replaceAll("all()", "has(projectcalico.org/namespace)")
          .replaceAll("global()", "!has(projectcalico.org/namespace)")})`,
      );
    else if (context.policy.namespace !== undefined)
      parts.push(`projectcalico.org/namespace == '${context.policy.namespace}'`);
  }
  const positive = parts.join(" && ");
  if (positive === "") return undefined;
  const isRefused = (labels: NaiveLabels): boolean =>
    typeof notSelector === "string" && matchesCalicoSelector(notSelector, labels);
  // Felix asks one object for both parts where there is a positive one (rule_scanner.go, combineMatchesIfPossible).
  return (labels) => matchesCalicoSelector(positive, labels) && !isRefused(labels);
}

function matchesWho(entity: JsonValue, end: NaivePeer, address: string | undefined, context: Context): boolean {
  const all = owners(end, address, context);
  const test = positiveTest(entity, context);
  if (test !== undefined) return all.some(test);
  const notSelector = field(entity, "notSelector");
  return typeof notSelector !== "string" || !all.some((labels) => matchesCalicoSelector(notSelector, labels));
}

function accountTerms(accounts: JsonValue): string[] {
  const names = list(accounts, "names").map((name) => `'${String(name)}'`);
  const selector = field(accounts, "selector");
  return [
    ...(names.length > 0 ? [`projectcalico.org/serviceaccount in {${names.join(",")}}`] : []),
    ...(typeof selector === "string"
      ? [`(${prefixKeys(selector, "pcsa.").replaceAll("all()", "has(projectcalico.org/serviceaccount)")})`]
      : []),
  ];
}

function matchesPorts(entity: JsonValue, end: NaivePeer, port: number | undefined, context: Context): boolean {
  // A name is looked up on pods that meet the selector by themselves: a pod that is meant only by way of a network set has none
  // (rule_scanner.go, namedPortsToIPSets).
  const test = positiveTest(entity, context);
  const isNamed = end.kind === "pod" && (test === undefined || test(labelsOf(end.pod, context.world)));
  const named = isNamed ? end.pod.namedPorts : [];
  const matches = (ports: readonly JsonValue[]): boolean => matchesOnePort(ports, named, port, context.flow);
  if (field(entity, "ports") !== undefined && !matches(list(entity, "ports"))) return false;
  return field(entity, "notPorts") === undefined || !matches(list(entity, "notPorts"));
}

function matchesOnePort(
  ports: readonly JsonValue[],
  named: WorldPod["namedPorts"],
  port: number | undefined,
  flow: NaiveFlow,
): boolean {
  if (port === undefined || ![6, 17, 132, 136].includes(flow.protocol)) return false;
  return ports.some((entry) => {
    const text = String(entry);
    const range = /^(\d+)(?::(\d+))?$/u.exec(text);
    if (range !== null) return Number(range[1]) <= port && port <= Number(range[2] ?? range[1]);
    return named.some((own) => own.name === text && own.port === port && numbers[own.protocol] === flow.protocol);
  });
}

function matchesKubernetesRule(rule: JsonValue, policy: NaivePolicy, world: World, flow: NaiveFlow): boolean {
  const peers = list(rule, flow.half === "ingress" ? "from" : "to");
  const ports = list(rule, "ports");
  const isPeer = peers.length === 0 || peers.some((peer) => matchesKubernetesPeer(peer, policy, world, flow));
  return isPeer && (ports.length === 0 || ports.some((port) => matchesKubernetesPort(port, flow)));
}

function matchesKubernetesPeer(peer: JsonValue, policy: NaivePolicy, world: World, flow: NaiveFlow): boolean {
  const block = field(peer, "ipBlock");
  if (block !== undefined) {
    const address =
      flow.peer.kind === "pod" ? podAddress(flow.peer.pod, flow.family) : peerAddress(flow.peer, flow.family);
    if (address === undefined || !inCIDR(address, String(field(block, "cidr")))) return false;
    return !list(block, "except").some((except) => inCIDR(address, String(except)));
  }
  if (flow.peer.kind !== "pod") return false;
  const { pod } = flow.peer;
  const namespaceSelector = field(peer, "namespaceSelector");
  const isNamespace =
    namespaceSelector === undefined
      ? pod.namespace === policy.namespace
      : meetsLabelSelector(namespaceSelector, world.namespaces.get(pod.namespace) ?? {});
  return isNamespace && meetsLabelSelector(field(peer, "podSelector"), pod.labels);
}

function matchesKubernetesPort(port: JsonValue, flow: NaiveFlow): boolean {
  if (Object.keys(port as JsonObject).length === 0) return true;
  if ((numbers[String(field(port, "protocol") ?? "TCP")] ?? 6) !== flow.protocol) return false;
  const value = field(port, "port");
  if (value === undefined) return true;
  if (flow.port === undefined) return false;
  if (typeof value === "number") return value <= flow.port && flow.port <= Number(field(port, "endPort") ?? value);
  const owner = flow.half === "ingress" ? flow.subject : flow.peer.kind === "pod" ? flow.peer.pod : undefined;
  return (owner?.namedPorts ?? []).some(
    (named) => named.name === value && named.port === flow.port && numbers[named.protocol] === flow.protocol,
  );
}
