import { InvariantError } from "../../core/invariant.ts";

/** A function from assignments to true or false, as a number: equal functions have equal numbers inside one table. */
export type DiagramId = number;

/** The two constant functions. */
export const never: DiagramId = 0;
export const always: DiagramId = 1;

/** One inner node: the child for each value that has one of its own, and the child for every other value. */
export interface DiagramNode {
  readonly variable: number;
  readonly other: DiagramId;
  /** Ascending values, and their children at the same places. No child equals `other`. */
  readonly values: readonly number[];
  readonly children: readonly DiagramId[];
}

/**
 * Multi-valued decision diagrams, each function stored once: variables in one fixed order, every variable with any number
 * of values. A node lists the few values that matter and has one child for the rest, so that a domain of a thousand
 * namespaces costs nothing where a policy names one.
 */
export interface Diagrams {
  /** True where the variable has one of the values (`isAmong`), or has none of them. */
  readonly atom: (variable: number, values: Iterable<number>, isAmong: boolean) => DiagramId;
  readonly and: (a: DiagramId, b: DiagramId) => DiagramId;
  readonly or: (a: DiagramId, b: DiagramId) => DiagramId;
  readonly not: (a: DiagramId) => DiagramId;
  /** The node of a function that is not constant. */
  readonly node: (id: DiagramId) => DiagramNode;
  readonly size: () => number;
}

const constant: DiagramNode = { variable: Number.POSITIVE_INFINITY, other: 0, values: [], children: [] };

/** An empty table. Cost of `and`: the product of both sizes at worst, each pair once. */
export function createDiagrams(): Diagrams {
  const nodes: DiagramNode[] = [constant, constant];
  const byKey = new Map<string, DiagramId>();
  const conjunctions = new Map<number, DiagramId>();
  const negations = new Map<DiagramId, DiagramId>();

  const node = (id: DiagramId): DiagramNode => {
    const found = nodes[id];
    if (found === undefined) throw new InvariantError("a diagram does not exist", { id });
    return found;
  };
  const make = (variable: number, other: DiagramId, pairs: readonly (readonly [number, DiagramId])[]): DiagramId => {
    const kept = pairs.filter(([, child]) => child !== other);
    if (kept.length === 0) return other;
    const key = `${variable}|${other}|${kept.map(([value, child]) => `${value}:${child}`).join(",")}`;
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const id =
      nodes.push({ variable, other, values: kept.map(([value]) => value), children: kept.map(([, child]) => child) }) -
      1;
    byKey.set(key, id);
    return id;
  };
  const and = (a: DiagramId, b: DiagramId): DiagramId => {
    if (a === never || b === never) return never;
    if (a === always || a === b) return b;
    if (b === always) return a;
    const key = a < b ? a * 67_108_864 + b : b * 67_108_864 + a;
    const known = conjunctions.get(key);
    if (known !== undefined) return known;
    const variable = Math.min(node(a).variable, node(b).variable);
    const [left, right] = [cofactors(node(a), a, variable), cofactors(node(b), b, variable)];
    const pairs = mergeValues(left, right).map(
      (value) => [value, and(childOf(left, value), childOf(right, value))] as const,
    );
    const result = make(variable, and(left.other, right.other), pairs);
    conjunctions.set(key, result);
    return result;
  };
  const not = (a: DiagramId): DiagramId => {
    if (a <= always) return a === never ? always : never;
    const known = negations.get(a);
    if (known !== undefined) return known;
    const { variable, other, values, children } = node(a);
    const result = make(
      variable,
      not(other),
      values.map((value, place) => [value, not(children[place] ?? never)] as const),
    );
    negations.set(a, result);
    negations.set(result, a);
    return result;
  };

  return {
    atom: (variable, values, isAmong) => {
      const sorted = [...new Set(values)].sort((a, b) => a - b);
      const [inside, outside] = isAmong ? [always, never] : [never, always];
      return make(
        variable,
        outside,
        sorted.map((value) => [value, inside] as const),
      );
    },
    and,
    or: (a, b) => not(and(not(a), not(b))),
    not,
    node,
    size: () => nodes.length,
  };
}

type Cofactors = Pick<DiagramNode, "other" | "values" | "children">;

function cofactors(own: DiagramNode, id: DiagramId, variable: number): Cofactors {
  return own.variable === variable ? own : { other: id, values: [], children: [] };
}

/** The child of a node for a value. */
export function childOf({ other, values, children }: Cofactors, value: number): DiagramId {
  if (values.length === 0) return other;
  let low = 0;
  let high = values.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = values[middle] ?? 0;
    if (found === value) return children[middle] ?? other;
    if (found < value) low = middle + 1;
    else high = middle - 1;
  }
  return other;
}

function mergeValues(a: Cofactors, b: Cofactors): readonly number[] {
  if (a.values.length === 0) return b.values;
  if (b.values.length === 0) return a.values;
  return [...new Set([...a.values, ...b.values])].sort((x, y) => x - y);
}
