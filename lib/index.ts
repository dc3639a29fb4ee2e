export { type LoadedApp, type LoadOptions, loadApp } from "./app.ts";
export { CiliumHelmValues, type CiliumHelmValuesProps } from "./constructs/cilium-helm-values.ts";
export { emitTree } from "./constructs/emit-tree.ts";
export { FileAsset, type FileAssetProps } from "./constructs/file-asset.ts";
export { Manifest, type ManifestProps } from "./constructs/manifest.ts";
export { Migration, type MigrationProps, type PageFile } from "./constructs/migration.ts";
export { MigrationApp, type MigrationAppProps } from "./constructs/migration-app.ts";
export { StageChart, type StageChartProps } from "./constructs/stage-chart.ts";
export {
  Bridge,
  NodeBatch,
  NodeRoll,
  StageObjects,
  type StageObjectsProps,
  TranslatedPolicies,
} from "./constructs/stage-objects.ts";
export type { FileTree } from "./core/file-tree.ts";
export { type Checked, compareFindings, type Finding, type Severity, type Where } from "./core/finding.ts";
export type { ObjectIdentity } from "./core/identity.ts";
export type { JsonObject, JsonValue } from "./core/json.ts";
export { renderYaml } from "./core/yaml.ts";
export { verifyTransition } from "./delivery/verify-transition.ts";
export type { Inventory, Node, Pod, RawObject } from "./inventory/inventory.ts";
export { readInventory } from "./inventory/read-inventory.ts";
export type { SourceFile } from "./inventory/source-file.ts";
export { type DuringState, explainMigration, type MigrationFlow } from "./migration/explain-migration.ts";
export { type MigrationInput, planMigration } from "./migration/plan-migration.ts";
export { renderMigration } from "./migration/render-migration.ts";
export { definePlan } from "./plan/define-plan.ts";
export type { Plan } from "./plan/plan.ts";
export type { PlanSpec } from "./plan/plan-schema.ts";
export { readPlan } from "./plan/read-plan.ts";
export { type ExactBridge, planExactBridge } from "./policy/bridge/exact-bridge.ts";
export type { CalicoPolicySet } from "./policy/calico/model.ts";
export { readCalicoPolicies } from "./policy/calico/read-calico-policies.ts";
export type { CiliumPolicySet } from "./policy/cilium/model.ts";
export { readCiliumPolicies } from "./policy/cilium/read-cilium-policies.ts";
export { explainFlow, type FlowExplanation, type FlowQuestion } from "./policy/prove/explain-flow.ts";
export type { PolicySide } from "./policy/prove/policy-side.ts";
export type { Proof, ProofDifference, Witness } from "./policy/prove/proof.ts";
export { type ProofInput, provePolicies } from "./policy/prove/prove-policies.ts";
export type { World } from "./policy/space/world.ts";
export { emptyWorld, type WorldSettings, worldOf } from "./policy/space/world-of.ts";
export { translatePolicies } from "./policy/translate/translate-policies.ts";
export type { PolicyTranslation, TranslatedObject, Translation } from "./policy/translate/translation.ts";
export { diffTrees } from "./review/diff-trees.ts";
export { detectSource } from "./source/detect-source.ts";
export type { SourceDetection, SourceFacts } from "./source/source.ts";
export type { PlannedMigration } from "./stages/planned-migration.ts";
export type { SealedStage } from "./stages/seal-stages.ts";
export type { Stage, StageObject } from "./stages/stage.ts";
export { newNodesConfig, nodeBatch, nodeBatchUndo } from "./target/node-config.ts";
export { planTarget } from "./target/plan-target.ts";
export type { TargetPlan } from "./target/target.ts";
export { planWaves } from "./waves/plan-waves.ts";
export type { Wave, WavePlan } from "./waves/waves.ts";
