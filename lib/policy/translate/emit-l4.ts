import type { JsonObject } from "../../core/json.ts";
import type { CiliumSettings } from "../space/world.ts";
import type { Box } from "./box.ts";
import type { TranslationFindingCode } from "./findings.ts";
import {
  type Intervals,
  intersectIntervals,
  noNumbers,
  partsOf,
  subtractIntervals,
  uniteIntervals,
} from "./intervals.ts";
import { block, icmpHeaders, ip, isEveryHeader, type L4, portProtocols, wholeProtocol } from "./l4.ts";

/** The protocol part of a Cilium rule: `toPorts`, `icmps`, or nothing, which means every protocol. */
export interface EmittedL4 {
  readonly parts: readonly JsonObject[];
  /** Headers that cannot be said and matter; empty when everything is said. */
  readonly lost: Intervals;
  /** Whether ICMP types that nobody uses are left out of "every type". */
  readonly isWithoutUnusedTypes: boolean;
  /** Why something is lost. */
  readonly lostCodes: readonly TranslationFindingCode[];
}

const protocolNames: Readonly<Record<number, string>> = { [ip.tcp]: "TCP", [ip.udp]: "UDP", [ip.sctp]: "SCTP" };
/** Protocols beyond TCP, UDP and SCTP that Cilium can name. Source: cilium/cilium v1.20.2 pkg/policy/api/l4.go. */
const extendedNames: Readonly<Record<number, string>> = {
  2: "IGMP",
  4: "IPIP",
  41: "IPV6",
  47: "GRE",
  50: "ESP",
  51: "AH",
  112: "VRRP",
};
/** ICMP types in use (IANA). Type 0 of IPv4 is a reply, and Cilium reads 0 as every type. */
const assignedTypes = {
  [ip.icmp]: [3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 40, 42, 43],
  [ip.icmpv6]: [1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 141, 142, 143, 151, 152, 153, 160, 161],
} as const;
/** Most entries of one list in Cilium's API. */
const mostEntries = 40;

/** Writes headers as Cilium says them. `http` goes to every port list. */
export function emitL4(l4: L4, settings: CiliumSettings, action: "allow" | "deny", http?: Box["http"]): EmittedL4 {
  if (isEveryHeader(l4) && http === undefined)
    return { parts: [{}], lost: noNumbers, isWithoutUnusedTypes: false, lostCodes: [] };
  const ports = emitPorts(l4, http);
  const icmp =
    http === undefined
      ? emitICMP(l4.points, action === "deny")
      : { fields: [], said: noNumbers, isBroad: false, codes: [] };
  const extended = http === undefined ? emitExtended(l4.points, settings) : { entries: [], said: noNumbers };
  const entries = [...ports.entries, ...extended.entries];
  const parts: JsonObject[] = [];
  if (entries.length > 0) parts.push({ toPorts: chunk(entries).map((list) => portList(list, http)) });
  if (icmp.fields.length > 0) parts.push({ icmps: chunk(icmp.fields).map((fields) => ({ fields: [...fields] })) });
  const said = [icmp.said, extended.said].reduce(uniteIntervals, ports.said);
  const lost = subtractIntervals(l4.points, http === undefined ? said : uniteIntervals(said, beyondTCP));
  return { parts, lost, isWithoutUnusedTypes: icmp.isBroad, lostCodes: [...icmp.codes, ...otherCodes(lost)] };
}

/** HTTP runs over TCP: other protocols of such a rule mean nothing. */
const beyondTCP = subtractIntervals([0, 256 * block], wholeProtocol(ip.tcp));

function portList(entries: readonly JsonObject[], http: Box["http"]): JsonObject {
  return { ports: [...entries], ...(http && { rules: { http: emitHTTP(http) } }) };
}

function chunk(items: readonly JsonObject[]): readonly (readonly JsonObject[])[] {
  const lists: (readonly JsonObject[])[] = [];
  for (let at = 0; at < items.length; at += mostEntries) lists.push(items.slice(at, at + mostEntries));
  return lists;
}

function emitPorts(l4: L4, http: Box["http"]): { readonly entries: readonly JsonObject[]; readonly said: Intervals } {
  const protocols = http === undefined ? portProtocols : [ip.tcp];
  const wholes = protocols.filter((protocol) => isWhole(l4.points, protocol));
  const named = l4.names.map(({ name, protocol }) => ({
    port: name,
    protocol: protocol === undefined ? "ANY" : (protocolNames[protocol] ?? "ANY"),
  }));
  if (http === undefined && wholes.length === portProtocols.length)
    return { entries: [{ port: "0", protocol: "ANY" }], said: portProtocols.map(wholeProtocol).reduce(uniteIntervals) };
  const entries = protocols.flatMap((protocol) => portEntries(l4.points, protocol, http !== undefined));
  const said = protocols.reduce<Intervals>(
    (sum, protocol) => uniteIntervals(sum, intersectIntervals(l4.points, wholeProtocol(protocol))),
    noNumbers,
  );
  return { entries: [...entries, ...named], said };
}

function isWhole(points: Intervals, protocol: number): boolean {
  return subtractIntervals(wholeProtocol(protocol), points).length === 0;
}

