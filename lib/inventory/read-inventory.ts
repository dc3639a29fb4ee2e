import { type Checked, compareFindings, type Finding } from "../core/finding.ts";
import { buildInventory } from "./build-inventory.ts";
import { capFindings } from "./cap-findings.ts";
import { checkInventory } from "./check-inventory.ts";
import { type Collector, createCollector } from "./collect-objects.ts";
import { foldEmptyLists } from "./file-findings.ts";
import { createFileReader } from "./file-reader.ts";
import { inventoryFinding } from "./findings.ts";
import type { Inventory } from "./inventory.ts";
import { readSourceFile } from "./read-source-file.ts";
import type { SourceFile } from "./source-file.ts";

/**
 * A cluster out of its dump: everything that `readManifests` does, and the check that it is one whole cluster.
 *
 * Findings: those of `readManifests` and of `checkInventory`, in printing order. `value` is absent when the input holds
 * no object at all.
 * Cost: 50,000 pods in one JSON List in seconds, in one YAML List in some ten; memory grows with what is kept (about
 * 3 KB a pod), not with the files (docs/benchmarks.md).
 */
export async function readInventory(
  files: AsyncIterable<SourceFile> | Iterable<SourceFile>,
): Promise<Checked<Inventory>> {
  const read = await readManifests(files);
  if (read.value === undefined) return read;
  const findings = [...read.findings, ...checkInventory(read.value)];
  return { value: read.value, findings: findings.sort(compareFindings) };
}

/**
 * The objects of any Kubernetes files, without asking whether they are a whole cluster: for policies on their own.
 *
 * Shape: `kubectl get … -o yaml|json` in every form (Lists, typed lists, several documents, single objects, JSON values
 * one after the other, NDJSON); `kubectl version -o yaml` gives `version`. The order of files and objects does not
 * matter. Secrets are counted and dropped.
 * Findings: see `inventoryFindings`. `value` is absent when there is no object at all.
 */
export async function readManifests(
  files: AsyncIterable<SourceFile> | Iterable<SourceFile>,
): Promise<Checked<Inventory>> {
  const collector = createCollector();
  const findings: Finding[] = [];
  let fileCount = 0;
  for await (const file of files) {
    fileCount += 1;
    const reader = createFileReader(file.name, collector);
    findings.push(...(await readSourceFile(file, reader.sink)), ...reader.end());
  }
  const collected = collector.collected();
  findings.push(...collected.findings, ...versionFindings(collected.versions));
  const isEmpty = collected.kindsSeen.size === 0 && collected.versions.length === 0;
  if (isEmpty) findings.push(empty(fileCount));
  const told = capFindings(foldEmptyLists(findings.sort(compareFindings))).sort(compareFindings);
  return { value: isEmpty ? undefined : buildInventory(collected), findings: told };
}

function empty(fileCount: number): Finding {
  return inventoryFinding("inventory/empty", {
    message:
      fileCount === 0
        ? "the input has no file with a known ending (.yaml, .yml, .json, .ndjson, .jsonl, or one of them with .gz)"
        : `the input has ${fileCount} ${fileCount === 1 ? "file" : "files"} and no Kubernetes object in them`,
    reason: "the inventory is the only thing that a plan knows of the cluster",
    remedy: "write one with `kubectl get nodes -o yaml > nodes.yaml`, and so on for each kind",
    data: { files: fileCount },
  });
}

function versionFindings(versions: ReturnType<Collector["collected"]>["versions"]): Finding[] {
  const [first] = versions;
  const other = versions.find(({ version }) => version.gitVersion !== first?.version.gitVersion);
  if (first === undefined || other === undefined) return [];
  return [
    inventoryFinding("inventory/two-clusters", {
      message: `the input holds two server versions, ${first.version.gitVersion} and ${other.version.gitVersion}`,
      where: other.where,
      related: [{ message: "the other one stands here", where: first.where }],
      reason: "a cluster has one API server version at a time",
      remedy: "keep the newer dump of the two",
    }),
  ];
}
