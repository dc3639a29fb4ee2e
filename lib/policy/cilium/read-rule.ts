import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { CidrGroups } from "./cidr-groups.ts";
import type { CiliumDirectionRule, CiliumRule } from "./model.ts";
import { readPeers } from "./read-peers.ts";
import { readL4 } from "./read-ports.ts";
import {
  isPodSource,
  namesNamespace,
  namesNamespaceLabel,
  namespaceRequirement,
  noteFilteredLabels,
  type Requirement,
  readRequirements,
  selectorOf,
} from "./read-selector.ts";
import { note, type Reading, readList, readObject, reject, rejectUnknownKeys } from "./reading.ts";

const sections = ["ingress", "ingressDeny", "egress", "egressDeny"] as const;
type Section = (typeof sections)[number];

const ruleKeys = ["endpointSelector", "nodeSelector", ...sections, "enableDefaultDeny", "labels", "description", "log"];

/**
 * One rule of a CiliumNetworkPolicy (with `namespace`) or CiliumClusterwideNetworkPolicy (without), with its automatic
 * scopes applied and checked as Cilium checks it. `undefined` when it has no subject that could be used.
 * Source: cilium 1.20.2 pkg/policy/api/rule_validation.go, pkg/k8s/apis/cilium.io/utils/utils.go.
 */
export function readRule(
  reading: Reading,
  value: JsonValue,
  place: { readonly path: string; readonly specIndex: number; readonly groups: CidrGroups },
): CiliumRule | undefined {
  const { path } = place;
  const spec = readObject(reading, value, path);
  if (spec === undefined) return undefined;
  rejectUnknownKeys(reading, spec, ruleKeys, path);
  const lists = Object.fromEntries(
    sections.map((section) => [section, readList(reading, spec, section, path) ?? []]),
  ) as Readonly<Record<Section, readonly JsonValue[]>>;
  if (sections.every((section) => lists[section].length === 0))
    reject(
      reading,
      "cilium/no-direction",
      path,
      "the rule has no element in ingress, ingressDeny, egress or egressDeny",
      "write `ingress: [{}]` for default deny alone",
    );
  const subject = readSubject(reading, spec, path);
  if (subject === undefined) return undefined;

  const read = (section: Section): CiliumDirectionRule[] =>
    lists[section].flatMap((item, index) =>
      readDirectionRule(reading, item, {
        section,
        isHost: subject.kind === "nodes",
        matchesInit: subject.matchesInit,
        groups: place.groups,
        count: lists[section].length,
        index,
        path: `${path}.${section}[${index}]`,
      }),
    );
  const postures = readDefaultDeny(reading, spec, path);
  return {
    identity: reading.identity,
    position: reading.position,
    specIndex: place.specIndex,
    path,
    ...(reading.raw.locate !== undefined && { locate: reading.raw.locate }),
    subject: { kind: subject.kind, selector: subject.selector },
    defaultDeny: {
      ingress: lists.ingress.length + lists.ingressDeny.length > 0 && postures.ingress,
      egress: lists.egress.length + lists.egressDeny.length > 0 && postures.egress,
    },
    ingress: read("ingress"),
    ingressDeny: read("ingressDeny"),
    egress: read("egress"),
    egressDeny: read("egressDeny"),
  };
}

interface Subject {
  readonly kind: "endpoints" | "nodes";
  readonly selector: CiliumRule["subject"]["selector"];
  readonly matchesInit: boolean;
}

function readSubject(reading: Reading, spec: JsonObject, path: string): Subject | undefined {
  const isNodes = spec["nodeSelector"] !== undefined;
  const isEndpoints = spec["endpointSelector"] !== undefined;
  if (isNodes === isEndpoints) {
    const message = isNodes
      ? "the rule has both endpointSelector and nodeSelector"
      : "the rule has neither endpointSelector nor nodeSelector";
    reject(reading, "cilium/subject", path, message, "write exactly one of them; `endpointSelector: {}` selects all");
    if (!isEndpoints) return undefined;
  }
  return isEndpoints ? readEndpointSubject(reading, spec, path) : readNodeSubject(reading, spec, path);
}

function readNodeSubject(reading: Reading, spec: JsonObject, path: string): Subject | undefined {
  const field = `${path}.nodeSelector`;
  if (reading.identity.namespace !== undefined)
    reject(
      reading,
      "cilium/subject",
      field,
      "a namespaced policy has a nodeSelector",
      "write a CiliumClusterwideNetworkPolicy",
    );
  else if (!reading.settings.hostFirewall)
    note(
      reading,
      "cilium/host-firewall-off",
      field,
      "the policy selects nodes and the host firewall is off",
      "set hostFirewall.enabled: true",
    );
  const written = readRequirements(reading, spec["nodeSelector"], field);
  if (written === undefined) return undefined;
  const terms = written.map((term) => (isPodSource(term) ? { ...term, source: "node" } : term));
  return { kind: "nodes", selector: selectorOf(terms), matchesInit: false };
}

function readEndpointSubject(reading: Reading, spec: JsonObject, path: string): Subject | undefined {
  const field = `${path}.endpointSelector`;
  const written = readRequirements(reading, spec["endpointSelector"], field);
  if (written === undefined) return undefined;
  noteFilteredLabels(reading, written, field);
  const { namespace } = reading.identity;
  const matchesInit = written.some(({ source, key }) => source === "reserved" && key === "init");
  if (namespace === undefined) {
    warnOfBroadSubject(reading, written, field);
    return { kind: "endpoints", selector: selectorOf(written), matchesInit };
  }
  warnOfForeignNamespace(reading, written, namespace, field);
  const kept = written.filter((term) => !isOverwritten(term));
  return { kind: "endpoints", selector: selectorOf([...kept, namespaceRequirement(namespace)]), matchesInit };
}

