import { isJsonObject, type JsonValue } from "../core/json.ts";
import { compareText, sortedUnique } from "../core/order.ts";

/** The path of the first field in which two values differ (`spec.ingress[0].action`), in order of keys; `undefined` when equal. */
export function firstDifference(a: JsonValue | undefined, b: JsonValue | undefined, path = ""): string | undefined {
  if (a === b) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
      const found = firstDifference(a[index], b[index], `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return path;
  for (const key of sortedUnique([...Object.keys(a), ...Object.keys(b)])) {
    const found = firstDifference(a[key], b[key], joinKey(path, key));
    if (found !== undefined) return found;
  }
  return undefined;
}

function joinKey(path: string, key: string): string {
  if (!/^[\w-]+$/u.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** Compares two texts of decimal digits (resource versions) as numbers; by code unit where one is none. */
export function compareVersions(a: string, b: string): number {
  if (!/^\d+$/u.test(a) || !/^\d+$/u.test(b)) return compareText(a, b);
  return a.length - b.length || compareText(a, b);
}
