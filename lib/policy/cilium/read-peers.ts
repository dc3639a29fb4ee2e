import { covers, isAddress } from "../../core/cidr.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { canonicalPrefix } from "../space/address.ts";
import { type CidrGroups, groupsMatching } from "./cidr-groups.ts";
import type { CiliumPeers, CiliumServicePeer } from "./model.ts";
import {
  labelNames,
  namesCluster,
  namesNamespace,
  namesNamespaceLabel,
  namespaceRequirement,
  noteFilteredLabels,
  type Requirement,
  readRequirements,
  selectorOf,
} from "./read-selector.ts";
import { note, type Reading, readList, readObject, readText, reject, rejectUnknownKeys } from "./reading.ts";

/** What the peers of a rule depend on beside the rule. */
export interface PeerPlace {
  /** `from` for ingress, `to` for egress. */
  readonly prefix: "from" | "to";
  readonly isDeny: boolean;
  /** The policy's namespace; absent for a clusterwide policy. */
  readonly namespace?: string;
  /** Whether the subject names `reserved:init`, which keeps the namespace term off. */
  readonly matchesInit: boolean;
  readonly groups: CidrGroups;
}

const kinds = ["Endpoints", "CIDR", "CIDRSet", "Entities", "Nodes", "Groups", "Services", "FQDNs"] as const;
/** Kinds whose empty list counts as absent; the empty list of any other kind selects nobody. */
const absentWhenEmpty: readonly string[] = ["Groups", "Services", "FQDNs"];

/**
 * Whom a rule speaks of, with Cilium's automatic scopes applied (reference policy 2.4). `hasL4` says whether the rule has
 * ports: without peers and without ports it speaks of nobody. Checked as Cilium checks it (S3, S6, S7, S8, S9, S12, S14).
 */
export function readPeers(
  reading: Reading,
  rule: JsonObject,
  place: PeerPlace,
  hasL4: boolean,
  path: string,
): CiliumPeers {
  refuseRequires(reading, rule, place, path);
  const given = kinds.flatMap((kind) => {
    const key = `${place.prefix}${kind}`;
    const items = readList(reading, rule, key, path);
    return items === undefined ? [] : [{ kind, key, items }];
  });
  const filled = given.filter(({ items }) => items.length > 0);
  if (filled.length > 1) {
    const names = filled.map(({ key }) => key).join(" and ");
    reject(reading, "cilium/two-peer-kinds", path, `${names} stand in one rule`, "write one rule for each of them");
  }
  const chosen = filled[0];
  if (chosen !== undefined) return readKind(reading, chosen, place, `${path}.${chosen.key}`);
  const empty = given.find(({ kind }) => !absentWhenEmpty.includes(kind));
  if (empty !== undefined) {
    note(
      reading,
      "cilium/empty-peers",
      `${path}.${empty.key}`,
      `${empty.key} is empty and selects nobody`,
      "remove the field to mean anybody, or list the peers",
    );
    return { kind: "nobody" };
  }
  return { kind: hasL4 ? "anybody" : "nobody" };
}

function refuseRequires(reading: Reading, rule: JsonObject, place: PeerPlace, path: string): void {
  const key = `${place.prefix}Requires`;
  const items = readList(reading, rule, key, path) ?? [];
  if (items.length > 0)
    reject(
      reading,
      "cilium/removed-field",
      `${path}.${key}`,
      `${key} is gone from the API`,
      "put the requirement into every selector of the rule",
    );
}

interface GivenPeers {
  readonly kind: (typeof kinds)[number];
  readonly key: string;
  readonly items: readonly JsonValue[];
}

function readKind(reading: Reading, { kind, key, items }: GivenPeers, place: PeerPlace, path: string): CiliumPeers {
  const at = (index: number): string => `${path}[${index}]`;
  switch (kind) {
    case "Endpoints":
      return {
        kind: "endpoints",
        selectors: items.flatMap((item, index) => readEndpoints(reading, item, place, at(index))),
      };
    case "CIDR":
      return { kind: "cidrs", cidrs: items.flatMap((item, index) => readCIDR(reading, item, at(index))) };
    case "CIDRSet":
      return { kind: "cidrs", cidrs: items.flatMap((item, index) => readCIDRSet(reading, item, place, at(index))) };
    case "Entities":
      return { kind: "entities", entities: items.flatMap((item, index) => readEntity(reading, item, at(index))) };
    case "Nodes":
      return readNodes(reading, items, path);
    case "Services":
      return { kind: "services", services: items.flatMap((item, index) => readService(reading, item, at(index))) };
    case "FQDNs":
      if (place.isDeny) {
        reject(reading, "cilium/deny-field", path, `${key} is no field of a deny rule`, "deny the addresses instead");
        return { kind: "nobody" };
      }
      return { kind: "fqdns", names: items.flatMap((item, index) => readFQDN(reading, item, at(index))) };
    case "Groups":
      note(
        reading,
        "cilium/not-resolved",
        path,
        `${key} names a cloud group, which only the operator can resolve`,
        "write the addresses",
      );
      return { kind: "nobody" };
  }
}

