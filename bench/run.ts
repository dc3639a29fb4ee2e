import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { Case, Figure } from "./figure.ts";
import { inventoryCases } from "./inventory-cases.ts";
import { peerCases } from "./peer-cases.ts";
import { policyCases } from "./policy-cases.ts";
import { startCases } from "./start-cases.ts";
import { synthCases } from "./synth-cases.ts";

/**
 * What metachron costs, beside others that answer the same question. `npm run bench` measures all, `npm run bench -- synth
 * policies` some groups. Every figure is of a process of its own.
 */
const suites: readonly { readonly groups: readonly string[]; readonly cases: (folder: string) => readonly Case[] }[] = [
  { groups: ["help"], cases: startCases },
  { groups: ["synth"], cases: synthCases },
  { groups: ["policies", "open-world", "first-difference", "mixed-phase"], cases: policyCases },
  { groups: ["peer"], cases: peerCases },
  { groups: ["inventory"], cases: inventoryCases },
];

const asked = process.argv.slice(2);
const groups = suites.flatMap((suite) => suite.groups);
const unknown = asked.filter((group) => !groups.includes(group));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(", ")}; there are ${groups.join(", ")}`);
  process.exitCode = 2;
} else await runSuites();

async function runSuites(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "metachron-bench-"));
  const isAsked = (group: string): boolean => asked.length === 0 || asked.includes(group);
  console.log(
    `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  try {
    for (const suite of suites.filter((one) => one.groups.some(isAsked)))
      for (const one of suite.cases(folder).filter(({ group }) => isAsked(group))) await runCase(one);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runCase({ group, name, goal, run, peer }: Case): Promise<void> {
  const own = await run();
  const isOver =
    own.seconds > (goal?.seconds ?? Number.POSITIVE_INFINITY) ||
    own.peakMegabytes > (goal?.megabytes ?? Number.POSITIVE_INFINITY);
  const goals = [
    ...(goal?.seconds === undefined ? [] : [`${goal.seconds} s`]),
    ...(goal?.megabytes === undefined ? [] : [`${goal.megabytes} MB`]),
  ].join(", ");
  console.log(`\n${group}: ${name}`);
  console.log(`    ${printFigure(own)}${goals === "" ? "" : `   ${isOver ? "OVER" : "within"} ${goals}`}`);
  if (own.result !== "") console.log(`    ${own.result}`);
  if (peer === undefined) return;
  try {
    const other = await peer.run();
    const ratio = (ours: number, theirs: number): string => `${(ours / theirs).toFixed(2)}x`;
    console.log(`    ${printFigure(other)}   ${peer.name}${other.result === "" ? "" : `: ${other.result}`}`);
    console.log(
      `    ${ratio(own.userSeconds, other.userSeconds)} the processor, ${ratio(own.peakMegabytes, other.peakMegabytes)} the memory of ${peer.name}`,
    );
  } catch (error) {
    console.log(
      `    no ${peer.name}: ${error instanceof Error ? error.message.split("\n", 2).join(" ") : String(error)}`,
    );
  }
}

function printFigure({ seconds, userSeconds, peakMegabytes, files }: Figure): string {
  const parts = [
    `${seconds.toFixed(2)} s`.padStart(9),
    `${userSeconds.toFixed(2)} s user`.padStart(13),
    `${Math.round(peakMegabytes)} MB`.padStart(8),
  ];
  return `${parts.join(" ")}${files === undefined ? "" : ` ${String(files).padStart(5)} files`}`;
}
