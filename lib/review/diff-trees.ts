import type { FileTree } from "../core/file-tree.ts";
import { byAll, byText } from "../core/order.ts";
import { compareStageIds } from "../delivery/layout.ts";
import type { DiffContext, NodeDiff, PlanDiff, StageDiff, StageStanding, WorkloadDiff } from "./diff.ts";
import { diffFiles } from "./diff-files.ts";
import { diffObjects } from "./diff-objects.ts";
import { type DiffSide, nodeCount, nodesOfStage, readSide } from "./diff-sides.ts";
import { diffChart, diffValues } from "./diff-values.ts";

/**
 * What changes between two rendered trees of one plan, in the words of a migration.
 *
 * Paths may start with the plan's folder or below it, on both sides alike. Equal trees give a diff with empty lists.
 * Cost: every file is compared as text; only files that differ are parsed.
 */
export function diffTrees(before: FileTree, after: FileTree, context: DiffContext = {}): PlanDiff {
  const sides = { before: readSide(before, context.plans?.before), after: readSide(after, context.plans?.after) };
  const stages = diffStages(sides.before, sides.after);
  const files = diffFiles({ ...sides, stages });
  const objects = diffObjects(files, sides.before, sides.after);
  const values = diffValues(sides.before, sides.after);
  const nodes = diffNodes(sides.before, sides.after, stages);
  const workloads = diffWorkloads(stages, context);
  const chart = diffChart(sides.before, sides.after);
  return {
    apiVersion: "metachron.dev/v1alpha1",
    kind: "PlanDiff",
    summary: {
      stages: stages.length,
      nodes: new Set(nodes.map((node) => node.node)).size,
      workloads: new Set(workloads.map((workload) => workload.workload)).size,
      values: values.length,
      policies: objects.filter((object) => object.isPolicy).length,
      files: files.length,
      unexpected: files.filter((file) => !file.isExpected).length,
    },
    stages,
    nodes,
    workloads,
    ...(chart !== undefined && { chart }),
    values,
    objects,
    files,
  };
}

/** Whether a diff says that nothing changed. */
export function isEmptyDiff(diff: PlanDiff): boolean {
  return diff.files.length === 0 && diff.stages.length === 0;
}

function stageIds(before: DiffSide, after: DiffSide): readonly string[] {
  return [...new Set([...before.stages.keys(), ...after.stages.keys()])].sort(compareStageIds);
}

function diffStages(before: DiffSide, after: DiffSide): readonly StageDiff[] {
  return stageIds(before, after)
    .map((stage) => ({
      stage,
      before: before.standingOf(stage),
      after: after.standingOf(stage),
      nodes: Math.max(nodeCount(before, stage), nodeCount(after, stage)),
    }))
    .filter((stage) => !isSame(stage.before, stage.after));
}

function isSame(a: StageStanding, b: StageStanding): boolean {
  return a.state === b.state && a.attempt === b.attempt;
}

function diffNodes(before: DiffSide, after: DiffSide, stages: readonly StageDiff[]): readonly NodeDiff[] {
  const moving = stages.flatMap(({ stage, after: standing }): NodeDiff[] => {
    if (standing.state !== "open" && standing.state !== "rollback") return [];
    const change = standing.state === "open" ? "rolls" : "rolls-back";
    return nodesOfStage(after.stages.get(stage)).map((node) => ({ node, stage, change }));
  });
  const shifting = stageIds(before, after).flatMap((stage): NodeDiff[] => {
    const old = before.stages.get(stage);
    const young = after.stages.get(stage);
    const wasThere = new Set(nodesOfStage(old));
    const isThere = new Set(nodesOfStage(young));
    return [
      ...[...isThere].filter((node) => !wasThere.has(node)).map((node) => ({ node, stage, change: "enters" as const })),
      ...[...wasThere].filter((node) => !isThere.has(node)).map((node) => ({ node, stage, change: "leaves" as const })),
    ];
  });
  return [...moving, ...shifting].sort(compareNodes);
}

const compareNodes = byAll<NodeDiff>(
  (a, b) => compareStageIds(a.stage, b.stage),
  byText((node) => node.change),
  byText((node) => node.node),
);

function diffWorkloads(stages: readonly StageDiff[], { waves = [] }: DiffContext): readonly WorkloadDiff[] {
  return stages
    .filter((stage) => stage.after.state === "open" || stage.after.state === "rollback")
    .flatMap(({ stage }) =>
      waves
        .filter((wave) => wave.id === stage)
        .flatMap((wave) => wave.workloads.map((workload) => ({ stage, ...workload }))),
    );
}
