import { whereOf } from "../../core/finding.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { positionOf } from "../../inventory/inventory.ts";
import { icmpTypes } from "./icmp-types.ts";
import type { CiliumL4 } from "./model.ts";
import { note, type Reading, readList, readObject, readText, reject, rejectUnknownKeys } from "./reading.ts";

/** Where a rule stands, which decides what its ports may carry. */
export interface PortPlace {
  readonly isIngress: boolean;
  readonly isDeny: boolean;
  /** A nodeSelector rule. */
  readonly isHost: boolean;
}

const maxEntries = 40;

/**
 * The packets a rule speaks of: `undefined` when it has neither toPorts nor icmps (every protocol), else the list of its
 * ports and types. Checked as Cilium checks them (S4, S5, S10, S11, S12).
 */
export function readL4(
  reading: Reading,
  rule: JsonObject,
  place: PortPlace,
  path: string,
): readonly CiliumL4[] | undefined {
  const ports = readList(reading, rule, "toPorts", path) ?? [];
  const icmps = readList(reading, rule, "icmps", path) ?? [];
  if (ports.length > 0 && icmps.length > 0)
    reject(reading, "cilium/icmp", `${path}.icmps`, "icmps stands beside toPorts", "write two rules");
  if (ports.length === 0 && icmps.length === 0) return undefined;
  return [
    ...ports.flatMap((item, index) => readPortRule(reading, item, place, `${path}.toPorts[${index}]`)),
    ...icmps.flatMap((item, index) => readIcmpRule(reading, item, `${path}.icmps[${index}]`)),
  ];
}

const portRuleKeys = ["ports", "terminatingTLS", "originatingTLS", "serverNames", "listener", "rules"];

function readPortRule(reading: Reading, value: JsonValue, place: PortPlace, path: string): CiliumL4[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, portRuleKeys, path);
  const items = readList(reading, object, "ports", path) ?? [];
  checkCount(reading, items.length, `${path}.ports`, "cilium/port");
  if (items.length === 0)
    note(
      reading,
      "cilium/empty-ports",
      path,
      `${path} has no ports and matches no packet`,
      "list the ports, or remove the item",
    );
  const http = place.isDeny ? refuseDenyFields(reading, object, path) : readRules(reading, object, place, path);
  const parsed = items.flatMap((item, index) => readPort(reading, item, `${path}.ports[${index}]`));
  if (!place.isDeny) checkRulesAgainstPorts(reading, object, parsed, path);
  return http === undefined ? parsed : parsed.map((port) => withHTTP(port, http));
}

function withHTTP(port: CiliumL4, http: readonly string[]): CiliumL4 {
  return port.kind === "ports" || port.kind === "namedPort" ? { ...port, http } : port;
}

function checkCount(reading: Reading, count: number, path: string, code: "cilium/port" | "cilium/icmp"): void {
  if (count > maxEntries)
    reject(
      reading,
      code,
      path,
      `${count} entries, and Cilium takes at most ${maxEntries}`,
      "split the list into several items",
    );
}

const extendedProtocols: Readonly<Record<string, { readonly number: number; readonly since: string }>> = {
  VRRP: { number: 112, since: "1.19" },
  IGMP: { number: 2, since: "1.19" },
  GRE: { number: 47, since: "1.20" },
  IPIP: { number: 4, since: "1.20" },
  IPV6: { number: 41, since: "1.20" },
  ESP: { number: 50, since: "1.20" },
  AH: { number: 51, since: "1.20" },
};

function readPort(reading: Reading, value: JsonValue, path: string): CiliumL4[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["port", "endPort", "protocol"], path);
  const protocol = readProtocol(reading, object["protocol"], `${path}.protocol`);
  const text = object["port"] === undefined ? "" : (readText(reading, object["port"], `${path}.port`) ?? "0");
  if (protocol === undefined) return [];
  const extended = extendedProtocols[protocol];
  if (extended !== undefined) {
    if (text !== "" && text !== "0")
      reject(reading, "cilium/port", `${path}.port`, `${protocol} has no ports`, "leave the port out");
    return [{ kind: "protocol", protocol: extended.number }];
  }
  if (text === "" && !reading.settings.enableExtendedIPProtocols) {
    reject(reading, "cilium/port", `${path}.port`, "the port is missing", 'write the port; "0" means every port');
    return [];
  }
  return readNumberOrName(reading, object, text === "" ? "0" : text, protocol as Transport, path);
}

