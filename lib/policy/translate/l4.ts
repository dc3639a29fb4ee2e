import { type Intervals, intersectIntervals, noNumbers, subtractIntervals, uniteIntervals } from "./intervals.ts";

/** A container port's name, with the protocol that a rule gives it; `undefined` stands for TCP, UDP and SCTP. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: 6 | 17 | 132 | undefined;
}

/**
 * What a rule says about protocols and ports.
 *
 * `points` numbers every header: protocol × 65536 + port for TCP, UDP and SCTP (ports 1 to 65535 stand for all; a whole protocol
 * includes 0), + type × 256 + code for ICMP and ICMPv6; every other protocol is one block. `names` adds ports that only an endpoint
 * can resolve.
 */
export interface L4 {
  readonly points: Intervals;
  readonly names: readonly NamedPort[];
}

/** A set with what it surely holds on one side; `false` when something had to be left out or could not be told. */
export interface BoundedL4 {
  readonly l4: L4;
  readonly isComplete: boolean;
}

export const block = 65_536;
/** IP protocol numbers by their names in policies. */
export const ip = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
/** Protocols whose rules may have ports. */
export const portProtocols = [ip.tcp, ip.udp, ip.sctp] as const;

/** Every header of every protocol. */
export const everyHeader: L4 = { points: [0, 256 * block], names: [] };
/** No header at all. */
export const noHeader: L4 = { points: noNumbers, names: [] };

/** All of one protocol. */
export function wholeProtocol(protocol: number): Intervals {
  return [protocol * block, (protocol + 1) * block];
}

/** A range of ports of one protocol; all ports are the whole protocol. */
export function portRange(protocol: number, from: number, to: number): Intervals {
  if (from <= 1 && to >= 65_535) return wholeProtocol(protocol);
  return [protocol * block + from, protocol * block + to + 1];
}

/** One ICMP type, or one code of it. */
export function icmpHeaders(protocol: number, type: number, code?: number): Intervals {
  const first = protocol * block + type * 256;
  return code === undefined ? [first, first + 256] : [first + code, first + code + 1];
}

/** Whether every header is in the set. */
export function isEveryHeader(l4: L4): boolean {
  return l4.points.length === 2 && l4.points[0] === 0 && l4.points[1] === everyHeader.points[1];
}

/** Whether nothing is in the set. */
export function isNoHeader(l4: L4): boolean {
  return l4.points.length === 0 && l4.names.length === 0;
}

/** The headers that a named port could turn out to be: all ports of its protocols. */
function possiblePoints(names: readonly NamedPort[]): Intervals {
  const protocols = new Set(names.flatMap((name) => (name.protocol === undefined ? portProtocols : [name.protocol])));
  let points: Intervals = noNumbers;
  for (const protocol of protocols) points = uniteIntervals(points, wholeProtocol(protocol));
  return points;
}

function isCovered(points: Intervals, by: Intervals): boolean {
  return subtractIntervals(points, by).length === 0;
}

/** Whether some header may be in both; a named port may be any port of its protocol. */
export function doL4Overlap(a: L4, b: L4): boolean {
  if (intersectIntervals(a.points, b.points).length > 0) return true;
  if (a.names.length === 0 && b.names.length === 0) return false;
  const left = uniteIntervals(a.points, possiblePoints(a.names));
  const right = uniteIntervals(b.points, possiblePoints(b.names));
  return intersectIntervals(left, right).length > 0;
}

/** What is surely in both. Incomplete when a named port meets a part of its protocol. */
export function intersectL4(a: L4, b: L4): BoundedL4 {
  const points = intersectIntervals(a.points, b.points);
  const keptA = a.names.filter((name) => isCovered(possiblePoints([name]), b.points) || hasName(b.names, name));
  const keptB = b.names.filter((name) => isCovered(possiblePoints([name]), a.points));
  const names = [...keptA, ...keptB.filter((name) => !hasName(keptA, name))];
  const isUnclear = (name: NamedPort, kept: readonly NamedPort[], other: L4): boolean =>
    !hasName(kept, name) && doL4Overlap({ points: noNumbers, names: [name] }, other);
  const isComplete =
    !a.names.some((name) => isUnclear(name, names, b)) && !b.names.some((name) => isUnclear(name, names, a));
  return { l4: { points, names }, isComplete };
}

/** What is surely in the first and not in the second. Incomplete when a named port meets a part of its protocol. */
export function subtractL4(a: L4, b: L4): BoundedL4 {
  const possible = possiblePoints(b.names);
  const points = subtractIntervals(subtractIntervals(a.points, b.points), possible);
  const names = a.names.filter((name) => !doL4Overlap({ points: noNumbers, names: [name] }, b));
  const isExactName = (name: NamedPort): boolean =>
    isCovered(possiblePoints([name]), b.points) || hasName(b.names, name);
  const lostNames = a.names.some((name) => !names.includes(name) && !isExactName(name));
  const lostPoints = intersectIntervals(subtractIntervals(a.points, b.points), possible).length > 0;
  return { l4: { points, names }, isComplete: !lostNames && !lostPoints };
}

function hasName(names: readonly NamedPort[], wanted: NamedPort): boolean {
  return names.some(
    (name) => name.name === wanted.name && (name.protocol === wanted.protocol || name.protocol === undefined),
  );
}

/** Whether every header of the first is surely in the second. */
export function isSubsetOfL4(a: L4, b: L4): boolean {
  return (
    isCovered(a.points, b.points) &&
    a.names.every((name) => hasName(b.names, name) || isCovered(possiblePoints([name]), b.points))
  );
}
