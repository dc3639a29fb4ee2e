import { compareFindings, type Finding } from "../core/finding.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import { applyAcceptances } from "../preflight/apply-acceptances.ts";
import type { SourceDetection } from "../source/source.ts";
import type { SourceEnd } from "../stages/closing-stages.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { HelmRelease } from "../stages/stage.ts";
import { isStrategyOpen } from "../strategies/can-do.ts";
import { flannelFindings } from "../strategies/flannel/flannel-findings.ts";
import { flannelPages } from "../strategies/flannel/flannel-pages.ts";
import { readLosses } from "../strategies/flannel/losses.ts";
import { noTarget } from "./no-target.ts";

/** What the way to flannel is planned from. */
export interface FlannelPlanInput {
  readonly plan: Plan;
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  readonly findings: readonly Finding[];
  readonly end: SourceEnd;
}

/** From Canal to flannel alone: pages for people and no stage, or the reason why there is no way. */
export function planToFlannel({ plan, inventory, source, findings, end }: FlannelPlanInput): PlannedMigration {
  const losses = readLosses(inventory, source);
  const told = [
    ...findings,
    // Calico goes, so what its address detection would take Cilium's device for does not matter.
    ...source.findings.filter((finding) => finding.code !== "source/autodetection"),
    ...flannelFindings(plan, source, losses),
  ];
  const acceptances = [...plan.spec.preflight.accept, ...plan.spec.policies.accept];
  const judged = applyAcceptances(told, acceptances, plan).toSorted(compareFindings);
  const target = noTarget(plan);
  const release: HelmRelease = {
    releaseName: "none",
    namespace: target.namespace,
    chart: { ...plan.spec.target.chart, name: "none", version: plan.spec.target.version },
    values: {},
  };
  return {
    plan,
    inventory,
    source,
    target,
    waves: { waves: [], excluded: [], findings: [] },
    newNodes: { knownHostnames: [], joined: [] },
    continuity: "off",
    translation: { policies: [], findings: [], requiredValues: {} },
    release: { migration: release, final: release },
    findings: judged,
    stages: [],
    notChecked: [],
    ...(isStrategyOpen(judged) && {
      strategyPages: flannelPages({ plan, inventory, source, end, losses, findings: judged }),
    }),
  };
}