/** The entry of matchLabels that the policy's own namespace is written over; a bare key is another entry and stays. */
function isOverwritten(term: Requirement): boolean {
  return term.isLabel === true && term.source === "k8s" && namesNamespace(term);
}

function warnOfBroadSubject(reading: Reading, written: readonly Requirement[], field: string): void {
  const isScoped = written.some(
    (term) =>
      (term.operator === "In" || term.operator === "Exists") &&
      (namesNamespace(term) || namesNamespaceLabel(term) || term.source === "reserved" || isPodSource(term)),
  );
  if (isScoped) return;
  note(
    reading,
    "cilium/subject-without-namespace",
    field,
    "the subject also selects the health and ingress endpoints of every node",
    "add a matchExpression: io.kubernetes.pod.namespace Exists",
  );
}

function warnOfForeignNamespace(
  reading: Reading,
  written: readonly Requirement[],
  namespace: string,
  field: string,
): void {
  const foreign = written.find(
    (term) => namesNamespace(term) && term.operator === "In" && !term.values.includes(namespace),
  );
  if (foreign === undefined) return;
  note(
    reading,
    "cilium/foreign-namespace",
    field,
    `the subject names the namespace ${foreign.values.join(", ")}, and the policy stands in ${namespace}`,
    `move the policy, or remove the term: a namespaced policy selects pods of ${namespace} only`,
  );
}

function readDefaultDeny(
  reading: Reading,
  spec: JsonObject,
  path: string,
): { readonly ingress: boolean; readonly egress: boolean } {
  const value = spec["enableDefaultDeny"];
  if (value === undefined || value === null) return { ingress: true, egress: true };
  const object = readObject(reading, value, `${path}.enableDefaultDeny`);
  if (object === undefined) return { ingress: true, egress: true };
  rejectUnknownKeys(reading, object, ["ingress", "egress"], `${path}.enableDefaultDeny`);
  const read = (key: "ingress" | "egress"): boolean => {
    const posture = object[key];
    if (posture === undefined || posture === null || typeof posture === "boolean") return posture !== false;
    reject(reading, "cilium/type", `${path}.enableDefaultDeny.${key}`, `${key} is no boolean`, "write true or false");
    return true;
  };
  return { ingress: read("ingress"), egress: read("egress") };
}

interface DirectionPlace {
  readonly section: Section;
  readonly isHost: boolean;
  readonly matchesInit: boolean;
  readonly groups: CidrGroups;
  readonly count: number;
  readonly index: number;
  readonly path: string;
}

function readDirectionRule(reading: Reading, value: JsonValue, place: DirectionPlace): CiliumDirectionRule[] {
  const rule = readObject(reading, value, place.path);
  if (rule === undefined) return [];
  const isIngress = place.section === "ingress" || place.section === "ingressDeny";
  const isDeny = place.section === "ingressDeny" || place.section === "egressDeny";
  rejectUnknownKeys(reading, rule, knownKeys(isIngress, isDeny), place.path);
  noteEmptyRule(reading, rule, isDeny, place);
  if (rule["authentication"] !== undefined && !isDeny)
    note(
      reading,
      "cilium/not-compared",
      `${place.path}.authentication`,
      "mutual authentication is not compared",
      "check it by hand",
    );
  const l4 = readL4(reading, rule, { isIngress, isDeny, isHost: place.isHost }, place.path);
  const { namespace } = reading.identity;
  const peers = readPeers(
    reading,
    rule,
    {
      prefix: isIngress ? "from" : "to",
      isDeny,
      ...(namespace !== undefined && { namespace }),
      matchesInit: place.matchesInit,
      groups: place.groups,
    },
    l4 !== undefined,
    place.path,
  );
  return [{ index: place.index, position: reading.position, peers, l4 }];
}

function knownKeys(isIngress: boolean, isDeny: boolean): string[] {
  const peers = ["Endpoints", "Requires", "CIDR", "CIDRSet", "Entities", "Groups", "Nodes"];
  const prefix = isIngress ? "from" : "to";
  const own = isIngress ? [] : ["toServices", ...(isDeny ? [] : ["toFQDNs"])];
  return [
    ...peers.map((kind) => `${prefix}${kind}`),
    ...own,
    "toPorts",
    "icmps",
    ...(isDeny ? [] : ["authentication"]),
  ];
}

function noteEmptyRule(reading: Reading, rule: JsonObject, isDeny: boolean, place: DirectionPlace): void {
  const isEmpty = Object.keys(rule).length === 0;
  // `ingress: [{}]` is how default deny is written on purpose.
  if (!isEmpty || (!isDeny && place.count === 1)) return;
  note(
    reading,
    "cilium/empty-rule",
    place.path,
    isDeny ? "an empty deny rule denies nothing" : "an empty rule beside others allows nothing",
    isDeny ? "name the peers to deny" : "remove the empty rule",
  );
}

/** Whether a JSON value is a rule at all; `spec: null` counts as absent. */
export function isRuleGiven(value: JsonValue | undefined): boolean {
  return isJsonObject(value) || (value !== undefined && value !== null);
}
