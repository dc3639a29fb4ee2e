import { getIn, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { parseQuantity } from "./parse-quantity.ts";

/** Told for each field that has a type the API does not allow: `spec.nodeName`, "a text". */
export type ReportField = (field: string, expected: string) => void;

/** Readers of the fields of one object. Each gives its empty value for a field that is missing, null, or of a wrong type. */
export interface FieldReader {
  readonly text: (value: JsonValue | undefined, ...path: readonly string[]) => string | undefined;
  readonly number: (value: JsonValue | undefined, ...path: readonly string[]) => number | undefined;
  readonly flag: (value: JsonValue | undefined, ...path: readonly string[]) => boolean;
  readonly object: (value: JsonValue | undefined, ...path: readonly string[]) => JsonObject;
  /** What `take` makes of each item that is an object; reports from inside it carry the item's path. */
  readonly items: <T>(
    value: JsonValue | undefined,
    path: readonly string[],
    take: (item: JsonObject) => readonly T[],
  ) => readonly T[];
  readonly texts: (value: JsonValue | undefined, ...path: readonly string[]) => readonly string[];
  readonly textMap: (value: JsonValue | undefined, ...path: readonly string[]) => Readonly<Record<string, string>>;
  readonly quantities: (value: JsonValue | undefined, ...path: readonly string[]) => Readonly<Record<string, number>>;
}

/** A reader that reports fields of wrong types, each with its path in the object. */
export function createFieldReader(tell: ReportField): FieldReader {
  let prefix = "";
  const report: ReportField = (field, expected) => tell(prefix + field, expected);
  const typed = <T extends JsonValue>(
    expected: string,
    isRight: (found: JsonValue) => found is T,
    value: JsonValue | undefined,
    path: readonly string[],
  ): T | undefined => {
    const found = getIn(value, ...path);
    if (found === undefined || found === null) return undefined;
    if (isRight(found)) return found;
    report(path.join("."), expected);
    return undefined;
  };
  const object = (value: JsonValue | undefined, ...path: readonly string[]): JsonObject =>
    typed("a map", isJsonObject, value, path) ?? {};
  const list = (value: JsonValue | undefined, path: readonly string[]): readonly JsonValue[] =>
    typed("a list", isList, value, path) ?? [];
  return {
    text: (value, ...path) => typed("a text", isText, value, path),
    number: (value, ...path) => typed("a number", isNumber, value, path),
    flag: (value, ...path) => typed("true or false", isFlag, value, path) ?? false,
    object,
    items: (value, path, take) => {
      const outer = prefix;
      return list(value, path).flatMap((item, index) => {
        if (!isJsonObject(item)) {
          report(`${path.join(".")}[${index}]`, "a map");
          return [];
        }
        prefix = `${outer}${path.join(".")}[${index}].`;
        const taken = take(item);
        prefix = outer;
        return taken;
      });
    },
    texts: (value, ...path) =>
      list(value, path).filter((item, index): item is string => {
        if (!isText(item)) report(`${path.join(".")}[${index}]`, "a text");
        return isText(item);
      }),
    textMap: (value, ...path) => textMapOf(object(value, ...path), path.join("."), report),
    quantities: (value, ...path) => quantitiesOf(object(value, ...path), path.join("."), report),
  };
}

function isText(found: JsonValue): found is string {
  return typeof found === "string";
}

function isNumber(found: JsonValue): found is number {
  return typeof found === "number" && Number.isFinite(found);
}

function isFlag(found: JsonValue): found is boolean {
  return typeof found === "boolean";
}

function isList(found: JsonValue): found is readonly JsonValue[] {
  return Array.isArray(found);
}

/**
 * A map from keys to texts that inherits nothing: `labels["constructor"]` is undefined unless a label has that key.
 * Entries of other types are reported and left out; a null entry is an empty text, as the API server stores it.
 */
function textMapOf(object: JsonObject, path: string, report: ReportField): Readonly<Record<string, string>> {
  const map: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, value] of Object.entries(object)) {
    if (typeof value === "string") map[key] = value;
    else if (value === null) map[key] = "";
    else report(`${path}["${key}"]`, "a text");
  }
  return map;
}

function quantitiesOf(object: JsonObject, path: string, report: ReportField): Readonly<Record<string, number>> {
  const map: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const [key, value] of Object.entries(object)) {
    const quantity = parseQuantity(value);
    if (quantity === undefined) report(`${path}["${key}"]`, "a quantity such as 250m or 1Gi");
    else map[key] = quantity;
  }
  return map;
}
