import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { Selector } from "../selector/selector.ts";
import { conjunction, negation } from "../selector/simplify-selector.ts";
import type { CalicoEntity, CalicoPolicy, CalicoPort, CalicoRule } from "./model.ts";
import { familiesOf, readNets } from "./read-nets.ts";
import { objectFields } from "./read-policy.ts";
import {
  positionOfField,
  type Reading,
  readList,
  readNumber,
  readRecord,
  readText,
  report,
  reportUnknownFields,
  textOf,
} from "./reading.ts";
import { hasNamespace, toLabelKey } from "./selector-fields.ts";

const isPod: Selector = { kind: "in", key: "meta:orchestrator", values: ["k8s"] };

/**
 * A Kubernetes NetworkPolicy as Calico evaluates it: a namespaced policy of the tier `default` with order 1000, one Allow
 * rule for each peer and protocol. Peers select pods only, never network sets.
 *
 * Findings: POL001, POL002, POL003, POL005.
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/backend/k8s/conversion/conversion.go K8sNetworkPolicyToCalico.
 */
export function readKubernetesPolicy(reading: Reading, isStaged = false): CalicoPolicy {
  const { object, identity } = reading;
  const namespace = identity.namespace ?? "default";
  reportUnknownFields(reading, object.object, "", objectFields);
  const spec = readRecord(reading, object.object, "spec", "spec") ?? {};
  const fields = ["podSelector", "policyTypes", "ingress", "egress"];
  reportUnknownFields(reading, spec, "spec", isStaged ? [...fields, "stagedAction"] : fields, {
    selector: "podSelector",
    types: "policyTypes",
  });
  const subject = readLabelSelector(reading, spec, "podSelector", "spec.podSelector", "endpoint");
  const types = readList(reading, spec, "policyTypes", "spec.policyTypes").flatMap(
    (item, index) => textOf(reading, item, `spec.policyTypes[${index}]`) ?? [],
  );
  const ingress = readDirection(reading, spec, "ingress", namespace);
  const egress = readDirection(reading, spec, "egress", namespace);
  return {
    identity,
    position: object.position,
    origin: "KubernetesNetworkPolicy",
    isStaged,
    tier: "default",
    baseName: identity.name,
    order: 1000,
    tieBreak: `${identity.name}/${namespace}/KubernetesNetworkPolicy`,
    appliesTo: conjunction([isPod, inNamespace(namespace), subject]),
    // The API server fills in Ingress always, and Egress when there are egress rules.
    governs:
      types.length > 0
        ? { ingress: types.includes("Ingress"), egress: types.includes("Egress") }
        : { ingress: true, egress: egress.length > 0 },
    ingress,
    egress,
    doNotTrack: false,
    preDNAT: false,
    applyOnForward: false,
    annotations: object.annotations,
  };
}

function inNamespace(namespace: string): Selector {
  return { kind: "in", key: "meta:namespace", values: [namespace] };
}

function readDirection(
  reading: Reading,
  spec: JsonObject,
  direction: "ingress" | "egress",
  namespace: string,
): readonly CalicoRule[] {
  const path = `spec.${direction}`;
  const peerKey = direction === "ingress" ? "from" : "to";
  return readList(reading, spec, direction, path).flatMap((item, index) => {
    const field = `${path}[${index}]`;
    const rule = isJsonObject(item) ? item : {};
    reportUnknownFields(reading, rule, field, [peerKey, "ports"]);
    const peers = readPeers(reading, rule, peerKey, `${field}.${peerKey}`, namespace);
    const ports = readPortsByProtocol(reading, rule, `${field}.ports`);
    return peers.flatMap((peer) =>
      ports.map(({ protocol, ports: list }): CalicoRule => {
        const far: CalicoEntity = direction === "ingress" ? peer : { ...peer, ...(list && { ports: list }) };
        const near: CalicoEntity = direction === "ingress" && list ? { ports: list } : {};
        return {
          index,
          position: positionOfField(reading, field),
          action: "Allow",
          ...(protocol !== undefined && { protocol }),
          source: direction === "ingress" ? far : {},
          destination: direction === "ingress" ? near : far,
        };
      }),
    );
  });
}

function readPeers(
  reading: Reading,
  rule: JsonObject,
  key: "from" | "to",
  field: string,
  namespace: string,
): readonly CalicoEntity[] {
  const items = readList(reading, rule, key, field);
  if (items.length === 0) return [{}];
  return items.flatMap((item, index) => readPeer(reading, item, `${field}[${index}]`, namespace) ?? []);
}

function readPeer(reading: Reading, item: JsonValue, field: string, namespace: string): CalicoEntity | undefined {
  if (!isJsonObject(item)) return undefined;
  reportUnknownFields(reading, item, field, ["podSelector", "namespaceSelector", "ipBlock"]);
  const block = readRecord(reading, item, "ipBlock", `${field}.ipBlock`);
  if (block !== undefined) return readBlock(reading, block, `${field}.ipBlock`);
  const pods = isJsonObject(item["podSelector"])
    ? readLabelSelector(reading, item, "podSelector", `${field}.podSelector`, "endpoint")
    : undefined;
  const namespaces = isJsonObject(item["namespaceSelector"])
    ? readLabelSelector(reading, item, "namespaceSelector", `${field}.namespaceSelector`, "namespace")
    : undefined;
  const scope = namespaces === undefined ? inNamespace(namespace) : conjunction([hasNamespace, namespaces]);
  return { selector: conjunction([isPod, scope, ...(pods ? [pods] : [])]) };
}

