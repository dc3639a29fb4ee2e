import {
  allowedHeaders,
  decide,
  type OwnNode,
  type Program,
  rulesOf,
  type Variant,
  type Verdict,
} from "../prove/evaluate.ts";
import { everyL4, type L4Set } from "../space/l4-set.ts";

/** What decides one half for some pairs of ends: only the rules that match both, in their order. */
export interface Decider {
  readonly program: Program;
  readonly ownNode: OwnNode;
}

/** Deciders as numbers; 0 is the one that lets everything pass. */
export interface Deciders {
  readonly add: (decider: Decider) => number;
  readonly allowed: (decider: number, variant: Variant) => L4Set;
  readonly verdict: (decider: number, variant: Variant, point: number) => Verdict;
  /** Every header at which some rule of the decider begins or ends. */
  readonly cuts: (decider: number) => readonly number[];
  readonly programs: () => readonly Program[];
}

/** No engine decides: everything passes. */
export const openDecider = 0;

/** One byte that says yes: a decider's rules match its pairs, so that their only peer set holds. */
const yes = Uint8Array.of(1);

/** An empty list of deciders. */
export function createDeciders(): Deciders {
  const list: Decider[] = [{ program: { engine: "none" }, ownNode: "no" }];
  const allowed = new Map<string, L4Set>();
  const at = (decider: number): Decider => list[decider] ?? { program: { engine: "none" }, ownNode: "no" };
  return {
    add: (decider) => list.push(decider) - 1,
    allowed: (decider, variant) => {
      if (decider === openDecider) return everyL4;
      const key = `${decider}|${variant.sourcePort ?? ""}|${variant.http ?? ""}`;
      const found = allowed.get(key);
      if (found !== undefined) return found;
      const { program, ownNode } = at(decider);
      const headers = allowedHeaders(program, yes, variant, ownNode);
      allowed.set(key, headers);
      return headers;
    },
    verdict: (decider, variant, point) => {
      const { program, ownNode } = at(decider);
      return decide(program, yes, variant, ownNode, point);
    },
    cuts: (decider) => rulesOf(at(decider).program).flatMap(({ terms }) => terms.flatMap(({ l4 }) => [...l4])),
    programs: () => list.map(({ program }) => program),
  };
}
