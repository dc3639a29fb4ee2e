import { code, escapeMarkdown, joinBlocks, table } from "../../review/markdown.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { readApplications } from "./read-applications.ts";

/** TRAFFIC.md: every entry that the outside knows, and what a person does to switch it and to switch it back. */
export function trafficPage({
  inventory,
  source,
  plan,
}: Pick<PlannedMigration, "inventory" | "source" | "plan">): string {
  const applications = readApplications(inventory, source);
  const rows = applications.flatMap((one) =>
    one.entries.map((entry) => [
      code(one.namespace),
      code(entry.name),
      entry.known.map(code).join(", ") || "unknown",
      "",
    ]),
  );
  return joinBlocks([
    `# ${escapeMarkdown(plan.name)}: how traffic is switched`,
    "All of this is a person's act, at systems that no inventory of a cluster shows: DNS, load balancers, firewalls, partners.",
    rows.length === 0
      ? "The inventory shows no entry from outside: no Service of type LoadBalancer or NodePort, no Ingress, no route."
      : table(["application", "entry", "what the outside knows", "switched by (name, day)"], rows),
    "## For each entry",
    [
      "a day before: lower the time to live of its DNS names to a minute, and write down what it was",
      "the second cluster gives it an address; health checks of the load balancer answer there",
      "firewalls and partners that allow addresses know the new ones, in both directions: pods leave with other node addresses",
      "certificates are there, and not asked for anew at the moment of the switch",
      "a request with the entry's own host name to the new address answers as the old one does, body and all",
      "move 1 % of the traffic, or one caller; watch the signals of MATRIX.md for a quarter of an hour",
      "10 %, 50 %, 100 %, each with the same watch",
      "long connections are ended at the old side when the owners say so",
      "raise the time to live again",
    ]
      .map((step) => `- [ ] ${step}`)
      .join("\n"),
    "## Back",
    "- [ ] give the weight back to the first cluster, all at once; it still runs\n- [ ] applications with data: what was written at the second cluster since the switch is not at the first; the owners say what becomes of it\n- [ ] after the first cluster was scaled to zero: scale up first, then switch",
  ]);
}
