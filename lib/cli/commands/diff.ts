import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileTree } from "../../core/file-tree.ts";
import type { Finding } from "../../core/finding.ts";
import { planMigration } from "../../migration/plan-migration.ts";
import type { PlanDiff } from "../../review/diff.ts";
import { renderDiffMarkdown } from "../../review/diff-markdown.ts";
import { renderDiffText } from "../../review/diff-text.ts";
import { diffTrees, isEmptyDiff } from "../../review/diff-trees.ts";
import type { ExitCode } from "../exit-code.ts";
import { mergeBase, treeAt } from "../git.ts";
import { loadProject } from "../load-project.ts";
import { endWithoutResult, printJson, wrongUse } from "../print-report.ts";
import { readRenderedStages } from "../read-rendered-stages.ts";
import { readTree, withoutHidden } from "../read-tree.ts";
import type { Streams } from "../streams.ts";
import { wrapLines } from "../wrap-text.ts";

interface DiffOptions {
  readonly plan?: string;
  readonly base?: string;
  readonly out: string;
  readonly maxBytes: string;
  readonly exitCode: boolean;
  readonly format: "text" | "markdown" | "json";
}

/** `metachron diff OLD NEW` or `--base REF`: what a pull request changes, in migration terms. */
export async function diff(operands: readonly string[], options: DiffOptions, streams: Streams): Promise<ExitCode> {
  const maxBytes = Number(options.maxBytes);
  const [old, young] = operands;
  const isTwoTrees = old !== undefined && young !== undefined;
  if (!Number.isInteger(maxBytes) || maxBytes < 1000 || isTwoTrees === (options.base !== undefined)) {
    const use = wrongUse(
      "diff compares two folders, or the working tree with --base; --max-bytes is a whole number of at least 1000",
    );
    return endWithoutResult([use], 2, options, streams);
  }
  const before = isTwoTrees
    ? { tree: await readTree(old), findings: [] }
    : await treeOfBase(options.base ?? "", options.out);
  if (before.tree === undefined) return endWithoutResult(before.findings, 2, options, streams);
  const after = await readTree(isTwoTrees ? young : options.out);
  if (before.tree.size === 0 && after.size === 0) {
    const [here, there] = isTwoTrees ? [young, old] : [options.out, `${options.out} at ${options.base}`];
    const nothing = wrongUse(
      `there is no rendered plan in ${here}, and none in ${there}`,
      "run metachron synth first, or name the folder that holds the plans",
    );
    return endWithoutResult([nothing], 2, options, streams);
  }
  const difference = await withWorkloads(diffTrees(before.tree, after), before.tree, after, options, streams);
  if (options.format === "json") printJson("PlanDiff", difference, streams);
  else streams.out(render(difference, options.format, maxBytes, streams));
  return options.exitCode && !isEmptyDiff(difference) ? 1 : 0;
}

/**
 * The difference with the workloads on the nodes of waves that it opens or takes back. They are in no rendered object, so the
 * plan and its inventory are read anew; without a plan, as between two folders of a download, they stay unknown.
 */
async function withWorkloads(
  difference: PlanDiff,
  before: FileTree,
  after: FileTree,
  options: DiffOptions,
  streams: Streams,
): Promise<PlanDiff> {
  const [path = ""] = difference.files.map((file) => file.path);
  const file = options.plan ?? join("plans", `${path.split("/")[0] ?? ""}.yaml`);
  const movesNodes = difference.nodes.some(({ change }) => change === "rolls" || change === "rolls-back");
  if (!movesNodes || !existsSync(file)) return difference;
  const project = await loadProject(file, streams);
  if (project.value === undefined) return difference;
  const { waves } = planMigration({
    ...project.value,
    findings: project.findings,
    rendered: await readRenderedStages(options.out, project.value.plan),
  });
  return diffTrees(before, after, { waves: waves.waves });
}

async function treeOfBase(
  revision: string,
  out: string,
): Promise<{ readonly tree: FileTree | undefined; readonly findings: readonly Finding[] }> {
  const base = await mergeBase(revision);
  if (base.value === undefined) return { tree: undefined, findings: base.findings };
  const folder = dirname(out) === "." ? basename(out) : out;
  const tree = await treeAt(base.value, folder);
  return { tree: tree.value === undefined ? undefined : withoutHidden(tree.value), findings: tree.findings };
}

function render(difference: PlanDiff, format: "text" | "markdown", maxBytes: number, streams: Streams): string {
  if (format === "markdown") return renderDiffMarkdown(difference, maxBytes);
  const text = renderDiffText(difference, { useColor: streams.useColor });
  return wrapLines(text, streams);
}
