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
  /** A detached deep copy of plain data in which equal texts are one text, and equal maps without a prototype one map. */
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
  const shareEntries = (copy: Record<string, unknown>, value: Readonly<Record<string, unknown>>): object => {
    for (const key in value) copy[key] = share(value[key]);
    return copy;
  };
  const shareMap = (map: Readonly<Record<string, unknown>>): object => {
    const key = JSON.stringify(map);
    const known = maps.get(key);
    if (known !== undefined) return known;
    const copy = shareEntries(Object.create(null) as Record<string, unknown>, map);
    maps.set(key, copy);
    return copy;
  };
  const share = <T>(value: T): T => {
    if (typeof value === "string") return shareText(value) as T;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(share) as T;
    const map = value as Readonly<Record<string, unknown>>;
    return (Object.getPrototypeOf(value) === null ? shareMap(map) : shareEntries({}, map)) as T;
  };
  return { share };
}
