import type { FindingKind } from "../../core/finding.ts";

/** Codes of this room. POL070 and POL080 are the names that policy documents use. */
export const proveFindings = {
  "prove/unknown-end": {
    severity: "error",
    meaning: "A flow was asked about whose end is not in the inventory",
    source: "design, command explain",
  },
  "prove/unknown-protocol": {
    severity: "error",
    meaning: "A flow was asked about with a protocol that does not exist",
    source: "IANA protocol numbers",
  },
  "prove/no-pod": {
    severity: "warning",
    meaning: "A flow between two ends that no policy is decided at",
    source: "reference policy 4.4",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;
