import { z } from "zod";
import { FindingsSchema } from "./finding-schema.ts";
import { report } from "./report-schema.ts";

const text = (description: string) => z.string().describe(description);

const StepSchema = z
  .strictObject({
    step: z.int().min(1).describe("Number of the step in the Job's script"),
    of: z.int().min(1).describe("The last step's number"),
    what: text("What it does, in words"),
  })
  .meta({ id: "Step", description: "A step of a Job's script" });

const NodeProgressSchema = z
  .strictObject({
    name: text("Name of the node"),
    state: z.enum(["waiting", "at-work", "done"]).describe("waiting: the Job has not come to it"),
    finished: StepSchema.exactOptional(),
    at: StepSchema.exactOptional(),
    since: text("When the last step was finished").exactOptional(),
  })
  .meta({
    id: "NodeProgress",
    description: "How far a node of a stage is: the step that is finished, and the one it is at",
  });

const StageStatusSchema = z
  .strictObject({
    id: text("Id of the stage"),
    title: text("What the stage is"),
    planned: z.enum(["held", "open", "done", "rollback"]).describe("State in the plan"),
    attempt: z.int().min(1).describe("Attempt in the plan"),
    live: text("State of the marker: preflight, running, done, failed, undoing, undone; none where there is no marker"),
    liveAttempt: z.int().min(1).describe("Attempt of the marker").exactOptional(),
    isDigestReviewed: z.boolean().describe("Whether the body that ran is the one in git"),
    message: text("The marker's last word"),
    finished: text("When the stage ended").exactOptional(),
    nodes: z.array(NodeProgressSchema).describe("Nodes of the stage; empty where there is no marker"),
  })
  .meta({ id: "StageStatus", description: "One stage as git and the cluster tell it" });

/** `metachron status`. */
export const MigrationStatusSchema = report("MigrationStatus", "metachron status: where the live migration stands", {
  plan: text("Name of the plan"),
  situation: z
    .enum([
      "complete",
      "between",
      "other-body",
      "waiting",
      "starting",
      "at-work",
      "stopped",
      "failed",
      "finished",
      "no-job",
    ])
    .describe(
      "complete: every stage is done. between: none is open. other-body: what ran is not what was reviewed. waiting: the engine has not applied the open stage. starting: its Job has not spoken. stopped: its Job is gone. finished: it can be closed. no-job: only the engine knows",
    ),
  stage: text("The stage that it is about; absent when the migration is complete").exactOptional(),
  happened: z.array(z.string()).describe("What happened, one sentence each"),
  exitCode: z.int().describe("Exit code of the Job's script, where it failed with one").exactOptional(),
  next: z
    .array(z.strictObject({ do: text("An order"), command: text("The command that does it").exactOptional() }))
    .describe("What to do next, in this order"),
  stages: z.array(StageStatusSchema).describe("Every stage in its order"),
  troubledNodes: z
    .array(
      z.strictObject({
        name: text("Name of the node"),
        isReady: z.boolean().describe("Whether the node is Ready"),
        isSchedulable: z.boolean().describe("Whether it takes pods: not cordoned"),
        since: text("Since when it is Ready or not").exactOptional(),
      }),
    )
    .describe("Nodes that are not Ready or cordoned")
    .exactOptional(),
  findings: FindingsSchema,
});
