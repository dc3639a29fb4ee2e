import type { Finding, Severity } from "../core/finding.ts";
import { type WaveFindingCode, waveFindings } from "./findings.ts";

/** A finding of this room; its severity is the code's unless the case at hand is milder. */
export function waveFinding(
  code: WaveFindingCode,
  parts: Omit<Finding, "code" | "severity"> & { readonly severity?: Severity },
): Finding {
  const { severity = waveFindings[code].severity, ...rest } = parts;
  return { code, severity, ...rest };
}

/** A list for a message: the first names, and how many more there are. */
export function nameSome(names: readonly string[], most = 5): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** A number with its word: `1 pod`, `3 pods`. */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
