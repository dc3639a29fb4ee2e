import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { RawObject } from "../../inventory/inventory.ts";
import { canonicalPrefix } from "../space/address.ts";
import type { CiliumDirectionRule, CiliumL4, CiliumPeers, CiliumRule } from "./model.ts";
import { clusterScope } from "./read-peers.ts";
import {
  labelNames,
  namespaceRequirement,
  noteFilteredLabels,
  type Requirement,
  readRequirements,
  selectorOf,
} from "./read-selector.ts";
import { type Reading, readList, readObject, readText, reject, rejectUnknownKeys } from "./reading.ts";

/**
 * A Kubernetes NetworkPolicy as Cilium reads it: allow rules only, default deny for the directions of policyTypes,
 * ipBlock that never matches pods or nodes, one rule for each peer.
 * Source: cilium 1.20.2 pkg/k8s/network_policy.go ParseNetworkPolicy.
 */
export function readKubernetesPolicy(reading: Reading, raw: RawObject): CiliumRule[] {
  // A policy without a spec selects every pod of its namespace and allows nothing in.
  const spec = readObject(reading, raw.object["spec"] ?? {}, "spec");
  if (spec === undefined) return [];
  rejectUnknownKeys(reading, spec, ["podSelector", "policyTypes", "ingress", "egress"], "spec");
  const namespace = raw.namespace ?? "default";
  const own = readK8sRequirements(reading, spec["podSelector"] ?? {}, "spec.podSelector");
  const types = (readList(reading, spec, "policyTypes", "spec") ?? []).filter((type) => typeof type === "string");
  const read = (section: "ingress" | "egress"): CiliumDirectionRule[] =>
    (readList(reading, spec, section, "spec") ?? []).flatMap((item, index) =>
      readDirection(reading, item, { section, index, namespace, path: `spec.${section}[${index}]` }),
    );
  const ingress = read("ingress");
  const egress = read("egress");
  // A policy with egress rules and no policyTypes also governs ingress, as the API server fills it in.
  const governsIngress = ingress.length > 0 || types.includes("Ingress") || !types.includes("Egress");
  const governsEgress = egress.length > 0 || types.includes("Egress");
  if (reading.isRejected) return [];
  return [
    {
      identity: reading.identity,
      position: reading.position,
      specIndex: 0,
      ...(raw.locate !== undefined && { locate: raw.locate }),
      subject: { kind: "endpoints", selector: selectorOf([...own, namespaceRequirement(namespace)]) },
      defaultDeny: { ingress: governsIngress, egress: governsEgress },
      ingress,
      ingressDeny: [],
      egress,
      egressDeny: [],
    },
  ];
}

interface Place {
  readonly section: "ingress" | "egress";
  readonly index: number;
  readonly namespace: string;
  readonly path: string;
}

function readDirection(reading: Reading, value: JsonValue, place: Place): CiliumDirectionRule[] {
  const rule = readObject(reading, value, place.path);
  if (rule === undefined) return [];
  const key = place.section === "ingress" ? "from" : "to";
  rejectUnknownKeys(reading, rule, [key, "ports"], place.path);
  const ports = readList(reading, rule, "ports", place.path) ?? [];
  const l4 =
    ports.length === 0
      ? undefined
      : ports.flatMap((item, index) => readPort(reading, item, `${place.path}.ports[${index}]`));
  const peers = readList(reading, rule, key, place.path) ?? [];
  const shape = { index: place.index, position: reading.position, l4 };
  if (peers.length === 0) return [{ ...shape, peers: { kind: "anybody" } }];
  return peers.flatMap((item, index) => {
    const found = readPeer(reading, item, place, `${place.path}.${key}[${index}]`);
    return found === undefined ? [] : [{ ...shape, peers: found }];
  });
}

