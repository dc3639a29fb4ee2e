import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { CalicoEntity, CalicoRule } from "./model.ts";
import { type EntityScope, readEntity } from "./read-entity.ts";
import { familiesOf } from "./read-nets.ts";
import { checkPorts, readProtocol } from "./read-ports.ts";
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

const ruleFields = [
  "action",
  "ipVersion",
  "protocol",
  "notProtocol",
  "icmp",
  "notICMP",
  "source",
  "destination",
  "http",
  "metadata",
];
/** Fields that people write in a rule from memory of other APIs, and what they meant. */
const ruleHints: Readonly<Record<string, string>> = {
  from: "source",
  to: "destination",
  port: "destination.ports",
  ports: "destination.ports",
  notPorts: "destination.notPorts",
  selector: "source.selector or destination.selector",
  nets: "source.nets or destination.nets",
  podSelector: "source.selector or destination.selector",
  namespaceSelector: "source.namespaceSelector or destination.namespaceSelector",
  icmpType: "icmp.type",
};
const actions = ["Allow", "Deny", "Log", "Pass"] as const;

/** The rules of one direction, in order; a rule that cannot be read leaves findings (POL001 to POL006, POL038). */
export function readRules(
  reading: Reading,
  spec: JsonObject,
  direction: "ingress" | "egress",
  scope: EntityScope,
  parent = "spec",
): readonly CalicoRule[] {
  const path = `${parent}.${direction}`;
  return readList(reading, spec, direction, path).flatMap((item, index) => {
    const rule = readRule(reading, item, `${path}[${index}]`, { direction, index, scope });
    return rule === undefined ? [] : [rule];
  });
}

interface RulePlace {
  readonly direction: "ingress" | "egress";
  readonly index: number;
  readonly scope: EntityScope;
}

function readRule(reading: Reading, item: JsonValue, field: string, place: RulePlace): CalicoRule | undefined {
  if (!isJsonObject(item)) {
    report(reading, "POL001", `${field} must be a map, not ${JSON.stringify(item)}`, field, {
      remedy: "write a rule there, or remove the line",
    });
    return undefined;
  }
  reportUnknownFields(reading, item, field, ruleFields, ruleHints);
  const action = readAction(reading, item, field);
  const source = readEntity(reading, item, "source", `${field}.source`, place.scope);
  const destination = readEntity(reading, item, "destination", `${field}.destination`, place.scope);
  const criteria = readProtocolCriteria(reading, item, field);
  checkPorts(reading, criteria.protocol, source.ports, `${field}.source.ports`);
  checkPorts(reading, criteria.protocol, source.notPorts, `${field}.source.notPorts`);
  checkPorts(reading, criteria.protocol, destination.ports, `${field}.destination.ports`);
  checkPorts(reading, criteria.protocol, destination.notPorts, `${field}.destination.notPorts`);
  checkFamilies(reading, criteria, [source, destination], field);
  checkServices(reading, source, destination, field, place.direction);
  const http = readHTTP(reading, item, field);
  if (http !== undefined) checkHTTP(reading, action, criteria.protocol, field, place.direction);
  const description = readDescription(reading, item, field);
  if (action === undefined) return undefined;
  return {
    index: place.index,
    position: positionOfField(reading, field),
    action,
    ...criteria,
    source,
    destination,
    ...(http && { http }),
    ...(description !== undefined && { description }),
  };
}

function readAction(reading: Reading, rule: JsonObject, field: string): CalicoRule["action"] | undefined {
  const path = `${field}.action`;
  const text = readText(reading, rule, "action", path);
  if (text === undefined) {
    if (rule["action"] === undefined || rule["action"] === null)
      report(reading, "POL002", `${field} has no action`, field, { remedy: "write action: Allow, Deny, Log or Pass" });
    return undefined;
  }
  const action = actions.find((known) => known === text);
  if (action !== undefined) return action;
  const meant = actions.find((known) => known.toLowerCase() === text.toLowerCase());
  report(reading, "POL002", `${path} ${JSON.stringify(text)} is no action`, path, {
    reason: "Calico knows Allow, Deny, Log and Pass, spelt like this",
    remedy: meant === undefined ? "write Allow, Deny, Log or Pass" : `write ${meant}`,
  });
  return undefined;
}

