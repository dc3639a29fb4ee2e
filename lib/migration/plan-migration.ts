import { compareFindings, type Finding, hasError } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Acceptance, Continuity, Plan } from "../plan/plan.ts";
import { applyAcceptances } from "../preflight/apply-acceptances.ts";
import { notChecked } from "../preflight/not-checked.ts";
import { runPreflight } from "../preflight/run-preflight.ts";
import { detectSource, findNodeLeftovers, planSourcePreparation, planSourceRemoval } from "../source/detect-source.ts";
import type { SourceDetection } from "../source/source.ts";
import type { SourceEnd } from "../stages/closing-stages.ts";
import { driftFindings, stageFindings } from "../stages/drift-findings.ts";
import { planNewNodes } from "../stages/new-nodes.ts";
import { planStages } from "../stages/plan-stages.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { RenderedStages } from "../stages/rendered-stages.ts";
import type { HelmRelease } from "../stages/stage.ts";
import { blueGreenFindings } from "../strategies/blue-green/blue-green-findings.ts";
import { blueGreenPages, planBlueGreenStages } from "../strategies/blue-green/blue-green-stages.ts";
import { forcedFindings, isStrategyOpen, judgeStrategy } from "../strategies/can-do.ts";
import { inPlaceFindings, outageOf } from "../strategies/in-place/in-place-findings.ts";
import { planInPlaceStages } from "../strategies/in-place/in-place-stages.ts";
import { otherNodes } from "../strategies/in-place/network-nodes.ts";
import { planForTarget, sourceForTarget, targetOfStrategy } from "../strategies/strategy-target.ts";
import { planTarget } from "../target/plan-target.ts";
import type { CiliumValues, TargetPlan } from "../target/target.ts";
import { planWaves } from "../waves/plan-waves.ts";
import type { WavePlan } from "../waves/waves.ts";
import { noTarget } from "./no-target.ts";
import { type PlannedPolicies, planPolicies, provePlanned, worldFor } from "./plan-policies.ts";
import { planProbePack } from "./plan-probe-pack.ts";
import { planToFlannel } from "./plan-to-flannel.ts";
import { proofFindings } from "./proof-findings.ts";
import { type MixedInput, proveMixed } from "./prove-mixed.ts";
import { asWarning, type MixedPhase, settleMixedPhase } from "./settle-mixed-phase.ts";

/** What a migration is planned from: values that were read before, nothing is read here. */
export interface MigrationInput {
  readonly plan: Plan;
  readonly inventory: Inventory;
  /** Findings of reading the two. */
  readonly findings: readonly Finding[];
  /** What the tree that was rendered before says, so that nodes stay where they are. */
  readonly rendered: RenderedStages;
}

/**
 * Works out a whole migration: source, target, policies with their proof, waves, preflight, stages.
 *
 * `stages` is empty when the source cannot be left live or there is nobody to move: then findings say what to do.
 * Same input, same answer.
 */
export function planMigration(input: MigrationInput): PlannedMigration {
  const { plan, inventory } = input;
  const source = detectSource(inventory, plan.spec.source);
  if (plan.spec.target.cni === "flannel")
    return planToFlannel({ plan, inventory, source, findings: input.findings, end: sourceEnd(inventory, source) });
  const first = targetOf(plan, inventory, source, {});
  const planned = planPolicies({ inventory, source, target: first.target });
  const { requiredValues } = planned.translation;
  // Nothing asked for: the same target, and the world that was worked out for it.
  const asked = Object.keys(requiredValues).length === 0 ? first : targetOf(plan, inventory, source, requiredValues);
  const target = targetOfStrategy(plan, asked.target);
  const proven = provePlanned(planned, inventory, worldFor(inventory, source, target));
  const newNodes = planNewNodes(plan, inventory, input.rendered.catchAll);
  const waves =
    plan.spec.strategy === "live"
      ? planWaves(inventory, plan, {
          renderedWaves: input.rendered.waves,
          alreadyMigrated: [...(source.hybrid?.migratedNodes ?? []), ...newNodes.joined],
        })
      : noWaves(inventory);
  const { continuity, mixed, differs } = mixedPhaseOf(plan, { planned, inventory, source, target, waves });
  const probes = planProbePack(planned, { plan, inventory, source, target });
  const preflight = runPreflight({ inventory, plan, source, target, waves, translation: planned.translation });
  const told = [
    ...input.findings,
    ...source.findings,
    ...asked.findings,
    ...planned.findings,
    ...planned.translation.policies.flatMap((policy) => policy.findings),
    ...proven.findings,
    ...proofFindings(proven.proof),
    ...bridgeFindings(planned, target),
    ...differs,
    ...waves.findings,
    ...preflight,
    ...(plan.spec.strategy === "in-place" ? inPlaceFindings(plan, inventory, source, target) : []),
    ...(plan.spec.strategy === "blue-green" ? blueGreenFindings(plan, target) : []),
  ];
  const acceptances = [...plan.spec.preflight.accept, ...plan.spec.policies.accept];
  const isOfStages = ({ code }: Acceptance): boolean => Object.hasOwn(stageFindings, code);
  const judged = applyAcceptances(
    judgeStrategy(plan, source, told),
    acceptances.filter((one) => !isOfStages(one)),
    plan,
  );
  const findings = [...judged, ...forcedFindings(plan, judged)].toSorted(compareFindings);
  const release = {
    migration: releaseOf(plan, target, target.migration),
    final: releaseOf(plan, target, target.final),
  };
  const migration: Omit<PlannedMigration, "stages"> = {
    plan,
    inventory,
    source,
    target,
    waves,
    newNodes,
    continuity,
    translation: planned.translation,
    ...(proven.proof !== undefined && { proof: proven.proof }),
    ...(mixed !== undefined && { mixed }),
    ...(probes !== undefined && { probes }),
    release,
    findings,
    ...(plan.spec.strategy === "in-place" && { outage: outageOf(inventory) }),
    ...(plan.spec.strategy === "blue-green" && {
      strategyPages: blueGreenPages({ plan, inventory, source, translation: planned.translation }),
    }),
    notChecked: notChecked({ inventory, plan, source, target, waves }),
  };
  const stages = isStrategyOpen(findings) ? stagesOf(migration, planned, input.rendered) : [];
  const drift = applyAcceptances(driftFindings(migration, stages), acceptances.filter(isOfStages), plan);
  return { ...migration, stages, findings: [...findings, ...drift].toSorted(compareFindings) };
}

