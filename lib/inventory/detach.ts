import type { JsonValue } from "../core/json.ts";

/**
 * A deep copy of a JSON value that keeps nothing of the text it was parsed from alive.
 *
 * Engines may keep a long string as a window onto the text it was cut from; one kept pod name would then keep a whole
 * file in memory. The text of JSON.stringify and its parse are new.
 */
export function detach<T extends JsonValue>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** A copy of a text that keeps no longer text alive. */
export function detachText(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}

/** Gives equal texts and equal label maps as one value, so that fifty thousand pods share what they have in common. */
export interface Interner {
  /**
   * Makes the texts inside plain data detached and shared, and maps without a prototype one map where they are equal.
   * Changes the data in place, so it must be the caller's own; gives it back.
   */
  readonly share: <T>(value: T) => T;
}

/** Engines cut windows onto longer texts only from this length on; shorter ones need no copy (V8: SlicedString::kMinLength). */
const windowLength = 13;

/** An interner for one reading. */
export function createInterner(): Interner {
  const texts = new Map<string, string>();
  const maps = new Map<string, object>();
  const shareText = (text: string): string => {
    if (text.length < windowLength) return text;
    const known = texts.get(text);
    if (known !== undefined) return known;
    const copy = detachText(text);
    texts.set(copy, copy);
    return copy;
  };
  const shareInside = (holder: Record<string | number, unknown>, key: string | number): void => {
    const value = holder[key];
    if (typeof value === "string") {
      if (value.length >= windowLength) holder[key] = shareText(value);
    } else if (typeof value === "object" && value !== null) holder[key] = share(value);
  };
  const shareMap = (map: Record<string, unknown>): object => {
    const key = JSON.stringify(map);
    const known = maps.get(key);
    if (known !== undefined) return known;
    for (const name in map) shareInside(map, name);
    maps.set(key, map);
    return map;
  };
  const share = <T>(value: T): T => {
    if (typeof value === "string") return shareText(value) as T;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index += 1)
        shareInside(value as unknown as Record<number, unknown>, index);
      return value;
    }
    const map = value as Record<string, unknown>;
    if (Object.getPrototypeOf(value) === null) return shareMap(map) as T;
    for (const key in map) shareInside(map, key);
    return value;
  };
  return { share };
}