type ProtocolCriteria = Pick<CalicoRule, "ipVersion" | "protocol" | "notProtocol" | "icmp" | "notICMP">;

function readProtocolCriteria(reading: Reading, rule: JsonObject, field: string): ProtocolCriteria {
  const ipVersion = readIPVersion(reading, rule, field);
  const protocol = readProtocol(reading, rule, "protocol", `${field}.protocol`);
  const notProtocol = readProtocol(reading, rule, "notProtocol", `${field}.notProtocol`);
  const icmp = readICMP(reading, rule, "icmp", field);
  const notICMP = readICMP(reading, rule, "notICMP", field);
  for (const [key, value] of [
    ["icmp", icmp],
    ["notICMP", notICMP],
  ] as const)
    if (value !== undefined && protocol !== 1 && protocol !== 58)
      report(reading, "POL002", `${field}.${key} needs protocol ICMP or ICMPv6`, `${field}.${key}`, {
        remedy: "add protocol: ICMP or ICMPv6 to the rule",
      });
  return {
    ...(ipVersion !== undefined && { ipVersion }),
    ...(protocol !== undefined && { protocol }),
    ...(notProtocol !== undefined && { notProtocol }),
    ...(icmp && { icmp }),
    ...(notICMP && { notICMP }),
  };
}

function readIPVersion(reading: Reading, rule: JsonObject, field: string): 4 | 6 | undefined {
  const path = `${field}.ipVersion`;
  const version = readNumber(reading, rule, "ipVersion", path);
  if (version === undefined || version === 4 || version === 6) return version;
  report(reading, "POL002", `${path} ${version} is no IP version`, path, { remedy: "write 4 or 6" });
  return undefined;
}

function readICMP(reading: Reading, rule: JsonObject, key: "icmp" | "notICMP", field: string): CalicoRule["icmp"] {
  const path = `${field}.${key}`;
  const record = readRecord(reading, rule, key, path);
  if (record === undefined) return undefined;
  reportUnknownFields(reading, record, path, ["type", "code"]);
  const type = readICMPNumber(reading, record, "type", path, 254);
  const code = readICMPNumber(reading, record, "code", path, 255);
  if (code !== undefined && type === undefined)
    report(reading, "POL002", `${path} has a code without a type`, path, { remedy: `write ${path}.type` });
  return { ...(type !== undefined && { type }), ...(code !== undefined && { code }) };
}

function readICMPNumber(
  reading: Reading,
  record: JsonObject,
  key: "type" | "code",
  parent: string,
  most: number,
): number | undefined {
  const path = `${parent}.${key}`;
  const value = readNumber(reading, record, key, path);
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= most)) return value;
  report(reading, "POL002", `${path} ${value} is out of range`, path, { remedy: `write a number from 0 to ${most}` });
  return undefined;
}

/** One family for each rule: ipVersion, ICMP's own family and every prefix must agree. */
function checkFamilies(
  reading: Reading,
  criteria: ProtocolCriteria,
  entities: readonly CalicoEntity[],
  field: string,
): void {
  const { ipVersion } = criteria;
  for (const [protocol, family, name] of [
    [1, 4, "ICMP"],
    [58, 6, "ICMPv6"],
  ] as const)
    if (ipVersion !== undefined && ipVersion !== family && [criteria.protocol, criteria.notProtocol].includes(protocol))
      report(reading, "POL002", `${field} has protocol ${name} and ipVersion ${ipVersion}`, `${field}.ipVersion`, {
        remedy: `write ipVersion: ${family}, or remove it`,
      });
  const families = new Set(entities.flatMap((entity) => [...familiesOf(entity.nets), ...familiesOf(entity.notNets)]));
  if (families.size > 1)
    report(reading, "POL002", `${field} mixes IPv4 and IPv6 prefixes`, field, {
      reason: "the prefixes of one rule must be of one family; Calico ignores the whole policy otherwise",
      remedy: "write one rule for each family",
    });
  else if (ipVersion !== undefined && families.size === 1 && !families.has(ipVersion))
    report(
      reading,
      "POL002",
      `${field} has ipVersion ${ipVersion} and prefixes of the other family`,
      `${field}.ipVersion`,
      {
        remedy: "remove ipVersion, or correct the prefixes",
      },
    );
}

