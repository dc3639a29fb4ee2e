import type { PlannedMigration } from "../stages/planned-migration.ts";
import { code, count, duration, escapeMarkdown, shell, table } from "./markdown.ts";

/** The outage of an in-place migration: the first thing on PLAN.md. `undefined` with any other strategy. */
export function outageSection({ outage, source }: PlannedMigration): string | undefined {
  if (outage === undefined) return undefined;
  const rows = outage.parts.map((part) => [
    escapeMarkdown(part.what),
    duration(part.seconds),
    escapeMarkdown(part.why),
  ]);
  return [
    `## The outage: about ${duration(outage.seconds)}`,
    `${count(outage.pods, "pod")} on ${count(outage.nodes, "node")} have no network from the moment ${escapeMarkdown(source.source)} is removed from their node until Cilium has restarted them. Applications come on top: readiness, elections, caches. Pods that only talk within one node lose that too. Images are pulled before.`,
    table(["part", "about", "how it comes about"], rows),
    "The way back is a second outage of the same length, and is open until the rest of the source is removed.",
  ].join("\n\n");
}

/** What the plan does, in a few sentences; `undefined` for a live migration, which has its own. */
export function strategySummary(migration: PlannedMigration): string | undefined {
  const { plan, source, outage } = migration;
  const version = `Cilium ${escapeMarkdown(plan.spec.target.version)}`;
  const from = escapeMarkdown(source.source);
  const held = "Nothing is applied until a pull request changes a stage's state from `held` to `open`.";
  switch (plan.spec.strategy) {
    case "live":
      return undefined;
    case "in-place":
      return `Replaces ${from} with ${version} in place, on ${count(outage?.nodes ?? 0, "node")} at once. Before the outage: Cilium's operator, the translated policies (Valid), the images. The outage is one Job, stage [100-switch](stages/100-switch/STAGE.md): while it runs, Argo CD and Flux have no network themselves, and the Job needs neither. After it: the final values, validation, the rest of ${from}. ${held}`;
    case "blue-green":
      return `Leaves the cluster with ${from} as it is and prepares a second one with ${version}. The stages below are applied **to the second cluster**: the chart with its final values, the translated policies, validation. Moving applications, their data and their traffic is people's work: [MOVES.md](MOVES.md) says what must move and in which order, [TRAFFIC.md](TRAFFIC.md) how traffic is switched, [MATRIX.md](MATRIX.md) what is compared. ${held}`;
  }
}

/** The way back by strategy; `undefined` for a live migration. */
export function strategyWayBack({ plan, source }: PlannedMigration): string | undefined {
  switch (plan.spec.strategy) {
    case "live":
      return undefined;
    case "in-place":
      return [
        "## The way back",
        `Before 100-switch nothing has to be taken back. From there until 900-remove-${escapeMarkdown(source.source)} a person puts the source back, as [WAY-BACK.md](stages/100-switch/WAY-BACK.md) says: a second outage. A Job that stopped goes on where it was:`,
        shell([`metachron next --plan ${plan.file}`]),
      ].join("\n\n");
    case "blue-green":
      return "## The way back\n\nThe first cluster runs unchanged until a person takes it down: traffic is switched back application by application, as TRAFFIC.md says. What was written in the second cluster meanwhile has to be brought back by the applications' own means.";
  }
}

/** Rows of the numbers that differ by strategy; `undefined` for a live migration. */
export function strategyNumbers({
  plan,
  outage,
  inventory,
}: PlannedMigration): readonly (readonly [string, string])[] | undefined {
  if (plan.spec.strategy === "live") return undefined;
  const nodes = `${inventory.nodes.length} in the inventory`;
  if (outage === undefined) return [["Nodes", nodes]];
  return [
    ["Nodes", `${nodes}, ${outage.nodes} are switched`],
    ["Pods that restart", `${outage.pods} of ${inventory.pods.length}`],
    ["Outage", `about ${duration(outage.seconds)}`],
    ["Policy", `enforced by ${code("Cilium")} from a pod's first packet on the new network`],
  ];
}
