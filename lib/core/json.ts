/** A value that JSON can carry. Kubernetes objects travel as this; `undefined` never appears inside. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** A JSON object. Keys such as `__proto__` are refused by the inventory reader before one is made. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Whether a value is a JSON object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Follows keys into nested objects; `undefined` when any step is missing or is not an object. */
export function getIn(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let current: JsonValue | undefined = value;
  for (const key of path) {
    if (!isJsonObject(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

/** The string at a path, or `undefined` when it is missing or of another type. */
export function getString(value: JsonValue | undefined, ...path: readonly string[]): string | undefined {
  const found = getIn(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** The finite number at a path, or `undefined` when it is missing or of another type. */
export function getNumber(value: JsonValue | undefined, ...path: readonly string[]): number | undefined {
  const found = getIn(value, ...path);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** The boolean at a path, or `undefined` when it is missing or of another type. */
export function getBoolean(value: JsonValue | undefined, ...path: readonly string[]): boolean | undefined {
  const found = getIn(value, ...path);
  return typeof found === "boolean" ? found : undefined;
}

/** The array at a path; empty when it is missing or of another type. */
export function getArray(value: JsonValue | undefined, ...path: readonly string[]): readonly JsonValue[] {
  const found = getIn(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The string-to-string map at a path (labels, annotations, ConfigMap data); entries of other types are left out. */
export function getStringMap(
  value: JsonValue | undefined,
  ...path: readonly string[]
): Readonly<Record<string, string>> {
  const found = getIn(value, ...path);
  if (!isJsonObject(found)) return {};
  const entries = Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries);
}
