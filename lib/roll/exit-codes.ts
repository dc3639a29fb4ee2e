/** What a Job's exit code means, and what a person does about it. */
export interface ExitCode {
  readonly meaning: string;
  readonly remedy: string;
}

/** The exit codes of every script, as common.sh lists them; a test holds the two together. */
export const exitCodes: Readonly<Record<number, ExitCode>> = {
  10: {
    meaning: "the environment is not as expected (a tool, a variable, the API server)",
    remedy: "Look at the Job's image and at the way from its node to the API server, then open another attempt",
  },
  11: {
    meaning: "another executor holds the lease metachron/roll",
    remedy: "Find the Job that runs (or delete it), then open another attempt",
  },
  20: {
    meaning: "gate: the stage before is not done with the digest that was reviewed",
    remedy: "Look at the marker of the stage before: finish it, or find out who changed its body",
  },
  30: {
    meaning: "preflight: the cluster is not in a state to start from; nothing was changed",
    remedy: "Mend what the last line of the log names, then open another attempt",
  },
  40: {
    meaning: "pods could not be moved away; the node stays cordoned",
    remedy: "Look at the budgets that the log names, then open another attempt, or roll the stage back",
  },
  50: {
    meaning:
      "the Cilium agent did not come back, or does not run with the values of this stage; the node stays cordoned",
    remedy: "Look at the agent of the node, then open another attempt, or roll the stage back",
  },
  60: {
    meaning: "a connectivity gate failed; the node stays cordoned",
    remedy: "Look at the log of the helper pod above, then open another attempt, or roll the stage back",
  },
  61: {
    meaning: "pods with an address of the wrong network are left on a node",
    remedy: "Restart the pods that the log names, then open another attempt",
  },
  62: {
    meaning: "a signal of the user's own (Goldpinger, PromQL) says no",
    remedy: "Find out what the signal tells; open another attempt when it says yes, or roll the stage back",
  },
  63: {
    meaning: "a connection of the probe pack was not decided as expected; nothing was changed",
    remedy:
      "Ask metachron explain about the connection that the log names, and look whether policies or labels changed since the inventory was taken",
  },
  70: {
    meaning: "told to stop (TERM); the marker holds where, the next attempt goes on from there",
    remedy: "Open another attempt",
  },
};
