import { previousDigestPlaceholder } from "../core/digest-placeholder.ts";
import { getNumber, getString, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import type { ExactBridge } from "../policy/bridge/exact-bridge.ts";
import type { StageRef } from "../roll/job.ts";
import { ciliumImage, type RollContext } from "../roll/roll-context.ts";
import type { PlannedMigration } from "./planned-migration.ts";
import type { PreviousStage, StageDraft } from "./seal-stages.ts";
import type { StageJob, StageObject } from "./stage.ts";

/** What every stage of one plan is made from. */
export interface StageContext {
  readonly migration: Omit<PlannedMigration, "stages">;
  readonly bridge: ExactBridge;
  readonly roll: RollContext;
}

/** The context of a migration's stages. */
export function stageContext(migration: Omit<PlannedMigration, "stages">, bridge: ExactBridge): StageContext {
  const { plan, source, continuity, target } = migration;
  const roll: RollContext = {
    plan,
    facts: source.facts,
    continuity,
    podCIDRs: target.podCIDRs,
    ciliumNamespace: target.namespace,
    ciliumImage: ciliumImage(target.migration.values, plan.spec.target.version),
  };
  return { migration, bridge, roll };
}

/** The attempt of a stage, from the plan; 1 where it says nothing. */
function attemptOf(context: StageContext, id: string): number {
  return context.migration.plan.stages[id]?.attempt ?? 1;
}

/** A stage as its Job names it and the one before. */
export function stageRef(context: StageContext, id: string, previous: PreviousStage | undefined): StageRef {
  return {
    id,
    attempt: attemptOf(context, id),
    previous: previous === undefined ? undefined : { id: previous.id, digest: previousDigestPlaceholder },
  };
}

/** What a builder decides itself; state, attempt, commit and the Jobs are read from the plan and the objects. */
export type StageParts = Pick<
  StageDraft,
  "id" | "kind" | "title" | "purpose" | "gate" | "wayBack" | "objects" | "estimateSeconds"
> &
  Partial<Pick<StageDraft, "nodes" | "undo" | "files" | "findings" | "health" | "caveats">>;

/** A draft out of its parts, with what the plan says of the stage. */
export function draftOf(context: StageContext, parts: StageParts): StageDraft {
  const entry = context.migration.plan.stages[parts.id];
  const job = jobOf(parts.objects);
  const undoJob = jobOf(parts.undo ?? []);
  return {
    nodes: [],
    undo: [],
    files: [],
    findings: [],
    health: [],
    caveats: [],
    ...parts,
    state: entry?.state ?? "held",
    attempt: entry?.attempt ?? 1,
    ...(entry?.commit !== undefined && { commit: entry.commit }),
    ...(job !== undefined && { job }),
    ...(undoJob !== undefined && { undoJob }),
  };
}

function jobOf(objects: readonly StageObject[]): StageJob | undefined {
  const job: JsonObject | undefined = objects.find((entry) => entry.object["kind"] === "Job")?.object;
  if (job === undefined) return undefined;
  return {
    name: getString(job, "metadata", "name") ?? "",
    namespace: getString(job, "metadata", "namespace") ?? "",
    deadlineSeconds: getNumber(job, "spec", "activeDeadlineSeconds") ?? 0,
  };
}

/** Names of the Linux nodes that are on Cilium when every wave is done, sorted: those of the waves, and those that were there before. */
export function movedNodes({ migration }: StageContext): readonly string[] {
  const inWaves = migration.waves.waves.flatMap((wave) => wave.nodes.filter((node) => node.isGone !== true));
  const before = migration.source.hybrid?.migratedNodes ?? [];
  return sortedUnique([...inWaves.map((node) => node.name), ...before, ...migration.newNodes.joined]);
}
