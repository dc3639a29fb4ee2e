import type { Streams } from "./streams.ts";

/** Shows a spinner on a terminal's standard error while something takes over a second; silent everywhere else. */
export async function withProgress<T>(text: string, streams: Streams, work: () => Promise<T>): Promise<T> {
  if (!streams.isErrorTerminal) return work();
  const { default: ora } = await import("ora");
  const spinner = ora({ text, stream: process.stderr, discardStdin: false });
  const timer = setTimeout(() => spinner.start(), 1000);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    spinner.stop();
  }
}
