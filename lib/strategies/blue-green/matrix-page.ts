import { code, escapeMarkdown, joinBlocks, table } from "../../review/markdown.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { readApplications } from "./read-applications.ts";

/** MATRIX.md: what is compared between the two clusters, by application and for the whole. */
export function matrixPage(migration: Pick<PlannedMigration, "inventory" | "source" | "plan" | "translation">): string {
  const { inventory, source, plan, translation } = migration;
  const policies = (namespace: string): number =>
    translation.policies.filter((policy) => policy.source.namespace === namespace && policy.outputs.length > 0).length;
  const rows = readApplications(inventory, source).map((one) => {
    const replicas = one.workloads.reduce((sum, workload) => sum + workload.replicas, 0);
    return [
      code(one.namespace),
      `${replicas} in ${one.workloads.length} workloads`,
      `${policies(one.namespace)} Valid`,
      `${one.claims.length} compared`,
      `${one.entries.length} answer`,
      "",
    ];
  });
  return joinBlocks([
    `# ${escapeMarkdown(plan.name)}: what is compared`,
    "The first cluster is what the second is measured by. What the stages ask themselves is not repeated here: agents, policies, probe pods (820-validate). The rest is a person's act.",
    "## By application",
    rows.length === 0
      ? "none"
      : table(["application", "pods ready", "policies", "claims", "entries", "looked at (name, day)"], rows),
    "## For the whole cluster",
    table(["what", "in the first", "in the second"], whole(plan)),
  ]);
}

function whole(plan: PlannedMigration["plan"]): readonly (readonly string[])[] {
  const both = (query: string): readonly string[] => [code(query), "the same, within what the owners accept"];
  return [
    [
      "versions",
      code("kubectl version; kubectl get nodes -o wide"),
      "the same minor version of Kubernetes, or a newer one on purpose",
    ],
    ["DNS", code("dig +short <every internal name that applications use>"), "the same answers, from a pod"],
    ["egress", "a request to each outside system", "the same answer: other source addresses are allowed there"],
    ["denied flows", "the source's own log of drops", code("hubble observe --verdict DROPPED --since 1h")],
    ["latency between pods", "p99 of a busy pair", "the same, on the same kind of node"],
    ...plan.spec.roll.serviceLevelGates.map((gate) => [escapeMarkdown(gate.name), ...both(gate.query)]),
  ];
}
