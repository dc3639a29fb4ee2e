import { getArray, getString, getStringMap, isJsonObject, type JsonValue } from "../core/json.ts";

type Labels = Readonly<Record<string, string>>;

/** A Kubernetes label selector made ready for many questions. */
export interface LabelMatcher {
  readonly matches: (labels: Labels) => boolean;
  /** One pair that every match has, to look it up in an index; absent when there is none. */
  readonly pair?: readonly [key: string, value: string];
}

/**
 * Reads a `LabelSelector` (`matchLabels`, `matchExpressions`). Absent selects nothing, empty selects everything, an operator
 * that the API does not know selects nothing.
 * Source: k8s.io/apimachinery v1.36 `LabelSelectorAsSelector`.
 */
export function readLabelSelector(selector: JsonValue | undefined): LabelMatcher {
  if (!isJsonObject(selector)) return { matches: () => false };
  const equal = Object.entries(getStringMap(selector, "matchLabels"));
  const expressions = getArray(selector, "matchExpressions").map(readRequirement);
  const pair = equal[0] ?? expressions.find((expression) => expression.pair !== undefined)?.pair;
  return {
    matches: (labels) =>
      equal.every(([key, value]) => labels[key] === value) &&
      expressions.every((expression) => expression.matches(labels)),
    ...(pair !== undefined && { pair }),
  };
}

/** One requirement on labels: `In`, `NotIn`, `Exists`, `DoesNotExist`, and for nodes `Gt` and `Lt`. */
export function readRequirement(requirement: JsonValue): LabelMatcher {
  const key = getString(requirement, "key") ?? "";
  const values = getArray(requirement, "values").map(String);
  const set = new Set(values);
  switch (getString(requirement, "operator")) {
    case "In":
      return {
        matches: (labels) => labels[key] !== undefined && set.has(labels[key]),
        ...(values.length === 1 && { pair: [key, values[0] ?? ""] as const }),
      };
    case "NotIn":
      return { matches: (labels) => labels[key] === undefined || !set.has(labels[key]) };
    case "Exists":
      return { matches: (labels) => labels[key] !== undefined };
    case "DoesNotExist":
      return { matches: (labels) => labels[key] === undefined };
    case "Gt":
      return { matches: (labels) => compareNumbers(labels[key], values[0], (a, b) => a > b) };
    case "Lt":
      return { matches: (labels) => compareNumbers(labels[key], values[0], (a, b) => a < b) };
    default:
      return { matches: () => false };
  }
}

function compareNumbers(
  label: string | undefined,
  bound: string | undefined,
  holds: (label: number, bound: number) => boolean,
): boolean {
  if (label === undefined || bound === undefined || !/^-?\d+$/.test(label) || !/^-?\d+$/.test(bound)) return false;
  return holds(Number(label), Number(bound));
}
