/**
 * A set of transport headers on one number line: point `protocol * 65536 + value`, where the value is the destination
 * port for TCP, UDP, SCTP and UDPLite, `type * 256 + code` for ICMP and ICMPv6, and means nothing for the others (all
 * of their values stand or fall together).
 *
 * Shape: half-open intervals `[from0, to0, from1, to1, …]`, ascending, neither touching nor overlapping.
 */
export type L4Set = readonly number[];

/** IP protocol numbers that policies give a meaning to. */
export const protocols = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132, UDPLite: 136 } as const;

const span = 65_536;

/** Every header there is. */
export const everyL4: L4Set = [0, 256 * span];

/** No header at all. */
export const noL4: L4Set = [];

/** All headers of one IP protocol. */
export function protocolL4(protocol: number): L4Set {
  return [protocol * span, (protocol + 1) * span];
}

/** The destination ports `from` to `to`, both included, of one protocol. */
export function portsL4(protocol: number, from: number, to: number): L4Set {
  return from > to ? noL4 : [protocol * span + from, protocol * span + to + 1];
}

/** One ICMP or ICMPv6 type, with one code or (absent) with all of them. */
export function icmpL4(protocol: number, type: number, code?: number): L4Set {
  const start = protocol * span + type * 256;
  return code === undefined ? [start, start + 256] : [start + code, start + code + 1];
}

/** Both sets together. */
export function uniteL4(a: L4Set, b: L4Set): L4Set {
  return combine(a, b, (inA, inB) => inA || inB);
}

/** What is in both sets. */
export function intersectL4(a: L4Set, b: L4Set): L4Set {
  return combine(a, b, (inA, inB) => inA && inB);
}

/** What is in the first set only. */
export function subtractL4(a: L4Set, b: L4Set): L4Set {
  return combine(a, b, (inA, inB) => inA && !inB);
}

/** Everything that is not in the set. */
export function complementL4(a: L4Set): L4Set {
  return subtractL4(everyL4, a);
}

/** Whether one point is in the set. */
export function hasL4(set: L4Set, point: number): boolean {
  for (let at = 0; at < set.length; at += 2) {
    if (point < (set[at] ?? 0)) return false;
    if (point < (set[at + 1] ?? 0)) return true;
  }
  return false;
}

/** A sweep over both interval lists; `keep` says whether a stretch belongs to the result. */
function combine(a: L4Set, b: L4Set, keep: (inA: boolean, inB: boolean) => boolean): L4Set {
  const result: number[] = [];
  let atA = 0;
  let atB = 0;
  let isInside = false;
  while (atA < a.length || atB < b.length) {
    const nextA = a[atA] ?? Number.POSITIVE_INFINITY;
    const nextB = b[atB] ?? Number.POSITIVE_INFINITY;
    const point = Math.min(nextA, nextB);
    if (nextA === point) atA += 1;
    if (nextB === point) atB += 1;
    const isNowInside = keep(atA % 2 === 1, atB % 2 === 1);
    if (isNowInside !== isInside) {
      result.push(point);
      isInside = isNowInside;
    }
  }
  return result;
}

/** The protocol, and the port or ICMP type and code, that a point stands for. */
export function describePoint(point: number): {
  readonly protocol: number;
  readonly port?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
} {
  const protocol = Math.floor(point / span);
  const value = point % span;
  if (protocol === protocols.ICMP || protocol === protocols.ICMPv6)
    return { protocol, icmp: { type: Math.floor(value / 256), code: value % 256 } };
  return hasPorts(protocol) ? { protocol, port: value } : { protocol };
}

/** Whether a protocol has ports: TCP, UDP, SCTP, UDPLite. */
function hasPorts(protocol: number): boolean {
  return (
    protocol === protocols.TCP ||
    protocol === protocols.UDP ||
    protocol === protocols.SCTP ||
    protocol === protocols.UDPLite
  );
}

/** The point of a header; protocols without ports or types have one point, their first. */
export function pointOf(header: {
  readonly protocol: number;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}): number {
  const isICMP = header.protocol === protocols.ICMP || header.protocol === protocols.ICMPv6;
  if (isICMP) return header.protocol * span + (header.icmpType ?? 0) * 256 + (header.icmpCode ?? 0);
  return header.protocol * span + (hasPorts(header.protocol) ? (header.port ?? 0) : 0);
}

const names: Readonly<Record<number, string>> = {
  1: "ICMP",
  2: "IGMP",
  4: "IPIP",
  6: "TCP",
  17: "UDP",
  41: "IPv6",
  47: "GRE",
  50: "ESP",
  51: "AH",
  58: "ICMPv6",
  112: "VRRP",
  132: "SCTP",
  136: "UDPLite",
};

/** `TCP`, `ICMPv6`, …; the number in decimal for protocols without a common name. */
export function protocolName(protocol: number): string {
  return names[protocol] ?? String(protocol);
}

/** The number of a protocol by name (any letter case) or decimal text; `undefined` when it is neither. */
export function protocolNumber(text: string): number | undefined {
  const found = Object.entries(names).find(([, name]) => name.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return Number(found[0]);
  const number = /^\d{1,3}$/u.test(text) ? Number(text) : Number.NaN;
  return number <= 255 ? number : undefined;
}

/** A set as people write it: `TCP 1-79, TCP 81-1024, ICMP type 8`; `every protocol`, `nothing`. */
export function printL4(set: L4Set): string {
  if (set.length === 0) return "nothing";
  if (set.length === 2 && set[0] === 0 && set[1] === 256 * span) return "every protocol";
  const parts: string[] = [];
  for (let at = 0; at < set.length; at += 2) parts.push(...printInterval(set[at] ?? 0, set[at + 1] ?? 0));
  return parts.join(", ");
}

function printInterval(from: number, to: number): string[] {
  const first = Math.floor(from / span);
  const last = Math.floor((to - 1) / span);
  // Whole protocols in a row are printed together, a part of one at either end by itself.
  const head = from % span === 0 ? [] : [first];
  const tail = to % span === 0 || (first === last && head.length > 0) ? [] : [last];
  const parts = (list: readonly number[]): string[] =>
    list.map((protocol) =>
      printOneProtocol(protocol, Math.max(from - protocol * span, 0), Math.min(to - protocol * span, span) - 1),
    );
  return [...parts(head), ...printWhole(first + head.length, last - tail.length), ...parts(tail)];
}

function printWhole(first: number, last: number): string[] {
  if (first > last) return [];
  return [first === last ? protocolName(first) : `protocols ${first}-${last}`];
}

function printOneProtocol(protocol: number, low: number, high: number): string {
  const name = protocolName(protocol);
  if ((low === 0 && high === span - 1) || !(hasPorts(protocol) || protocol === 1 || protocol === 58)) return name;
  if (hasPorts(protocol)) return low === high ? `${name} ${low}` : `${name} ${low}-${high}`;
  const firstType = Math.floor(low / 256);
  const lastType = Math.floor(high / 256);
  if (low % 256 === 0 && high % 256 === 255)
    return firstType === lastType ? `${name} type ${firstType}` : `${name} types ${firstType}-${lastType}`;
  return `${name} type ${firstType} code ${low % 256}${high === low ? "" : ` to type ${lastType} code ${high % 256}`}`;
}