/** Source: cilium 1.20.2 pkg/k8s/apis/cilium.io/utils/utils.go getEndpointSelector. */
function readEndpoints(reading: Reading, value: JsonValue, place: PeerPlace, path: string) {
  const written = readRequirements(reading, value, path);
  if (written === undefined) return [];
  noteFilteredLabels(reading, written, path);
  const isReserved = written.some(({ source }) => source === "reserved");
  const scoped = isReserved ? written : [...written, ...scopeOf(written, place), ...clusterScope(reading, written)];
  warnOfOpenNegation(reading, scoped, isReserved, path);
  return [selectorOf(scoped)];
}

function scopeOf(written: readonly Requirement[], place: PeerPlace): Requirement[] {
  if (written.some(namesNamespace)) return [];
  if (place.namespace === undefined) return place.matchesInit ? [] : [namespaceRequirement()];
  return written.some(namesNamespaceLabel) ? [] : [namespaceRequirement(place.namespace)];
}

/** The term that keeps a selector inside the local cluster, where the agents add one. */
export function clusterScope(reading: Reading, written: readonly Requirement[]): Requirement[] {
  const { policyDefaultLocalCluster, clusterName } = reading.settings;
  if (!policyDefaultLocalCluster || written.some(namesCluster)) return [];
  return [{ source: "k8s", key: labelNames.cluster, operator: "In", values: [clusterName ?? "default"] }];
}

function warnOfOpenNegation(reading: Reading, scoped: readonly Requirement[], isReserved: boolean, path: string): void {
  const isPositive = ({ operator }: Requirement): boolean => operator === "In" || operator === "Exists";
  if (isReserved || scoped.some(isPositive)) return;
  note(
    reading,
    "cilium/open-negation",
    path,
    "the selector has negative terms only, so it also matches the outside world, nodes and health endpoints",
    "add a matchExpression: io.kubernetes.pod.namespace Exists",
  );
}

function readNodes(reading: Reading, items: readonly JsonValue[], path: string): CiliumPeers {
  if (!reading.settings.nodeSelectorLabels)
    reject(
      reading,
      "cilium/node-selector-labels-off",
      path,
      "node selectors are switched off",
      "set nodeSelectorLabels: true and restart operator and agents",
    );
  const selectors = items.flatMap((item, index) => {
    const written = readRequirements(reading, item, `${path}[${index}]`);
    if (written === undefined) return [];
    const nodes = written.map((term) => (term.source === "reserved" ? term : { ...term, source: "node" }));
    const remote: Requirement = { source: "reserved", key: "remote-node", operator: "Exists", values: [] };
    return [selectorOf([...nodes, remote, ...clusterScope(reading, written)])];
  });
  return { kind: "nodes", selectors };
}

function readCIDR(reading: Reading, value: JsonValue, path: string) {
  const text = readText(reading, value, path);
  if (text === undefined) return [];
  const cidr = canonicalPrefix(text);
  if (cidr !== undefined) return [{ cidr, except: [] }];
  reject(
    reading,
    "cilium/cidr",
    path,
    `${JSON.stringify(text)} is no prefix and no address`,
    "write a prefix such as 192.0.2.0/24",
  );
  return [];
}

function readCIDRSet(reading: Reading, value: JsonValue, place: PeerPlace, path: string) {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["cidr", "cidrGroupRef", "cidrGroupSelector", "except"], path);
  const forms = ["cidr", "cidrGroupRef", "cidrGroupSelector"].filter(
    (key) => object[key] !== undefined && object[key] !== "",
  );
  if (forms.length !== 1) {
    const what = forms.length === 0 ? "none" : forms.join(" and ");
    reject(
      reading,
      "cilium/cidr",
      path,
      `of cidr, cidrGroupRef and cidrGroupSelector there is ${what}`,
      "write exactly one of them",
    );
    return [];
  }
  const cidrs = readSetForm(reading, object, forms[0] ?? "cidr", place, path);
  const except = (readList(reading, object, "except", path) ?? []).flatMap((item, index) =>
    readPrefix(reading, item, `${path}.except[${index}]`),
  );
  if (forms[0] === "cidr" && cidrs[0] !== undefined) checkExcept(reading, cidrs[0], except, path);
  return cidrs.map((cidr) => ({ cidr, except }));
}