type Transport = "TCP" | "UDP" | "SCTP" | "ANY";

function readProtocol(reading: Reading, value: JsonValue | undefined, path: string): string | undefined {
  if (value === undefined) return "ANY";
  const text = readText(reading, value, path);
  if (text === undefined) return undefined;
  const name = text === "" ? "ANY" : text.toUpperCase();
  if (name === "TCP" || name === "UDP" || name === "SCTP" || name === "ANY") return name;
  const extended = extendedProtocols[name];
  const { settings } = reading;
  if (extended !== undefined && settings.enableExtendedIPProtocols && extended.since <= settings.minorVersion)
    return name;
  reject(
    reading,
    "cilium/port",
    path,
    `the protocol ${text} is refused`,
    extended === undefined
      ? "write TCP, UDP, SCTP or ANY; ICMP goes into icmps"
      : `set enable-extended-ip-protocols and Cilium ${extended.since} or later`,
  );
  return undefined;
}

function readNumberOrName(
  reading: Reading,
  object: JsonObject,
  text: string,
  protocol: Transport,
  path: string,
): CiliumL4[] {
  if (isServiceName(text)) return [{ kind: "namedPort", protocol, name: text.toLowerCase() }];
  const port = parsePortNumber(text);
  if (port === undefined) {
    reject(
      reading,
      "cilium/port",
      `${path}.port`,
      `${JSON.stringify(text)} is neither a port number nor a port name of at most 15 characters`,
      "write a number from 0 to 65535, or a valid port name",
    );
    return [];
  }
  const end = readEndPort(reading, object, port, path);
  return [
    port === 0 ? { kind: "ports", protocol, from: 0, to: 65_535 } : { kind: "ports", protocol, from: port, to: end },
  ];
}

function readEndPort(reading: Reading, object: JsonObject, port: number, path: string): number {
  const end = object["endPort"];
  if (end === undefined || end === null || end === 0) return port;
  if (typeof end !== "number" || !Number.isInteger(end) || end < 0 || end > 65_535) {
    reject(
      reading,
      "cilium/port",
      `${path}.endPort`,
      `endPort ${String(end)} is no port number`,
      "write a number from 0 to 65535",
    );
    return port;
  }
  if (end >= port) return end;
  note(
    reading,
    "cilium/reversed-range",
    `${path}.endPort`,
    `endPort ${end} is below port ${port}, so only ${port} matches`,
    "exchange the two numbers",
  );
  return port;
}

/** RFC 6335 names of at most 15 characters. Source: cilium 1.20.2 pkg/iana/svcname.go. */
function isServiceName(text: string): boolean {
  return text.length > 0 && text.length <= 15 && /^(?:[a-zA-Z0-9]-?)*[a-zA-Z](?:-?[a-zA-Z0-9])*$/u.test(text);
}

/** As Go's ParseUint with base 0 and 16 bits reads it: a leading 0 makes it octal. `0x10` is a service name before it gets here. */
function parsePortNumber(text: string): number | undefined {
  const isOctal = /^0[0-7]+$/u.test(text);
  if (!isOctal && !/^(?:0|[1-9]\d*)$/u.test(text)) return undefined;
  const value = Number.parseInt(text, isOctal ? 8 : 10);
  return value <= 65_535 ? value : undefined;
}

/** Layer 7 of a deny rule does not exist: the schema drops it. Always gives `undefined`. */
function refuseDenyFields(reading: Reading, object: JsonObject, path: string): undefined {
  for (const key of portRuleKeys.slice(1)) {
    if (object[key] === undefined) continue;
    reading.findings.push({
      code: "cilium/deny-field",
      severity: "error",
      message: `${path}.${key} is no field of a deny rule and is dropped in silence`,
      where: whereOf(reading.identity, positionOf(reading.raw, `${path}.${key}`), `${path}.${key}`),
      reason: "A deny rule denies the whole port; without the field it denies more than it says",
      remedy: "write the restriction as an allow rule",
    });
  }
  return undefined;
}

