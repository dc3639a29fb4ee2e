import type { Finding } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Continuity, Plan } from "../plan/plan.ts";
import type { MixedProof } from "../policy/bridge/mixed-proof.ts";
import type { ProbePack } from "../policy/probe/probe-pack.ts";
import type { Proof } from "../policy/prove/proof.ts";
import type { Translation } from "../policy/translate/translation.ts";
import type { SourceDetection } from "../source/source.ts";
import type { TargetPlan } from "../target/target.ts";
import type { Outage } from "../waves/outage.ts";
import type { WavePlan } from "../waves/waves.ts";
import type { NewNodes } from "./new-nodes.ts";
import type { SealedStage } from "./seal-stages.ts";
import type { HelmRelease, StageFile } from "./stage.ts";

/** Everything that was worked out for one plan: what the tree, the pages and the engines are written from. */
export interface PlannedMigration {
  readonly plan: Plan;
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  readonly target: TargetPlan;
  readonly waves: WavePlan;
  readonly newNodes: NewNodes;
  /** The continuity that holds, which may be less than the plan asked for (then a finding says why). */
  readonly continuity: Continuity;
  readonly translation: Translation;
  /** Proof of the translation; absent when the source has no policy that it enforces. */
  readonly proof?: Proof;
  /** The probe pack; absent where the plan wants none or the source enforces no policy. */
  readonly probes?: ProbePack;
  /** What the mixed phase decides compared with before, and what each wave exposes; absent when nobody moves. */
  readonly mixed?: MixedProof;
  /** In their order; empty when a finding blocks so early that no stage can be made. */
  readonly stages: readonly SealedStage[];
  readonly release: { readonly migration: HelmRelease; readonly final: HelmRelease };
  /** Every finding, sorted; those that the plan accepts have severity info and say who accepted them and why. */
  readonly findings: readonly Finding[];
  /** How long the strategy in-place cuts pods off; absent with any other. */
  readonly outage?: Outage;
  /** Pages and files of the strategy beside the stages, by path below the plan's folder; absent where there is none. */
  readonly strategyPages?: readonly StageFile[];
  /** What the inventory cannot tell, with the command that would. */
  readonly notChecked: readonly { readonly id: string; readonly why: string; readonly command: string }[];
}
