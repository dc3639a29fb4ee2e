import { assertNever } from "../../core/invariant.ts";
import type { LabelKey, Selector } from "./selector.ts";

/**
 * Whether a set of labels satisfies a selector.
 *
 * A missing label satisfies no positive term and every negated one; the empty text is contained in every value that is
 * there. Source: projectcalico/calico v3.32.1 libcalico-go/lib/selector/parser/ast.go.
 */
export function matches(selector: Selector, labels: ReadonlyMap<LabelKey, string>): boolean {
  switch (selector.kind) {
    case "all":
      return true;
    case "none":
      return false;
    case "has":
      return labels.has(selector.key);
    case "in": {
      const value = labels.get(selector.key);
      return value !== undefined && selector.values.includes(value);
    }
    case "contains":
    case "startsWith":
    case "endsWith": {
      const value = labels.get(selector.key);
      return value !== undefined && matchesText(selector.kind, value, selector.text);
    }
    case "not":
      return !matches(selector.operand, labels);
    case "and":
      return selector.operands.every((operand) => matches(operand, labels));
    case "or":
      return selector.operands.some((operand) => matches(operand, labels));
    default:
      return assertNever(selector);
  }
}

/** Whether a label value satisfies one of the three text operators. */
export function matchesText(kind: "contains" | "startsWith" | "endsWith", value: string, text: string): boolean {
  if (kind === "contains") return value.includes(text);
  return kind === "startsWith" ? value.startsWith(text) : value.endsWith(text);
}

/**
 * Whether a set of labels of which some are not known satisfies a selector; `undefined` when it depends on those.
 */
export function matchesPartly(
  selector: Selector,
  labels: ReadonlyMap<LabelKey, string>,
  isUnknown: (key: LabelKey) => boolean,
): boolean | undefined {
  switch (selector.kind) {
    case "not": {
      const inner = matchesPartly(selector.operand, labels, isUnknown);
      return inner === undefined ? undefined : !inner;
    }
    case "and":
    case "or": {
      const parts = selector.operands.map((operand) => matchesPartly(operand, labels, isUnknown));
      const decisive = selector.kind === "or";
      if (parts.includes(decisive)) return decisive;
      return parts.includes(undefined) ? undefined : !decisive;
    }
    case "all":
    case "none":
      return selector.kind === "all";
    default:
      return isUnknown(selector.key) ? undefined : matches(selector, labels);
  }
}