/** The HTTP requests that an item lets through, one text each; `undefined` when it does not look at HTTP. */
function readRules(
  reading: Reading,
  object: JsonObject,
  place: PortPlace,
  path: string,
): readonly string[] | undefined {
  noteUncompared(reading, object, path);
  checkListener(reading, object, place, path);
  const rules = object["rules"];
  if (rules === undefined || rules === null) return undefined;
  const block = readObject(reading, rules, `${path}.rules`);
  if (block === undefined) return undefined;
  rejectUnknownKeys(reading, block, ["http", "dns", "kafka", "l7proto", "l7"], `${path}.rules`);
  const http = readList(reading, block, "http", `${path}.rules`) ?? [];
  const dns = readList(reading, block, "dns", `${path}.rules`) ?? [];
  checkLayer7Place(reading, { http: http.length, dns: dns.length, hasOther: hasRemovedLayer7(block) }, place, path);
  if (dns.length > 0)
    note(
      reading,
      "cilium/not-compared",
      `${path}.rules.dns`,
      "the DNS names that may be asked for are not compared, only the port",
      "check the names by hand",
    );
  if (http.length === 0) return undefined;
  return http.flatMap((item, index) => readHTTP(reading, item, `${path}.rules.http[${index}]`));
}

function hasRemovedLayer7(block: JsonObject): boolean {
  return ["kafka", "l7proto", "l7"].some((key) => block[key] !== undefined);
}

function checkLayer7Place(
  reading: Reading,
  counts: { readonly http: number; readonly dns: number; readonly hasOther: boolean },
  place: PortPlace,
  path: string,
): void {
  const refuse = (message: string, remedy: string): void =>
    reject(reading, "cilium/l7", `${path}.rules`, message, remedy);
  if (counts.hasOther) refuse("Kafka and generic layer 7 rules are gone since 1.20", "remove the rules");
  if (counts.http + counts.dns === 0) return;
  if (!reading.settings.l7Proxy) refuse("layer 7 rules need the proxy, which is off", "set l7Proxy: true");
  if (place.isHost && (place.isIngress || counts.http > 0))
    refuse("layer 7 rules do not work for nodes in this direction", "remove the layer 7 rules");
  if (place.isIngress && counts.dns > 0) refuse("DNS rules do not exist for ingress", "remove the DNS rules");
  if (counts.http > 0 && counts.dns > 0) refuse("two kinds of layer 7 rules in one item", "write two items");
}

function checkRulesAgainstPorts(reading: Reading, object: JsonObject, ports: readonly CiliumL4[], path: string): void {
  const rules = object["rules"];
  if (!isJsonObject(rules)) return;
  const hasDNS = Array.isArray(rules["dns"]) && rules["dns"].length > 0;
  const hasHTTP = Array.isArray(rules["http"]) && rules["http"].length > 0;
  if (!hasDNS && !hasHTTP) return;
  const refuse = (message: string, remedy: string): void =>
    reject(reading, "cilium/l7", `${path}.rules`, message, remedy);
  if (ports.some((port) => port.kind === "ports" && port.from === 0))
    refuse("layer 7 rules stand on port 0", "name the ports");
  if (hasHTTP && ports.some((port) => !("protocol" in port && port.protocol === "TCP")))
    refuse("HTTP rules stand on a port that is not TCP", "set protocol: TCP");
  if (hasDNS && ports.length === 0) refuse("DNS rules need port 53", "name the port");
  if (hasDNS && ports.some((port) => port.kind === "ports" && port.to > port.from))
    refuse("DNS rules stand on a port range", "name one port");
}

function noteUncompared(reading: Reading, object: JsonObject, path: string): void {
  const narrowing: Readonly<Record<string, string>> = {
    terminatingTLS: "TLS termination",
    originatingTLS: "TLS origination",
    serverNames: "TLS server names",
    listener: "the custom listener",
  };
  for (const [key, what] of Object.entries(narrowing))
    if (object[key] !== undefined)
      note(
        reading,
        "cilium/not-compared",
        `${path}.${key}`,
        `${what} is not compared, only the port`,
        "check it by hand",
      );
}

