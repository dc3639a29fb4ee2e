import { assertNever, InvariantError } from "../../core/invariant.ts";
import { sortedUnique } from "../../core/order.ts";
import type { LabelKey, Selector } from "../selector/selector.ts";

/**
 * A selector in Calico's own notation, resolved: namespace and service-account labels by their inherited names, so that
 * one global policy can carry what namespaced policies said.
 *
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/selector (grammar), updateprocessors/rules.go (inherited labels).
 */
export function printCalicoSelector(selector: Selector): string {
  switch (selector.kind) {
    case "all":
      return "all()";
    case "none":
      return "!all()";
    case "has":
      return `has(${calicoKey(selector.key)})`;
    case "in":
      return printIn(calicoKey(selector.key), selector.values);
    case "contains":
      return `${calicoKey(selector.key)} contains ${quote(selector.text)}`;
    case "startsWith":
      return `${calicoKey(selector.key)} starts with ${quote(selector.text)}`;
    case "endsWith":
      return `${calicoKey(selector.key)} ends with ${quote(selector.text)}`;
    case "not":
      return printNot(selector.operand);
    case "and":
      return selector.operands.length === 0 ? "all()" : selector.operands.map(printOperand).join(" && ");
    case "or":
      return selector.operands.length === 0 ? "!all()" : selector.operands.map(printOperand).join(" || ");
    default:
      return assertNever(selector);
  }
}

function printOperand(selector: Selector): string {
  const isCompound = (selector.kind === "and" || selector.kind === "or") && selector.operands.length > 1;
  return isCompound ? `(${printCalicoSelector(selector)})` : printCalicoSelector(selector);
}

/** `!has(x)`, `x != 'v'` and `x not in {…}` read better than an exclamation mark in front. */
function printNot(operand: Selector): string {
  if (operand.kind !== "in")
    return `!${operand.kind === "and" || operand.kind === "or" ? `(${printCalicoSelector(operand)})` : printCalicoSelector(operand)}`;
  const key = calicoKey(operand.key);
  const values = sortedUnique(operand.values);
  const [only] = values;
  if (values.length === 1 && only !== undefined) return `${key} != ${quote(only)}`;
  return `${key} not in {${values.map(quote).join(", ")}}`;
}

function printIn(key: string, values: readonly string[]): string {
  const sorted = sortedUnique(values);
  const [only] = sorted;
  if (sorted.length === 1 && only !== undefined) return `${key} == ${quote(only)}`;
  return `${key} in {${sorted.map(quote).join(", ")}}`;
}

function quote(value: string): string {
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}

const metaKeys: Readonly<Record<string, string>> = {
  "meta:namespace": "projectcalico.org/namespace",
  "meta:serviceaccount": "projectcalico.org/serviceaccount",
  "meta:orchestrator": "projectcalico.org/orchestrator",
};

function calicoKey(key: LabelKey): string {
  const meta = metaKeys[key];
  if (meta !== undefined) return meta;
  const colon = key.indexOf(":");
  const name = key.slice(colon + 1);
  switch (key.slice(0, colon)) {
    case "pod":
      return name;
    case "ns":
      return `pcns.${name}`;
    case "sa":
      return `pcsa.${name}`;
    default:
      throw new InvariantError("a label that Calico does not know", { key });
  }
}
