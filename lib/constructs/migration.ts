import { Chart } from "cdk8s";
import { Construct } from "constructs";
import { renderYaml } from "../core/yaml.ts";
import type { DeliveryFile } from "../delivery/delivery-file.ts";
import { kustomizationOf } from "../stages/kustomization.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { SealedStage } from "../stages/seal-stages.ts";
import type { StageKind, StageObject } from "../stages/stage.ts";
import { CiliumHelmValues } from "./cilium-helm-values.ts";
import { FileAsset } from "./file-asset.ts";
import { Manifest } from "./manifest.ts";
import { safeId } from "./safe-id.ts";
import { StageChart } from "./stage-chart.ts";
import { Bridge, NodeBatch, NodeRoll, StageObjects, TranslatedPolicies } from "./stage-objects.ts";

/** A page or a file that stands outside the stages, below the output folder. */
export interface PageFile {
  readonly path: string;
  readonly text: string;
}

/** What a migration is built from: everything is worked out already. */
export interface MigrationProps {
  readonly migration: PlannedMigration;
  /** The engines' files. @default none */
  readonly delivery?: readonly DeliveryFile[];
  /** Pages for people, `STAGE.md` of each stage included. @default none */
  readonly pages?: readonly PageFile[];
}

/** A whole migration: one chart per stage in their order, then the engines' objects, then the pages. */
export class Migration extends Construct {
  readonly stages: readonly StageChart[];

  constructor(scope: Construct, id: string, props: MigrationProps) {
    super(scope, id);
    const { migration } = props;
    const root = migration.plan.name;
    const pages = new Map((props.pages ?? []).map((page) => [page.path, page]));
    this.stages = migration.stages.map((stage) => {
      const chart = new StageChart(this, {
        stageId: stage.id,
        folder: `${root}/stages/${stage.id}`,
        digest: stage.digest,
        ...(stage.previous !== undefined && { previousDigest: stage.previous.digest }),
      });
      fillStage(chart, stage, migration);
      const page = pages.get(`${chart.folder}/STAGE.md`);
      if (page !== undefined) addFile(chart, page);
      return chart;
    });
    const engines = new Chart(this, "engines");
    for (const file of props.delivery ?? []) addDeliveryFile(engines, file);
    for (const page of pages.values()) {
      if (!page.path.endsWith("/STAGE.md")) addFile(this, page);
    }
  }
}

function addDeliveryFile(engines: Chart, file: DeliveryFile): void {
  if (!("object" in file)) addFile(engines, file);
  // A kustomization.yaml has no name, so it is no API object.
  else if (file.object["apiVersion"] === kustomizationOf([])["apiVersion"]) {
    addFile(engines, { path: file.path, text: renderYaml(file.object) });
  } else new Manifest(engines, file);
}

function addFile(scope: Construct, file: PageFile): void {
  new FileAsset(scope, safeId(file.path), file);
}

function fillStage(chart: StageChart, stage: SealedStage, migration: PlannedMigration): void {
  const { folder } = chart;
  const isBatch = (entry: StageObject): boolean => entry.object["kind"] === "CiliumNodeConfig";
  const batches = stage.objects.filter(isBatch);
  const others = stage.objects.filter((entry) => !isBatch(entry));
  const props = { folder, texts: stage.texts };
  if (batches.length > 0) new NodeBatch(chart, "batch", { ...props, objects: batches });
  if (others.length > 0) new (groupOf[stage.kind] ?? StageObjects)(chart, "objects", { ...props, objects: others });
  if (stage.undo.length > 0) {
    const texts = new Map(stage.undo.map((entry) => [entry.file, stage.texts.get(`undo/${entry.file}`) ?? ""]));
    new StageObjects(chart, "undo", { folder: `${folder}/undo`, objects: stage.undo, texts });
  }
  const objects = new Set([
    ...stage.objects.map((entry) => entry.file),
    ...stage.undo.map((entry) => `undo/${entry.file}`),
  ]);
  for (const [file, text] of stage.texts) {
    const values = [migration.target.migration, migration.target.final].find((candidate) => candidate.text === text);
    if (objects.has(file) || file.endsWith("kustomization.yaml")) continue;
    if (file === "values.yaml" && values !== undefined) new CiliumHelmValues(chart, "values", { folder, values });
    else addFile(chart, { path: `${folder}/${file}`, text });
  }
}

/** Which construct holds the objects of a stage, by what the stage does. */
const groupOf: Partial<Readonly<Record<StageKind, typeof StageObjects>>> = {
  wave: NodeRoll,
  bridge: Bridge,
  policies: TranslatedPolicies,
};
