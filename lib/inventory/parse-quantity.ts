import type { JsonValue } from "../core/json.ts";

const quantity = /^([-+]?(?:\d+\.?\d*|\.\d+))(?:([eE])([-+]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/u;

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A Kubernetes quantity in its base unit: `250m` is 0.25 (cores), `1Gi` is 1073741824 (bytes), `110` is 110.
 * A bare number is one, too. `undefined` for what is no quantity. Rounded to nano, the finest that the API keeps.
 * Source: Kubernetes apimachinery pkg/api/resource/quantity.go.
 */
export function parseQuantity(value: JsonValue): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const match = quantity.exec(value);
  if (match === null) return undefined;
  const [, digits = "", exponentMark, exponent = "", suffix = ""] = match;
  if (exponentMark !== undefined) return roundQuantity(Number(`${digits}e${exponent}`));
  return roundQuantity(Number(digits) * (factors[suffix] ?? 1));
}

/** Takes away what adding decimal fractions leaves behind: 0.1 + 0.2 is 0.3. */
export function roundQuantity(value: number): number {
  return Number.isInteger(value) ? value : Math.round(value * 1e9) / 1e9;
}
