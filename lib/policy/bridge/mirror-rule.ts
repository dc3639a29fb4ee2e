import { covers } from "../../core/cidr.ts";
import { sortedUnique } from "../../core/order.ts";
import type { CalicoPort } from "../calico/model.ts";
import type { Selector } from "../selector/selector.ts";

/** One end of a mirror rule. Every criterion must hold; lists of selectors are a conjunction. */
export interface MirrorEnd {
  readonly selectors: readonly Selector[];
  readonly notSelectors: readonly Selector[];
  readonly nets?: readonly string[];
  readonly notNets: readonly string[];
  readonly ports?: readonly CalicoPort[];
  readonly notPorts: readonly CalicoPort[];
}

/** A rule of the mirror tier, for one address family. `Pass` means: the other end is satisfied, go on in the pod's own tiers. */
export interface MirrorRule {
  readonly action: "Deny" | "Pass";
  readonly family: 4 | 6;
  readonly protocol?: number;
  readonly notProtocols: readonly number[];
  readonly icmp?: { readonly type?: number; readonly code?: number };
  readonly notICMP?: { readonly type?: number; readonly code?: number };
  readonly source: MirrorEnd;
  readonly destination: MirrorEnd;
  /** Which rule of which policy it mirrors. */
  readonly why: string;
}

/** Two rules met as one. `empty`: no packet matches both. `refused`: Calico has no rule for it. */
export type Conjunction =
  | { readonly kind: "rule"; readonly rule: MirrorRule }
  | { readonly kind: "empty" }
  | { readonly kind: "refused"; readonly reason: string };

/** An end without criteria: any address. */
export const anyEnd: MirrorEnd = { selectors: [], notSelectors: [], notNets: [], notPorts: [] };

/**
 * The rule that matches what both rules match, with the second one's action: a `Pass` of one tier goes on with every rule
 * of the tiers after it (rule C of the mirror check).
 */
export function conjoin(first: MirrorRule, second: MirrorRule): Conjunction {
  if (first.family !== second.family) return { kind: "empty" };
  const protocol = meetProtocols(first, second);
  if (protocol === "empty") return { kind: "empty" };
  const icmp = meetICMP(first.icmp, second.icmp);
  if (icmp === "empty") return { kind: "empty" };
  if (first.notICMP !== undefined && second.notICMP !== undefined && !isSameICMP(first.notICMP, second.notICMP)) {
    return { kind: "refused", reason: "two different notICMP criteria meet in one rule" };
  }
  if (protocol.notProtocols.length > 1)
    return { kind: "refused", reason: "two different notProtocol criteria meet in one rule" };
  const source = meetEnds(first.source, second.source);
  const destination = meetEnds(first.destination, second.destination);
  for (const end of [source, destination]) if (end.kind !== "end") return end;
  if (source.kind !== "end" || destination.kind !== "end") return { kind: "empty" };
  const notICMP = first.notICMP ?? second.notICMP;
  return {
    kind: "rule",
    rule: {
      action: second.action,
      family: first.family,
      ...protocol,
      ...(icmp !== undefined && { icmp }),
      ...(notICMP !== undefined && { notICMP }),
      source: source.end,
      destination: destination.end,
      why: `${first.why}, then ${second.why}`,
    },
  };
}

type MetEnds =
  | { readonly kind: "end"; readonly end: MirrorEnd }
  | { readonly kind: "empty" }
  | { readonly kind: "refused"; readonly reason: string };

function meetEnds(a: MirrorEnd, b: MirrorEnd): MetEnds {
  const nets = a.nets === undefined ? b.nets : b.nets === undefined ? a.nets : intersectCIDRs(a.nets, b.nets);
  if (nets !== undefined && nets.length === 0) return { kind: "empty" };
  const ports = meetPorts(a.ports, b.ports);
  if (ports === "refused") return { kind: "refused", reason: "a named port meets other ports in one rule" };
  if (ports !== undefined && ports.length === 0) return { kind: "empty" };
  return {
    kind: "end",
    end: {
      selectors: [...a.selectors, ...b.selectors],
      notSelectors: [...a.notSelectors, ...b.notSelectors],
      ...(nets !== undefined && { nets }),
      notNets: sortedUnique([...a.notNets, ...b.notNets]),
      ...(ports !== undefined && { ports }),
      notPorts: [...a.notPorts, ...b.notPorts],
    },
  };
}

/** Prefixes that lie in both lists: of two nested prefixes the longer one. */
export function intersectCIDRs(a: readonly string[], b: readonly string[]): readonly string[] {
  const met = a.flatMap((x) => b.flatMap((y) => (covers(x, y) ? [y] : covers(y, x) ? [x] : [])));
  return sortedUnique(met);
}

function meetPorts(
  a: readonly CalicoPort[] | undefined,
  b: readonly CalicoPort[] | undefined,
): readonly CalicoPort[] | undefined | "refused" {
  if (a === undefined || b === undefined) return a ?? b;
  if ([...a, ...b].some((port) => port.kind === "name")) return JSON.stringify(a) === JSON.stringify(b) ? a : "refused";
  return a.flatMap((x) => b.flatMap((y) => meetRanges(x, y)));
}

function meetRanges(x: CalicoPort, y: CalicoPort): readonly CalicoPort[] {
  if (x.kind !== "range" || y.kind !== "range") return [];
  const from = Math.max(x.from, y.from);
  const to = Math.min(x.to, y.to);
  return from <= to ? [{ kind: "range", from, to }] : [];
}

function meetProtocols(
  a: MirrorRule,
  b: MirrorRule,
): { readonly protocol?: number; readonly notProtocols: readonly number[] } | "empty" {
  if (a.protocol !== undefined && b.protocol !== undefined && a.protocol !== b.protocol) return "empty";
  const protocol = a.protocol ?? b.protocol;
  const notProtocols = [...new Set([...a.notProtocols, ...b.notProtocols])].sort((x, y) => x - y);
  if (protocol === undefined) return { notProtocols };
  return notProtocols.includes(protocol) ? "empty" : { protocol, notProtocols: [] };
}

function meetICMP(
  a: MirrorRule["icmp"],
  b: MirrorRule["icmp"],
): { readonly type?: number; readonly code?: number } | undefined | "empty" {
  if (a === undefined || b === undefined) return a ?? b;
  const differs = (x: number | undefined, y: number | undefined): boolean =>
    x !== undefined && y !== undefined && x !== y;
  if (differs(a.type, b.type) || differs(a.code, b.code)) return "empty";
  const type = a.type ?? b.type;
  const code = a.code ?? b.code;
  return { ...(type !== undefined && { type }), ...(code !== undefined && { code }) };
}

function isSameICMP(a: MirrorRule["icmp"], b: MirrorRule["icmp"]): boolean {
  return a?.type === b?.type && a?.code === b?.code;
}
