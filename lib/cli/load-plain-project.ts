import { type Checked, compareFindings } from "../core/finding.ts";
import { checkPlanSpec } from "../plan/define-plan.ts";
import { loadInventory } from "./load-inventory.ts";
import type { Project } from "./load-project.ts";
import type { Streams } from "./streams.ts";

/** Codes that speak of a plan file that nobody wrote. */
const planOnly: ReadonlySet<string> = new Set(["plan/placeholder-repo-url", "plan/image-without-digest"]);

/** An inventory with the default plan, for questions that need no plan file. */
export async function loadPlainProject(paths: readonly string[], streams: Streams): Promise<Checked<Project>> {
  const inventory = await loadInventory(paths, "cluster", streams);
  const plan = checkPlanSpec(
    {
      apiVersion: "metachron.dev/v1alpha1",
      kind: "MigrationPlan",
      metadata: { name: "default" },
      spec: { inventory: "." },
    },
    "(no plan file)",
  );
  const told = plan.findings.filter((finding) => !planOnly.has(finding.code));
  const findings = [...inventory.findings, ...told].toSorted(compareFindings);
  if (inventory.value === undefined || plan.value === undefined) return { value: undefined, findings };
  return { value: { inventory: inventory.value, plan: plan.value }, findings };
}
