import { everyL4, hasL4, intersectL4, type L4Set, noL4, subtractL4, uniteL4 } from "../space/l4-set.ts";
import type { EndsHandle } from "../space/packet-space.ts";
import type { CompiledCalico } from "./compile-calico.ts";
import type { CompiledCilium } from "./compile-cilium.ts";
import type { Action, CompiledRule, RuleRef } from "./term.ts";

/** A side made ready for one space and direction. */
export type CompiledSide = CompiledCalico | CompiledCilium | { readonly engine: "none" };

/** What beside addresses and headers a packet may be told apart by, fixed to one value each. */
export interface Variant {
  readonly sourcePort?: number;
  /** The HTTP request that the connection carries; absent: none that any rule names. */
  readonly http?: string;
}

/** A term whose peer set is a place in a block's membership bytes. */
interface PlacedTerm {
  readonly place: number;
  readonly l4: L4Set;
  readonly sources?: readonly number[];
  readonly http?: readonly string[];
}

/** A rule as far as it concerns one set of subjects. */
export interface PlacedRule {
  readonly action: Action;
  readonly ref: RuleRef;
  readonly terms: readonly PlacedTerm[];
}

/** Everything that decides for one set of subjects that are selected alike. */
export type Program =
  | { readonly engine: "none" }
  | {
      readonly engine: "calico";
      /** Only tiers with a policy that selects the subjects. */
      readonly tiers: readonly {
        readonly tier: number;
        readonly passesAtEnd: boolean;
        readonly rules: readonly PlacedRule[];
      }[];
      readonly dropsToOwnNode: boolean;
    }
  | {
      readonly engine: "cilium";
      readonly isDefaultDeny: boolean;
      /** The rule that switched default deny on, where one did. */
      readonly denyBy?: number;
      readonly allow: readonly PlacedRule[];
      readonly deny: readonly PlacedRule[];
    };

/** What gave a verdict. */
export type Cause =
  | { readonly kind: "rule"; readonly ref: RuleRef }
  | { readonly kind: "end-of-tier"; readonly tier: number }
  | { readonly kind: "profile" }
  | { readonly kind: "own-node" }
  | { readonly kind: "default-deny"; readonly policy?: number }
  | { readonly kind: "no-policy" };

/** A verdict on one packet and its cause. */
export interface Verdict {
  readonly isAllowed: boolean;
  readonly cause: Cause;
}

/** Gives each distinct peer set a place in the membership bytes of blocks. */
export interface Places {
  readonly handles: EndsHandle[];
  readonly placeOf: (handle: EndsHandle) => number;
  /** Forgets everything, so that the list can serve another set of subjects. */
  readonly clear: () => void;
}

/** An empty list of places. */
export function createPlaces(): Places {
  const handles: EndsHandle[] = [];
  // By handle: the place plus one, and in which round it was given. Handles are small numbers.
  const given: number[] = [];
  const rounds: number[] = [];
  let round = 0;
  return {
    handles,
    placeOf: (handle) => {
      if (rounds[handle] === round) return given[handle] ?? 0;
      rounds[handle] = round;
      given[handle] = handles.length;
      return handles.push(handle) - 1;
    },
    clear: () => {
      round += 1;
      handles.length = 0;
    },
  };
}

/**
 * The part of a side that concerns subjects which lie in exactly the own sets for which `isOwn` says so. `policies` are the
 * places, ascending, of the policies (Calico) or rules (Cilium) that select them.
 */
export function programOf(
  side: CompiledSide,
  policies: readonly number[],
  isOwn: (handle: EndsHandle) => boolean,
  places: Places,
): Program {
  const placeInto = (list: PlacedRule[], rule: CompiledRule): void => {
    const terms: PlacedTerm[] = [];
    for (const term of rule.terms) if (isOwn(term.own)) terms.push(placeTerm(term, places));
    if (terms.length > 0) list.push({ action: rule.action, ref: rule.ref, terms });
  };
  if (side.engine === "none") return side;
  return side.engine === "calico" ? calicoProgram(side, policies, placeInto) : ciliumProgram(side, policies, placeInto);
}

type PlaceInto = (list: PlacedRule[], rule: CompiledRule) => void;

function calicoProgram(side: CompiledCalico, policies: readonly number[], placeInto: PlaceInto): Program {
  const tiers: { tier: number; passesAtEnd: boolean; rules: PlacedRule[] }[] = [];
  // The policies of a side stand in evaluation order, tier by tier.
  for (const index of policies) {
    const policy = side.policies[index];
    if (policy === undefined) continue;
    let last = tiers.at(-1);
    if (last?.tier !== policy.tier) {
      last = { tier: policy.tier, passesAtEnd: side.tiers[policy.tier]?.passesAtEnd ?? false, rules: [] };
      tiers.push(last);
    }
    for (const rule of policy.rules) placeInto(last.rules, rule);
  }
  return { engine: "calico", tiers, dropsToOwnNode: side.dropsToOwnNode };
}