function checkListener(reading: Reading, object: JsonObject, place: PortPlace, path: string): void {
  const names = readList(reading, object, "serverNames", path) ?? [];
  const hasRules = isJsonObject(object["rules"]) && Object.keys(object["rules"]).length > 0;
  const refuse = (key: string, message: string, remedy: string): void =>
    reject(reading, "cilium/tls", `${path}.${key}`, message, remedy);
  if (names.includes("")) refuse("serverNames", "a server name is empty", "remove the empty name");
  if (names.length > 0 && hasRules && object["terminatingTLS"] === undefined)
    refuse("serverNames", "serverNames stands beside layer 7 rules without TLS termination", "write two items");
  if (object["listener"] === undefined) return;
  if (place.isIngress) refuse("listener", "a listener does not exist for ingress", "remove the listener");
  if (hasRules) refuse("listener", "a listener stands beside layer 7 rules", "write two items");
}

const httpKeys = ["method", "path", "host", "headers", "headerMatches"];

/** One text per method and rule: `GET /a/.*`, with host and headers after it where the rule has them. */
function readHTTP(reading: Reading, value: JsonValue, path: string): string[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, httpKeys, path);
  const part = (key: string): string =>
    object[key] === undefined ? "" : (readText(reading, object[key], `${path}.${key}`) ?? "");
  const method = part("method");
  const host = part("host");
  const extra = ["headers", "headerMatches"].filter((key) => object[key] !== undefined);
  const tail = [
    ...(host === "" ? [] : [`host ${host}`]),
    ...extra.map((key) => `${key} ${JSON.stringify(object[key])}`),
  ];
  const methods = /^[A-Z]+(?:\|[A-Z]+)+$/u.test(method) ? method.split("|") : [method === "" ? ".*" : method];
  const request = part("path");
  return methods.map((one) => [one, request === "" ? ".*" : request, ...tail].join(" "));
}

function readIcmpRule(reading: Reading, value: JsonValue, path: string): CiliumL4[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["fields"], path);
  const fields = readList(reading, object, "fields", path) ?? [];
  checkCount(reading, fields.length, `${path}.fields`, "cilium/icmp");
  if (fields.length === 0)
    note(
      reading,
      "cilium/empty-ports",
      path,
      `${path} has no fields and matches no packet`,
      "list the types, or remove the item",
    );
  return fields.flatMap((item, index) => readIcmpField(reading, item, `${path}.fields[${index}]`));
}

function readIcmpField(reading: Reading, value: JsonValue, path: string): CiliumL4[] {
  const object = readObject(reading, value, path);
  if (object === undefined) return [];
  rejectUnknownKeys(reading, object, ["family", "type"], path);
  const name = object["family"] ?? "IPv4";
  if (name !== "IPv4" && name !== "IPv6") {
    reject(
      reading,
      "cilium/icmp",
      `${path}.family`,
      `the family ${JSON.stringify(name)} is unknown`,
      "write IPv4 or IPv6",
    );
    return [];
  }
  const family = name === "IPv4" ? 4 : 6;
  const type = readIcmpType(object["type"], family);
  if (type === undefined) {
    reject(
      reading,
      "cilium/icmp",
      `${path}.type`,
      `${JSON.stringify(object["type"] ?? null)} is no ICMP type of ${name}`,
      "write a number from 0 to 255, or one of the names that the API lists for the family",
    );
    return [];
  }
  if (type === 0)
    note(
      reading,
      "cilium/icmp-type-zero",
      `${path}.type`,
      `type 0 matches every ICMP type of ${name}`,
      "leave type 0 out: echo replies pass as replies",
    );
  return [{ kind: "icmp", family, type }];
}

function readIcmpType(value: JsonValue | undefined, family: 4 | 6): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 && value <= 255 ? value : undefined;
  if (typeof value !== "string") return undefined;
  if (/^\d{1,3}$/u.test(value)) return Number(value) <= 255 ? Number(value) : undefined;
  return icmpTypes[family][value];
}
