import type { Variant } from "../prove/evaluate.ts";
import { everyL4, intersectL4, type L4Set } from "../space/l4-set.ts";
import { type Deciders, openDecider } from "./deciders.ts";

/** What deciders let through, as numbers: equal for two that let the same packets through in every variant. */
export interface Looks {
  /** By decider. */
  readonly of: Int32Array;
  /** The look of two halves together. */
  readonly both: (a: number, b: number) => number;
}

/** Places for pairs that were met lately; most pairs of classes are among a few thousand pairs of looks. */
const recentPlaces = 2 ** 18;

/** Numbers what every decider lets through, so that most pairs of ends are settled by comparing numbers. */
export function createLooks(deciders: Deciders, variants: readonly Variant[]): Looks {
  const sets = createSetNumbers();
  const looks: (readonly number[])[] = [];
  const numberOfText = new Map<string, number>();
  const numberOf = (look: readonly number[]): number => {
    const text = look.join(",");
    const known = numberOfText.get(text);
    if (known !== undefined) return known;
    numberOfText.set(text, looks.length);
    return looks.push(look) - 1;
  };
  const of = Int32Array.from(deciders.programs(), (_, decider) =>
    numberOf(variants.map((variant) => sets.numberOf(deciders.allowed(decider, variant)))),
  );
  const open = of[openDecider] ?? 0;
  const meet = (a: number, b: number): number =>
    numberOf((looks[a] ?? []).map((set, variant) => sets.meet(set, looks[b]?.[variant] ?? 0)));
  return { of, both: createPairMemo(open, meet) };
}

/** Remembers a commutative function of two numbers; `neutral` changes nothing. */
function createPairMemo(neutral: number, meet: (a: number, b: number) => number): Looks["both"] {
  const known = new Map<number, number>();
  const recentPair = new Float64Array(recentPlaces).fill(-1);
  const recent = new Int32Array(recentPlaces);
  return (first, second) => {
    if (first === second || second === neutral) return first;
    if (first === neutral) return second;
    const a = Math.min(first, second);
    const b = Math.max(first, second);
    const pair = a * 67_108_864 + b;
    const place = (Math.imul(a, 0x9e37_79b1) ^ b) & (recentPlaces - 1);
    if (recentPair[place] === pair) return recent[place] ?? 0;
    let found = known.get(pair);
    if (found === undefined) {
      found = meet(a, b);
      known.set(pair, found);
    }
    recentPair[place] = pair;
    recent[place] = found;
    return found;
  };
}

interface SetNumbers {
  readonly numberOf: (set: L4Set) => number;
  /** The number of what is in both. */
  readonly meet: (a: number, b: number) => number;
}

function createSetNumbers(): SetNumbers {
  const sets: L4Set[] = [];
  const numberOfText = new Map<string, number>();
  const numberOf = (set: L4Set): number => {
    const text = set.join(",");
    const known = numberOfText.get(text);
    if (known !== undefined) return known;
    numberOfText.set(text, sets.length);
    return sets.push(set) - 1;
  };
  const every = numberOf(everyL4);
  const meetSets = (a: number, b: number): number => numberOf(intersectL4(sets[a] ?? [], sets[b] ?? []));
  return { numberOf, meet: createPairMemo(every, meetSets) };
}
