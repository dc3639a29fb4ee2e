import { type Checked, type Finding, hasError } from "../core/finding.ts";
import type { Inventory, RawObject } from "../inventory/inventory.ts";
import { readInventory } from "../inventory/read-inventory.ts";
import { readSourceFiles } from "../io/read-source-files.ts";
import { withProgress } from "./progress.ts";
import type { Streams } from "./streams.ts";

/** What an inventory is read for: a cluster needs nodes and pods, a set of policies needs neither. */
export type InventoryPurpose = "cluster" | "policies";

/** Codes that speak of what a cluster's inventory lacks; they mean nothing for a folder of policies. */
const clusterOnly: ReadonlySet<string> = new Set(["inventory/no-nodes", "inventory/kind-missing"]);

/** Reads files, directories or standard input (`-`) as one inventory. */
export async function loadInventory(
  paths: readonly string[],
  purpose: InventoryPurpose,
  streams: Streams,
): Promise<Checked<Inventory>> {
  return withProgress(`reading ${paths.join(", ")}`, streams, async () => {
    const files = await readSourceFiles(paths);
    // What cannot be opened is told once: that there is no object in it goes without saying.
    if (files.value?.length === 0 && hasError(files.findings)) return { value: undefined, findings: files.findings };
    const read = await readInventory(files.value ?? []);
    const findings = [...files.findings, ...read.findings];
    return { value: read.value, findings: purpose === "cluster" ? findings : aboutPolicies(findings, paths) };
  });
}

/** Findings for somebody who has a few files of policies, and no cluster in mind. */
function aboutPolicies(findings: readonly Finding[], paths: readonly string[]): readonly Finding[] {
  const kept = findings.filter(({ code }) => !clusterOnly.has(code));
  const others = kept.filter(({ code }) => code !== "inventory/empty");
  // Why nothing could be read says more than that nothing was.
  if (others.length === kept.length || hasError(others)) return others;
  return [
    ...others,
    {
      code: "inventory/empty",
      severity: "error",
      message: `there is no Kubernetes object in ${paths.map((path) => (path === "-" ? "the input" : path)).join(", ")}`,
      remedy:
        "name files or folders with policies, or dump them: kubectl get networkpolicies.crd.projectcalico.org,globalnetworkpolicies.crd.projectcalico.org -A -o yaml",
    },
  ];
}

/** Every object that is no node and no pod. */
export function allObjects(inventory: Inventory): readonly RawObject[] {
  return [...inventory.objects.values()].flat();
}

/** Findings without repeats: one object may be read twice, as inventory and as policy. */
export function uniqueFindings(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = JSON.stringify(finding);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
