import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { exampleProject, type Project } from "./project.ts";
import type { CommandResult } from "./run-command.ts";
import { commitAll, openShell, type Shell } from "./shell.ts";
import { installKubectl } from "./stand-in-kubectl.ts";

interface SynthStage {
  readonly id: string;
  readonly nodes: readonly string[];
}

/** The marker that a stage's Job leaves: the body's digest as the plan file has it, which `next` wrote. */
function markerOf(project: Project, stageId: string, state: string, attempt = 1): JsonObject {
  const page = readFileSync(join(project.out, "kind-canal/stages", stageId, "STAGE.md"), "utf8");
  const digest = /^\| Body digest \| `(?<digest>sha256:[0-9a-f]{64})` \|$/mu.exec(page)?.groups?.["digest"] ?? "";
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: `wave-${stageId}`,
      namespace: "metachron",
      labels: { "app.kubernetes.io/managed-by": "metachron-roll" },
    },
    data: { state, digest, attempt: String(attempt), message: `${state}.` },
  };
}

/** A person's way through a migration. */
interface Journey {
  readonly project: Project;
  readonly shell: Shell;
  /** Writes the marker of a stage's Job where the gate reads it (the inventory) and where `status` does (the cluster). */
  readonly leave: (stageId: string, state: string, attempt?: number) => void;
}

function journey(engines: string): Journey {
  const project = exampleProject();
  project.replace("plans/kind-canal.yaml", "engines: [ argocd, flux ]", `engines: [ ${engines} ]`);
  // Two waves of workers instead of four: the same way in less time.
  project.replace("plans/kind-canal.yaml", "size: 1 }", "size: 3 }");
  project.replace("plans/kind-canal.yaml", "maxUnavailable: 10%", "maxUnavailable: 60%");
  project.replace("plans/kind-canal.yaml", "https://git.example.invalid/platform.git", "https://git.example/p.git");
  const markers = new Map<string, JsonObject>();
  const tell = (): void => {
    installKubectl(project.folder, { lists: { configmaps: [...markers.values()], jobs: [], nodes: [] } });
  };
  tell();
  project.append(".gitignore", "bin/\ncluster/\ncalls\n");
  const leave = (stageId: string, state: string, attempt = 1): void => {
    markers.set(stageId, markerOf(project, stageId, state, attempt));
    const list = { apiVersion: "v1", kind: "List", items: [...markers.values()] };
    writeFileSync(join(project.inventory, "markers.json"), JSON.stringify(list));
    tell();
  };
  return { project, shell: openShell(project.folder, { bin: join(project.folder, "bin") }), leave };
}

async function fine(run: Promise<CommandResult>): Promise<string> {
  const { exitCode, out, error } = await run;
  expect({ exitCode, error: exitCode === 0 ? "" : out + error }).toEqual({ exitCode: 0, error: "" });
  return out;
}

async function begin(shell: Shell): Promise<readonly SynthStage[]> {
  const report = await fine(shell.metachron("synth", "--format", "json"));
  commitAll(shell, "plan");
  return (JSON.parse(report) as { stages: readonly SynthStage[] }).stages;
}

const isWave = (id: string): boolean => /^(?:[1-7]\d\d)-/u.test(id) && id !== "105-new-nodes";

function counted(nodes: readonly string[]): string {
  return nodes.length === 0 ? "" : `, ${nodes.length} node${nodes.length === 1 ? "" : "s"}`;
}

/** Opens a stage by a pull request: what it says, what its gate says, and the merge. */
async function open({ project, shell }: Journey, { id, nodes }: SynthStage): Promise<void> {
  const { metachron } = shell;
  const told = await fine(metachron("next"));
  expect(told).toMatch(`${id}: held -> open`);
  expect(told).toContain("When it is merged, a person applies it as that page says.");
  await fine(metachron("verify", "--base", "HEAD"));
  const text = await fine(metachron("diff", "--base", "HEAD"));
  expect(text.split("\n")[0]).toBe(`Opens stage ${id}${counted(nodes)}.`);
  for (const node of nodes)
    expect(text).toMatch(new RegExp(`^ {2}${node} +${isWave(id) ? "rolls" : "touched"} +${id}$`, "mu"));
  expect(text).toMatch(/^What is applied \(\d+\)$/mu);
  expect(text.includes("Workloads on these nodes")).toBe(isWave(id) && id !== "700-control-plane-a");
  expect(text).not.toContain("DOES NOT EXPLAIN");
  expect(project.written()).toContain(`kind-canal/argocd/apps/${id}.yaml`);
  commitAll(shell, `open ${id}`);
}

