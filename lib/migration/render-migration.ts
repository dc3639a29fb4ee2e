import { Migration, type PageFile } from "../constructs/migration.ts";
import { MigrationApp } from "../constructs/migration-app.ts";
import type { FileTree } from "../core/file-tree.ts";
import type { Checked } from "../core/finding.ts";
import { isJsonObject } from "../core/json.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import type { DeliveryFile } from "../delivery/delivery-file.ts";
import { lintStages } from "../delivery/lint-stages.ts";
import { renderDelivery } from "../delivery/render-delivery.ts";
import { renderPlanPage } from "../review/plan-page.ts";
import { renderPoliciesPage } from "../review/policies-page.ts";
import { renderReport } from "../review/report/report.tsx";

import { renderStagePage } from "../review/stage-page.ts";
import { installedVersion } from "../stages/drift-findings.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { SealedStage } from "../stages/seal-stages.ts";
import type { HelmRelease } from "../stages/stage.ts";
import { stageCommands } from "./stage-commands.ts";

/**
 * The whole tree of one plan: stages, engines, pages; paths relative to the output folder, sorted.
 *
 * No value when there is no stage to render. Findings: those of the delivery room.
 */
export function renderMigration(migration: PlannedMigration): Checked<FileTree> {
  const { stages, strategyPages = [], plan } = migration;
  // A way that only people go has pages and no stages.
  if (stages.length === 0 && strategyPages.length > 0)
    return { value: new Map(strategyPages.map(({ file, text }) => [`${plan.name}/${file}`, text])), findings: [] };
  if (stages.length === 0) return { value: undefined, findings: [] };
  const delivery = deliveryOf(migration);
  const app = new MigrationApp();
  new Migration(app, migration.plan.name, { migration, delivery: delivery.value ?? [], pages: pagesOf(migration) });
  return { value: app.tree(), findings: delivery.findings };
}

/** The engines' files, and what the delivery room has to say of the stages. */
export function deliveryOf(migration: PlannedMigration): Checked<readonly DeliveryFile[]> {
  const { plan, stages } = migration;
  const delivery = renderDelivery({ plan, stages, releases: releasesOf(migration) });
  return { value: delivery.value, findings: [...delivery.findings, ...lintStages(stages)] };
}

/** Which stage installs or changes the Helm release. */
function releasesOf(migration: PlannedMigration): ReadonlyMap<string, HelmRelease> {
  const { stages, release } = migration;
  return new Map(
    stages.flatMap((stage): [string, HelmRelease][] =>
      stage.kind === "cilium"
        ? [[stage.id, asOpened(stage, release.migration)]]
        : stage.kind === "finalise"
          ? [[stage.id, asOpened(stage, release.final)]]
          : [],
    ),
  );
}

/** The engines hold the values and the version that were reviewed with the stage, whatever the plan says today. */
function asOpened(stage: SealedStage, release: HelmRelease): HelmRelease {
  const text = stage.texts.get("values.yaml");
  const values = text === undefined || stage.drift?.includes("values.yaml") !== true ? undefined : parseOwnYaml(text);
  if (text === undefined || !isJsonObject(values)) return release;
  const version = installedVersion(text) ?? release.chart.version;
  return { ...release, chart: { ...release.chart, version }, values };
}

/** The pages for people: the plan, the policies, the report, and STAGE.md of each stage. */
export function pagesOf(migration: PlannedMigration): readonly PageFile[] {
  const root = migration.plan.name;
  const releases = releasesOf(migration);
  return [
    { path: `${root}/PLAN.md`, text: renderPlanPage(migration) },
    { path: `${root}/policies.md`, text: renderPoliciesPage(migration) },
    ...(migration.strategyPages ?? []).map(({ file, text }) => ({ path: `${root}/${file}`, text })),
    { path: `${root}/report.html`, text: renderReport(migration) },
    ...migration.stages.map((stage) => ({
      path: `${root}/stages/${stage.id}/STAGE.md`,
      text: renderStagePage(migration, stage, stageCommands(migration, stage, releases.get(stage.id))),
    })),
  ];
}
