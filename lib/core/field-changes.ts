import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { compareText } from "./order.ts";

/** One field that differs between two values; an absent side means that the field is not there. */
export interface FieldChange {
  /** As kubectl explain writes it, entries of a list by name where they have one: `spec.containers[roll].env[ATTEMPT].value`. */
  readonly path: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/**
 * The fields in which two values differ, keys in code unit order, lists in the order of the list; empty when they are equal.
 *
 * Entries of a list are matched by their `name` where all have one, otherwise equal entries at both ends are set aside and
 * the rest is matched one by one. A list of plain values is one field. A key that comes or goes is one field, whatever it holds.
 */
export function fieldChanges(before: JsonValue | undefined, after: JsonValue | undefined): readonly FieldChange[] {
  return changesAt("", before, after);
}

/** Whether two values are the same, whatever the order of their keys. */
export function isSameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return fieldChanges(a, b).length === 0;
}

function changesAt(path: string, before: JsonValue | undefined, after: JsonValue | undefined): readonly FieldChange[] {
  if (before === undefined || after === undefined) {
    if (before === after) return [];
    return [{ path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
  }
  if (isJsonObject(before) && isJsonObject(after)) return objectChanges(path, before, after);
  if (isList(before) && isList(after)) return listChanges(path, before, after);
  return before === after ? [] : [{ path, before, after }];
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function objectChanges(path: string, before: JsonObject, after: JsonObject): readonly FieldChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareText);
  const own = (value: JsonObject, key: string): JsonValue | undefined =>
    Object.hasOwn(value, key) ? value[key] : undefined;
  return keys.flatMap((key) => changesAt(joinKey(path, key), own(before, key), own(after, key)));
}

function joinKey(path: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/u.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function listChanges(path: string, before: readonly JsonValue[], after: readonly JsonValue[]): readonly FieldChange[] {
  const namedBefore = byName(before);
  const namedAfter = byName(after);
  if (namedBefore !== undefined && namedAfter !== undefined) {
    const names = [...new Set([...namedBefore.keys(), ...namedAfter.keys()])];
    return names.flatMap((name) => changesAt(`${path}[${name}]`, namedBefore.get(name), namedAfter.get(name)));
  }
  if (![...before, ...after].some((entry) => isJsonObject(entry) || Array.isArray(entry)))
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
  return positionChanges(path, before, after);
}

function positionChanges(
  path: string,
  before: readonly JsonValue[],
  after: readonly JsonValue[],
): readonly FieldChange[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && isSameJson(before[head], after[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && isSameJson(before.at(-1 - tail), after.at(-1 - tail))) tail += 1;
  const middle = Math.max(before.length, after.length) - tail;
  const changes: FieldChange[] = [];
  for (let at = head; at < middle; at += 1) {
    const old = at < before.length - tail ? before[at] : undefined;
    const young = at < after.length - tail ? after[at] : undefined;
    changes.push(...changesAt(`${path}[${at}]`, old, young));
  }
  return changes;
}

/** Entries by their `name`; `undefined` when one has none, or two share one. */
function byName(list: readonly JsonValue[]): ReadonlyMap<string, JsonObject> | undefined {
  const named = new Map<string, JsonObject>();
  for (const entry of list) {
    const name = isJsonObject(entry) ? entry["name"] : undefined;
    if (!isJsonObject(entry) || typeof name !== "string" || named.has(name)) return undefined;
    named.set(name, entry);
  }
  return named;
}
