import { spawn, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { getArray, getString, getStringMap } from "../../../lib/core/json.ts";
import type { RollObject } from "../../../lib/roll/roll-object.ts";
import { scriptsFolder } from "../embed-scripts.ts";
import type { Answer, StandIn } from "./cluster.ts";

/** How a run of a script ended. */
export interface Run {
  /** Exit code; the signal's name where one ended it. */
  readonly ended: number | string;
  /** The JSON lines of its log. */
  readonly log: readonly Readonly<Record<string, string | number>>[];
  readonly stderr: string;
}

/** What may happen to a run from outside. */
export interface Interference {
  /** Called before each call of kubectl is answered; a signal's name ends the whole process group there. */
  readonly beforeCall?: (call: string, count: number) => NodeJS.Signals | undefined;
  /** The same, after the call was carried out and before its answer is read. */
  readonly afterCall?: (call: string, count: number) => NodeJS.Signals | undefined;
}

/*
 * kubectl and sleep of a run: a line for each argument and each line of input, answered line by line. Only builtins of the
 * shell, because a wave makes some hundred calls.
 */
const request = String.raw`#!/bin/sh
exec 3<>"$STAND_IN/replies" 4<>"$STAND_IN/requests"
for argument in "$@"; do printf 'argument %s\n' "$argument" >&4; done
case " $* " in *" -f - "*) while IFS= read -r line || [ -n "$line" ]; do printf 'input %s\n' "$line" >&4; done ;; esac
printf 'call %s\n' "$0" >&4
while IFS=' ' read -r kind line <&3; do
  case "$kind" in
    code) exit "$line" ;;
    out) printf '%s\n' "$line" ;;
    end) printf '%s' "$line" ;;
    error) printf '%s\n' "$line" >&2 ;;
  esac
done
`;

const tell = `#!/bin/sh
cat "$STAND_IN/date"
`;

/** Whether scripts can run here at all: they need a POSIX shell and mkfifo. */
export const canRun: boolean = ["sh", "mkfifo"].every(
  (program) => spawnSync(program, ["--version"]).error === undefined,
);

/**
 * Runs the script of a stage's Job as the Job would, with the stand-in as its cluster: `kubectl` and `sleep` on PATH hand
 * each call to this process, `date` tells a fixed time. The shell is dash where there is one.
 */
export async function runJob(
  cluster: StandIn,
  objects: readonly RollObject[],
  interference: Interference = {},
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "metachron-roll-"));
  try {
    return await runIn(folder, cluster, objects, interference);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(
  folder: string,
  cluster: StandIn,
  objects: readonly RollObject[],
  interference: Interference,
): Promise<Run> {
  prepare(folder, objects);
  const job = objects.find((entry) => getString(entry.object, "kind") === "Job")?.object;
  const container = getArray(job, "spec", "template", "spec", "containers")[0];
  const script = String(getArray(container, "command")[1]).replace("/scripts/", "");
  const env = Object.fromEntries(
    getArray(container, "env").map((entry) => [
      getString(entry, "name") ?? "",
      (getString(entry, "value") ?? "").replaceAll("$$", "$"),
    ]),
  );
  const shell = spawnSync("dash", ["-c", ":"]).error === undefined ? "dash" : "sh";
  tick(folder, cluster);
  const child = spawn(shell, [join(scriptsFolder, script)], {
    detached: true,
    env: {
      ...env,
      PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
      STAND_IN: folder,
      JOB_UID: `job-${getString(job, "metadata", "name") ?? ""}`,
      UPTIME_FILE: join(folder, "uptime"),
      STAGE_DIR: join(folder, "stage"),
      WORK_DIR: join(folder, "work"),
    },
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    // A container's first process gets TERM alone; KILL takes the whole container.
    process.kill(signal === "SIGKILL" ? -child.pid : child.pid, signal);
  };
  const stop = serve(folder, cluster, interference, kill);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const ended = await new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  stop();
  return { ended, log: readLog(stdout), stderr };
}

function readLog(stdout: string): Run["log"] {
  return stdout
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Readonly<Record<string, string | number>>);
}

function prepare(folder: string, objects: readonly RollObject[]): void {
  for (const name of ["bin", "stage", "work"]) mkdirSync(join(folder, name));
  for (const [name, text] of Object.entries({ kubectl: request, sleep: request, date: tell })) {
    writeFileSync(join(folder, "bin", name), text);
    chmodSync(join(folder, "bin", name), 0o755);
  }
  const texts = objects.find((entry) => getString(entry.object, "metadata", "name")?.startsWith("pods-") === true);
  for (const [name, text] of Object.entries(getStringMap(texts?.object, "data")))
    writeFileSync(join(folder, "stage", name), text);
  spawnSync("mkfifo", [join(folder, "requests"), join(folder, "replies")]);
}

function tick(folder: string, cluster: StandIn): void {
  writeFileSync(join(folder, "uptime"), `${cluster.seconds}.00 0.00\n`);
  writeFileSync(join(folder, "date"), "2026-01-01T00:00:00Z\n");
}

/** Answers requests until it is stopped. */
function serve(
  folder: string,
  cluster: StandIn,
  interference: Interference,
  kill: (signal: NodeJS.Signals) => void,
): () => void {
  // Opened for both by the shell, so that it never ends between two writers.
  const reader = spawn("sh", ["-c", 'exec 3<>"$0"; exec cat <&3', join(folder, "requests")]);
  const lines = createInterface({ input: reader.stdout });
  const replies = openSync(join(folder, "replies"), "r+");
  let args: string[] = [];
  let input = "";
  let count = 0;
  const answerCall = (program: string): Answer | undefined => {
    if (program.endsWith("/sleep")) {
      cluster.advance(Number(args[0]));
      tick(folder, cluster);
      return { code: 0, stdout: "", stderr: "" };
    }
    count += 1;
    const call = args.filter((arg) => !arg.startsWith("--request-timeout")).join(" ");
    const before = interference.beforeCall?.(call, count);
    if (before !== undefined) kill(before);
    if (before === "SIGKILL") return undefined;
    const answer = cluster.answer(args, input);
    const after = interference.afterCall?.(call, count);
    if (after !== undefined) kill(after);
    return answer;
  };
  lines.on("line", (line) => {
    const space = line.indexOf(" ");
    const [kind, rest] = [line.slice(0, space), line.slice(space + 1)];
    if (kind === "argument") args.push(rest);
    else if (kind === "input") input += `${rest}\n`;
    else {
      const answer = answerCall(rest);
      if (answer !== undefined) writeSync(replies, printReply(answer));
      args = [];
      input = "";
    }
  });
  return () => {
    lines.close();
    reader.kill();
    closeSync(replies);
  };
}

function printReply(answer: Answer): string {
  const out = answer.stdout.split("\n");
  const last = out.pop() ?? "";
  const errors = answer.stderr.split("\n").filter((line) => line !== "");
  return [
    ...out.map((line) => `out ${line}\n`),
    ...(last === "" ? [] : [`end ${last}\n`]),
    ...errors.map((line) => `error ${line}\n`),
    `code ${answer.code}\n`,
  ].join("");
}