/** The stages of the plan's strategy; none where there is nobody to move. */
function stagesOf(
  migration: Omit<PlannedMigration, "stages">,
  { bridge }: PlannedPolicies,
  rendered: RenderedStages,
): PlannedMigration["stages"] {
  const { plan, inventory, source, waves } = migration;
  const end = sourceEnd(inventory, source);
  switch (plan.spec.strategy) {
    case "live":
      return waves.waves.length === 0 ? [] : planStages(migration, bridge, end, rendered.opened);
    case "in-place":
      return planInPlaceStages(migration, bridge, end, rendered.opened);
    case "blue-green":
      return planBlueGreenStages(migration, bridge, rendered.opened);
  }
}

function noWaves(inventory: Inventory): WavePlan {
  return { waves: [], excluded: otherNodes(inventory), findings: [] };
}

/** What is known of the source's end: what has to change first, what goes, what stays on nodes. */
function sourceEnd(inventory: Inventory, source: SourceDetection): SourceEnd {
  return {
    preparation: planSourcePreparation(inventory, source),
    removal: planSourceRemoval(inventory, source),
    leftovers: findNodeLeftovers(inventory, source),
  };
}

interface PlannedTarget {
  readonly target: TargetPlan;
  readonly findings: readonly Finding[];
}

function targetOf(
  plan: Plan,
  inventory: Inventory,
  source: SourceDetection,
  requiredValues: PlannedPolicies["translation"]["requiredValues"],
): PlannedTarget {
  const planned = planTarget({
    plan: planForTarget(plan),
    inventory,
    source: sourceForTarget(plan, source),
    requiredValues,
  });
  return { target: planned.value ?? noTarget(plan), findings: planned.findings };
}

/** Exact needs mirrors for every policy; where one cannot be written the next best is the bridge with its exposure. */
function continuityOf(target: TargetPlan, planned: PlannedPolicies): Continuity {
  const { effective, needsMirrors } = target.continuity;
  return effective === "exact" && needsMirrors && hasError(planned.bridge.findings) ? "bridge" : effective;
}

/** What holds while both networks run, by the plan's strategy. */
function mixedPhaseOf(plan: Plan, input: MixedInput): MixedPhase {
  // With any other strategy the two networks never share a cluster.
  if (plan.spec.strategy !== "live") return { continuity: "off", mixed: undefined, differs: [] };
  return settleMixedPhase(continuityOf(input.target, input.planned), (continuity) => proveMixed(input, continuity));
}

/** What the mirrors could not say is a warning, because the plan takes the next best and says so. */
function bridgeFindings(planned: PlannedPolicies, target: TargetPlan): readonly Finding[] {
  if (target.continuity.effective !== "exact" || !target.continuity.needsMirrors) return [];
  return planned.bridge.findings.map(asWarning);
}

function releaseOf(plan: Plan, target: TargetPlan, values: CiliumValues): HelmRelease {
  const { source, repository } = plan.spec.target.chart;
  return {
    releaseName: "cilium",
    namespace: target.namespace,
    chart: { source, repository, name: "cilium", version: plan.spec.target.version },
    values: values.values,
  };
}
