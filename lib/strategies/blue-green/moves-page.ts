import { bullets, code, count, escapeMarkdown, joinBlocks, table } from "../../review/markdown.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { type Move, planMoves } from "./plan-moves.ts";
import {
  type Application,
  ownLabels,
  platformNamespaces,
  readApplications,
  readDefinitions,
} from "./read-applications.ts";

/** MOVES.md: everything that the second cluster has to get, and the applications in their order. */
export function movesPage(migration: Pick<PlannedMigration, "inventory" | "source" | "plan">): string {
  const { inventory, source, plan } = migration;
  const applications = readApplications(inventory, source);
  const moves = planMoves(applications);
  return joinBlocks([
    `# ${escapeMarkdown(plan.name)}: what must move`,
    "Read from the inventory of the first cluster. Nothing on this page is done by a Job: it is a list for people, in the order in which the second cluster needs it. What the inventory does not hold (Secrets, objects of kinds that were not dumped) is not here.",
    first(migration, applications),
    `## Applications, in ${count(moves.length, "wave")}`,
    applications.length === 0 ? "The inventory holds no application outside the platform's own namespaces." : undefined,
    ...moves.map(moveSection),
    data(applications),
    lost(applications),
  ]);
}

function first({ inventory }: Pick<PlannedMigration, "inventory">, applications: readonly Application[]): string {
  const definitions = readDefinitions(inventory);
  const rows = applications.map((one) => [code(one.namespace), ownLabels(one).map(code).join(" ")]);
  return joinBlocks([
    "## Before 030-policies is opened",
    `- [ ] ${count(definitions.length, "definition")} of custom resources, with the operators that own them\n- [ ] ${count(applications.length, "namespace")} with their labels: policies select by them, and an object of a namespace that is not there cannot be applied\n- [ ] Secrets, image pull rights, storage classes and ingress classes of the same names\n- [ ] the platform's own namespaces are set up with the cluster and not copied: ${platformNamespaces(inventory, applications).map(code).join(", ")}`,
    definitions.length === 0
      ? undefined
      : `<details><summary>${count(definitions.length, "definition")}</summary>\n\n${table(
          ["definition", "objects in the inventory"],
          definitions.map((one) => [code(one.name), one.objects === undefined ? "unknown" : String(one.objects)]),
        )}\n\n</details>`,
    rows.length === 0 ? undefined : table(["namespace", "labels"], rows),
  ]).trimEnd();
}

function moveSection(move: Move): string {
  const rows = move.applications.map((one) => [
    code(one.namespace),
    one.workloads.map((workload) => `${code(workload.name)} × ${workload.replicas}`).join(", ") || "none",
    String(one.claims.length),
    one.entries.map((entry) => code(entry.name)).join(", ") || "none",
  ]);
  return joinBlocks([
    `### Wave ${move.number}: ${move.title}`,
    `${move.why}.`,
    table(["application", "workloads", "claims", "entries"], rows),
    steps(move),
  ]).trimEnd();
}

function steps(move: Move): string {
  const hasData = move.applications.some((one) => one.claims.length + one.hostPaths.length > 0);
  const hasEntries = move.applications.some((one) => one.entries.length > 0);
  return [
    "deploy to the second cluster from the same source of truth, with no traffic",
    "compare the rows of these applications in MATRIX.md",
    ...(hasData ? ["stop writing in the first cluster, copy the data, compare it, start in the second"] : []),
    ...(hasEntries ? ["switch their entries as TRAFFIC.md says"] : []),
    "watch for the time that the owners ask for; then scale to zero in the first cluster, and delete nothing there yet",
  ]
    .map((step) => `- [ ] ${step}`)
    .join("\n");
}

function data(applications: readonly Application[]): string | undefined {
  const claims = applications.flatMap((one) =>
    one.claims.map((claim) => [
      code(`${one.namespace}/${claim.name}`),
      escapeMarkdown(claim.size),
      escapeMarkdown(claim.storageClass),
      claim.usedBy.map(code).join(", ") || "nobody now",
    ]),
  );
  if (claims.length === 0) return undefined;
  return `## Data\n\nTwo clusters share no volume. For each, a person says how it gets across: replication of the application, backup and restore, a snapshot of the storage, or not at all.\n\n${table(["claim", "size", "class", "used by"], claims)}`;
}

function lost(applications: readonly Application[]): string | undefined {
  const items = applications.flatMap((one) => [
    ...one.barePods.map(
      (pod) => `${code(`${one.namespace}/${pod}`)} has no controller: nothing creates it in the second cluster`,
    ),
    ...one.hostPaths.map(
      (path) => `${code(one.namespace)} mounts ${code(path)} of its node: that data is on one machine`,
    ),
  ]);
  return items.length === 0 ? undefined : `## What no deployment brings along\n\n${bullets(items)}`;
}
