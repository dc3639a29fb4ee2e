import { render } from "preact-render-to-string";
import { countFindings } from "../../core/finding.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { count, duration } from "../markdown.ts";
import { FindingList } from "./report-findings.tsx";
import { NodeMap } from "./report-nodes.tsx";
import { Policies } from "./report-policies.tsx";
import { reportStyle } from "./report-style.ts";
import { Timeline } from "./report-timeline.tsx";

/** report.html: the plan to look at in a browser, one file, no script, no request to anywhere. */
export function renderReport(migration: PlannedMigration): string {
  return `<!doctype html>\n${render(<Report migration={migration} />)}\n`;
}

function Report({ migration }: { readonly migration: PlannedMigration }) {
  const { plan } = migration;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${plan.name}: ${migration.source.source} to Cilium ${plan.spec.target.version}`}</title>
        <style dangerouslySetInnerHTML={{ __html: reportStyle }} />
      </head>
      <body>
        <header>
          <h1>{plan.name}</h1>
          <p class="soft">
            {migration.source.source} to Cilium {plan.spec.target.version}, plan file <code>{plan.file}</code>
          </p>
          <nav>
            <a href="#stages">Stages</a>
            <a href="#nodes">Nodes</a>
            <a href="#policies">Policies</a>
            <a href="#findings">Findings</a>
            <a href="#not-checked">Not checked</a>
          </nav>
        </header>
        <Standing migration={migration} />
        <Facts migration={migration} />
        <Timeline stages={migration.stages} />
        <NodeMap migration={migration} />
        <Policies migration={migration} />
        <FindingList findings={migration.findings} />
        <NotChecked entries={migration.notChecked} />
      </body>
    </html>
  );
}

function Standing({ migration }: { readonly migration: PlannedMigration }) {
  const { error, warning, info } = countFindings(migration.findings);
  const active = migration.stages.find((stage) => stage.state === "open" || stage.state === "rollback");
  const next = migration.stages.find((stage) => stage.state === "held");
  const step =
    active !== undefined
      ? `${active.id} is ${active.state === "open" ? "open" : "rolling back"}.`
      : next === undefined
        ? "No stage waits."
        : `Next: ${next.id}.`;
  return (
    <div class={error > 0 ? "verdict blocked" : "verdict"}>
      <strong>{error > 0 ? `${count(error, "error")}: no stage may be opened while they stand.` : step}</strong>{" "}
      {count(warning, "warning")} and {count(info, "note")} to read.
    </div>
  );
}

function Facts({ migration }: { readonly migration: PlannedMigration }) {
  const { source, target, waves, inventory } = migration;
  const moved = waves.waves.flatMap((wave) => wave.nodes);
  const pods = moved.reduce((sum, node) => sum + node.podsToMove + node.daemonSetPods, 0);
  const seconds = waves.waves.reduce((sum, wave) => sum + wave.estimateSeconds, 0);
  const facts: readonly (readonly [string, string])[] = [
    ["Source", `${source.source}, ${source.facts.installation} (${source.confidence})`],
    ["Nodes in waves", `${moved.length} of ${inventory.nodes.length}, in ${count(waves.waves.length, "wave")}`],
    ["Pods that restart", `${pods} of ${inventory.pods.length}`],
    ["Rolling time", `about ${duration(seconds)}`],
    ["Pod addresses", `${source.facts.podCIDRs.join(", ") || "unknown"} → ${target.podCIDRs.join(", ")}`],
    ["Policy during the move", migration.continuity],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function NotChecked({ entries }: { readonly entries: PlannedMigration["notChecked"] }) {
  return (
    <section id="not-checked">
      <h2>Not checked</h2>
      {entries.length === 0 ? (
        <p class="soft">The inventory answers every question of the preflight.</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>What the inventory cannot tell</th>
                <th>Command that tells</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <tr key={entry.id}>
                  <td>{entry.why}</td>
                  <td>
                    <code>{entry.command}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
