import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../lib/core/digest.ts";
import type { Case } from "./figure.ts";
import { printAddedNode } from "./make-cluster.ts";
import { measure, program, run } from "./measure.ts";
import { root } from "./root.ts";
import { writeCluster } from "./write-cluster.ts";

interface BigCluster {
  readonly nodes: number;
  readonly pods: number;
  readonly goalSeconds: number;
}

const bigClusters: readonly BigCluster[] = [
  { nodes: 1000, pods: 20_000, goalSeconds: 5 },
  { nodes: 5000, pods: 50_000, goalSeconds: 15 },
];

/** The main job, from files to files. */
export function synthCases(folder: string): readonly Case[] {
  const example = join(root, "plans", "kind-canal.yaml");
  return [
    {
      group: "synth",
      name: "the example, 5 nodes",
      goal: { seconds: 1, megabytes: 1024 },
      run: () => synth(example, join(folder, "example")),
    },
    ...bigClusters.flatMap((cluster) => bigCases(folder, cluster)),
  ];
}

function bigCases(folder: string, { nodes, pods, goalSeconds }: BigCluster): readonly Case[] {
  const inventory = join(folder, `cluster-${nodes}`);
  const plan = join(folder, `plan-${nodes}.yaml`);
  const out = join(folder, `out-${nodes}`);
  const goal = { seconds: goalSeconds, megabytes: 1024 };
  return [
    {
      group: "synth",
      name: `${nodes} nodes, ${pods} pods`,
      goal,
      run: async () => {
        await writeCluster(inventory, { nodes, pods }, { format: "json", layout: "kinds" });
        await run(process.execPath, [program, "init", "--inventory", inventory, "--plan", plan, "--name", "big"]);
        return synth(plan, out);
      },
    },
    {
      group: "synth",
      name: `${nodes} nodes, one node added`,
      goal,
      run: async () => {
        const before = digestsOf(out);
        writeFileSync(join(inventory, "added.json"), printAddedNode(nodes));
        const figure = await synth(plan, out);
        return { ...figure, result: describeChanges(before, digestsOf(out)) };
      },
    },
  ];
}

function synth(plan: string, out: string): ReturnType<typeof measure> {
  const args = [program, "synth", "--plan", plan, "--out", out];
  return measure({ args, counted: out, result: (text) => `${text.split("\n").filter(isStage).length} stages` });
}

function isStage(line: string): boolean {
  return /^\d{3,}-/u.test(line);
}

function digestsOf(folder: string): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length + 1), sha256Hex(readFileSync(path, "utf8"))]),
  );
}

/** Every file that differs; of those that were added the folders with their numbers. */
function describeChanges(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string {
  const changed = [...after].filter(([path, digest]) => before.has(path) && before.get(path) !== digest);
  const added = [...after.keys()].filter((path) => !before.has(path));
  const removed = [...before.keys()].filter((path) => !after.has(path));
  const list = (word: string, paths: readonly string[]): string =>
    `${paths.length} ${word}${paths.map((path) => `\n      ${word.padEnd(8)} ${path}`).join("")}`;
  return [
    list(
      "changed",
      changed.map(([path]) => path),
    ),
    list("added", added),
    list("removed", removed),
  ].join("\n    ");
}
