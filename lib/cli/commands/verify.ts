import { basename, dirname, join } from "node:path";
import { compareFindings, type Finding } from "../../core/finding.ts";
import type { PlanTree } from "../../delivery/plan-transition.ts";
import { verifyTransition } from "../../delivery/verify-transition.ts";
import { checkTree } from "../../io/write-tree.ts";
import { readPlan } from "../../plan/read-plan.ts";
import { type ExitCode, exitCodeOf } from "../exit-code.ts";
import { fileAt, mergeBase, treeAt } from "../git.ts";
import { markersOf } from "../markers.ts";
import { findingsJson, printFindingsAs, printFindingsBeside, printJson } from "../print-report.ts";
import { readTree, withoutHidden } from "../read-tree.ts";
import type { Streams } from "../streams.ts";
import { programVersion } from "../version.ts";
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
  if (synthesis.value === undefined) return unreadable(synthesis.findings, streams);
  const base = await mergeBase(options.base);
  if (base.value === undefined) return unreadable(base.findings, streams);
  const after = await sideAfter(synthesis.value, options);
  const before = await sideBefore(base.value, after, options);
  if ("findings" in before) return unreadable(before.findings, streams);
  const markers = markersOf(synthesis.value.migration.inventory);
  const transition = { before, after, ...(markers !== undefined && { markers }) };
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

async function sideBefore(
  base: string,
  after: PlanTree,
  options: VerifyOptions,
): Promise<PlanTree | { readonly findings: readonly Finding[] }> {
  const { plan } = after;
  const text = await fileAt(base, join(dirname(plan.file), basename(plan.file)));
  const tree = await treeAt(base, options.out);
  if (tree.value === undefined) return { findings: tree.findings };
  const own = new Map([...withoutHidden(tree.value)].filter(([path]) => path.startsWith(`${plan.name}/`)));
  // A plan that is new in this pull request comes from nothing: every stage was held.
  const planBefore = text === undefined ? undefined : readPlan(text, plan.file);
  return { plan: planBefore?.value ?? { ...plan, stages: {} }, tree: own };
}

function unreadable(findings: readonly Finding[], streams: Streams): ExitCode {
  printFindingsBeside(findings, streams);
  return 2;
}

function print(findings: readonly Finding[], options: VerifyOptions, streams: Streams): void {
  const blocks = findings.some((finding) => finding.severity === "error");
  if (options.format === "json") {
    printJson("Verification", { mergeable: !blocks, findings: findingsJson(findings) }, streams);
  } else if (options.format === "text") {
    printFindingsBeside(findings, streams);
    streams.out(
      blocks
        ? "Do not merge: see above.\n"
        : "May be merged: the states are legal, and reviewed bodies are unchanged.\n",
    );
  } else {
    printFindingsAs(options.format, findings, programVersion(), streams);
  }
}
