import { z } from "zod";

/** Text of a finding's place, in the user's own files. */
const WhereSchema = z
  .strictObject({
    file: z.string().describe("As the user named it").exactOptional(),
    line: z.int().min(1).describe("1-based").exactOptional(),
    column: z.int().min(1).describe("1-based").exactOptional(),
    object: z.string().describe("Kind/namespace/name, or Kind/name for a cluster-scoped object").exactOptional(),
    field: z.string().describe("Path of the field in the object: spec.ingress[2].source.nets").exactOptional(),
  })
  .meta({ id: "Where", description: "A place in a file or an object" });

/** One fact worth telling, as every report carries it. */
const FindingSchema = z
  .strictObject({
    code: z
      .string()
      .regex(/^[a-z]+\/[a-z0-9-]+$|^POL\d+$/u)
      .describe("Stable for ever and never used again for something else"),
    severity: z
      .enum(["error", "warning", "info"])
      .describe("error blocks, warning asks a person to look, info is good to know"),
    message: z.string().describe("What is wrong, in one sentence"),
    where: WhereSchema.exactOptional(),
    reason: z.string().describe("Why it matters").exactOptional(),
    remedy: z.string().describe("What to do").exactOptional(),
    related: z
      .array(z.strictObject({ message: z.string().describe("What the place has to do with it"), where: WhereSchema }))
      .describe("The other places that take part")
      .exactOptional(),
    data: z
      .record(z.string(), z.unknown())
      .describe("Numbers and names of the message, for machines; a policy finding carries its witness here")
      .exactOptional(),
  })
  .meta({ id: "Finding", description: "One fact worth telling" });

/** All that a command has to say about its input, in the order in which it prints. */
export const FindingsSchema = z.array(FindingSchema).describe("All that there is to tell, worst first");

/** A place, where a report names one outside a finding. */
export const PlaceSchema = WhereSchema;
