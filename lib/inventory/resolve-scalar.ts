import type { JsonValue } from "../core/json.ts";

/** A plain (unquoted) YAML scalar as Kubernetes tools read it. */
export interface ResolvedScalar {
  readonly value: JsonValue;
  /** A YAML 1.2 reader takes the same text for something else: `yes`, `010`, `1_000`. */
  readonly isAmbiguous: boolean;
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map((word) => [word, true] as const),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map((word) => [word, false] as const),
]);
const nulls: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const booleans12: ReadonlySet<string> = new Set(["true", "True", "TRUE", "false", "False", "FALSE"]);

const decimal = /^[-+]?(?:0|[1-9][0-9]*)$/u;
const octal = /^([-+]?)0o?([0-7]+)$/u;
const hexadecimal = /^([-+]?)0[xX]([0-9a-fA-F]+)$/u;
const binary = /^([-+]?)0[bB]([01]+)$/u;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/u;

/**
 * The value of a plain scalar, as kubectl, Argo CD and Flux read it: all three use goyaml v2, which reads booleans and
 * numbers by YAML 1.1 without base 60, and leaves timestamps as text.
 * `.inf` and `.nan` stay text: JSON, and so the API server, has no such number.
 * Source: kubernetes-sigs/yaml goyaml.v2/resolve.go (742f5e6f).
 */
export function resolveScalar(text: string): ResolvedScalar {
  const first = text.charCodeAt(0);
  // Anything that starts with none of these is a string: the quick way out for nearly every scalar.
  const isNumeric = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46;
  if (isNumeric) return resolveNumber(text);
  if (text.length > 5) return { value: text, isAmbiguous: false };
  if (nulls.has(text)) return { value: null, isAmbiguous: false };
  const boolean = booleans.get(text);
  if (boolean !== undefined) return { value: boolean, isAmbiguous: !booleans12.has(text) };
  return { value: text, isAmbiguous: false };
}

/**
 * The text of a plain map key, as goyaml v2 turns it into a JSON key: `on` gives `true`, `010` gives `8`; absent for a
 * null key, which JSON cannot have. A number that would lose digits keeps its text.
 */
export function resolveKey(text: string): { readonly key?: string; readonly isAmbiguous: boolean } {
  const { value, isAmbiguous } = resolveScalar(text);
  if (value === null) return { isAmbiguous: false };
  const keepsText = typeof value === "number" && !Number.isSafeInteger(value);
  return { key: keepsText ? text : String(value), isAmbiguous };
}

function resolveNumber(text: string): ResolvedScalar {
  const last = text.charCodeAt(text.length - 1);
  const mayEnd = (last >= 48 && last <= 57) || last === 46 || last === 95 || last >= 65;
  if (!mayEnd) return { value: text, isAmbiguous: false };
  if (decimal.test(text)) return { value: Number(text), isAmbiguous: false };
  const plain = text.includes("_") ? text.replaceAll("_", "") : text;
  const hasUnderscore = plain !== text;
  for (const [pattern, base] of [
    [octal, 8],
    [hexadecimal, 16],
    [binary, 2],
  ] as const) {
    const match = pattern.exec(plain);
    if (match === null) continue;
    const value = Number.parseInt(match[2] ?? "", base) * (match[1] === "-" ? -1 : 1);
    const isKnownTo12 = base === 16 || (base === 8 && plain.includes("o"));
    return { value: value === 0 ? 0 : value, isAmbiguous: hasUnderscore || !isKnownTo12 || match[1] !== "" };
  }
  const value = float.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(value) ? { value, isAmbiguous: hasUnderscore } : { value: text, isAmbiguous: false };
}
