import { countFindings, type Finding } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import type { Continuity, StageState } from "../plan/plan.ts";
import type { PolicyTranslation } from "../policy/translate/translation.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { SealedStage } from "../stages/seal-stages.ts";
import { bullets, code, count, duration, escapeMarkdown, joinBlocks, prose, shell, table } from "./markdown.ts";
import { mixedPhaseText } from "./mixed-section.ts";
import { outageSection, strategyNumbers, strategySummary, strategyWayBack } from "./strategy-section.ts";

const continuityMeaning: Readonly<Record<Continuity, string>> = {
  exact:
    "enforced on both sides from the dormant install to the end; every flow between old and new pods is decided as before",
  bridge: "enforced on both sides; flows between old and new pods are admitted more widely while both networks run",
  audit: "Cilium computes and reports verdicts, and drops nothing before the final values of 800-finalise",
  off: "Cilium computes nothing and drops nothing before the final values of 800-finalise: asked for in the plan",
};

const stateWord: Readonly<Record<StageState, string>> = {
  held: "held",
  open: "**open**",
  done: "done",
  rollback: "**rolling back**",
};

/** PLAN.md: what happens, in which order, with numbers; the page that a reviewer reads first. */
export function renderPlanPage(migration: PlannedMigration): string {
  return joinBlocks([
    `# ${escapeMarkdown(migration.plan.name)}: ${sourceName(migration)} to Cilium ${migration.plan.spec.target.version}`,
    outageSection(migration),
    strategySummary(migration) ?? summary(migration),
    numbers(migration),
    whereItStands(migration),
    blocking(migration),
    stages(migration),
    migration.plan.spec.strategy === "live" ? continuity(migration) : undefined,
    policies(migration),
    accepted(migration),
    otherFindings(migration),
    unmoved(migration),
    notChecked(migration),
    strategyWayBack(migration) ?? wayBack(migration),
  ]);
}

function sourceName(migration: PlannedMigration): string {
  return migration.source.source.replace(/^./u, (letter) => letter.toUpperCase());
}

function summary(migration: PlannedMigration): string {
  const { waves, plan, source } = migration;
  const nodes = waves.waves.reduce((sum, wave) => sum + wave.nodes.length, 0);
  const overlay = source.facts.encapsulation === "none" ? "no overlay" : source.facts.encapsulation.toUpperCase();
  const rolls =
    plan.spec.roll.mode === "evict"
      ? "their pods are evicted, budgets respected"
      : `roll mode ${code(plan.spec.roll.mode)}`;
  return [
    `Moves ${count(nodes, "node")} from ${sourceName(migration)} (${overlay}) to Cilium ${plan.spec.target.version} while everything keeps running,`,
    `in ${count(waves.waves.length, "wave")}; on each node the agent restarts and ${rolls}.`,
    "Each stage below is a directory of manifests. Nothing is applied until a pull request changes its state from `held` to `open`.",
  ].join(" ");
}

function numbers(migration: PlannedMigration): string {
  const { source, target } = migration;
  const port = source.facts.tunnelPort === undefined ? "" : `, UDP ${source.facts.tunnelPort}`;
  const rows = [
    ["Source", `${sourceName(migration)}, ${escapeMarkdown(source.facts.installation)} (${source.confidence})${port}`],
    ["Target", `Cilium ${migration.plan.spec.target.version}, VXLAN, UDP ${target.tunnelPort}`],
    [
      "Pod addresses",
      `${source.facts.podCIDRs.map(code).join(", ") || "unknown"} → ${target.podCIDRs.map(code).join(", ")}`,
    ],
    ...(strategyNumbers(migration) ?? liveNumbers(migration)),
  ];
  return `## In numbers\n\n${table(["", ""], rows)}`;
}

function liveNumbers(migration: PlannedMigration): readonly (readonly [string, string])[] {
  const { inventory, waves, continuity: holds } = migration;
  const moved = waves.waves.flatMap((wave) => wave.nodes);
  const pods = moved.reduce((sum, node) => sum + node.podsToMove + node.daemonSetPods, 0);
  const seconds = waves.waves.reduce((sum, wave) => sum + wave.estimateSeconds, 0);
  return [
    ["Nodes", `${inventory.nodes.length} in the inventory, ${moved.length} in waves`],
    ["Pods that restart", `${pods} of ${inventory.pods.length}`],
    ["Rolling time", `about ${duration(seconds)} of work, spread over ${count(waves.waves.length, "pull request")}`],
    ["Policy during the move", `${code(holds)}: ${continuityText(migration)}`],
  ];
}

