import type { FindingKind } from "../core/finding.ts";

/** Every finding that only the whole migration can have, by code. */
export const migrationFindings = {
  POL080: {
    severity: "error",
    meaning: "The proof found packets that the translated policies decide otherwise than the source's",
    source: "metachron, the proof over the emitted files",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;
