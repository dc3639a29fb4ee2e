import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Figure } from "./figure.ts";
import { root } from "./root.ts";

/** The program that users run; `npm run build` writes it. */
export const program: string = join(root, "build", "main.js");

const recorder = pathToFileURL(join(import.meta.dirname, "record-usage.js")).href;

/** A command for `node`, and what to make of what it prints. */
export interface Measured {
  readonly args: readonly string[];
  /** Exit codes that are no failure. @default 0 */
  readonly codes?: readonly number[];
  /** @default the first line of standard output */
  readonly result?: (output: string) => string;
  /** A folder whose files are counted afterwards. */
  readonly counted?: string;
}

/** Runs node once in a process of its own and measures it. Throws what it printed when it ends in another way. */
export async function measure(measured: Measured): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "metachron-usage-"));
  try {
    const usage = join(folder, "usage.json");
    const output = await run(process.execPath, ["--import", recorder, ...measured.args], measured.codes ?? [0], {
      METACHRON_BENCH_USAGE: usage,
    });
    const result = measured.result ?? ((text: string): string => text.split("\n", 1)[0] ?? "");
    return {
      ...(JSON.parse(readFileSync(usage, "utf8")) as Omit<Figure, "result">),
      result: result(output),
      ...(measured.counted !== undefined && { files: countFiles(measured.counted) }),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs one of our own compiled programs, which prints its result as one line. */
export function measureOwn(name: string, args: readonly string[]): Promise<Figure> {
  return measure({ args: [join(import.meta.dirname, name), ...args] });
}

/** What a program printed; throws where it ends with another code. */
export function run(
  command: string,
  args: readonly string[],
  codes: readonly number[] = [0],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== null && codes.includes(code)) resolve(output);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${errors}`));
    });
  });
}

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