/** Nobody closes a stage whose Job has not said that it is done. */
async function closeEarly({ shell }: Journey): Promise<void> {
  await fine(shell.metachron("next"));
  const early = await shell.metachron("verify", "--base", "HEAD");
  expect([early.exitCode, early.out]).toEqual([1, "Do not merge: see above.\n"]);
  expect(early.error).toContain("delivery/marker");
  shell.git("checkout", "--quiet", ".");
}

/** A generated file that somebody edits: the gate, the next move and the next synth refuse it by name. */
async function editByHand({ project, shell }: Journey, file: string): Promise<void> {
  const path = `dist/kind-canal/stages/${file}`;
  project.append(path, "# quick fix\n");
  for (const argv of [["verify", "--base", "HEAD"], ["next"], ["synth"]]) {
    const run = await shell.metachron(...argv);
    expect([argv[0], run.exitCode]).toEqual([argv[0], 1]);
    expect(run.error).toContain(path);
  }
  expect(readFileSync(join(project.folder, path), "utf8")).toMatch(/# quick fix\n$/u);
  shell.git("checkout", "--quiet", ".");
}

/** An open wave goes back, is held, and is opened once more with its next attempt. */
async function takeBack({ shell, leave }: Journey, { id, nodes }: SynthStage): Promise<void> {
  const { metachron } = shell;
  expect(await fine(metachron("rollback", id))).toContain(`${id}: open -> rollback`);
  await fine(metachron("verify", "--base", "HEAD"));
  const back = await fine(metachron("diff", "--base", "HEAD", "--format", "markdown"));
  expect(back).toContain(`### Takes stage ${id} back${counted(nodes)}.`);
  for (const node of nodes) expect(back).toContain(`| \`${node}\` | rolls back | \`${id}\` |`);
  expect(back).toContain(`\`metachron/undo-${id}-a1\``);
  commitAll(shell, `take ${id} back`);

  leave(id, "undone");
  expect(await fine(metachron("status"))).toMatch(/hold the stage again by a pull request\n +metachron next/u);
  expect(await fine(metachron("next"))).toContain(`${id}: rollback -> held`);
  await fine(metachron("verify", "--base", "HEAD"));
  expect(await fine(metachron("diff", "--base", "HEAD"))).toMatch(`Holds stage ${id} again`);
  commitAll(shell, `hold ${id}`);

  expect(await fine(metachron("next"))).toContain(`${id}: held -> open, attempt 2`);
  await fine(metachron("verify", "--base", "HEAD"));
  expect(await fine(metachron("diff", "--base", "HEAD"))).toMatch(`Tries stage ${id} again (attempt 2)`);
  commitAll(shell, `open ${id} again`);
}

test("from the first stage to the last, with a wave taken back, an early close and an edit by hand", async () => {
  const way = journey("argocd, flux, kubectl");
  const { shell, leave } = way;
  const stages = await begin(shell);
  expect(stages.at(-1)?.id).toBe("910-clean-nodes");

  for (const stage of stages) {
    await open(way, stage);
    if (stage.id === "100-canary") {
      await closeEarly(way);
      await editByHand(way, "100-canary/20-job-roll-100-canary-a1.yaml");
    }
    if (stage.id === "110-general-a") await takeBack(way, stage);
    leave(stage.id, "done", stage.id === "110-general-a" ? 2 : 1);
    await fine(shell.metachron("next"));
    if (stage.id === "100-canary" || stage.id === "910-clean-nodes")
      await fine(shell.metachron("verify", "--base", "HEAD"));
    commitAll(shell, `close ${stage.id}`);
  }

  expect(await fine(shell.metachron("status"))).toContain("nothing: the migration is complete");
  expect((await shell.metachron("next")).error).toContain("every stage of plan kind-canal is done");
  await fine(shell.metachron("synth", "--check"));
}, 180_000);

test("where people apply the stages, a stage is opened and closed, and diff says so", async () => {
  const { shell, leave } = journey("kubectl");
  const { metachron } = shell;
  await begin(shell);
  await fine(metachron("next"));
  await fine(metachron("verify", "--base", "HEAD"));
  expect(await fine(metachron("diff", "--base", "HEAD"))).toMatch(/^Opens stage 000-prepare\.\n/u);
  commitAll(shell, "open");
  leave("000-prepare", "done");
  await fine(metachron("next"));
  await fine(metachron("verify", "--base", "HEAD"));
  expect(await fine(metachron("diff", "--base", "HEAD"))).toMatch(/^Closes stage 000-prepare\.\n/u);
});
