import type { Case, Figure } from "./figure.ts";
import { measureOwn } from "./measure.ts";
import { scenarios } from "./policy-scenarios.ts";

interface Answer {
  readonly makingSeconds: number;
  readonly makingUserSeconds: number;
  readonly result: string;
}

/** Policies read, translated, read back and proven in one process, its start included. */
export function policyCases(): readonly Case[] {
  return scenarios.map(({ group, name, goal }, index) => ({
    group,
    name,
    ...(goal !== undefined && { goal }),
    run: async (): Promise<Figure> => {
      const figure = await measureOwn("policy-child.js", [String(index)]);
      const { makingSeconds, makingUserSeconds, result } = JSON.parse(figure.result) as Answer;
      return {
        ...figure,
        seconds: figure.seconds - makingSeconds,
        userSeconds: figure.userSeconds - makingUserSeconds,
        result,
      };
    },
  }));
}
