import type { FindingKind } from "../../core/finding.ts";

const ours = "metachron: questions about one flow";

/** Every finding of this room, by code. */
export const proofFindings = {
  "prove/unknown-end": {
    severity: "error",
    meaning: "The end of a flow is no pod, no address and nothing else that is known",
    source: ours,
  },
  "prove/no-pod": {
    severity: "warning",
    meaning: "Neither end of a flow is a pod, so no policy decides it",
    source: ours,
  },
  "prove/unknown-protocol": { severity: "error", meaning: "A port or protocol cannot be read", source: ours },
} as const satisfies Readonly<Record<string, FindingKind>>;
