import type { Selector } from "./selector.ts";

/** A selector that every label set satisfies. */
export const selectsAll: Selector = { kind: "all" };
/** A selector that no label set satisfies. */
export const selectsNone: Selector = { kind: "none" };

/** The conjunction of selectors, flattened, with constants folded; `all` when there are none. */
export function conjunction(operands: readonly Selector[]): Selector {
  return combine("and", operands);
}

/** The disjunction of selectors, flattened, with constants folded; `none` when there are none. */
export function disjunction(operands: readonly Selector[]): Selector {
  return combine("or", operands);
}

/** The complement of a selector; a double negation cancels. */
export function negation(operand: Selector): Selector {
  if (operand.kind === "all") return selectsNone;
  if (operand.kind === "none") return selectsAll;
  return operand.kind === "not" ? operand.operand : { kind: "not", operand };
}

/** The same selector without constants, nested lists of one kind, double negations, repeated values and empty sets. */
export function simplifySelector(selector: Selector): Selector {
  switch (selector.kind) {
    case "in": {
      const values = [...new Set(selector.values)];
      if (values.length === 0) return selectsNone;
      return values.length === selector.values.length ? selector : { ...selector, values };
    }
    case "contains":
    case "startsWith":
    case "endsWith":
      return selector.text === "" ? { kind: "has", key: selector.key } : selector;
    case "not":
      return negation(simplifySelector(selector.operand));
    case "and":
    case "or":
      return combine(selector.kind, selector.operands.map(simplifySelector));
    default:
      return selector;
  }
}

function combine(kind: "and" | "or", operands: readonly Selector[]): Selector {
  const neutral = kind === "and" ? "all" : "none";
  const absorbing = kind === "and" ? "none" : "all";
  const flat: Selector[] = [];
  for (const operand of operands) {
    if (operand.kind === absorbing) return operand;
    if (operand.kind === neutral) continue;
    if (operand.kind === kind) flat.push(...operand.operands);
    else flat.push(operand);
  }
  const [first] = flat;
  if (first === undefined) return { kind: neutral };
  return flat.length === 1 ? first : { kind, operands: flat };
}
