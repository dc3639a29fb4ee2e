import { isJsonObject, type JsonValue } from "../../../lib/core/json.ts";

/** The part of kubectl's jsonpath that the scripts use: range, text, fields, [*], [n], [?(@.a=="b")]. */
export function renderJsonPath(template: string, root: JsonValue): string {
  const tokens = [...template.matchAll(/\{((?:"(?:[^"\\]|\\.)*"|[^{}"])*)\}|([^{}]+)/gu)].map((match) =>
    match[2] === undefined ? { code: match[1] ?? "" } : { text: match[2] },
  );
  return renderTokens(tokens, root);
}

type Token = { readonly code: string } | { readonly text: string };

function renderTokens(tokens: readonly Token[], root: JsonValue): string {
  let out = "";
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if ("text" in token) {
      out += token.text;
    } else if (token.code.startsWith("range ")) {
      const end = tokens.findIndex((other, place) => place > at && "code" in other && other.code === "end");
      const inner = tokens.slice(at + 1, end);
      for (const item of select(token.code.slice(6), root)) out += renderTokens(inner, item);
      at = end;
    } else if (token.code.startsWith('"')) {
      out += JSON.parse(token.code) as string;
    } else {
      out += select(token.code, root).map(printValue).join(" ");
    }
  }
  return out;
}

function printValue(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The values at a path; none where a step is missing. */
function select(path: string, root: JsonValue): readonly JsonValue[] {
  let values: readonly JsonValue[] = [root];
  const steps = /\.((?:[^.[\]\\]|\\.)+)|\[\*\]|\[(\d+)\]|\[\?\(@\.([^=]+)==("[^"]*"|true|false)\)\]/gu;
  if (path.replace(steps, "") !== "") throw new Error(`the stand-in does not know the path ${path}`);
  for (const step of path.matchAll(steps)) values = values.flatMap((value) => next(value, step));
  return values;
}

function next(value: JsonValue, step: RegExpMatchArray): readonly JsonValue[] {
  const [all, field, index, key, wanted] = step;
  if (field !== undefined) {
    const found = isJsonObject(value) ? value[field.replaceAll("\\", "")] : undefined;
    return found === undefined || found === null ? [] : [found];
  }
  const items = Array.isArray(value) ? value : [];
  if (all === "[*]") return items;
  if (index !== undefined) return items.slice(Number(index), Number(index) + 1);
  const expected = JSON.parse(wanted ?? "null") as JsonValue;
  return items.filter((item) => isJsonObject(item) && item[key ?? ""] === expected);
}
