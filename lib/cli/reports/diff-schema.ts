import { z } from "zod";
import { report } from "./report-schema.ts";

const text = (description: string) => z.string().describe(description);
const count = (description: string) => z.int().min(0).describe(description);

const StandingSchema = z
  .strictObject({
    state: z.enum(["held", "open", "done", "rollback"]).describe("State of the stage"),
    attempt: z.int().min(1).describe("Try of the stage"),
  })
  .meta({ id: "StageStanding", description: "State and attempt of a stage" });

const change = {
  path: text("As kubectl explain writes it, entries of a list by name where they have one"),
  before: z.unknown().describe("Absent: the field was not there").exactOptional(),
  after: z.unknown().describe("Absent: the field is not there any more").exactOptional(),
};

const AppliedSchema = z.strictObject({
  stage: text("Id of the stage"),
  object: text("Kind/namespace/name"),
  file: text("Path below the stage's directory, undo/ where it is taken back"),
});

const WorkloadSchema = z.strictObject({
  stage: text("Stage that rolls its nodes"),
  workload: text("Kind/namespace/name"),
  replicas: count("Pods that it wants"),
  replicasInWave: count("Pods of it on the nodes that roll"),
  budgets: z.array(z.string()).describe("PodDisruptionBudgets that select its pods"),
});

const ValueSchema = z.strictObject({
  ...change,
  scope: text("release: what the engines hold in the cluster. Otherwise the stage whose values.yaml changes"),
  reason: text("The comment beside the value").exactOptional(),
});

const ObjectSchema = z.strictObject({
  object: text("Kind/namespace/name"),
  file: text("File that holds it"),
  stage: text("Stage that holds it; absent for the engines' own objects").exactOptional(),
  change: z.enum(["added", "removed", "changed", "renamed"]).describe("What becomes of it"),
  from: text("Former name, where the Job of the next attempt takes the place of the last").exactOptional(),
  isPolicy: z.boolean().describe("Whether it is a network policy"),
  fields: z
    .array(z.strictObject(change))
    .describe("Fields that differ; empty for objects that come or go, and where only comments differ"),
});

const NodeSchema = z.strictObject({
  node: text("Name of the node"),
  stage: text("Id of the stage"),
  change: z
    .enum(["rolls", "touched", "rolls-back", "enters", "leaves"])
    .describe(
      "rolls: its wave is opened or tried again. rolls-back: it is taken back. touched: a stage that is no wave does something on it. enters, leaves: its batch changes",
    ),
});

/** `metachron diff`. */
export const PlanDiffSchema = report("PlanDiff", "metachron diff: what a pull request changes, in migration terms", {
  summary: z
    .strictObject({
      stages: count("Stages whose state or attempt changes"),
      nodes: count("Nodes touched"),
      workloads: count("Workloads touched"),
      values: count("Helm values that change"),
      policies: count("Policies that change"),
      files: count("Files that differ"),
      unexpected: count("Files whose change no change of state explains"),
    })
    .describe("The counts that the first line says"),
  stages: z
    .array(
      z.strictObject({
        stage: text("Id of the stage"),
        before: StandingSchema,
        after: StandingSchema,
        nodes: count("How many nodes the stage changes"),
      }),
    )
    .describe("Stages whose state or attempt changes, in their order"),
  nodes: z.array(NodeSchema).describe("Nodes that are touched, by stage, then by name"),
  applied: z.array(AppliedSchema).describe("Objects that a stage applies which is opened, tried again or taken back"),
  workloads: z.array(WorkloadSchema).describe("Workloads on nodes that roll"),
  chart: z
    .strictObject({ before: text("Chart before").exactOptional(), after: text("Chart after").exactOptional() })
    .describe("The chart that engines hold in the cluster, when it changes")
    .exactOptional(),
  values: z.array(ValueSchema).describe("Helm values that change, key by key"),
  objects: z.array(ObjectSchema).describe("Objects that change, by stage, then by file"),
  files: z
    .array(
      z.strictObject({
        path: text("Path in the output folder"),
        change: z.enum(["added", "removed", "changed"]).describe("What becomes of it"),
        isExpected: z.boolean().describe("Whether the change of state explains it"),
        why: text("Why it is expected, or why it is not"),
      }),
    )
    .describe("Every file that differs, sorted by path"),
});
