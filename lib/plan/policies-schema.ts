import { z } from "zod";

/** An exception that a person made. */
export const AcceptanceSchema = z
  .strictObject({
    code: z.string().min(1).describe("Code of the finding, for example waves/budget-blocks-drain or POL012"),
    object: z.string().min(1).describe("Kind/namespace/name as the finding prints it, or * for every object"),
    reason: z.string().min(1).describe("Why this is right here; printed in PLAN.md"),
    by: z.string().min(1).describe("Who decided it"),
    until: z.iso.date().describe("Last day on which it holds, as YYYY-MM-DD; shown to reviewers").exactOptional(),
  })
  .meta({ id: "Acceptance", description: "A finding that a person accepts, with reason and name" });

/** How network policy holds: `spec.policies`. */
export const PoliciesSchema = z
  .strictObject({
    continuity: z
      .enum(["exact", "bridge", "audit", "off"])
      .default("exact")
      .describe(
        "Policy while both networks run. exact: every flow decided as before. bridge: the same without node rules, exposure printed. audit: seen, not enforced. off: none",
      ),
    accept: z.array(AcceptanceSchema).default([]).describe("Policy findings that a person accepts"),
    probes: z
      .boolean()
      .default(true)
      .describe(
        "Whether probe pods check in the cluster what the proof says, on the source before the first wave and on Cilium at the end",
      ),
  })
  .meta({ id: "Policies", description: "How network policy holds during and after the migration" });
