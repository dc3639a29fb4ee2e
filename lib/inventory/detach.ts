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
  /** A detached deep copy of plain data in which equal texts are one text. */
  readonly share: <T>(value: T) => T;
  /** A map that inherits nothing, the same one for equal maps. */
  readonly shareMap: (map: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
}

/** Engines cut windows onto longer texts only from this length on; shorter ones need no copy (V8: SlicedString::kMinLength). */
const windowLength = 13;

/** An interner for one reading. */
export function createInterner(): Interner {
  const texts = new Map<string, string>();
  const maps = new Map<string, Readonly<Record<string, string>>>();
  const shareText = (text: string): string => {
    if (text.length < windowLength) return text;
    const known = texts.get(text);
    if (known !== undefined) return known;
    const copy = detachText(text);
    texts.set(copy, copy);
    return copy;
  };
  const share = <T>(value: T): T => {
    if (typeof value === "string") return shareText(value) as T;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(share) as T;
    const copy: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value)) copy[key] = share(inner);
    return copy as T;
  };
  return {
    share,
    shareMap: (map) => {
      const key = JSON.stringify(map);
      const known = maps.get(key);
      if (known !== undefined) return known;
      const copy: Record<string, string> = Object.create(null) as Record<string, string>;
      for (const [name, value] of Object.entries(map)) copy[name] = shareText(value);
      maps.set(detachText(key), copy);
      return copy;
    },
  };
}
