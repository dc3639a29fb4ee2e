import type { Case } from "./figure.ts";
import { measure, program } from "./measure.ts";

/** What every command pays before it does anything, beside Node's own start. */
export function startCases(): readonly Case[] {
  const node = { name: "node -e 0", run: () => measure({ args: ["-e", "0"] }) };
  return ["--help", "--version", "synth --help"].map((line) => ({
    group: "help",
    name: `metachron ${line}`,
    goal: { seconds: 0.2 },
    run: () => measure({ args: [program, ...line.split(" ")], result: () => "" }),
    peer: node,
  }));
}
