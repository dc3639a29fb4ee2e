import { InvariantError } from "../../core/invariant.ts";
import { always, childOf, type DiagramId, type Diagrams, never } from "./decision-diagram.ts";

/** One assignment of variables: those that were looked at, with their values. */
export type Assignment = ReadonlyMap<number, number>;

/** All assignments under which exactly the same functions are true. */
export interface Leaf {
  /** Places of the functions that are true, ascending. */
  readonly selected: readonly number[];
  /** The first assignment found. */
  readonly sample: Assignment;
}

/**
 * What values a variable may take, given those of the variables before it: all that functions tell apart (`undefined`), or
 * these.
 */
export type Restriction = (variable: number, before: Assignment) => readonly number[] | undefined;

/** How the values of variables hang together, and which to show. */
export interface LeafOptions {
  readonly restriction: Restriction;
  /** Variables before this one whose values restrict it or a later one, ascending; none for a variable that is not. */
  readonly remembered: (variable: number) => readonly number[];
  /** Values that are tried whether functions tell them apart or not, before the others: what is found first is the sample. */
  readonly preferred: (variable: number) => readonly number[];
  /** A value to stand for those that no function tells apart, where it is one of them; 0 otherwise. */
  readonly plain: (variable: number) => number;
  /** Give up after so many leaves. */
  readonly limit: number;
}

/**
 * Splits the space of assignments by a list of functions at once. A state is the list of what is left of the functions
 * after some variables are fixed; equal states are walked once, so that the work follows what the functions have in
 * common. `isComplete` is false when the limit was reached.
 */
export function splitLeaves(
  functions: readonly DiagramId[],
  diagrams: Diagrams,
  options: LeafOptions,
): { readonly leaves: readonly Leaf[]; readonly isComplete: boolean } {
  const leaves = new Map<string, Leaf>();
  const seen = new Set<string>();
  const open: State = functions.flatMap((id, place) => (id === never ? [] : [{ place, id }]));
  const isComplete = walk(open, new Map(), { diagrams, options, leaves, seen });
  return { leaves: [...leaves.values()], isComplete };
}

type State = readonly { readonly place: number; readonly id: DiagramId }[];

interface Walk {
  readonly diagrams: Diagrams;
  readonly options: LeafOptions;
  readonly leaves: Map<string, Leaf>;
  readonly seen: Set<string>;
}

function walk(state: State, assigned: Map<number, number>, walkers: Walk): boolean {
  const { diagrams, options, leaves, seen } = walkers;
  const first = firstVariable(state, diagrams);
  // What restricts a variable is chosen before it, also where no function looks at it.
  const variable = options.remembered(first).find((before) => !assigned.has(before)) ?? first;
  if (variable > first)
    throw new InvariantError("a variable would be chosen after one it restricts", { variable, first });
  if (variable === Number.POSITIVE_INFINITY) {
    const key = state.map(({ place }) => place).join(",");
    if (!leaves.has(key)) leaves.set(key, { selected: state.map(({ place }) => place), sample: new Map(assigned) });
    return leaves.size <= options.limit;
  }
  const key = `${variable}|${rememberedKey(variable, assigned, options)}|${state.map(({ place, id }) => `${place}:${id}`).join(",")}`;
  if (seen.has(key)) return true;
  seen.add(key);
  const branches = createBranches(state, variable, diagrams);
  const allowed = options.restriction(variable, assigned);
  for (const value of allowed ?? valuesToTry(branches, variable, options)) {
    assigned.set(variable, value);
    const isComplete = walk(branches.follow(value), assigned, walkers);
    assigned.delete(variable);
    if (!isComplete) return false;
  }
  return true;
}

function firstVariable(state: State, diagrams: Diagrams): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { id } of state) if (id > always) first = Math.min(first, diagrams.node(id).variable);
  return first;
}

function rememberedKey(variable: number, assigned: Assignment, { remembered }: LeafOptions): string {
  return remembered(variable)
    .map((before) => `${before}=${assigned.get(before) ?? ""}`)
    .join(";");
}

interface Branches {
  /** Values that some function tells from the rest, ascending. */
  readonly values: readonly number[];
  readonly follow: (value: number) => State;
}

/** Which functions are left for each value. Functions that do not look at the value are carried along once. */
function createBranches(state: State, variable: number, diagrams: Diagrams): Branches {
  const special = new Map<number, { place: number; id: DiagramId }[]>();
  const steady: { readonly place: number; readonly id: DiagramId; readonly exceptions?: ReadonlySet<number> }[] = [];
  for (const entry of state) {
    const node = entry.id > always ? diagrams.node(entry.id) : undefined;
    if (node === undefined || node.variable !== variable) {
      steady.push(entry);
      continue;
    }
    if (node.other !== never) steady.push({ place: entry.place, id: node.other, exceptions: new Set(node.values) });
    for (const value of node.values) {
      const list = special.get(value) ?? [];
      special.set(value, list);
      const id = childOf(node, value);
      if (id !== never) list.push({ place: entry.place, id });
    }
  }
  return {
    values: [...special.keys()].sort((a, b) => a - b),
    follow: (value) => {
      const own = special.get(value) ?? [];
      const rest = steady.filter(({ exceptions }) => exceptions?.has(value) !== true);
      return [...own, ...rest.map(({ place, id }) => ({ place, id }))].sort((a, b) => a.place - b.place);
    },
  };
}

/** Preferred values first; a plain value before those that functions name, so that samples carry no more than they must. */
function valuesToTry({ values }: Branches, variable: number, { preferred, plain }: LeafOptions): number[] {
  const first = preferred(variable);
  const known = new Set(first);
  const told = new Set(values);
  const wanted = plain(variable);
  const rest = told.has(wanted) ? 0 : wanted;
  const others = values.filter((value) => !known.has(value));
  return first.length > 0
    ? [...first, ...others, rest]
    : [...(told.has(wanted) ? [wanted] : []), rest, ...others.filter((value) => value !== wanted)];
}
