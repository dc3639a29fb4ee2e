import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program that answers JSON lines with JSON lines, in their order. */
export interface LineProgram<Question, Answer> {
  readonly ask: (question: Question) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Starts one; a program that ends early rejects every question still open. */
export function startProgram<Question, Answer>(binary: string): LineProgram<Question, Answer> {
  const child = spawn(binary, [], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer));
  // A program that is gone is told by its end; what is still written to it goes nowhere.
  child.stdin.on("error", () => undefined);
  let reason: Error | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (error: Error): void => {
      reason = error;
      for (const one of waiting.splice(0)) one.reject(error);
      resolve();
    };
    child.on("error", end);
    child.on("close", (code, signal) => end(new Error(`${binary} ended with ${signal ?? `code ${code}`}`)));
  });
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (reason !== undefined) {
          reject(reason);
          return;
        }
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(question)}\n`);
      }),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
