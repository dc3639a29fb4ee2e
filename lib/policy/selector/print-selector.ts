import { assertNever } from "../../core/invariant.ts";
import { compareText, sortedUnique } from "../../core/order.ts";
import type { Selector } from "./selector.ts";
import { simplifySelector } from "./simplify-selector.ts";

/**
 * A selector in Calico's notation over the keys of `LabelKey`, the same text for the same tree: parentheses around
 * every && and ||, sets sorted and each value once, double quotes unless the value holds one.
 *
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/selector/parser/ast.go (canonical strings).
 */
export function printSelector(selector: Selector): string {
  switch (selector.kind) {
    case "all":
      return "all()";
    case "none":
      return "!all()";
    case "has":
      return `has(${selector.key})`;
    case "in":
      return printIn(selector.key, selector.values);
    case "contains":
      return `${selector.key} contains ${quote(selector.text)}`;
    case "startsWith":
      return `${selector.key} starts with ${quote(selector.text)}`;
    case "endsWith":
      return `${selector.key} ends with ${quote(selector.text)}`;
    case "not":
      return `!${printSelector(selector.operand)}`;
    case "and":
      return `(${selector.operands.map(printSelector).join(" && ")})`;
    case "or":
      return `(${selector.operands.map(printSelector).join(" || ")})`;
    default:
      return assertNever(selector);
  }
}

/** A text that is equal for selectors that differ only in writing: order of operands, nesting, double negation, constants. */
export function toCanonicalKey(selector: Selector): string {
  return printSelector(sortOperands(simplifySelector(selector)));
}

function sortOperands(selector: Selector): Selector {
  if (selector.kind === "not") return { kind: "not", operand: sortOperands(selector.operand) };
  if (selector.kind !== "and" && selector.kind !== "or") return selector;
  const printed = new Map(
    selector.operands.map((operand) => [printSelector(sortOperands(operand)), sortOperands(operand)]),
  );
  const operands = [...printed].sort(([a], [b]) => compareText(a, b)).map(([, operand]) => operand);
  const [only] = operands;
  return operands.length === 1 && only !== undefined ? only : { kind: selector.kind, operands };
}

function printIn(key: string, values: readonly string[]): string {
  const sorted = sortedUnique(values);
  const [only] = sorted;
  if (sorted.length === 1 && only !== undefined) return `${key} == ${quote(only)}`;
  return `${key} in {${sorted.map(quote).join(", ")}}`;
}

function quote(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}