function whereItStands(migration: PlannedMigration): string {
  const active = migration.stages.find((stage) => stage.state === "open" || stage.state === "rollback");
  const next = migration.stages.find((stage) => stage.state === "held");
  const done = migration.stages.filter((stage) => stage.state === "done").length;
  const now =
    active === undefined
      ? `${done} of ${count(migration.stages.length, "stage")} done, none open.`
      : `${done} of ${count(migration.stages.length, "stage")} done; ${stageLink(active)} is ${stateWord[active.state]}.`;
  if (migration.stages.length === 0) return "## Where it stands\n\nNo stage can be made yet: see what blocks below.";
  const step =
    active !== undefined
      ? `When its gate holds, close it with a pull request made by ${code(`metachron next --plan ${migration.plan.file}`)}.`
      : next === undefined
        ? "The migration is complete."
        : `Next is ${stageLink(next)}: read its STAGE.md, then open it with a pull request made by ${code(`metachron next --plan ${migration.plan.file}`)}.`;
  return `## Where it stands\n\n${now} ${step}`;
}

function stageLink(stage: Pick<SealedStage, "id">): string {
  return `[${stage.id}](stages/${stage.id}/STAGE.md)`;
}

function blocking(migration: PlannedMigration): string | undefined {
  const errors = migration.findings.filter((finding) => finding.severity === "error");
  if (errors.length === 0) return undefined;
  return `## What blocks\n\nNo stage may be opened while these stand.\n\n${findingList(errors)}`;
}

/** One line for each finding; many of one code become one line that opens. */
function findingList(findings: readonly Finding[]): string {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) groups.set(finding.code, [...(groups.get(finding.code) ?? []), finding]);
  return [...groups]
    .map(([findingCode, group]) =>
      group.length <= 2
        ? bullets(group.map((finding) => findingText(finding, code(findingCode))))
        : `<details><summary><code>${findingCode}</code>, ${count(group.length, "time")}</summary>\n\n${bullets(group.map((finding) => findingText(finding)))}\n\n</details>`,
    )
    .join("\n\n");
}

function findingText(finding: Finding, name?: string): string {
  const object = finding.where?.object === undefined ? undefined : code(finding.where.object);
  const subject = [name, object].filter((part) => part !== undefined).join(" ");
  const remedy = finding.remedy === undefined ? "" : ` *${prose(finding.remedy)}.*`;
  return `${subject === "" ? "" : `${subject}: `}${prose(finding.message)}.${remedy}`;
}

function stages(migration: PlannedMigration): string {
  if (migration.stages.length === 0) return "";
  const rows = migration.stages.map((stage) => [
    stageLink(stage),
    stateWord[stage.state],
    escapeMarkdown(stage.title),
    stage.nodes.length === 0 ? "" : nodeNames(stage.nodes),
    stage.estimateSeconds === 0 ? "" : duration(stage.estimateSeconds),
  ]);
  return `## Stages, in order\n\n${table(["stage", "state", "what it does", "nodes", "about"], rows)}`;
}

function nodeNames(nodes: readonly string[]): string {
  const shown = nodes.slice(0, 4).map(code).join(", ");
  return nodes.length <= 4 ? shown : `${shown} and ${nodes.length - 4} more`;
}

function continuity(migration: PlannedMigration): string {
  const asked = migration.plan.spec.policies.continuity;
  const rows = migration.findings.filter(
    (finding) => finding.code.startsWith("target/continuity") || finding.code.startsWith("bridge/"),
  );
  const mixed = migration.mixed === undefined ? "" : `\n\n${mixedPhaseText(migration.mixed)}`;
  const downgrade = rows.length === 0 ? "" : `\n\n${findingList(rows)}`;
  return `## Network policy while both networks run\n\nAsked for: ${code(asked)}. Holds: ${code(migration.continuity)}: ${continuityText(migration)}.${howLong(migration)}${downgrade}${mixed}`;
}

/** When it is over, and what would leave nothing open. */
function howLong({ continuity: holds, mixed, plan, source }: PlannedMigration): string {
  if (holds === "exact" || mixed === undefined || mixed.equal) return "";
  const end = holds === "bridge" ? `900-remove-${source.source} takes the bridge's policies away` : "800-finalise";
  const mayBeExact = plan.spec.policies.continuity !== "exact" && source.switchedOffFilters === undefined;
  const remedy = mayBeExact ? " `spec.policies.continuity: exact` leaves nothing open where it can hold." : "";
  return ` What is told below lasts until ${end}.${remedy}`;
}

