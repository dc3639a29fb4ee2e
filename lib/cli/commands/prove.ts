import { compareFindings, type Finding, hasError } from "../../core/finding.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import { proofFindings } from "../../migration/proof-findings.ts";
import type { Decision, Proof, ProofDifference } from "../../policy/prove/proof.ts";
import { provePolicies } from "../../policy/prove/prove-policies.ts";
import type { World } from "../../policy/space/world.ts";
import { emptyWorld, worldOf } from "../../policy/space/world-of.ts";
import { count } from "../../review/markdown.ts";
import { detectSource } from "../../source/detect-source.ts";
import type { ExitCode } from "../exit-code.ts";
import { allObjects, loadInventory, uniqueFindings } from "../load-inventory.ts";
import { createPaint, type Paint } from "../paint.ts";
import { type GivenSide, isPolicy, policySideOf, unresolvedPolicies } from "../policy-side.ts";
import { endWithoutResult, printFindingsAs, printFindingsBeside, printJson, wrongUse } from "../print-report.ts";
import type { Streams } from "../streams.ts";
import { readVariables } from "../template-variables.ts";
import { wrapLines } from "../wrap-text.ts";

interface ProveOptions {
  readonly inventory?: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** `NAME=VALUE` for each `${NAME}` in the policies. */
  readonly substitute?: readonly string[];
  readonly cilium: string;
  readonly world?: "closed" | "open";
  readonly format: "text" | "json" | "sarif";
}

/** `metachron prove`: compares what two policy sets decide. */
export async function prove(_operands: readonly string[], options: ProveOptions, streams: Streams): Promise<ExitCode> {
  const variables = readVariables(options.substitute ?? []);
  if (typeof variables === "string") return endWithoutResult([wrongUse(variables)], 2, options, streams);
  const cluster =
    options.inventory === undefined ? undefined : await loadInventory(options.inventory, "cluster", streams);
  const before = await loadInventory(options.before, "policies", streams);
  const after = await loadInventory(options.after, "policies", streams);
  const loading = [...(cluster?.findings ?? []), ...before.findings, ...after.findings];
  const isMissing =
    before.value === undefined || after.value === undefined || (cluster !== undefined && cluster.value === undefined);
  if (isMissing || before.value === undefined || after.value === undefined)
    return endWithoutResult(loading, 2, options, streams);
  const world = worldFor(cluster?.value, options.cilium);
  const given: readonly [GivenSide, GivenSide] = [
    { objects: allObjects(before.value), name: options.before.join(", "), variables },
    { objects: allObjects(after.value), name: options.after.join(", "), variables },
  ];
  if (!given.some(({ objects }) => objects.some(isPolicy)))
    return endWithoutResult([...loading, nothingToCompare], 2, options, streams);
  const sides = [policySideOf(given[0], world), policySideOf(given[1], world)] as const;
  const findings = uniqueFindings([...withoutResolved(loading, given), ...sides.flatMap((side) => side.findings)]);
  const [from, to] = [sides[0].value, sides[1].value];
  if (from === undefined || to === undefined) return endWithoutResult(findings, 2, options, streams);
  const mode = options.world ?? (cluster === undefined ? "open" : "closed");
  const proof = provePolicies({ before: from, after: to, world, mode });
  // What could not be read was not compared: equal is said of whole sets only.
  const result = hasError(findings) ? { ...proof, equal: false } : proof;
  print(result, findings, options, streams);
  return result.equal ? 0 : 1;
}

const nothingToCompare = wrongUse(
  "there is no policy before and none after, so there is nothing to compare",
  "name files or folders that hold policies of Calico, Kubernetes or Cilium",
);

/** Findings without variables that got a value, that stand in no policy, or that the reader of Calico tells by field. */
function withoutResolved(findings: readonly Finding[], sides: readonly GivenSide[]): readonly Finding[] {
  const open = new Set(sides.flatMap(unresolvedPolicies));
  return findings.flatMap((finding) => {
    if (finding.code !== "inventory/unresolved-variable") return [finding];
    if (!open.has(finding.where?.object ?? "")) return [];
    return [{ ...finding, remedy: "give the values with --substitute NAME=VALUE, or give the rendered file" }];
  });
}

function worldFor(cluster: Inventory | undefined, version: string): World {
  if (cluster === undefined) return emptyWorld({ version });
  const { facts } = detectSource(cluster, "auto");
  return worldOf(cluster, { sourcePodCIDRs: facts.podCIDRs, targetPodCIDRs: [], ciliumValues: {}, version });
}

function print(proof: Proof, findings: readonly Finding[], options: ProveOptions, streams: Streams): void {
  if (options.format === "json") {
    printJson("Proof", { ...proof, findings: findings.toSorted(compareFindings) }, streams);
    return;
  }
  if (options.format === "sarif") {
    printFindingsAs("sarif", [...findings, ...proofFindings(proof)].toSorted(compareFindings), streams);
    return;
  }
  printFindingsBeside(findings, streams, 3);
  streams.out(wrapLines(describe(proof, createPaint(streams.useColor)), streams));
}

function describe(proof: Proof, paint: Paint): string {
  const { world } = proof;
  const where = `${world.kind} world, ${world.pods} pods in ${world.classes} classes, ${world.flows.toLocaleString("en-US")} flows compared`;
  const differences = proof.differences.map((difference) => describeDifference(difference, paint));
  const intended = proof.intended.map(
    (entry) => `  ${entry.id}  ${entry.why} (${entry.flows.toLocaleString("en-US")} flows)`,
  );
  return [
    `${verdictOf(proof, paint)}  ${paint("dim", where)}`,
    ...(differences.length === 0 ? [] : ["", ...differences]),
    ...(intended.length === 0 ? [] : ["", paint("dim", "meant and known, counted and not hidden:"), ...intended]),
    "",
  ].join("\n");
}

function verdictOf({ equal, differences, world }: Proof, paint: Paint): string {
  if (equal) return paint(["bold", "green"], "equal");
  if (differences.length > 0) return paint(["bold", "red"], count(differences.length, "difference"));
  const why = world.isTruncated === true ? "the world is too large to be compared whole" : "see the errors";
  return paint(["bold", "red"], `not proven: no difference in what was compared, but ${why}`);
}

function describeDifference(difference: ProofDifference, paint: Paint): string {
  const { witness, direction } = difference;
  const l4 = [witness.protocol, witness.port ?? witness.icmpType].filter((part) => part !== undefined).join(" ");
  const end = (which: "from" | "to"): string => {
    const { name, address } = witness[which];
    return address === undefined || name === address ? name : `${name} (${address})`;
  };
  return [
    `${paint(direction === "opened" ? "red" : "yellow", direction)}  ${end("from")} -> ${end("to")}  ${l4}  ${paint("dim", `${count(difference.flows, "flow")}, ${difference.half}`)}`,
    `  before  ${decision(difference.before)}`,
    `  after   ${decision(difference.after)}`,
  ].join("\n");
}

function decision(made: Decision): string {
  const place =
    made.where?.file === undefined
      ? ""
      : `  ${made.where.file}${made.where.line === undefined ? "" : `:${made.where.line}`}`;
  return `${made.verdict.padEnd(5)}  ${made.decidedBy}${place}`;
}
