import { distance } from "fastest-levenshtein";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import { chartKeys } from "./chart-keys.ts";

/** A minor of Cilium whose chart is known key by key. */
export type ChartMinor = Exclude<keyof typeof chartKeys, "common">;

/** The known minors, oldest first. */
export const chartMinors: readonly ChartMinor[] = ["1.18", "1.19", "1.20"];

interface KeyTree {
  readonly inner: Map<string, KeyTree>;
  /** Anything may stand below. */
  isOpen: boolean;
}

const trees = new Map<ChartMinor, KeyTree>();

function treeOf(minor: ChartMinor): KeyTree {
  const known = trees.get(minor);
  if (known !== undefined) return known;
  const root: KeyTree = { inner: new Map(), isOpen: false };
  for (const key of `${chartKeys.common} ${chartKeys[minor]}`.split(/\s+/u).filter((word) => word !== "")) {
    let at = root;
    for (const step of key.replace(/\*$/u, "").split(".")) {
      const next = at.inner.get(step) ?? { inner: new Map(), isOpen: false };
      at.inner.set(step, next);
      at = next;
    }
    if (key.endsWith("*")) at.isOpen = true;
  }
  trees.set(minor, root);
  return root;
}

/** Whether the chart of a minor reads something at a path, or something below it. */
export function isKnownValue(minor: ChartMinor, path: readonly string[]): boolean {
  let at = treeOf(minor);
  for (const step of path) {
    if (at.isOpen) return true;
    const next = at.inner.get(step);
    if (next === undefined) return false;
    at = next;
  }
  return true;
}

/** A path of a user's values that the chart does not read. */
export interface UnknownValue {
  readonly path: readonly string[];
  /** The known path that looks most like it, dots between its steps; absent when none is near. */
  readonly nearest?: string;
}

/**
 * The paths of an object of Helm values that the chart of a minor does not read, shortest prefix only, in the object's
 * order: Helm accepts them in silence, and nothing happens.
 */
export function unknownValues(minor: ChartMinor, values: JsonObject): UnknownValue[] {
  const found: UnknownValue[] = [];
  const visit = (object: JsonObject, path: readonly string[]): void => {
    for (const [key, value] of Object.entries(object)) {
      const here = [...path, key];
      if (!isKnownValue(minor, here)) {
        const nearest = nearestValue(minor, here);
        found.push({ path: here, ...(nearest !== undefined && { nearest }) });
      } else if (isJsonObject(value)) visit(value, here);
    }
  };
  visit(values, []);
  return found;
}

/** The nearest key among the siblings at the same place, or the same last step elsewhere in the chart. */
function nearestValue(minor: ChartMinor, path: readonly string[]): string | undefined {
  const last = path.at(-1) ?? "";
  let at = treeOf(minor);
  for (const step of path.slice(0, -1)) at = at.inner.get(step) ?? at;
  const siblings = [...at.inner.keys()]
    .map((key) => ({ key, far: distance(key.toLowerCase(), last.toLowerCase()) }))
    .filter(({ far }) => far <= Math.max(2, Math.floor(last.length / 3)))
    .sort((a, b) => a.far - b.far || compareText(a.key, b.key));
  const sibling = siblings[0];
  if (sibling !== undefined) return [...path.slice(0, -1), sibling.key].join(".");
  return elsewhere(treeOf(minor), last, []).sort((a, b) => a.length - b.length || compareText(a, b))[0];
}

function elsewhere(tree: KeyTree, name: string, path: readonly string[]): string[] {
  return [...tree.inner].flatMap(([key, inner]) => {
    const here = [...path, key];
    const own = key.toLowerCase() === name.toLowerCase() ? [here.join(".")] : [];
    return [...own, ...elsewhere(inner, name, here)];
  });
}