/** What holds, or that nothing does on the source's side once its policy controller is off. */
function continuityText({ continuity, source }: PlannedMigration): string {
  const off = source.switchedOffFilters ?? [];
  if (off.length === 0) return continuityMeaning[continuity];
  return `**no policy on pods of the source**: ${off.join(" and ")} is switched off before Cilium comes, and each pod is under policy again once its own wave has moved it`;
}

function policies(migration: PlannedMigration): string {
  const { translation, proof } = migration;
  if (translation.policies.length === 0)
    return "## Policies\n\nThe source enforces no policy that needs a translation.";
  const by = (result: PolicyTranslation["result"]): number =>
    translation.policies.filter((policy) => policy.result === result).length;
  const verdict =
    proof === undefined
      ? "Not proven."
      : proof.equal
        ? `Proven: every packet among ${count(proof.world.pods, "pod")}, the nodes and the outside is decided as before (${proof.world.flows.toLocaleString("en-US")} flow classes compared).`
        : `**${count(proof.differences.length, "difference")}** between before and after: see [policies.md](policies.md).`;
  const rows = translation.policies.map((policy) => [
    code(printIdentity(policy.source)),
    policy.result,
    policy.outputs.map((output) => code(objectName(output.object))).join(", "),
    policy.findings
      .map((finding) => code(finding.code))
      .filter(unique)
      .join(" "),
  ]);
  return [
    "## Policies",
    `${by("exact")} exact, ${by("carved")} carved, ${by("partial")} partial, ${by("refused")} refused. ${verdict}`,
    table(["source", "result", "becomes", "told"], rows.slice(0, 40)),
    rows.length > 40
      ? `… and ${rows.length - 40} more in [policies.md](policies.md).`
      : "More in [policies.md](policies.md).",
  ].join("\n\n");
}

function unique(value: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(value) === index;
}

function objectName(object: PolicyTranslation["outputs"][number]["object"]): string {
  const metadata = object["metadata"] as { readonly name: string; readonly namespace?: string };
  return printIdentity({ kind: String(object["kind"]), ...metadata });
}

function accepted(migration: PlannedMigration): string | undefined {
  const rules = [
    ...migration.plan.spec.preflight.accept.map((entry) => ({ ...entry, list: "preflight" })),
    ...migration.plan.spec.policies.accept.map((entry) => ({ ...entry, list: "policies" })),
  ];
  if (rules.length === 0) return undefined;
  const rows = rules.map((entry) => [
    code(entry.code),
    code(entry.object),
    escapeMarkdown(entry.reason),
    escapeMarkdown(entry.by),
    entry.until ?? "",
  ]);
  return `## What people accepted\n\n${table(["finding", "object", "reason", "by", "until"], rows)}`;
}

function otherFindings(migration: PlannedMigration): string | undefined {
  const others = migration.findings.filter((finding) => finding.severity !== "error");
  if (others.length === 0) return undefined;
  const counts = countFindings(others);
  const warnings = others.filter((finding) => finding.severity === "warning");
  const notes = others.filter((finding) => finding.severity === "info");
  return [
    "## What to look at",
    `${count(counts.warning, "warning")} and ${count(counts.info, "note")}.`,
    warnings.length === 0 ? "" : findingList(warnings),
    notes.length === 0
      ? ""
      : `<details><summary>${count(notes.length, "note")}</summary>\n\n${findingList(notes)}\n\n</details>`,
  ]
    .filter((block) => block !== "")
    .join("\n\n");
}

function unmoved(migration: PlannedMigration): string | undefined {
  if (migration.waves.excluded.length === 0) return undefined;
  const rows = migration.waves.excluded.map((entry) => [code(entry.node), escapeMarkdown(entry.why)]);
  return `## Nodes that no wave takes\n\n${table(["node", "why"], rows)}`;
}

function notChecked(migration: PlannedMigration): string | undefined {
  if (migration.notChecked.length === 0) return undefined;
  const rows = migration.notChecked.map((entry) => [escapeMarkdown(entry.why), code(entry.command)]);
  return `## Not checked\n\nThe inventory cannot tell these; the commands do.\n\n${table(["what", "command that tells"], rows)}`;
}

function wayBack(migration: PlannedMigration): string {
  const example = migration.stages.find((stage) => stage.kind === "wave")?.id ?? "100-canary";
  return [
    "## The way back",
    "Until the source is removed, every stage can be turned back by a pull request; a wave's nodes return to the source with their own Job, one by one:",
    shell([`metachron rollback ${example} --plan ${migration.plan.file}`]),
  ].join("\n\n");
}
