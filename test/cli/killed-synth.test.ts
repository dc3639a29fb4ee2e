import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { manifestName } from "../../lib/io/tree-manifest.ts";
import { exampleProject, type Project } from "./project.ts";
import { runCommand } from "./run-command.ts";

const root = resolve(import.meta.dirname, "../..");

function filesOf(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return new Map(
    paths
      .filter((path) => statSync(join(folder, path)).isFile())
      .map((path) => [path, readFileSync(join(folder, path), "utf8")]),
  );
}

/** Starts synth as a program and kills it so many milliseconds after it has begun to write; how it ended. */
async function killWhileWriting({ plan, out }: Project, delay: number): Promise<NodeJS.Signals | null> {
  const manifest = join(out, "kind-canal", manifestName);
  const before = statSync(manifest).ino;
  const child = spawn(process.execPath, ["--import", "tsx", "lib/main.ts", "synth", "--plan", plan, "--out", out], {
    cwd: root,
    stdio: "ignore",
  });
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  while (child.exitCode === null && statSync(manifest).ino === before) await wait(1);
  await wait(delay);
  child.kill("SIGKILL");
  return (await ended)[1];
}

test("a synth that is killed while it writes leaves whole files, old or new, and the next one goes on", async () => {
  const project = exampleProject();
  const { plan, out, folder } = project;
  await runCommand("synth", "--plan", plan, "--out", out);
  cpSync(out, join(folder, "old"), { recursive: true });
  project.replace("plans/kind-canal.yaml", "alpine/k8s:1.32.2", "alpine/k8s:1.32.3");
  await runCommand("synth", "--plan", plan, "--out", out);
  const [old, young] = [filesOf(join(folder, "old")), filesOf(out)];
  const changed = [...young].filter(([path, text]) => old.get(path) !== text).length;
  expect(changed).toBeGreaterThan(30);

  const ends: (NodeJS.Signals | null)[] = [];
  for (const delay of [0, 2, 6, 15]) {
    rmSync(out, { recursive: true });
    cpSync(join(folder, "old"), out, { recursive: true });
    ends.push(await killWhileWriting(project, delay));

    const left = [...filesOf(out)].filter(([path]) => !/(?:^|\/)\.metachron-/u.test(path));
    expect(
      left.filter(([path, text]) => text !== old.get(path) && text !== young.get(path)).map(([path]) => path),
    ).toEqual([]);
    const next = await runCommand("synth", "--plan", plan, "--out", out);
    expect(next.exitCode).toBe(0);
    expect([...filesOf(out)]).toEqual([...young]);
    expect(existsSync(join(out, "kind-canal", manifestName))).toBe(true);
  }
  // A machine that writes everything within two milliseconds would leave nothing to see.
  expect(ends.filter((signal) => signal === "SIGKILL").length).toBeGreaterThan(0);
}, 120_000);
