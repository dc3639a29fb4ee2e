import { cutAt, isSameSet } from "../prove/compare.ts";
import { commonBoundaries } from "../prove/divergences.ts";
import { type Variant, type Verdict, variantsOf } from "../prove/evaluate.ts";
import type { Half } from "../prove/policy-side.ts";
import { intersectL4, type L4Set, subtractL4, uniteL4 } from "../space/l4-set.ts";
import type { Deciders } from "./deciders.ts";
import { createLooks } from "./looks.ts";

/** One kind of difference: the packets between pairs that the same rules decide, before and during. */
export interface CellOfPair {
  readonly half: Half;
  readonly variant: Variant;
  readonly from: number;
  readonly to: number;
  readonly before: Verdict;
  readonly during: Verdict;
}

/** Compares what two halves let through with what two others do. */
export interface Comparer {
  readonly variants: number;
  /** Everything that is decided otherwise by the second pair of deciders; the same list for the same four. */
  readonly compare: (
    egressBefore: number,
    ingressBefore: number,
    egressDuring: number,
    ingressDuring: number,
  ) => readonly CellOfPair[];
}

/** Egress and ingress. */
type DeciderPair = readonly [number, number];

const nothing: readonly CellOfPair[] = [];

/** A comparer for all deciders that there are now. Only the headers given are compared. */
export function createComparer(deciders: Deciders, headers: L4Set): Comparer {
  const variants = variantsOf(deciders.programs());
  const looks = createLooks(deciders, variants);
  const size = deciders.programs().length + 1;
  const memo = new Map<number, Map<number, readonly CellOfPair[]>>();
  const remembered = (before: DeciderPair, during: DeciderPair): readonly CellOfPair[] => {
    const first = before[0] * size + before[1];
    const second = during[0] * size + during[1];
    const ofFirst = memo.get(first) ?? new Map<number, readonly CellOfPair[]>();
    memo.set(first, ofFirst);
    const found = ofFirst.get(second) ?? cellsOf(deciders, variants, headers, before, during);
    ofFirst.set(second, found);
    return found;
  };
  return {
    variants: variants.length,
    compare: (egressBefore, ingressBefore, egressDuring, ingressDuring) => {
      const from = looks.of[egressBefore] ?? 0;
      const to = looks.of[ingressBefore] ?? 0;
      const fromNow = looks.of[egressDuring] ?? 0;
      const toNow = looks.of[ingressDuring] ?? 0;
      if (from === fromNow && to === toNow) return nothing;
      if (looks.both(from, to) === looks.both(fromNow, toNow)) return nothing;
      return remembered([egressBefore, ingressBefore], [egressDuring, ingressDuring]);
    },
  };
}

function cellsOf(
  deciders: Deciders,
  variants: readonly Variant[],
  headers: L4Set,
  before: DeciderPair,
  during: DeciderPair,
): readonly CellOfPair[] {
  const allowedByBoth = ([egress, ingress]: DeciderPair, variant: Variant): L4Set =>
    intersectL4(deciders.allowed(egress, variant), deciders.allowed(ingress, variant));
  return variants.flatMap((variant) => {
    const a = allowedByBoth(before, variant);
    const b = allowedByBoth(during, variant);
    if (isSameSet(a, b)) return [];
    const differing = intersectL4(headers, uniteL4(subtractL4(a, b), subtractL4(b, a)));
    const cuts = [...new Set([...commonBoundaries, ...[...before, ...during].flatMap(deciders.cuts)])].sort(
      (x, y) => x - y,
    );
    return [...cutAt(differing, cuts)].map(([from, to]) => cellOf(deciders, { before, during, variant, from, to }));
  });
}

interface Stretch {
  readonly before: DeciderPair;
  readonly during: DeciderPair;
  readonly variant: Variant;
  readonly from: number;
  readonly to: number;
}

function cellOf(deciders: Deciders, { before, during, variant, from, to }: Stretch): CellOfPair {
  const verdicts = (pair: DeciderPair): readonly [Verdict, Verdict] => [
    deciders.verdict(pair[0], variant, from),
    deciders.verdict(pair[1], variant, from),
  ];
  const [egressBefore, ingressBefore] = verdicts(before);
  const [egressDuring, ingressDuring] = verdicts(during);
  // The half that denied, or denies now: it makes the difference.
  const wasAllowed = egressBefore.isAllowed && ingressBefore.isAllowed;
  const isEgress = wasAllowed ? !egressDuring.isAllowed : !egressBefore.isAllowed;
  return isEgress
    ? { half: "egress", variant, from, to, before: egressBefore, during: egressDuring }
    : { half: "ingress", variant, from, to, before: ingressBefore, during: ingressDuring };
}
