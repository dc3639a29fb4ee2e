import { z } from "zod";
import { NodeSelectionSchema, WaveGroupSchema } from "./selection-schema.ts";

const count = z.int().min(1);
const percentage = z.string().regex(/^(100|[1-9][0-9]?)%$/, "write a count (3) or a percentage between 1% and 100%");

/** How nodes are cut into waves: `spec.waves`. */
export const WavesSchema = z
  .strictObject({
    canary: z
      .strictObject({
        nodes: z.int().min(1).default(1).describe("Nodes in the first wave"),
        from: NodeSelectionSchema.prefault({}).describe("Where the canary is chosen from; empty means any worker"),
      })
      .prefault({})
      .describe("The first wave: the most ordinary nodes, to learn cheaply"),
    groups: z
      .array(WaveGroupSchema)
      .default([])
      .describe(
        "Groups in the order in which they migrate. Nodes of no group follow, pool by pool; control plane is last",
      ),
    exclude: NodeSelectionSchema.describe("Nodes that must not be migrated by this plan").exactOptional(),
    budget: z
      .strictObject({
        maxUnavailable: z
          .union([count, percentage])
          .default("10%")
          .describe(
            "Nodes that one wave may take away: a count, or a percentage of the nodes (rounded down, at least 1)",
          ),
        acrossZones: z
          .boolean()
          .default(false)
          .describe("Whether one wave may hold nodes of several zones; it never holds all nodes of a zone"),
      })
      .prefault({})
      .describe("What one wave may take away at most"),
    soakSeconds: z
      .int()
      .min(0)
      .max(604_800)
      .default(900)
      .describe("Seconds between the last node of a wave and its marker, in which nothing may go wrong"),
  })
  .meta({ id: "Waves", description: "How nodes are cut into waves" });
