import { z } from "zod";
import { FindingsSchema } from "./finding-schema.ts";
import { report } from "./report-schema.ts";

const text = (description: string) => z.string().describe(description);
const texts = (description: string) => z.array(z.string()).describe(description);
const count = (description: string) => z.int().min(0).describe(description);
const StateSchema = z.enum(["held", "open", "done", "rollback"]).describe("State of the stage in the plan");

/** `metachron check`. */
export const PreflightReportSchema = report("PreflightReport", "metachron check: what would break", {
  findings: FindingsSchema,
  summary: z
    .strictObject({
      error: count("Findings that block"),
      warning: count("Findings that a person should look at"),
      info: count("Findings that are good to know"),
    })
    .describe("How many findings of each severity"),
  notChecked: z
    .array(
      z.strictObject({
        why: text("What the inventory cannot tell"),
        command: text("The command that would"),
      }),
    )
    .describe("What nobody could check"),
});

/** `metachron synth`. */
export const SynthReportSchema = report("SynthReport", "metachron synth: the stages and their files", {
  plan: text("Name of the plan"),
  stages: z
    .array(
      z.strictObject({
        id: text("Id of the stage, the name of its folder"),
        state: StateSchema,
        nodes: texts("Nodes that the stage changes"),
        files: texts("Its files, relative to the output folder"),
      }),
    )
    .describe("The stages in their order"),
  findings: FindingsSchema,
});

/** `metachron verify`. */
export const VerificationSchema = report("Verification", "metachron verify: the merge gate", {
  mergeable: z.boolean().describe("Whether no finding blocks"),
  findings: FindingsSchema,
});

const EntrySchema = z
  .strictObject({
    state: StateSchema,
    attempt: z.int().min(1).describe("Try of this stage, 1 when absent").exactOptional(),
    commit: text("Commit that holds the reviewed body").exactOptional(),
    digest: text("Digest of the body when the stage was opened").exactOptional(),
  })
  .meta({ id: "StageEntry", description: "What the plan file says of one stage" });

/** `metachron next` and `metachron rollback`. */
export const StageMoveSchema = report("StageMove", "metachron next, metachron rollback: the stage that moves", {
  stage: text("Id of the stage"),
  before: EntrySchema,
  after: EntrySchema,
  files: texts("Files that were written: the plan file, and what was rendered"),
  findings: FindingsSchema,
});

/** `metachron report`. */
export const HtmlReportSchema = report("HtmlReport", "metachron report: the page that was written", {
  file: text("The page"),
  findings: FindingsSchema,
});

/** Any command that has nothing to report. */
export const NoResultSchema = report(
  "NoResult",
  "Any command that could not make its report, or had nothing to do: the findings say why",
  { findings: FindingsSchema },
);