function checkServices(
  reading: Reading,
  source: CalicoEntity,
  destination: CalicoEntity,
  field: string,
  direction: "ingress" | "egress",
): void {
  const wrong = direction === "ingress" ? destination : source;
  const side = direction === "ingress" ? "destination" : "source";
  if (wrong.service !== undefined)
    report(
      reading,
      "POL002",
      `${field}.${side}.services is not allowed in an ${direction} rule`,
      `${field}.${side}.services`,
      {
        reason: "a rule can name services only on the far side",
        remedy: `remove ${side}.services`,
      },
    );
}

function readHTTP(reading: Reading, rule: JsonObject, field: string): CalicoRule["http"] {
  const path = `${field}.http`;
  const record = readRecord(reading, rule, "http", path);
  if (record === undefined) return undefined;
  reportUnknownFields(reading, record, path, ["methods", "paths"]);
  const methods = readList(reading, record, "methods", `${path}.methods`).flatMap(
    (item, index) => textOf(reading, item, `${path}.methods[${index}]`) ?? [],
  );
  if (new Set(methods).size < methods.length)
    report(reading, "POL002", `${path}.methods names a method twice`, `${path}.methods`, { remedy: "name each once" });
  const paths = readList(reading, record, "paths", `${path}.paths`).flatMap(
    (item, index) => readHTTPPath(reading, item, `${path}.paths[${index}]`) ?? [],
  );
  return { methods, paths };
}

type HTTPPath = NonNullable<CalicoRule["http"]>["paths"][number];

function readHTTPPath(reading: Reading, item: JsonValue, field: string): HTTPPath | undefined {
  if (!isJsonObject(item)) {
    report(reading, "POL001", `${field} must be a map with exact or prefix`, field, { remedy: `correct ${field}` });
    return undefined;
  }
  const exact = readText(reading, item, "exact", `${field}.exact`) ?? "";
  const prefix = readText(reading, item, "prefix", `${field}.prefix`) ?? "";
  const path = exact === "" ? prefix : exact;
  if ((exact === "") === (prefix === "") || !path.startsWith("/") || /[?# ]/u.test(path)) {
    report(
      reading,
      "POL002",
      `${field} must have one of exact and prefix, beginning with / and without ?, # and blanks`,
      field,
      {
        remedy: `correct ${field}`,
      },
    );
    return undefined;
  }
  return { kind: exact === "" ? "prefix" : "exact", path };
}

function checkHTTP(
  reading: Reading,
  action: CalicoRule["action"] | undefined,
  protocol: number | undefined,
  field: string,
  direction: "ingress" | "egress",
): void {
  const path = `${field}.http`;
  if (action !== undefined && action !== "Allow")
    report(reading, "POL002", `${path} stands in a ${action} rule; only Allow may match HTTP`, path, {
      remedy: `remove ${path}`,
    });
  if (direction === "egress")
    report(reading, "POL002", `${path} stands in an egress rule; only ingress may match HTTP`, path, {
      remedy: `remove ${path}`,
    });
  if (protocol !== undefined && protocol !== 6)
    report(reading, "POL002", `${path} needs protocol TCP`, path, { remedy: "write protocol: TCP, or remove it" });
}

function readDescription(reading: Reading, rule: JsonObject, field: string): string | undefined {
  const metadata = readRecord(reading, rule, "metadata", `${field}.metadata`);
  if (metadata === undefined) return undefined;
  reportUnknownFields(reading, metadata, `${field}.metadata`, ["annotations"]);
  const annotations = readRecord(reading, metadata, "annotations", `${field}.metadata.annotations`) ?? {};
  const texts = Object.entries(annotations).flatMap(([key, value]) =>
    typeof value === "string" ? [`${key}: ${value}`] : [],
  );
  return texts.length === 0 ? undefined : texts.join("; ");
}