function ciliumProgram(side: CompiledCilium, policies: readonly number[], placeInto: PlaceInto): Program {
  const allow: PlacedRule[] = [];
  const deny: PlacedRule[] = [];
  let denyBy: number | undefined;
  for (const index of policies) {
    const rule = side.rules[index];
    if (rule === undefined) continue;
    if (rule.isDefaultDeny) denyBy ??= rule.index;
    for (const element of rule.elements) placeInto(element.action === "Allow" ? allow : deny, element);
  }
  if (side.mode === "never") return { engine: "cilium", isDefaultDeny: false, allow: [], deny: [] };
  return {
    engine: "cilium",
    isDefaultDeny: denyBy !== undefined || side.mode === "always",
    ...(denyBy !== undefined && { denyBy }),
    allow,
    deny,
  };
}

function placeTerm(term: CompiledRule["terms"][number], places: Places): PlacedTerm {
  const place = places.placeOf(term.peer);
  if (term.sources === undefined && term.http === undefined) return { place, l4: term.l4 };
  return {
    place,
    l4: term.l4,
    ...(term.sources !== undefined && { sources: term.sources }),
    ...(term.http !== undefined && { http: term.http }),
  };
}

/** All variants that the rules of some programs can tell apart; one, empty, for rules that look at addresses and headers only. */
export function variantsOf(programs: readonly Program[]): readonly Variant[] {
  // Nearly every program: nothing to tell apart.
  if (!programs.some(hasVariants)) return onlyVariant;
  const rules = programs.flatMap(rulesOf);
  const cuts = new Set<number>([0]);
  const requests = new Set<string>();
  for (const term of rules.flatMap(({ terms }) => terms)) {
    for (const cut of term.sources ?? []) if (cut < 65_536) cuts.add(cut);
    for (const request of term.http ?? []) requests.add(request);
  }
  const sources = cuts.size === 1 ? onlyVariant : [...cuts].sort((a, b) => a - b).map((sourcePort) => ({ sourcePort }));
  if (requests.size === 0) return sources;
  const http = [{}, ...[...requests].sort().map((request) => ({ http: request }))];
  return sources.flatMap((source) => http.map((request) => ({ ...source, ...request })));
}

function hasVariants(program: Program): boolean {
  const looksFurther = (rules: readonly PlacedRule[]): boolean =>
    rules.some(({ terms }) => terms.some(({ sources, http }) => sources !== undefined || http !== undefined));
  if (program.engine === "none") return false;
  return program.engine === "calico"
    ? program.tiers.some(({ rules }) => looksFurther(rules))
    : looksFurther(program.allow) || looksFurther(program.deny);
}

const onlyVariant: readonly Variant[] = [{}];

/** Every rule of a program. */
export function rulesOf(program: Program): readonly PlacedRule[] {
  if (program.engine === "none") return [];
  return program.engine === "calico"
    ? program.tiers.flatMap(({ rules }) => rules)
    : [...program.allow, ...program.deny];
}

function appliesTo(term: PlacedTerm, isIn: Uint8Array, variant: Variant): boolean {
  if (isIn[term.place] !== 1) return false;
  if (term.sources !== undefined && !hasL4(term.sources, variant.sourcePort ?? 0)) return false;
  return term.http === undefined || (variant.http !== undefined && term.http.includes(variant.http));
}

/** What a rule matches of the headers, for peers of one block. */
export function headersOf(rule: PlacedRule, isIn: Uint8Array, variant: Variant): L4Set {
  let result = noL4;
  for (const term of rule.terms)
    if (appliesTo(term, isIn, variant)) result = result.length === 0 ? term.l4 : uniteL4(result, term.l4);
  return result;
}

/** Whether the peer is the subject's own node, and in which direction the packet goes. */
export type OwnNode = "no" | "from" | "to";

/** Which packets to (egress) or from (ingress) the peers of a block pass. */
export function allowedHeaders(program: Program, isIn: Uint8Array, variant: Variant, ownNode: OwnNode): L4Set {
  switch (program.engine) {
    case "none":
      return everyL4;
    case "calico":
      if (ownNode === "from") return everyL4;
      return ownNode === "to" && program.dropsToOwnNode ? noL4 : allowedByCalico(program.tiers, isIn, variant);
    case "cilium": {
      const open = !program.isDefaultDeny || ownNode === "from" ? everyL4 : union(program.allow, isIn, variant);
      return open.length === 0 ? open : subtractL4(open, union(program.deny, isIn, variant));
    }
  }
}

