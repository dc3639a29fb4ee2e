import { identityOf, printIdentity } from "../core/identity.ts";
import type { Decision, FlowEnd, Proof, ProofDifference } from "../policy/prove/proof.ts";
import type { PolicyTranslation } from "../policy/translate/translation.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import { loggedSection } from "./logged-section.ts";
import { bullets, code, count, escapeMarkdown, joinBlocks, prose, table } from "./markdown.ts";
import { probesSection } from "./probes-section.ts";

const meaning: Readonly<Record<PolicyTranslation["result"], string>> = {
  exact: "the same verdicts, by structure alone",
  carved: "the same verdicts, with terms that come from other policies or from the inventory",
  partial: "never wider than the source; something is missing",
  refused: "nothing is emitted for it",
};

/** policies.md: one row per source policy with its result, what it became, what is told about it; then the proof. */
export function renderPoliciesPage(migration: PlannedMigration): string {
  const { translation, proof, probes } = migration;
  return joinBlocks([
    `# ${escapeMarkdown(migration.plan.name)}: policies`,
    translation.policies.length === 0
      ? "The source enforces no policy that needs a translation."
      : `${count(translation.policies.length, "source policy", "source policies")}. ${results(translation.policies)}`,
    overview(translation.policies),
    proof === undefined ? undefined : proofSection(proof),
    probes === undefined ? undefined : probesSection(probes, migration.stages),
    appliedBy(migration),
    loggedSection(translation.policies),
    ...translation.policies.map((policy) => policySection(policy)),
  ]);
}

/** Names the digest of the stage that this page is about: the merge gate compares the two. */
function appliedBy({ stages }: PlannedMigration): string | undefined {
  const stage = stages.find((candidate) => candidate.kind === "policies");
  return stage === undefined ? undefined : `Applied by stage ${code(stage.id)}, body digest ${code(stage.digest)}.`;
}

function results(policies: readonly PolicyTranslation[]): string {
  const rows = (["exact", "carved", "partial", "refused"] as const).map((result) => {
    const number = policies.filter((policy) => policy.result === result).length;
    return [code(result), String(number), meaning[result]];
  });
  return `\n\n${table(["result", "policies", "meaning"], rows)}`;
}

function overview(policies: readonly PolicyTranslation[]): string {
  if (policies.length === 0) return "";
  const rows = policies.map((policy) => [
    code(printIdentity(policy.source)),
    policy.result,
    policy.outputs.map((output) => code(printIdentity(identityOf(output.object)))).join(", "),
    [...new Set(policy.findings.map((finding) => finding.code))].sort().map(code).join(" "),
  ]);
  return `## One row each\n\n${table(["source", "result", "becomes", "told"], rows)}`;
}

function proofSection(proof: Proof): string {
  const world = `${count(proof.world.pods, "pod")} in ${count(proof.world.classes, "class", "classes")}, ${count(proof.world.flows, "flow class", "flow classes")} compared, ${proof.world.kind} world`;
  const verdict = proof.equal
    ? `**Equal.** Before and after decide every packet alike (${world}).`
    : `**${count(proof.differences.length, "difference")}** (${world}).`;
  const intended = proof.intended.map(
    (entry) => `${code(entry.id)} ${escapeMarkdown(entry.why)} (${count(entry.flows, "flow")})`,
  );
  return [
    "## Proof",
    verdict,
    proof.differences.length === 0 ? "" : bullets(proof.differences.map(difference)),
    intended.length === 0 ? "" : `Meant and known, counted and not hidden:\n\n${bullets(intended)}`,
  ]
    .filter((block) => block !== "")
    .join("\n\n");
}

function difference(entry: ProofDifference): string {
  const { witness } = entry;
  const l4 = [witness.protocol, witness.port ?? witness.icmpType].filter((part) => part !== undefined).join(" ");
  return [
    `**${entry.direction}** (${entry.half}) ${end(witness.from)} → ${end(witness.to)} ${l4}, ${count(entry.flows, "flow")}:`,
    `before ${decision(entry.before)}, after ${decision(entry.after)}`,
  ].join(" ");
}

function end(flowEnd: FlowEnd): string {
  return code(flowEnd.address === undefined ? flowEnd.name : `${flowEnd.name} (${flowEnd.address})`);
}

function decision(made: Decision): string {
  return `**${made.verdict}** by ${code(made.decidedBy)}`;
}

function policySection(policy: PolicyTranslation): string | undefined {
  if (policy.findings.length === 0) return undefined;
  const items = policy.findings.map((finding) => {
    const field = finding.where?.field === undefined ? "" : ` at ${code(finding.where.field)}`;
    const parts = [finding.reason, finding.remedy].filter((part) => part !== undefined).map(prose);
    return `${finding.severity} ${code(finding.code)}${field}: ${prose(finding.message)}. ${parts.map((part) => `${part}.`).join(" ")}`.trim();
  });
  const file = policy.source.position.file;
  const line = policy.source.position.line;
  const place = file === undefined ? "" : ` (${code(line === undefined ? file : `${file}:${line}`)})`;
  return `### ${code(printIdentity(policy.source))}: ${policy.result}${place}\n\n${bullets(items)}`;
}
