/** Where a command writes and how it may look: handed in, so that tests read what a person would see. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Whether standard output / standard error is a terminal. */
  readonly isOutTerminal: boolean;
  readonly isErrorTerminal: boolean;
  /** Columns of the terminal; 100 where there is none. */
  readonly columns: number;
  /** Whether standard output / standard error takes colours. */
  readonly useColor: boolean;
  readonly useErrorColor: boolean;
  /** Standard input as text, read once. */
  readonly readStdin: () => Promise<string>;
  readonly isInTerminal: boolean;
}

/** Whether the person wants colours. Source: no-color.org (a value that is not empty), and the terminal's own name. */
function wantsColor(): boolean {
  return (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}

/** Whoever reads from a pipe may have enough before the end, as `head` has: the command ends as it would have. */
function letGoOf(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

/** The streams of this process. `NO_COLOR` and pipes give plain text. */
export function processStreams(): Streams {
  letGoOf(process.stdout);
  letGoOf(process.stderr);
  return {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
    isOutTerminal: process.stdout.isTTY === true,
    isErrorTerminal: process.stderr.isTTY === true,
    columns: process.stdout.columns ?? process.stderr.columns ?? 100,
    useColor: process.stdout.isTTY === true && wantsColor(),
    useErrorColor: process.stderr.isTTY === true && wantsColor(),
    readStdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString("utf8");
    },
    isInTerminal: process.stdin.isTTY === true,
  };
}
