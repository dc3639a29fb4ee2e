import { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import { PlanDiffSchema } from "./diff-schema.ts";
import {
  HtmlReportSchema,
  NoResultSchema,
  PreflightReportSchema,
  StageMoveSchema,
  SynthReportSchema,
  VerificationSchema,
} from "./plan-schemas.ts";
import { FlowExplanationSchema, ProofSchema, TranslationReportSchema } from "./policy-schemas.ts";
import { InventorySnapshotSchema, PlanProposalSchema, SourceDetectionSchema } from "./source-schemas.ts";
import { MigrationStatusSchema } from "./status-schema.ts";

const reports = {
  InventorySnapshot: InventorySnapshotSchema,
  SourceDetection: SourceDetectionSchema,
  PlanProposal: PlanProposalSchema,
  PreflightReport: PreflightReportSchema,
  TranslationReport: TranslationReportSchema,
  Proof: ProofSchema,
  FlowExplanation: FlowExplanationSchema,
  SynthReport: SynthReportSchema,
  PlanDiff: PlanDiffSchema,
  Verification: VerificationSchema,
  MigrationStatus: MigrationStatusSchema,
  StageMove: StageMoveSchema,
  HtmlReport: HtmlReportSchema,
  NoResult: NoResultSchema,
};

/** Kinds of the reports that commands print with `--format json`. */
export type ReportKind = keyof typeof reports;

/** What a report holds beside its version and kind. */
export type Report<Kind extends ReportKind> = ReadOnly<Omit<z.infer<(typeof reports)[Kind]>, "apiVersion" | "kind">>;

type ReadOnly<Value> = Value extends readonly (infer Entry)[]
  ? readonly ReadOnly<Entry>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: ReadOnly<Value[Key]> }
    : Value;

/** The JSON Schema (draft 7) of every report, one definition for each kind. Source: zod 4 `z.toJSONSchema`. */
export function exportReportSchema(): JsonObject {
  const [first, ...rest] = Object.values(reports);
  const any = z.discriminatedUnion("kind", [first as never, ...rest] as never);
  return z.toJSONSchema(any, { io: "output", target: "draft-7", unrepresentable: "throw" }) as unknown as JsonObject;
}
