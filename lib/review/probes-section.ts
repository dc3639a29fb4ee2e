import { printDecision } from "../policy/probe/print-probe.ts";
import type { NotShown, Probe, ProbePack } from "../policy/probe/probe-pack.ts";
import { bullets, code, count, escapeMarkdown, table } from "./markdown.ts";

/** policies.md: every connection of the probe pack with its expected verdicts, and what no probe shows. */
export function probesSection(
  pack: ProbePack,
  stages: readonly { readonly id: string; readonly kind: string }[],
): string {
  const runs = stages.filter(({ kind }) => kind === "probes" || kind === "validate").map(({ id }) => code(id));
  const differing = pack.probes.filter(({ before, after }) => before.verdict !== after.verdict).length;
  const blocks = [
    "## Probes",
    pack.probes.length === 0
      ? "No connection between two pods shows any rule: none is tried."
      : `${count(pack.probes.length, "connection")} between pods of ours that policy takes for the users' own, tried in ${runs.join(" and ")}. Every rule that can be shown decides one of them, and beside it stands one that it does not match.${differing === 0 ? "" : ` **${count(differing, "connection")} will be decided otherwise than today.**`}`,
    pack.probes.length === 0
      ? ""
      : table(
          ["", "from", "to", "port", "today", "on Cilium", "shows"],
          pack.probes.map((probe) => probeRow(pack, probe)),
        ),
    notShown(pack.notShown),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function probeRow(pack: ProbePack, probe: Probe): string[] {
  const name = (id: string): string => code(pack.pods.find((pod) => pod.id === id)?.standsFor ?? id);
  const decision = (made: Probe["before"]): string => `**${made.verdict}** by ${escapeMarkdown(printDecision(made))}`;
  return [
    probe.id,
    name(probe.from),
    name(probe.to),
    `${probe.protocol} ${probe.port}`,
    decision(probe.before),
    decision(probe.after),
    probe.shows.map(escapeMarkdown).join("; "),
  ];
}

/** By reason, so that one reason for a hundred rules is one paragraph. */
function notShown(entries: readonly NotShown[]): string {
  if (entries.length === 0) return "Every rule is shown.";
  const reasons = new Map<string, string[]>();
  for (const { rule, verdict, why } of entries) {
    const text = verdict === undefined ? code(rule) : `${code(rule)} ${verdict === "allow" ? "allows" : "denies"}`;
    reasons.set(why, [...(reasons.get(why) ?? []), text]);
  }
  const groups = [...reasons].map(([why, rules]) => reasonText(why, rules)).join("\n\n");
  return `<details><summary>${count(entries.length, "verdict")} not shown by a probe: the proof above covers them</summary>\n\n${groups}\n\n</details>`;
}

const mostListed = 40;

function reasonText(why: string, rules: readonly string[]): string {
  const more = rules.length > mostListed ? [`and ${(rules.length - mostListed).toLocaleString("en-US")} more`] : [];
  return `**${escapeMarkdown(why)}**\n\n${bullets([...rules.slice(0, mostListed), ...more])}`;
}
