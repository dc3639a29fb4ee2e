import type { FindingKind } from "../core/finding.ts";
import { catalogue } from "./catalogue.ts";

/** Every finding of this room by its code: those of the catalogue's checks, and the one about exceptions. */
export const preflightFindings: Readonly<Record<string, FindingKind>> = {
  ...Object.fromEntries(
    catalogue.flatMap((entry) =>
      entry.kind === "check"
        ? [
            [
              `preflight/${entry.id}`,
              { severity: entry.severity, meaning: entry.condition, source: entry.source },
            ] as const,
          ]
        : [],
    ),
  ),
  "preflight/acceptance-unused": {
    severity: "warning",
    meaning: "an exception of the plan matches no finding",
    source: "metachron, plan file",
  },
};