function readSetForm(reading: Reading, object: JsonObject, form: string, place: PeerPlace, path: string): string[] {
  if (form === "cidr") return readPrefix(reading, object["cidr"], `${path}.cidr`);
  const found =
    form === "cidrGroupRef"
      ? groupsMatching(place.groups, readText(reading, object["cidrGroupRef"], `${path}.cidrGroupRef`) ?? "")
      : groupsMatching(
          place.groups,
          readRequirements(reading, object["cidrGroupSelector"], `${path}.cidrGroupSelector`) ?? [],
        );
  if (found.length === 0)
    note(
      reading,
      "cilium/unknown-group",
      `${path}.${form}`,
      form === "cidrGroupRef"
        ? `there is no CiliumCIDRGroup ${String(object["cidrGroupRef"])}`
        : "no CiliumCIDRGroup has these labels",
      "apply the group with the policy",
    );
  return found.flatMap(({ cidrs }) => [...cidrs]);
}

/** A prefix with its length; a bare address is refused here, unlike in fromCIDR. */
function readPrefix(reading: Reading, value: JsonValue | undefined, path: string): string[] {
  const text = readText(reading, value, path);
  if (text === undefined) return [];
  const cidr = text.includes("/") ? canonicalPrefix(text) : undefined;
  if (cidr !== undefined) return [cidr];
  const remedy = isAddress(text)
    ? `write ${text}/${text.includes(":") ? 128 : 32}`
    : "write a prefix such as 192.0.2.0/24";
  reject(reading, "cilium/cidr", path, `${JSON.stringify(text)} is no prefix`, remedy);
  return [];
}

function checkExcept(reading: Reading, cidr: string, except: readonly string[], path: string): void {
  except.forEach((inner, index) => {
    if (covers(cidr, inner)) return;
    reject(
      reading,
      "cilium/cidr",
      `${path}.except[${index}]`,
      `${inner} is not inside ${cidr}`,
      "remove the exception",
    );
  });
}

const entityNames = [
  "all",
  "world",
  "world-ipv4",
  "world-ipv6",
  "cluster",
  "cluster-mesh",
  "host",
  "init",
  "ingress",
  "unmanaged",
  "remote-node",
  "health",
  "none",
  "kube-apiserver",
];
/** Known to the code and not to the API's schema, so that the API server refuses them; `cluster-mesh` came with 1.20. */
const entitiesOutsideSchema: Readonly<Record<string, readonly string[]>> = {
  "1.18": ["world-ipv4", "world-ipv6", "cluster-mesh"],
  "1.19": ["world-ipv4", "world-ipv6", "cluster-mesh"],
};

function readEntity(reading: Reading, value: JsonValue, path: string): string[] {
  const text = readText(reading, value, path);
  if (text === undefined) return [];
  const outside = entitiesOutsideSchema[reading.settings.minorVersion] ?? ["world-ipv4", "world-ipv6"];
  if (entityNames.includes(text) && !outside.includes(text)) return [text];
  reject(
    reading,
    "cilium/unknown-entity",
    path,
    `${JSON.stringify(text)} is no entity`,
    `write one of ${entityNames.filter((name) => !outside.includes(name)).join(", ")}`,
  );
  return [];
}

function readService(reading: Reading, value: JsonValue, path: string): CiliumServicePeer[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["k8sService", "k8sServiceSelector"], path);
  const chosen = object["k8sServiceSelector"] === undefined ? "k8sService" : "k8sServiceSelector";
  const inner = readObject(reading, object[chosen], `${path}.${chosen}`);
  if (inner === undefined) return [];
  const namespace =
    inner["namespace"] === undefined
      ? ""
      : (readText(reading, inner["namespace"], `${path}.${chosen}.namespace`) ?? "");
  const scope = namespace === "" ? {} : { namespace };
  if (chosen === "k8sService") {
    const name = readText(reading, inner["serviceName"], `${path}.${chosen}.serviceName`);
    return name === undefined ? [] : [{ kind: "name", ...scope, name }];
  }
  const labels = readRequirements(reading, inner["selector"], `${path}.${chosen}.selector`);
  return labels === undefined ? [] : [{ kind: "labels", ...scope, selector: selectorOf(labels) }];
}

function readFQDN(reading: Reading, value: JsonValue, path: string): string[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["matchName", "matchPattern"], path);
  return ["matchName", "matchPattern"].flatMap((key) =>
    object[key] === undefined ? [] : (readText(reading, object[key], `${path}.${key}`) ?? []),
  );
}
