import { render } from "preact-render-to-string";
import type { PlannedMigration } from "../stages/planned-migration.ts";

/** report.html: the plan to look at in a browser, one file, no script, no request to anywhere. */
export function renderReport(migration: PlannedMigration): string {
  return `<!doctype html>\n${render(<Report migration={migration} />)}\n`;
}

function Report({ migration }: { readonly migration: PlannedMigration }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{migration.plan.name}</title>
      </head>
      <body>
        <h1>{migration.plan.name}</h1>
      </body>
    </html>
  );
}