function union(rules: readonly PlacedRule[], isIn: Uint8Array, variant: Variant): L4Set {
  let result = noL4;
  for (const rule of rules) {
    const headers = headersOf(rule, isIn, variant);
    if (headers.length > 0) result = result.length === 0 ? headers : uniteL4(result, headers);
  }
  return result;
}

type CalicoTiers = Extract<Program, { readonly engine: "calico" }>["tiers"];

function allowedByCalico(tiers: CalicoTiers, isIn: Uint8Array, variant: Variant): L4Set {
  let allowed = noL4;
  let arriving = everyL4;
  for (const tier of tiers) {
    const outcome = walkTier(tier.rules, arriving, isIn, variant);
    if (outcome.allowed.length > 0) allowed = uniteL4(allowed, outcome.allowed);
    arriving = tier.passesAtEnd ? uniteL4(outcome.passed, outcome.unmatched) : outcome.passed;
    if (arriving.length === 0) return allowed;
  }
  return allowed.length === 0 ? arriving : uniteL4(allowed, arriving);
}

/** The first rule that matches a packet takes it away from those that follow. */
function walkTier(
  rules: readonly PlacedRule[],
  arriving: L4Set,
  isIn: Uint8Array,
  variant: Variant,
): { readonly allowed: L4Set; readonly passed: L4Set; readonly unmatched: L4Set } {
  let allowed = noL4;
  let passed = noL4;
  let unmatched = arriving;
  for (const rule of rules) {
    const headers = headersOf(rule, isIn, variant);
    const matched = headers.length === 0 ? noL4 : intersectL4(unmatched, headers);
    if (matched.length === 0) continue;
    unmatched = subtractL4(unmatched, matched);
    if (rule.action === "Allow") allowed = uniteL4(allowed, matched);
    if (rule.action === "Pass") passed = uniteL4(passed, matched);
    if (unmatched.length === 0) break;
  }
  return { allowed, passed, unmatched };
}

/** The verdict on one packet and what gives it. */
export function decide(program: Program, isIn: Uint8Array, variant: Variant, ownNode: OwnNode, point: number): Verdict {
  switch (program.engine) {
    case "none":
      return { isAllowed: true, cause: { kind: "no-policy" } };
    case "calico":
      if (ownNode === "from") return { isAllowed: true, cause: { kind: "own-node" } };
      return ownNode === "to" && program.dropsToOwnNode
        ? { isAllowed: false, cause: { kind: "own-node" } }
        : decideByCalico(program.tiers, isIn, variant, point);
    case "cilium":
      return decideByCilium(program, isIn, variant, ownNode === "from", point);
  }
}

function decideByCalico(tiers: CalicoTiers, isIn: Uint8Array, variant: Variant, point: number): Verdict {
  for (const { tier, rules, passesAtEnd } of tiers) {
    const found = rules.find((rule) => hasL4(headersOf(rule, isIn, variant), point));
    if (found?.action === "Pass" || (found === undefined && passesAtEnd)) continue;
    if (found === undefined) return { isAllowed: false, cause: { kind: "end-of-tier", tier } };
    return { isAllowed: found.action === "Allow", cause: { kind: "rule", ref: found.ref } };
  }
  return { isAllowed: true, cause: tiers.length === 0 ? { kind: "no-policy" } : { kind: "profile" } };
}

function decideByCilium(
  program: Extract<Program, { readonly engine: "cilium" }>,
  isIn: Uint8Array,
  variant: Variant,
  isFromOwnNode: boolean,
  point: number,
): Verdict {
  const matches = (rule: PlacedRule): boolean => hasL4(headersOf(rule, isIn, variant), point);
  const deny = program.deny.find(matches);
  if (deny !== undefined) return { isAllowed: false, cause: { kind: "rule", ref: deny.ref } };
  const allow = program.allow.find(matches);
  if (allow !== undefined) return { isAllowed: true, cause: { kind: "rule", ref: allow.ref } };
  if (isFromOwnNode) return { isAllowed: true, cause: { kind: "own-node" } };
  if (!program.isDefaultDeny) return { isAllowed: true, cause: { kind: "no-policy" } };
  const { denyBy } = program;
  return { isAllowed: false, cause: { kind: "default-deny", ...(denyBy !== undefined && { policy: denyBy }) } };
}
