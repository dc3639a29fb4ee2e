/** Counts of one step. */
export interface Outcome {
  /** What held. */
  readonly passed: number;
  /** What did not, a line each. */
  readonly failures: readonly string[];
  /** What was done, in a few words with figures; said whether or not all held. */
  readonly said: readonly string[];
  /** What a step could not judge, and why; neither passed nor failed. */
  readonly unjudged?: readonly string[];
}

/** One step of `npm run conformance`. */
export interface Step {
  readonly name: string;
  readonly run: () => Promise<Outcome> | Outcome;
}

/** Collects what holds and what does not. */
export interface Ledger {
  readonly check: (isGood: boolean, text: string) => void;
  readonly outcome: (said: readonly string[], unjudged?: readonly string[]) => Outcome;
}

/** An empty ledger. */
export function openLedger(): Ledger {
  let passed = 0;
  const failures: string[] = [];
  return {
    check: (isGood, text) => {
      if (isGood) passed += 1;
      else failures.push(text);
    },
    outcome: (said, unjudged = []) => ({ passed, failures, said, unjudged }),
  };
}
