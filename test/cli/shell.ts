import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll } from "vitest";
import type { CommandResult } from "./run-command.ts";

/** What the process behind the shells is sent. */
export interface ShellCommand {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly path: string;
  readonly columns: number;
  readonly useColor: boolean;
  /** What the clock says; the real time where it is absent. */
  readonly now?: string;
}

/** A shell that stands in a folder, as a person's does: relative paths and git mean that folder. */
export interface Shell {
  readonly folder: string;
  readonly metachron: (...argv: readonly string[]) => Promise<CommandResult>;
  /** Runs git and gives what it printed; throws where it fails. */
  readonly git: (...argv: readonly string[]) => string;
}

interface ShellOptions {
  /** Folder that is searched for programs first. */
  readonly bin?: string;
  readonly now?: string;
  readonly columns?: number;
  readonly useColor?: boolean;
}

// One process for all shells of a test file: starting one takes longer than most commands, and a thread cannot change folders.
let running: ChildProcess | undefined;
afterAll(() => {
  running?.kill();
  running = undefined;
});

function shellProcess(): ChildProcess {
  running ??= fork(join(import.meta.dirname, "shell-process.ts"), {
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  return running;
}

/** Opens a shell in a folder. Its commands run one after the other. */
export function openShell(folder: string, { bin, now, columns = 100, useColor = false }: ShellOptions = {}): Shell {
  const path = [...(bin === undefined ? [] : [bin]), process.env["PATH"] ?? ""].join(delimiter);
  return {
    folder,
    metachron: async (...argv) => {
      const command: ShellCommand = { argv, folder, path, columns, useColor, ...(now !== undefined && { now }) };
      const child = shellProcess();
      child.send(command);
      const [answer] = await once(child, "message");
      return answer;
    },
    git: (...argv) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.invalid", ...argv], {
        cwd: folder,
        encoding: "utf8",
      }),
  };
}

/** Commits what is there; makes the folder a repository with a branch main first where it is none. */
export function commitAll({ git, folder }: Shell, message: string): void {
  if (!existsSync(join(folder, ".git"))) git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--allow-empty", "--message", message);
}
