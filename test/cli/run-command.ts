import { runProgram } from "../../lib/cli/program.ts";

/** What a person would have seen of one run. */
export interface CommandResult {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/** Runs one command in this process, as the program would, with pipes instead of a terminal. */
export async function runCommand(...argv: readonly string[]): Promise<CommandResult> {
  const out: string[] = [];
  const error: string[] = [];
  const exitCode = await runProgram(argv, "0.0.0", {
    out: (text) => out.push(text),
    error: (text) => error.push(text),
    isOutTerminal: false,
    isErrorTerminal: false,
    columns: 100,
    useColor: false,
    useErrorColor: false,
    readStdin: async () => "",
    isInTerminal: true,
  });
  return { exitCode, out: out.join(""), error: error.join("") };
}
