import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import type { ReasonedValue } from "./target.ts";

/** A leaf of an object of Helm values: anything but an object with keys. */
export interface ValueLeaf {
  readonly path: readonly string[];
  readonly value: JsonValue;
}

/** The leaves of an object, in its order; arrays and empty objects are leaves. */
export function leavesOf(values: JsonObject, path: readonly string[] = []): ValueLeaf[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const here = [...path, key];
    return isJsonObject(value) && Object.keys(value).length > 0 ? leavesOf(value, here) : [{ path: here, value }];
  });
}

/** Whether one path leads to or through the other. */
export function isOnPath(a: readonly string[], b: readonly string[]): boolean {
  const shared = Math.min(a.length, b.length);
  return a.slice(0, shared).every((step, index) => step === b[index]);
}

/** The list with a value put in: what stood at its path, above or below it is gone; a new top-level key goes to its block. */
export function putValue(values: readonly ReasonedValue[], added: ReasonedValue): ReasonedValue[] {
  const index = values.findIndex((other) => isOnPath(other.path, added.path));
  const kept = values.filter((other) => !isOnPath(other.path, added.path));
  if (index >= 0) return [...kept.slice(0, index), added, ...kept.slice(index)];
  const block = values.findLastIndex((other) => other.path[0] === added.path[0]);
  return block < 0 ? [...values, added] : [...values.slice(0, block + 1), added, ...values.slice(block + 1)];
}

/** The object that a list of values describes, keys in the order of the list. */
export function treeOf(values: readonly ReasonedValue[], depth = 0): JsonObject {
  const keys = [...new Set(values.map((value) => value.path[depth] ?? ""))];
  return Object.fromEntries(
    keys.map((key) => {
      const own = values.filter((value) => value.path[depth] === key);
      const leaf = own.find((value) => value.path.length === depth + 1);
      return [key, leaf === undefined ? treeOf(own, depth + 1) : leaf.value];
    }),
  );
}

/** The order of top-level keys in values files: as the rules list them, then by code unit. */
export function inTopLevelOrder(values: readonly ReasonedValue[], order: readonly string[]): ReasonedValue[] {
  const rank = (value: ReasonedValue): number => {
    const index = order.indexOf(value.path[0] ?? "");
    return index < 0 ? order.length : index;
  };
  return values
    .map((value, index) => ({ value, index }))
    .sort(
      (a, b) =>
        rank(a.value) - rank(b.value) ||
        (rank(a.value) === order.length ? compareText(a.value.path[0] ?? "", b.value.path[0] ?? "") : 0) ||
        a.index - b.index,
    )
    .map(({ value }) => value);
}