function portEntries(points: Intervals, protocol: number, isL7: boolean): readonly JsonObject[] {
  const name = protocolNames[protocol] ?? "ANY";
  if (isWhole(points, protocol))
    return [isL7 ? { port: "1", endPort: 65_535, protocol: name } : { port: "0", protocol: name }];
  return partsOf(intersectIntervals(points, wholeProtocol(protocol))).flatMap(({ first, last }) => {
    // Port 0 stands for every port in Cilium; no packet has it.
    const from = Math.max(1, first - protocol * block);
    const to = last - protocol * block;
    if (to < from) return [];
    return [{ port: String(from), ...(to > from && { endPort: to }), protocol: name }];
  });
}

interface EmittedICMP {
  readonly fields: readonly JsonObject[];
  readonly said: Intervals;
  /** Whether the list stands for every type but some. */
  readonly isBroad: boolean;
  readonly codes: readonly TranslationFindingCode[];
}

function emitICMP(points: Intervals, isDeny: boolean): EmittedICMP {
  const v4 = emitICMPFamily(points, ip.icmp, "IPv4", isDeny);
  const v6 = emitICMPFamily(points, ip.icmpv6, "IPv6", isDeny);
  return {
    fields: [...v4.fields, ...v6.fields],
    said: uniteIntervals(v4.said, v6.said),
    isBroad: v4.isBroad || v6.isBroad,
    codes: [...new Set([...v4.codes, ...v6.codes])],
  };
}

function emitICMPFamily(points: Intervals, protocol: 1 | 58, family: "IPv4" | "IPv6", isDeny: boolean): EmittedICMP {
  const own = intersectIntervals(points, wholeProtocol(protocol));
  if (own.length === 0) return { fields: [], said: noNumbers, isBroad: false, codes: [] };
  const types = wholeTypes(own, protocol);
  const assigned: readonly number[] = assignedTypes[protocol];
  // A set with most types in it means "all but some": an allow needs no entry for types that nobody uses, a deny does.
  const isBroad = types.length > 128 && !isDeny;
  const written = types.filter((type) => (isBroad ? assigned.includes(type) : !(family === "IPv4" && type === 0)));
  const left = isBroad ? types.filter((type) => !assigned.includes(type)) : [];
  const said = typeIntervals([...written, ...left], protocol);
  const lost = subtractIntervals(own, said);
  const echoReply = family === "IPv4" ? intersectIntervals(lost, icmpHeaders(protocol, 0)) : noNumbers;
  const codes: TranslationFindingCode[] = [];
  if (echoReply.length > 0) codes.push("POL032");
  if (subtractIntervals(lost, echoReply).length > 0) codes.push("POL033");
  return { fields: written.map((type) => ({ family, type })), said, isBroad, codes };
}

/** The types whose every code is in the set, ascending. */
function wholeTypes(own: Intervals, protocol: number): readonly number[] {
  return partsOf(own).flatMap(({ first, last }) => {
    const from = Math.ceil((first - protocol * block) / 256);
    const to = Math.floor((last + 1 - protocol * block) / 256);
    return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  });
}

function typeIntervals(types: readonly number[], protocol: number): Intervals {
  const bounds: number[] = [];
  for (const type of [...types].sort((a, b) => a - b)) {
    const [first = 0, last = 0] = icmpHeaders(protocol, type);
    if (bounds.at(-1) === first) bounds[bounds.length - 1] = last;
    else bounds.push(first, last);
  }
  return bounds;
}

function emitExtended(
  points: Intervals,
  settings: CiliumSettings,
): { readonly entries: readonly JsonObject[]; readonly said: Intervals } {
  if (!settings.enableExtendedIPProtocols) return { entries: [], said: noNumbers };
  const numbers = Object.keys(extendedNames)
    .map(Number)
    .filter((number) => isWhole(points, number));
  return {
    entries: numbers.map((number) => ({ port: "0", protocol: extendedNames[number] ?? "" })),
    said: numbers.map(wholeProtocol).reduce<Intervals>(uniteIntervals, noNumbers),
  };
}

function otherCodes(lost: Intervals): readonly TranslationFindingCode[] {
  const known = [...portProtocols, ip.icmp, ip.icmpv6];
  const others = known.reduce<Intervals>((rest, protocol) => subtractIntervals(rest, wholeProtocol(protocol)), lost);
  if (others.length === 0) return [];
  // One protocol by number, or all that nobody listed.
  const numbers = partsOf(others).reduce((count, part) => count + (part.last - part.first + 1) / block, 0);
  return [numbers > 16 ? "POL030" : "POL034"];
}

function emitHTTP(http: NonNullable<Box["http"]>): JsonObject[] {
  const methods = http.methods.length > 0 ? http.methods : [undefined];
  const paths = http.paths.length > 0 ? http.paths : [undefined];
  return methods.flatMap((method) =>
    paths.map((path) => ({
      ...(method !== undefined && { method: escapeRegex(method) }),
      ...(path && { path: `${escapeRegex(path.path)}${path.kind === "prefix" ? ".*" : ""}` }),
    })),
  );
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&");
}
