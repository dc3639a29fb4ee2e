import { sortedUnique } from "../../core/order.ts";
import type { LabelKey } from "../selector/selector.ts";
import { meetsSelector } from "./packet-space.ts";
import { canonicalKey, type TextTerm, type Vocabulary } from "./vocabulary.ts";
import type { World } from "./world.ts";

/**
 * The values that one label key may have, as far as policies can tell them apart. Place 0 stands for every value that is
 * not listed; `absent`, where the label may be missing, is place 1.
 */
export interface Domain {
  readonly key: LabelKey;
  readonly canBeAbsent: boolean;
  /** Values from place 2 on. */
  readonly values: readonly string[];
  readonly placeOf: ReadonlyMap<string, number>;
  /** A value that stands for all that are not listed. */
  readonly fresh: string;
}

/** Place of "some other value" and of "no such label". */
export const otherPlace = 0;
const absentPlace = 1;

/** The place of a value; `undefined` stands for a missing label. */
export function placeOfValue(domain: Domain, value: string | undefined): number {
  if (value === undefined) return absentPlace;
  return domain.placeOf.get(value) ?? otherPlace;
}

/** The value at a place; `undefined` for a missing label. */
export function valueAt(domain: Domain, place: number): string | undefined {
  if (place === otherPlace) return domain.fresh;
  return place === absentPlace ? undefined : domain.values[place - 2];
}

/**
 * The domains of every key that policies name and a pod may carry, in the order in which diagrams test them: the
 * namespace, its labels, the service account, its labels, own labels.
 *
 * Where selectors look inside values, a value is made for every mix of one start, one end and any of the inner texts, so
 * that each combination of answers that a real value can give has a value that gives it.
 */
export function labelDomains(vocabulary: Vocabulary, world: World): Domain[] {
  const keys = new Set<LabelKey>(["meta:namespace", ...vocabulary.keys.keys()].map(canonicalKey));
  // Labels of a known account hang together with its name, whether a selector names it or not.
  if ([...keys].some((key) => key.startsWith("sa:"))) keys.add("meta:serviceaccount");
  const ranked = [...keys].filter((key) => rankOf(key) < ranks.length);
  ranked.sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  return ranked.map((key) => domainOf(key, vocabulary, world));
}

const ranks = ["meta:namespace", "ns:", "meta:serviceaccount", "sa:", "pod:"];

function rankOf(key: LabelKey): number {
  const rank = ranks.findIndex((prefix) => key.startsWith(prefix));
  return rank < 0 ? ranks.length : rank;
}

function domainOf(key: LabelKey, vocabulary: Vocabulary, world: World): Domain {
  const named = vocabulary.keys.get(key)?.values ?? new Set<string>();
  const texts = vocabulary.keys.get(key)?.texts ?? [];
  const known = key.startsWith("meta:") || texts.length > 0 ? knownValues(key, world) : [];
  const values = sortedUnique([...named, ...known, ...mixedValues(texts)]);
  return {
    key,
    canBeAbsent: !key.startsWith("meta:"),
    values,
    placeOf: new Map(values.map((value, index) => [value, index + 2])),
    fresh: freshValue(values, texts),
  };
}

/** Values that the inventory has and that a domain must tell apart: namespaces, and whatever selectors look into. */
function knownValues(key: LabelKey, world: World): string[] {
  if (key === "meta:namespace") return [...world.namespaces.keys()];
  if (key === "meta:serviceaccount")
    return [...world.serviceAccounts.keys()].map((account) => account.slice(account.indexOf("/") + 1));
  const name = key.slice(key.indexOf(":") + 1);
  const holders = key.startsWith("ns:")
    ? [...world.namespaces.values()]
    : key.startsWith("sa:")
      ? [...world.serviceAccounts.values()]
      : world.pods.map(({ labels }) => labels);
  return holders.flatMap((labels) => labels[name] ?? []);
}

/** A short value that is none of the others and that no term finds anything in, where there is such a value. */
function freshValue(values: readonly string[], texts: readonly TextTerm[]): string {
  const taken = new Set(values);
  const isFree = (value: string): boolean =>
    !taken.has(value) && !texts.some((term) => meetsSelector(term, () => value));
  const words = ["other", "zzz", "q", "0", "x-1", "m", "u7"];
  const numbered = Array.from({ length: taken.size + 1 }, (_, number) => `other-${number}`);
  return words.find(isFree) ?? numbered.find(isFree) ?? numbered.find((value) => !taken.has(value)) ?? "other";
}

/** Beyond this many inner texts of one key only single ones, pairs and all together are mixed. */
const fullSubsets = 4;

function mixedValues(terms: readonly TextTerm[]): string[] {
  const textsOf = (kind: TextTerm["kind"]): string[] =>
    sortedUnique(terms.filter((term) => term.kind === kind).map(({ text }) => text));
  const starts = ["", ...textsOf("startsWith")];
  const ends = ["", ...textsOf("endsWith")];
  return starts.flatMap((start) =>
    ends.flatMap((end) => subsetsOf(textsOf("contains")).flatMap((inner) => joined(start, inner, end))),
  );
}

/** With something between the parts, and without: `starts with 'a'` and `ends with 'a'` are both met by `a`. */
function joined(start: string, inner: readonly string[], end: string): string[] {
  const parts = [start, ...inner, end].filter((part) => part !== "");
  if (parts.length === 0) return [];
  const apart = `${start}${["", ...inner, ""].join("-")}${end}`;
  return [parts.join(""), apart.replace(/^-|-$/gu, "x"), ...(start !== "" && start === end ? [start] : [])];
}

function subsetsOf(texts: readonly string[]): string[][] {
  if (texts.length > fullSubsets)
    return [[], ...texts.map((text) => [text]), ...texts.flatMap((a) => texts.map((b) => [a, b])), [...texts]];
  let sets: string[][] = [[]];
  for (const text of texts) sets = sets.concat(sets.map((set) => [...set, text]));
  return sets;
}