function readBlock(reading: Reading, block: JsonObject, field: string): CalicoEntity | undefined {
  reportUnknownFields(reading, block, field, ["cidr", "except"]);
  const nets = readNets(reading, { cidr: [block["cidr"] ?? null] }, "cidr", `${field}.cidr`);
  const notNets = readNets(reading, block, "except", `${field}.except`);
  if (nets === undefined) return undefined;
  if (new Set([...familiesOf(nets), ...familiesOf(notNets)]).size > 1)
    report(reading, "POL002", `${field} mixes IPv4 and IPv6`, field, { remedy: "write one block for each family" });
  return { nets, ...(notNets && { notNets }) };
}

/** A Kubernetes label selector; a missing one selects everything. */
function readLabelSelector(
  reading: Reading,
  parent: JsonObject,
  key: string,
  field: string,
  subject: "endpoint" | "namespace",
): Selector {
  const record = readRecord(reading, parent, key, field) ?? {};
  reportUnknownFields(reading, record, field, ["matchLabels", "matchExpressions"]);
  const labels = readRecord(reading, record, "matchLabels", `${field}.matchLabels`) ?? {};
  const equalities = Object.entries(labels).flatMap(([label, value]): Selector[] => {
    const text = textOf(reading, value, `${field}.matchLabels["${label}"]`);
    return text === undefined ? [] : [{ kind: "in", key: toLabelKey(label, subject), values: [text] }];
  });
  const expressions = readList(reading, record, "matchExpressions", `${field}.matchExpressions`).flatMap(
    (item, index) =>
      isJsonObject(item) ? (readRequirement(reading, item, `${field}.matchExpressions[${index}]`, subject) ?? []) : [],
  );
  return conjunction([...equalities, ...expressions]);
}

function readRequirement(
  reading: Reading,
  item: JsonObject,
  field: string,
  subject: "endpoint" | "namespace",
): Selector | undefined {
  reportUnknownFields(reading, item, field, ["key", "operator", "values"]);
  const label = readText(reading, item, "key", `${field}.key`);
  const operator = readText(reading, item, "operator", `${field}.operator`);
  if (label === undefined || operator === undefined) return undefined;
  const key = toLabelKey(label, subject);
  const values = readList(reading, item, "values", `${field}.values`).flatMap(
    (value, index) => textOf(reading, value, `${field}.values[${index}]`) ?? [],
  );
  switch (operator) {
    case "In":
      return { kind: "in", key, values };
    case "NotIn":
      return negation({ kind: "in", key, values });
    case "Exists":
      return { kind: "has", key };
    case "DoesNotExist":
      return negation({ kind: "has", key });
    default:
      report(reading, "POL002", `${field}.operator ${JSON.stringify(operator)} is no operator`, `${field}.operator`, {
        remedy: "write In, NotIn, Exists or DoesNotExist",
      });
      return undefined;
  }
}

interface ProtocolPorts {
  readonly protocol?: number;
  readonly ports?: readonly CalicoPort[];
}

const kubernetesProtocols: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

/** Ports grouped by protocol, in the order of their first mention; one entry without either when nothing is limited. */
function readPortsByProtocol(reading: Reading, rule: JsonObject, field: string): readonly ProtocolPorts[] {
  const items = readList(reading, rule, "ports", field);
  if (items.length === 0) return [{}];
  const byProtocol = new Map<number, CalicoPort[] | undefined>();
  for (const [index, item] of items.entries()) {
    const port = isJsonObject(item) ? readPort(reading, item, `${field}[${index}]`) : undefined;
    if (port === undefined) continue;
    // A port entry that is all empty stands for any protocol.
    if (port.isAnything) return [{}];
    const known = byProtocol.get(port.protocol);
    if (byProtocol.has(port.protocol) && known === undefined) continue;
    byProtocol.set(port.protocol, port.port === undefined ? undefined : [...(known ?? []), port.port]);
  }
  return [...byProtocol].map(([protocol, ports]) => ({ protocol, ...(ports && { ports }) }));
}

interface KubernetesPort {
  readonly isAnything: boolean;
  readonly protocol: number;
  readonly port: CalicoPort | undefined;
}

function readPort(reading: Reading, item: JsonObject, field: string): KubernetesPort | undefined {
  reportUnknownFields(reading, item, field, ["protocol", "port", "endPort"]);
  const name = readText(reading, item, "protocol", `${field}.protocol`) ?? "TCP";
  const protocol = kubernetesProtocols[name];
  if (protocol === undefined) {
    report(reading, "POL002", `${field}.protocol ${JSON.stringify(name)} is no protocol`, `${field}.protocol`, {
      remedy: "write TCP, UDP or SCTP",
    });
    return undefined;
  }
  const isAnything = Object.keys(item).length === 0;
  const end = readNumber(reading, item, "endPort", `${field}.endPort`);
  const value = item["port"];
  if (value === undefined || value === null) return { isAnything, protocol, port: undefined };
  if (typeof value === "number") {
    const port: CalicoPort = { kind: "range", from: value, to: Math.max(value, end ?? value) };
    return { isAnything, protocol, port };
  }
  const text = textOf(reading, value, `${field}.port`);
  return text === undefined ? undefined : { isAnything, protocol, port: { kind: "name", name: text } };
}
