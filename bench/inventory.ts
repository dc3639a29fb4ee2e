import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { writeCluster } from "./write-cluster.ts";

/**
 * How long a dump takes to read and how much memory, beside what plain parsers need for the same file.
 *
 * `npm run build && npx tsx bench/inventory.ts` measures the built program; without a build, the sources. Each figure is
 * of a process of its own: seconds of the clock and of the processor, and the peak of its memory, start-up included.
 */

interface Figure {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
  readonly result: string;
}

type Reader = "metachron" | "JSON.parse" | "yaml";

const root = join(import.meta.dirname, "..");

/** Reads in this process and gives a figure of it; the peers read the file whole, as they must. */
async function measure(reader: Reader, path: string): Promise<Figure> {
  const start = performance.now();
  const result = await readWith(reader, path);
  const usage = process.resourceUsage();
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    peakMegabytes: usage.maxRSS / 1024,
    result,
  };
}

async function readWith(reader: Reader, path: string): Promise<string> {
  if (reader === "JSON.parse")
    return `${(JSON.parse(readFileSync(path, "utf8")) as { items: unknown[] }).items.length} items`;
  if (reader === "yaml") return `${(parse(readFileSync(path, "utf8")) as { items: unknown[] }).items.length} items`;
  const built = join(root, "build", "inventory", "read-inventory.js");
  const [folder, ending] = existsSync(built) ? ["build", "js"] : ["lib", "ts"];
  const { readSourceFiles } = (await import(
    join(root, folder, "io", `read-source-files.${ending}`)
  )) as typeof import("../lib/io/read-source-files.ts");
  const { readInventory } = (await import(
    join(root, folder, "inventory", `read-inventory.${ending}`)
  )) as typeof import("../lib/inventory/read-inventory.ts");
  const files = await readSourceFiles([path]);
  const read = await readInventory(files.value ?? []);
  return `${read.value?.nodes.length ?? 0} nodes, ${read.value?.pods.length ?? 0} pods`;
}

function measureApart(reader: Reader, path: string): Figure {
  const child = spawnSync(process.execPath, ["--import", "tsx", import.meta.filename, "--measure", reader, path], {
    encoding: "utf8",
    cwd: root,
  });
  if (child.status !== 0)
    return { seconds: Number.NaN, cpuSeconds: Number.NaN, peakMegabytes: Number.NaN, result: "did not end well" };
  return JSON.parse(child.stdout) as Figure;
}

function print(what: string, figure: Figure, peer?: Figure): void {
  const ratio = (ours: number, theirs: number): string => `${(ours / theirs).toFixed(2)}x`;
  const against =
    peer === undefined
      ? ""
      : `   time ${ratio(figure.cpuSeconds, peer.cpuSeconds)}, memory ${ratio(figure.peakMegabytes, peer.peakMegabytes)}`;
  const [seconds, cpu, peak] = [
    figure.seconds.toFixed(1),
    figure.cpuSeconds.toFixed(1),
    figure.peakMegabytes.toFixed(0),
  ];
  console.log(
    `${what.padEnd(58)} ${seconds.padStart(7)} s ${cpu.padStart(7)} s cpu ${peak.padStart(6)} MB  ${figure.result}${against}`,
  );
}

async function compare(folder: string): Promise<void> {
  const sizes = [
    { nodes: 1000, pods: 20_000, layout: "kinds" },
    { nodes: 5000, pods: 50_000, layout: "kinds" },
    { nodes: 5000, pods: 50_000, layout: "one-list" },
  ] as const;
  for (const { nodes, pods, layout } of sizes)
    for (const format of ["json", "yaml"] as const) {
      const path = join(folder, `${nodes}-${pods}-${layout}-${format}`);
      const bytes = await writeCluster(path, { nodes, pods }, { format, layout });
      const name = `${nodes} nodes, ${pods} pods, ${layout === "kinds" ? "a List for each kind" : "one List"}, ${format} (${Math.round(bytes / 1e6)} MB)`;
      print(name, measureApart("metachron", path));
      rmSync(path, { recursive: true });
    }
}

async function compareWithPeers(folder: string): Promise<void> {
  for (const [format, reader, pods] of [
    ["json", "JSON.parse", 50_000],
    ["yaml", "yaml", 2000],
  ] as const) {
    const path = join(folder, `peer-${format}`);
    await writeCluster(path, { nodes: pods / 20, pods }, { format, layout: "kinds" });
    const file = join(path, `pods.${format}`);
    const peer = measureApart(reader, file);
    console.log(`\n${pods} pods in one List of ${format}, ${Math.round(statSync(file).size / 1e6)} MB`);
    print(`  ${reader}, the values alone`, peer);
    print("  metachron, checked and typed", measureApart("metachron", file), peer);
    rmSync(path, { recursive: true });
  }
}

const { values, positionals } = parseArgs({ options: { measure: { type: "string" } }, allowPositionals: true });
if (values.measure !== undefined)
  console.log(JSON.stringify(await measure(values.measure as Reader, positionals[0] ?? "")));
else {
  const folder = mkdtempSync(join(tmpdir(), "metachron-bench-"));
  try {
    await compare(folder);
    await compareWithPeers(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
