import { join } from "node:path";
import type { FileTree } from "../../core/file-tree.ts";
import { type Checked, compareFindings, type Finding } from "../../core/finding.ts";
import type { PlanTree, Transition } from "../../delivery/plan-transition.ts";
import { verifyTransition } from "../../delivery/verify-transition.ts";
import { checkTree } from "../../io/write-tree.ts";
import type { Plan } from "../../plan/plan.ts";
import { readPlan } from "../../plan/read-plan.ts";
import { type ExitCode, exitCodeOf } from "../exit-code.ts";
import { fileAt, mergeBase, treeAt } from "../git.ts";
import { markersOf } from "../markers.ts";
import { endWithoutResult, printFindingsAs, printFindingsBeside, printJson } from "../print-report.ts";
import { readTree, withoutHidden } from "../read-tree.ts";
import type { Streams } from "../streams.ts";
import { type Synthesis, synthesise } from "./synth.ts";

interface VerifyOptions {
  readonly plan?: string;
  readonly base: string;
  readonly out: string;
  readonly format: "text" | "json" | "sarif" | "github";
}

/** `metachron verify --base REF`: whether a pull request may be merged, as far as git can tell. */
export async function verify(
  _operands: readonly string[],
  options: VerifyOptions,
  streams: Streams,
): Promise<ExitCode> {
  const synthesis = await synthesise(options.plan, options.out, streams);
  if (synthesis.value === undefined) return endWithoutResult(synthesis.findings, 2, options, streams);
  const base = await mergeBase(options.base);
  if (base.value === undefined) return endWithoutResult(base.findings, 2, options, streams);
  const after = await sideAfter(synthesis.value, options);
  const before = await sideBefore(base.value, after, options);
  if (before.value === undefined) return endWithoutResult(before.findings, 2, options, streams);
  const markers = markersOf(synthesis.value.migration.inventory);
  const trees = await treesOfPins(after, options.out);
  const transition: Transition = {
    before: before.value,
    after,
    ...(markers !== undefined && { markers }),
    treeAt: (commit) => trees.get(commit),
  };
  const { name } = synthesis.value.migration.plan;
  const findings = [
    ...synthesis.value.findings.filter((finding) => finding.severity === "error"),
    ...(await checkTree(options.out, name, synthesis.value.tree)),
    ...verifyTransition(transition),
  ].toSorted(compareFindings);
  print(findings, options, streams);
  return exitCodeOf(findings);
}

async function sideAfter(synthesis: Synthesis, options: VerifyOptions): Promise<PlanTree> {
  const { plan } = synthesis.migration;
  const tree = await readTree(join(options.out, plan.name));
  return { plan, tree: new Map([...tree].map(([path, text]) => [`${plan.name}/${path}`, text])) };
}

/** The plan and its tree on the branch that the pull request goes into; an unreadable plan there proves nothing, so it is refused. */
async function sideBefore(base: string, after: PlanTree, options: VerifyOptions): Promise<Checked<PlanTree>> {
  const { plan } = after;
  const tree = await ownTreeAt(base, plan, options.out);
  if (tree.value === undefined) return { value: undefined, findings: tree.findings };
  const text = await fileAt(base, plan.file);
  // A plan that is new in this pull request comes from nothing: every stage was held.
  if (text === undefined) return { value: { plan: { ...plan, stages: {} }, tree: tree.value }, findings: [] };
  const planBefore = isPlanText(plan.file) ? readPlan(text, plan.file) : undefined;
  if (planBefore === undefined) return { value: undefined, findings: [programPlan(plan)] };
  if (planBefore.value === undefined) {
    const findings = planBefore.findings.map((finding) => ({
      ...finding,
      message: `on ${options.base}: ${finding.message}`,
    }));
    return { value: undefined, findings };
  }
  return { value: { plan: planBefore.value, tree: tree.value }, findings: [] };
}

function isPlanText(file: string): boolean {
  return /\.ya?ml$/u.test(file);
}

function programPlan(plan: Plan): Finding {
  return {
    code: "cli/plan-is-a-program",
    severity: "error",
    message: `${plan.file} is a program, and metachron does not run programs out of git history`,
    where: { file: plan.file },
    reason: "the gate compares the states of the stages on both sides, which it can read from a plan file only",
    remedy:
      "keep the plan in a YAML file that the program hands to loadApp (plans/kind-canal.ts of metachron does), and verify that file",
  };
}

/** The rendered trees at the commits that active stages are pinned to; a commit that git does not know has none. */
async function treesOfPins({ plan }: PlanTree, out: string): Promise<ReadonlyMap<string, FileTree>> {
  const trees = new Map<string, FileTree>();
  for (const entry of Object.values(plan.stages)) {
    if (entry.state === "held" || entry.commit === undefined || trees.has(entry.commit)) continue;
    const tree = await ownTreeAt(entry.commit, plan, out);
    if (tree.value !== undefined) trees.set(entry.commit, tree.value);
  }
  return trees;
}

async function ownTreeAt(commit: string, plan: Plan, out: string): Promise<Checked<FileTree>> {
  const tree = await treeAt(commit, out);
  if (tree.value === undefined) return tree;
  const own = [...withoutHidden(tree.value)].filter(([path]) => path.startsWith(`${plan.name}/`));
  return { value: new Map(own), findings: [] };
}

function print(findings: readonly Finding[], options: VerifyOptions, streams: Streams): void {
  const blocks = findings.some((finding) => finding.severity === "error");
  if (options.format === "json") {
    printJson("Verification", { mergeable: !blocks, findings }, streams);
  } else if (options.format === "text") {
    printFindingsBeside(findings, streams, 5);
    streams.out(
      blocks
        ? "Do not merge: see above.\n"
        : "May be merged: the states are legal, and reviewed bodies are unchanged.\n",
    );
  } else {
    printFindingsAs(options.format, findings, streams);
  }
}