function readPeer(reading: Reading, value: JsonValue, place: Place, path: string): CiliumPeers | undefined {
  const peer = readObject(reading, value, path);
  if (peer === undefined) return undefined;
  rejectUnknownKeys(reading, peer, ["podSelector", "namespaceSelector", "ipBlock"], path);
  if (peer["ipBlock"] !== undefined) return readIpBlock(reading, peer["ipBlock"], `${path}.ipBlock`);
  const pods = readK8sRequirements(reading, peer["podSelector"] ?? {}, `${path}.podSelector`);
  const cluster = clusterScope(reading, pods);
  if (peer["namespaceSelector"] === undefined)
    return { kind: "endpoints", selectors: [selectorOf([...pods, namespaceRequirement(place.namespace), ...cluster])] };
  const namespaces = readK8sRequirements(reading, peer["namespaceSelector"], `${path}.namespaceSelector`, true);
  const scope = namespaces.length === 0 ? [namespaceRequirement()] : namespaces;
  return { kind: "endpoints", selectors: [selectorOf([...scope, ...pods, ...cluster])] };
}

/** Keys of a Kubernetes selector are `k8s:` keys; those of a namespaceSelector are labels of the namespace. */
function readK8sRequirements(
  reading: Reading,
  value: JsonValue | undefined,
  path: string,
  isNamespace = false,
): Requirement[] {
  const written = readRequirements(reading, value, path) ?? [];
  const terms = written.map((term) => ({
    ...term,
    source: "k8s",
    key: isNamespace ? `${labelNames.namespaceLabels}${term.key}` : term.key,
  }));
  if (!isNamespace) noteFilteredLabels(reading, terms, path);
  return terms;
}

function readIpBlock(reading: Reading, value: JsonValue | undefined, path: string): CiliumPeers {
  const block = readObject(reading, value, path);
  if (block === undefined) return { kind: "nobody" };
  rejectUnknownKeys(reading, block, ["cidr", "except"], path);
  const cidr = readPrefix(reading, block["cidr"], `${path}.cidr`);
  const except = (readList(reading, block, "except", path) ?? []).flatMap(
    (item, index) => readPrefix(reading, item, `${path}.except[${index}]`) ?? [],
  );
  return cidr === undefined ? { kind: "nobody" } : { kind: "cidrs", cidrs: [{ cidr, except }] };
}

function readPrefix(reading: Reading, value: JsonValue | undefined, path: string): string | undefined {
  const text = readText(reading, value, path);
  if (text === undefined) return undefined;
  const prefix = text.includes("/") ? canonicalPrefix(text) : undefined;
  if (prefix === undefined)
    reject(reading, "cilium/cidr", path, `${JSON.stringify(text)} is no prefix`, "write a prefix such as 192.0.2.0/24");
  return prefix;
}

function readPort(reading: Reading, value: JsonValue, path: string): CiliumL4[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["port", "endPort", "protocol"], path);
  const protocol = object["protocol"] ?? "TCP";
  if (protocol !== "TCP" && protocol !== "UDP" && protocol !== "SCTP") {
    reject(
      reading,
      "cilium/port",
      `${path}.protocol`,
      `the protocol ${JSON.stringify(protocol)} is refused`,
      "write TCP, UDP or SCTP",
    );
    return [];
  }
  return readPortValue(reading, object, protocol, path);
}

function readPortValue(
  reading: Reading,
  object: JsonObject,
  protocol: "TCP" | "UDP" | "SCTP",
  path: string,
): CiliumL4[] {
  const { port, endPort } = object;
  if (port === undefined || port === null) return [{ kind: "ports", protocol, from: 0, to: 65_535 }];
  if (typeof port === "string" && !/^\d+$/u.test(port)) return [{ kind: "namedPort", protocol, name: port }];
  const from = Number(port);
  const to = typeof endPort === "number" && endPort >= from ? endPort : from;
  if (Number.isInteger(from) && from >= 0 && from <= 65_535 && to <= 65_535)
    return [{ kind: "ports", protocol, from, to }];
  reject(
    reading,
    "cilium/port",
    `${path}.port`,
    `${String(port)} is no port`,
    "write a number from 1 to 65535, or a name",
  );
  return [];
}
