import type { Application } from "./read-applications.ts";

/** Applications that move at the same time. */
export interface Move {
  /** `1`, `2`, …: the order. */
  readonly number: number;
  readonly title: string;
  readonly why: string;
  readonly applications: readonly Application[];
}

interface Rank {
  readonly title: string;
  readonly why: string;
  readonly takes: (application: Application) => boolean;
}

const hasState = (application: Application): boolean =>
  application.claims.length > 0 || application.hostPaths.length > 0 || application.barePods.length > 0;
const hasEntry = (application: Application): boolean => application.entries.length > 0;

/** Cheapest first: each class needs everything that the one before needs, and one thing more. */
const ranks: readonly Rank[] = [
  {
    title: "no data, no entry from outside",
    why: "they can run in both clusters at once; nothing is switched",
    takes: (one) => !hasState(one) && !hasEntry(one),
  },
  {
    title: "no data, an entry from outside",
    why: "they run in both clusters at once; traffic is moved by weight and moved back at will",
    takes: (one) => !hasState(one),
  },
  {
    title: "data, no entry from outside",
    why: "the data is copied while they stand still; the way back loses what was written since",
    takes: (one) => !hasEntry(one),
  },
  {
    title: "data, and an entry from outside",
    why: "data and traffic have to change sides at the same moment",
    takes: () => true,
  },
];

/** The applications in the order in which they move; a class with nobody in it is no move. */
export function planMoves(applications: readonly Application[]): readonly Move[] {
  const left = new Set(applications);
  const moves: Move[] = [];
  for (const { title, why, takes } of ranks) {
    const taken = [...left].filter((one) => takes(one));
    for (const one of taken) left.delete(one);
    if (taken.length > 0) moves.push({ number: moves.length + 1, title, why, applications: taken });
  }
  return moves;
}
