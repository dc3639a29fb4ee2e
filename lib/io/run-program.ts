import { spawn } from "node:child_process";
import type { Checked, Finding } from "../core/finding.ts";
import { causeOf, codeOf, ioFinding } from "./findings.ts";

/** What a program left behind. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface RunOptions {
  /** The folder it runs in. @default the present one */
  readonly folder?: string;
  /** What it reads from standard input. @default nothing */
  readonly input?: string;
  /** After how many seconds it is ended. @default 60 */
  readonly timeoutSeconds?: number;
}

/**
 * Runs a program with arguments, never through a shell, and gives what it wrote. An exit code other than 0 is a
 * result, not a finding.
 * Findings: `io/program-failed` when it cannot be started or is ended by a signal.
 */
export function runProgram(
  command: string,
  args: readonly string[],
  { folder, input = "", timeoutSeconds = 60 }: RunOptions = {},
): Promise<Checked<ProgramResult>> {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], {
      shell: false,
      timeout: timeoutSeconds * 1000,
      ...(folder !== undefined && { cwd: folder }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program that does not read its input closes it early: that is its own affair.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.on("error", (error) => resolve({ value: undefined, findings: [notStarted(command, error)] }));
    child.on("close", (exitCode, signal) => {
      const texts = { stdout: Buffer.concat(stdout).toString("utf8"), stderr: Buffer.concat(stderr).toString("utf8") };
      if (exitCode === null)
        resolve({ value: undefined, findings: [ended(command, signal ?? "a signal", timeoutSeconds)] });
      else resolve({ value: { exitCode, ...texts }, findings: [] });
    });
  });
}

function notStarted(command: string, error: unknown): Finding {
  const isMissing = codeOf(error) === "ENOENT";
  return ioFinding("io/program-failed", {
    message: isMissing
      ? `the program ${command} is not installed`
      : `the program ${command} cannot be started: ${causeOf(error)}`,
    remedy: `install ${command}, or see that it is on the PATH`,
  });
}

function ended(command: string, signal: string, timeoutSeconds: number): Finding {
  return ioFinding("io/program-failed", {
    message: `the program ${command} was ended by ${signal} (it may run for ${timeoutSeconds} seconds)`,
    remedy: `run ${command} by hand to see what keeps it`,
  });
}
