import type { JsonValue } from "./json.ts";

/** A bug of ours: an assumption that does not hold. Programs end with exit code 3 and ask for a report. */
export class InvariantError extends Error {
  readonly values: Readonly<Record<string, JsonValue>>;

  constructor(message: string, values: Readonly<Record<string, JsonValue>> = {}) {
    super(message);
    this.name = "InvariantError";
    this.values = values;
  }
}

/** For the end of a `switch` over a union: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new InvariantError("a case is not handled", { value: JSON.stringify(value) });
}
