import type { FileTree } from "../core/file-tree.ts";
import { byAll, byText, sortedUnique } from "../core/order.ts";
import { compareStageIds } from "../delivery/layout.ts";
import type {
  AppliedObject,
  DiffContext,
  DiffSummary,
  NodeDiff,
  PlanDiff,
  StageDiff,
  StageStanding,
  WorkloadDiff,
} from "./diff.ts";
import { diffFiles } from "./diff-files.ts";
import { diffObjects, nameOf } from "./diff-objects.ts";
import { appliedObjects, type DiffSide, readSide, selectedNodes } from "./diff-sides.ts";
import { diffChart, diffValues } from "./diff-values.ts";

/**
 * What changes between two rendered trees, in the words of a migration.
 *
 * Paths may start with the plan's folder (`prod-eu/stages/…`) or below it (`stages/…`), on both sides alike. Where several
 * plans' folders differ, stages are named with their plan's: `prod-eu/100-canary`. Equal trees give a diff with empty lists.
 * Cost: every file is compared as text; only files that differ are parsed.
 */
export function diffTrees(before: FileTree, after: FileTree, context: DiffContext = {}): PlanDiff {
  const folders = sortedUnique([...before.keys(), ...after.keys()].map(folderOf));
  const parts = folders.map((folder) => ({ folder, before: below(before, folder), after: below(after, folder) }));
  const changed = parts.filter((part) => context.plans !== undefined || !isSameTree(part.before, part.after));
  const diffs = changed.map((part) => ({ folder: part.folder, diff: diffPlan(part.before, part.after, context) }));
  const [only] = diffs;
  if (only === undefined) return diffPlan(new Map(), new Map(), {});
  return diffs.length === 1 ? only.diff : joinDiffs(diffs.map(({ folder, diff }) => withFolder(diff, folder)));
}

/** The plan's folder in front of a path; empty where paths start below it. */
function folderOf(path: string): string {
  const [first = "", second] = path.split("/");
  return second === undefined || /^(?:stages|argocd|flux)$/u.test(first) ? "" : first;
}

function below(tree: FileTree, folder: string): FileTree {
  return new Map([...tree].filter(([path]) => folderOf(path) === folder));
}

function isSameTree(before: FileTree, after: FileTree): boolean {
  return before.size === after.size && [...before].every(([path, text]) => after.get(path) === text);
}

function withFolder(diff: PlanDiff, folder: string): PlanDiff {
  const named = <T extends { readonly stage: string }>(entry: T): T => ({
    ...entry,
    stage: `${folder}/${entry.stage}`,
  });
  return {
    ...diff,
    stages: diff.stages.map(named),
    nodes: diff.nodes.map(named),
    applied: diff.applied.map(named),
    workloads: diff.workloads.map(named),
    values: diff.values.map((value) => ({ ...value, scope: `${folder}/${value.scope}` })),
    objects: diff.objects.map((object) =>
      object.stage === undefined ? object : { ...object, stage: `${folder}/${object.stage}` },
    ),
  };
}

function joinDiffs(diffs: readonly PlanDiff[]): PlanDiff {
  const lists = {
    stages: diffs.flatMap((diff) => diff.stages),
    nodes: diffs.flatMap((diff) => diff.nodes),
    applied: diffs.flatMap((diff) => diff.applied),
    workloads: diffs.flatMap((diff) => diff.workloads),
    values: diffs.flatMap((diff) => diff.values),
    objects: diffs.flatMap((diff) => diff.objects),
    files: diffs.flatMap((diff) => diff.files),
  };
  const chart = diffs.find((diff) => diff.chart !== undefined)?.chart;
  return { ...envelope, summary: summarise(lists), ...lists, ...(chart !== undefined && { chart }) };
}

const envelope = { apiVersion: "metachron.dev/v1alpha1", kind: "PlanDiff" } as const;

type DiffLists = Pick<PlanDiff, "stages" | "nodes" | "applied" | "workloads" | "values" | "objects" | "files">;

function summarise(lists: DiffLists): DiffSummary {
  return {
    stages: lists.stages.length,
    nodes: new Set(lists.nodes.map((node) => node.node)).size,
    workloads: new Set(lists.workloads.map((workload) => workload.workload)).size,
    values: lists.values.length,
    policies: lists.objects.filter((object) => object.isPolicy).length,
    files: lists.files.length,
    unexpected: lists.files.filter((file) => !file.isExpected).length,
  };
}

function diffPlan(before: FileTree, after: FileTree, context: DiffContext): PlanDiff {
  const sides = { before: readSide(before, context.plans?.before), after: readSide(after, context.plans?.after) };
  const stages = diffStages(sides.before, sides.after);
  const files = diffFiles({ ...sides, stages });
  const lists: DiffLists = {
    stages,
    nodes: diffNodes(sides.before, sides.after, stages),
    applied: stages.flatMap((stage) => diffApplied(stage, sides.after)),
    workloads: diffWorkloads(stages, context),
    values: diffValues(sides.before, sides.after),
    objects: diffObjects(files, sides.before, sides.after),
    files,
  };
  const chart = diffChart(sides.before, sides.after);
  return { ...envelope, summary: summarise(lists), ...lists, ...(chart !== undefined && { chart }) };
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
    .map((stage) => ({ stage, before: before.standingOf(stage), after: after.standingOf(stage) }))
    .filter((stage) => !isSame(stage.before, stage.after))
    .map((stage) => ({
      ...stage,
      nodes: Math.max(before.nodesOf(stage.stage).length, after.nodesOf(stage.stage).length),
    }));
}

function isSame(a: StageStanding, b: StageStanding): boolean {
  return a.state === b.state && a.attempt === b.attempt;
}

function diffNodes(before: DiffSide, after: DiffSide, stages: readonly StageDiff[]): readonly NodeDiff[] {
  const moving = stages.flatMap(({ stage, after: standing }): NodeDiff[] => {
    if (standing.state !== "open" && standing.state !== "rollback") return [];
    const isWave = selectedNodes(after.stages.get(stage)).length > 0;
    const change = !isWave ? "touched" : standing.state === "open" ? "rolls" : "rolls-back";
    return after.nodesOf(stage).map((node) => ({ node, stage, change }));
  });
  const shifting = stageIds(before, after).flatMap((stage): NodeDiff[] => {
    const old = before.stages.get(stage);
    const young = after.stages.get(stage);
    if (old !== undefined && young !== undefined && isSameTree(old.body, young.body)) return [];
    const wasThere = new Set(selectedNodes(old));
    const isThere = new Set(selectedNodes(young));
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

function diffApplied({ stage, after }: StageDiff, side: DiffSide): readonly AppliedObject[] {
  return appliedObjects(side.stages.get(stage), after.state).map(([file, object]) => ({
    stage,
    object: nameOf(object),
    file,
  }));
}

function diffWorkloads(stages: readonly StageDiff[], { waves = [] }: DiffContext): readonly WorkloadDiff[] {
  return stages
    .filter((stage) => stage.after.state === "open" || stage.after.state === "rollback")
    .flatMap(({ stage }) =>
      waves
        .filter((wave) => wave.id === stage)
        .flatMap((wave) => wave.workloads.map((workload) => ({ stage, ...workload }))),
    );
}
