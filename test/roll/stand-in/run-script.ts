import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
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
  /** What it prints beside them: tables. */
  readonly table: readonly string[];
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
 * kubectl, sleep and date of a run, read before the script as functions of its own shell: a wave makes some hundred calls, and
 * a process for each would be most of the cost. A line for each argument and each line of input, answered line by line; the
 * number of the call tells its answer from one that a signal kept somebody from reading.
 */
const prelude = String.raw`
STAND_IN_CALL=0
stand_in() {
  STAND_IN_CALL=$((STAND_IN_CALL + 1))
  {
    for stand_in_argument in "$@"; do printf 'argument %s\n' "$stand_in_argument" >&4; done
    case " $* " in
      *" -f - "*) while IFS= read -r stand_in_line || [ -n "$stand_in_line" ]; do printf 'input %s\n' "$stand_in_line" >&4; done ;;
    esac
    printf 'call %s\n' "$STAND_IN_CALL" >&4
    while IFS=' ' read -r stand_in_call stand_in_kind stand_in_line <&3; do
      [ "$stand_in_call" = "$STAND_IN_CALL" ] || continue
      case "$stand_in_kind" in
        code) return "$stand_in_line" ;;
        out) printf '%s\n' "$stand_in_line" ;;
        end) printf '%s' "$stand_in_line" ;;
        error) printf '%s\n' "$stand_in_line" >&2 ;;
      esac
    done
  } 3<>"$STAND_IN/replies" 4<>"$STAND_IN/requests"
}
kubectl() { stand_in kubectl "$@"; }
sleep() { stand_in sleep "$@"; }
date() { echo 2026-01-01T00:00:00Z; }
`;

/** Whether scripts can run here at all: they need a POSIX shell and mkfifo. */
export const canRun: boolean = ["sh", "mkfifo"].every(
  (program) => spawnSync(program, ["--version"]).error === undefined,
);

/**
 * Runs the script of a stage's Job as the Job would, with the stand-in as its cluster: `kubectl` and `sleep` hand each call
 * to this process, `date` tells a fixed time. The shell is dash where there is one.
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
  const child = spawn(shell, ["-c", `${prelude}\n. "$0"`, join(scriptsFolder, script)], {
    detached: true,
    env: {
      ...env,
      PATH: process.env["PATH"] ?? "",
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
  const table = stdout.split("\n").filter((line) => line !== "" && !line.endsWith("}"));
  return { ended, log: readLog(stdout), table, stderr };
}

function readLog(stdout: string): Run["log"] {
  return stdout
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Readonly<Record<string, string | number>>);
}

function prepare(folder: string, objects: readonly RollObject[]): void {
  for (const name of ["stage", "work"]) mkdirSync(join(folder, name));
  const texts = objects.find((entry) => getString(entry.object, "metadata", "name")?.startsWith("pods-") === true);
  for (const [name, text] of Object.entries(getStringMap(texts?.object, "data")))
    writeFileSync(join(folder, "stage", name), text);
  spawnSync("mkfifo", [join(folder, "requests"), join(folder, "replies")]);
}

function tick(folder: string, cluster: StandIn): void {
  writeFileSync(join(folder, "uptime"), `${cluster.seconds}.00 0.00\n`);
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
  const answerCall = (): Answer | undefined => {
    const [program, ...rest] = args;
    if (program === "sleep") {
      cluster.advance(Number(rest[0]));
      tick(folder, cluster);
      return { code: 0, stdout: "", stderr: "" };
    }
    count += 1;
    const call = rest.filter((arg) => !arg.startsWith("--request-timeout")).join(" ");
    const before = interference.beforeCall?.(call, count);
    if (before !== undefined) kill(before);
    if (before === "SIGKILL") return undefined;
    const answer = cluster.answer(rest, input);
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
      const answer = answerCall();
      if (answer !== undefined) writeSync(replies, printReply(rest, answer));
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

function printReply(call: string, answer: Answer): string {
  const out = answer.stdout.split("\n");
  const last = out.pop() ?? "";
  const errors = answer.stderr.split("\n").filter((line) => line !== "");
  return [
    ...out.map((line) => `${call} out ${line}\n`),
    ...(last === "" ? [] : [`${call} end ${last}\n`]),
    ...errors.map((line) => `${call} error ${line}\n`),
    `${call} code ${answer.code}\n`,
  ].join("");
}
