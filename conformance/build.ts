import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

const room = import.meta.dirname;

/** Programs by their folders. */
const programs = {
  policy: "policy-judge",
  "policy/nodeconfig": "node-config",
  manifests: "manifest-judge",
  cluster: "cluster-judge",
} as const;

/** Where a program is after the build. */
export function binaryOf(program: keyof typeof programs): string {
  return join(room, "bin", programs[program]);
}

/** Go's version as it says itself; `undefined` where Go is missing or older than the modules ask for. */
export function goVersion(): string | undefined {
  const { stdout, status } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  const [, minor = "0"] = /^go1\.(\d+)/u.exec(stdout ?? "") ?? [];
  return status === 0 && Number(minor) >= 26 ? stdout.trim() : undefined;
}

/** Builds one program; the text that the Go client printed when it failed, otherwise `undefined`. */
export function buildProgram(program: keyof typeof programs): string | undefined {
  mkdirSync(join(room, "bin"), { recursive: true });
  const cores = String(Math.min(2, availableParallelism()));
  const { status, stderr, error } = spawnSync("go", ["build", "-p", cores, "-o", binaryOf(program), "."], {
    cwd: join(room, program),
    encoding: "utf8",
    env: { ...process.env, GOFLAGS: "-mod=mod -buildvcs=false", GOWORK: "off" },
    maxBuffer: 2 ** 26,
  });
  return status === 0 ? undefined : (error?.message ?? stderr);
}
