import fc from "fast-check";
import { expect, test } from "vitest";
import {
  always,
  createDiagrams,
  type DiagramId,
  type Diagrams,
  never,
} from "../../../lib/policy/space/decision-diagram.ts";
import { createEndSets, type EndSets, type SetId } from "../../../lib/policy/space/end-set.ts";
import { type LeafOptions, splitLeaves } from "../../../lib/policy/space/leaves.ts";

/** A formula over three atoms, to be built in any algebra. */
type Formula =
  | { readonly kind: "atom"; readonly place: number }
  | { readonly kind: "not"; readonly operand: Formula }
  | { readonly kind: "and" | "or"; readonly left: Formula; readonly right: Formula };

const { formula: someFormula } = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 5 },
    fc.record({ kind: fc.constant("atom" as const), place: fc.nat(3) }),
    fc.record({ kind: fc.constant("not" as const), operand: tie("formula") }),
    fc.record({ kind: fc.constantFrom("and" as const, "or" as const), left: tie("formula"), right: tie("formula") }),
  ),
}));

interface Algebra {
  readonly and: (a: number, b: number) => number;
  readonly or: (a: number, b: number) => number;
  readonly not: (a: number) => number;
}

function build(formula: Formula, atoms: readonly number[], algebra: Algebra): number {
  switch (formula.kind) {
    case "atom":
      return atoms[formula.place] ?? 0;
    case "not":
      return algebra.not(build(formula.operand, atoms, algebra));
    default:
      return algebra[formula.kind](build(formula.left, atoms, algebra), build(formula.right, atoms, algebra));
  }
}

function evaluate(formula: Formula, truth: readonly boolean[]): boolean {
  switch (formula.kind) {
    case "atom":
      return truth[formula.place] ?? false;
    case "not":
      return !evaluate(formula.operand, truth);
    case "and":
      return evaluate(formula.left, truth) && evaluate(formula.right, truth);
    case "or":
      return evaluate(formula.left, truth) || evaluate(formula.right, truth);
  }
}

const size = 9;
const someMembers = fc.array(fc.uniqueArray(fc.nat(size - 1)), { minLength: 4, maxLength: 4 });

test("sets of ends obey the laws, and equal sets have equal numbers", () => {
  fc.assert(
    fc.property(someMembers, someFormula, someFormula, (members, first, second) => {
      const sets: EndSets = createEndSets(size);
      const atoms = members.map((ends) => sets.of(ends));
      const truthAt = (end: number): boolean[] => members.map((ends) => ends.includes(end));
      const ends = Array.from({ length: size }, (_, end) => end);
      const [a, b] = [first, second].map((formula): SetId => build(formula, atoms, sets));
      const [wantA, wantB] = [first, second].map((formula) => ends.filter((end) => evaluate(formula, truthAt(end))));

      expect([...sets.members(a ?? 0)]).toEqual(wantA);
      expect(ends.filter((end) => sets.has(a ?? 0, end))).toEqual(wantA);
      expect(sets.count(a ?? 0)).toBe(wantA?.length);
      expect(a === b).toBe(String(wantA) === String(wantB));
      expect(sets.anyOf([a ?? 0, b ?? 0])).toBe(sets.or(a ?? 0, b ?? 0));
    }),
  );
});

const variables = 3;
const values = 4;

/** Every assignment of three variables with four values. */
function* assignments(): Generator<number[]> {
  for (let a = 0; a < values; a += 1)
    for (let b = 0; b < values; b += 1) for (let c = 0; c < values; c += 1) yield [a, b, c];
}

function lookUp(diagrams: Diagrams, id: DiagramId, assignment: readonly number[]): boolean {
  let current = id;
  while (current !== never && current !== always) {
    const node = diagrams.node(current);
    const place = node.values.indexOf(assignment[node.variable] ?? 0);
    current = place < 0 ? node.other : (node.children[place] ?? never);
  }
  return current === always;
}

const someAtoms = fc.array(
  fc.record({
    variable: fc.nat(variables - 1),
    among: fc.uniqueArray(fc.integer({ min: 1, max: values - 1 })),
    isAmong: fc.boolean(),
  }),
  { minLength: 4, maxLength: 4 },
);

const free: LeafOptions = {
  restriction: () => undefined,
  remembered: () => [],
  preferred: () => [],
  plain: () => 0,
  limit: 1000,
};

test("diagrams obey the laws, and equal functions have equal numbers", () => {
  fc.assert(
    fc.property(someAtoms, someFormula, someFormula, (atoms, first, second) => {
      const diagrams = createDiagrams();
      const ids = atoms.map(({ variable, among, isAmong }) => diagrams.atom(variable, among, isAmong));
      const truth = (assignment: readonly number[]): boolean[] =>
        atoms.map(({ variable, among, isAmong }) => among.includes(assignment[variable] ?? 0) === isAmong);
      const [a, b] = [first, second].map((formula) => build(formula, ids, diagrams));
      const all = [...assignments()];
      const tables = [first, second].map((formula) => all.map((assignment) => evaluate(formula, truth(assignment))));

      expect(all.map((assignment) => lookUp(diagrams, a ?? 0, assignment))).toEqual(tables[0]);
      expect(a === b).toBe(String(tables[0]) === String(tables[1]));
    }),
  );
});

test("a split finds every mix of answers that occurs, once, and no other", () => {
  fc.assert(
    fc.property(someAtoms, fc.array(someFormula, { minLength: 1, maxLength: 4 }), (atoms, formulas) => {
      const diagrams = createDiagrams();
      const ids = atoms.map(({ variable, among, isAmong }) => diagrams.atom(variable, among, isAmong));
      const functions = formulas.map((formula) => build(formula, ids, diagrams));
      const wanted = new Set<string>();
      for (const assignment of assignments())
        wanted.add(functions.flatMap((id, place) => (lookUp(diagrams, id, assignment) ? [place] : [])).join());

      const { leaves, isComplete } = splitLeaves(functions, diagrams, free);

      expect(leaves.map(({ selected }) => selected.join()).sort()).toEqual([...wanted].sort());
      expect(isComplete).toBe(true);
      for (const { selected, sample } of leaves) {
        const assignment = Array.from({ length: variables }, (_, variable) => sample.get(variable) ?? 0);
        expect(functions.flatMap((id, place) => (lookUp(diagrams, id, assignment) ? [place] : []))).toEqual(selected);
      }
    }),
  );
});

test("a split that grows beyond its limit says so", () => {
  const diagrams = createDiagrams();
  const functions = [0, 1, 2].map((variable) => diagrams.atom(variable, [1], true));

  expect(splitLeaves(functions, diagrams, { ...free, limit: 3 }).isComplete).toBe(false);
  expect(splitLeaves(functions, diagrams, free).leaves.length).toBe(8);
});
