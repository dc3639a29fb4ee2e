import { z } from "zod";
import { sourceNames } from "../core/source-name.ts";
import { DeliverySchema } from "./delivery-schema.ts";
import { AcceptanceSchema, PoliciesSchema } from "./policies-schema.ts";
import { RollSchema } from "./roll-schema.ts";
import { NameSchema } from "./selection-schema.ts";
import { TargetSchema } from "./target-schema.ts";
import { WavesSchema } from "./waves-schema.ts";

/** Form of a stage id: three digits or more, a dash, a slug. */
export const stageIdPattern = /^[0-9]{3,}-[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

const StageEntrySchema = z
  .strictObject({
    state: z
      .enum(["held", "open", "done", "rollback"])
      .describe("held: rendered, not applied. open: being applied. done: finished. rollback: being taken back"),
    attempt: z.int().min(1).max(99).describe("Try of this stage, 1 when absent").exactOptional(),
    commit: z
      .string()
      .regex(/^[0-9a-f]{7,64}$/, "use the hexadecimal id of a commit")
      .describe("Commit that holds the reviewed body; engines are pinned to it")
      .exactOptional(),
    digest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, "use sha256: and 64 hexadecimal digits")
      .describe("Digest of the body when the stage was opened")
      .exactOptional(),
  })
  .meta({ id: "StageEntry", description: "State of one stage, written by `metachron next` and `metachron rollback`" });

const SpecSchema = z
  .strictObject({
    inventory: z.string().min(1).describe("Folder or file of the inventory, relative to this file"),
    source: z
      .enum(["auto", ...sourceNames])
      .default("auto")
      .describe("The network that the cluster leaves. auto: detected from the inventory"),
    target: TargetSchema.prefault({}),
    strategy: z
      .enum(["live", "in-place", "blue-green"])
      .default("live")
      .describe(
        "live: both networks, node by node. in-place: remove, then install, an outage. blue-green: a second cluster",
      ),
    reservedCIDRs: z
      .array(z.string().min(1))
      .default([])
      .describe("Prefixes in use outside the cluster (VPC, on-premises, peers) that the new pod pool must not touch"),
    waves: WavesSchema.prefault({}),
    roll: RollSchema.prefault({}),
    policies: PoliciesSchema.prefault({}),
    newNodes: z
      .enum(["cilium", "source"])
      .default("cilium")
      .describe(
        "Where nodes that join during the migration come up: on Cilium at once, or on the source until a later wave",
      ),
    delivery: DeliverySchema.prefault({}),
    observability: z
      .strictObject({
        goldpinger: z.boolean().default(false).describe("Whether the plan installs Goldpinger as a stage of its own"),
        goldpingerImage: z
          .string()
          .min(1)
          .describe("Image of that Goldpinger, best pinned by digest. Absent: docker.io/bloomberg/goldpinger:3.10.2")
          .exactOptional(),
        hubble: z
          .boolean()
          .default(true)
          .describe("Whether Hubble is switched on: flows, metrics, the successor of logged drops"),
      })
      .prefault({})
      .describe("What is installed to see how the migration goes"),
    preflight: z
      .strictObject({
        accept: z.array(AcceptanceSchema).default([]).describe("Preflight findings that a person accepts"),
      })
      .prefault({})
      .describe("Exceptions from the preflight"),
  })
  .meta({ id: "Spec", description: "The plan" });

/** A plan file as users write it. Its input type is what `definePlan` takes, its output has every default filled in. */
export const PlanFileSchema = z
  .strictObject({
    apiVersion: z.literal("metachron.dev/v1alpha1").describe("Version of this format"),
    kind: z.literal("MigrationPlan").describe("Kind of this format"),
    metadata: z
      .strictObject({ name: NameSchema.max(40).describe("Name of the plan, and of its folder below dist") })
      .describe("Name of the plan"),
    spec: SpecSchema,
    stages: z
      .record(z.string().regex(stageIdPattern, "name a stage as its folder: 110-general-a"), StageEntrySchema)
      .default({})
      .describe("State of each stage by its id; a stage that is not named is held. Written by `next` and `rollback`"),
  })
  .meta({ title: "metachron migration plan", description: "A plan that moves a running cluster to another network" });

/** What a user writes in a plan file or hands to `definePlan`. */
export type PlanSpec = z.input<typeof PlanFileSchema>;

/** A plan file with every default filled in. */
export type ParsedPlanFile = z.output<typeof PlanFileSchema>;
