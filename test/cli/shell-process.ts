import { runProgram } from "../../lib/cli/program.ts";
import type { ShellCommand } from "./shell.ts";

/** The process behind all shells: runs one command after the other, each in its folder. */
process.on("message", async ({ argv, folder, path, columns, useColor, now }: ShellCommand) => {
  const out: string[] = [];
  const error: string[] = [];
  const clock = Date.now;
  if (now !== undefined) Date.now = () => Date.parse(now);
  process.chdir(folder);
  process.env["PATH"] = path;
  const exitCode = await runProgram(argv, "0.0.0", {
    out: (text) => out.push(text),
    error: (text) => error.push(text),
    isOutTerminal: useColor,
    isErrorTerminal: false,
    columns,
    useColor,
    useErrorColor: useColor,
    readStdin: async () => "",
    isInTerminal: true,
  });
  Date.now = clock;
  process.send?.({ exitCode, out: out.join(""), error: error.join("") });
});
