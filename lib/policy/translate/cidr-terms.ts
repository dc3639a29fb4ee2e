import type { AddressFamily } from "../../core/cidr.ts";
import { type AddressRange, parseRange } from "../space/address.ts";

/** A prefix with its first and last address. */
export interface Prefix extends AddressRange {
  readonly text: string;
}

/** The addresses of a prefix without those of some prefixes inside it. */
export interface CidrTerm {
  readonly cidr: Prefix;
  /** Prefixes inside `cidr`, none inside another. */
  readonly except: readonly Prefix[];
}

/** A set of addresses of one family; terms may overlap, none lies inside another. */
export type CidrTerms = readonly CidrTerm[];

/** A normalised prefix with its addresses; `undefined` when the text is none. */
export function prefixOf(text: string): Prefix | undefined {
  const range = parseRange(text);
  return range && { ...range, text };
}

const everyIPv4: CidrTerms = [{ cidr: { text: "0.0.0.0/0", family: 4, first: 0, last: 2 ** 32 - 1 }, except: [] }];
const everyIPv6: CidrTerms = [{ cidr: { text: "::/0", family: 6, first: 0n, last: (1n << 128n) - 1n }, except: [] }];

/** Every address of a family. */
export function everyAddress(family: AddressFamily): CidrTerms {
  return family === 4 ? everyIPv4 : everyIPv6;
}

/** Whether the terms hold every address of their family. */
export function isEveryAddress(terms: CidrTerms): boolean {
  return terms.some((term) => term.cidr.text.endsWith("/0") && term.except.length === 0);
}

/** Whether the second prefix holds every address of the first. */
export function isInside(inner: Prefix, outer: Prefix): boolean {
  return inner.family === outer.family && outer.first <= inner.first && inner.last <= outer.last;
}

function doPrefixesOverlap(a: Prefix, b: Prefix): boolean {
  return isInside(a, b) || isInside(b, a);
}

/** A term with its exceptions cut to its prefix; `undefined` when they leave nothing. */
function normalTerm(cidr: Prefix, excepts: readonly Prefix[]): CidrTerm | undefined {
  const inner: Prefix[] = [];
  for (const except of excepts) {
    if (isInside(cidr, except)) return undefined;
    if (isInside(except, cidr) && !inner.some((other) => other.text === except.text)) inner.push(except);
  }
  if (inner.length < 2) return { cidr, except: inner };
  return { cidr, except: inner.filter((one) => !inner.some((other) => other !== one && isInside(one, other))) };
}

function intersectPair(a: CidrTerm, b: CidrTerm): CidrTerm | undefined {
  if (isInside(a.cidr, b.cidr)) return normalTerm(a.cidr, [...a.except, ...b.except]);
  return isInside(b.cidr, a.cidr) ? normalTerm(b.cidr, [...a.except, ...b.except]) : undefined;
}

/** What is in a term of both sides. */
export function intersectCidrs(a: CidrTerms, b: CidrTerms): CidrTerms {
  if (isEveryAddress(a)) return b;
  if (isEveryAddress(b)) return a;
  return tidy(a.flatMap((one) => b.flatMap((other) => intersectPair(one, other) ?? [])));
}

/** Whether some address is in both. */
export function doCidrsOverlap(a: CidrTerms, b: CidrTerms): boolean {
  return a.some((one) => b.some((other) => intersectPair(one, other) !== undefined));
}

/** What is in either. */
export function uniteCidrs(a: CidrTerms, b: CidrTerms): CidrTerms {
  return tidy([...a, ...b]);
}

/** What is in the first and not in the second. */
export function subtractCidrs(a: CidrTerms, b: CidrTerms): CidrTerms {
  let rest = a;
  for (const taken of b) rest = tidy(rest.flatMap((term) => subtractPair(term, taken)));
  return rest;
}

function subtractPair(from: CidrTerm, taken: CidrTerm): CidrTerms {
  if (intersectPair(from, taken) === undefined) return [from];
  const outside = isInside(from.cidr, taken.cidr) ? undefined : normalTerm(from.cidr, [...from.except, taken.cidr]);
  // What the taken term leaves out stays.
  const inside = taken.except.flatMap((except) => intersectPair(from, { cidr: except, except: [] }) ?? []);
  return [...(outside ? [outside] : []), ...inside];
}

/** Without terms that lie inside another. */
function tidy(terms: CidrTerms): CidrTerms {
  if (terms.length < 2) return terms;
  return terms.filter(
    (term, index) =>
      !terms.some(
        (other, at) => at !== index && isTermInside(term, other) && (!isTermInside(other, term) || at < index),
      ),
  );
}

function isTermInside(inner: CidrTerm, outer: CidrTerm): boolean {
  if (!isInside(inner.cidr, outer.cidr)) return false;
  return outer.except.every(
    (except) => !doPrefixesOverlap(except, inner.cidr) || inner.except.some((own) => isInside(except, own)),
  );
}

/** Whether every address of the first is in the second. */
export function isSubsetOfCidrs(a: CidrTerms, b: CidrTerms): boolean {
  return isEveryAddress(b) || subtractCidrs(a, b).length === 0;
}
