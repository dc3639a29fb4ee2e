import type { FindingKind } from "../core/finding.ts";

const ours = "metachron: how commands are used";

/** Every finding that only a command can have, by code. */
export const commandFindings = {
  "cli/wrong-use": { severity: "error", meaning: "A command line asks for what cannot be", source: ours },
  "cli/no-policies": {
    severity: "warning",
    meaning: "A side that is to be compared holds no policy",
    source: ours,
  },
  "cli/plan-not-found": {
    severity: "error",
    meaning: "There is no plan file, or there are several and none was named",
    source: ours,
  },
  "cli/plan-module-failed": {
    severity: "error",
    meaning: "A plan that is a program ended with an error",
    source: ours,
  },
  "cli/plan-is-a-program": {
    severity: "error",
    meaning: "The gate would have to run a program out of git's history, which it does not",
    source: ours,
  },
  "cli/not-up-to-date": {
    severity: "error",
    meaning: "A stage is to be moved while the files are not what the plan renders to",
    source: ours,
  },
  "cli/stage-not-moved": {
    severity: "error",
    meaning: "A stage stays where it is because findings block",
    source: ours,
  },
  "cli/git-failed": {
    severity: "error",
    meaning: "git does not know a revision, or this is no repository",
    source: ours,
  },
  "cli/two-engines": {
    severity: "error",
    meaning: "One side of a comparison holds policies of Calico and of Cilium",
    source: ours,
  },
  "cli/no-cluster": { severity: "error", meaning: "The API server does not answer, or refuses", source: ours },
  "cli/kind-not-read": {
    severity: "warning",
    meaning: "A kind could not be read while taking a snapshot",
    source: ours,
  },
  "cli/status-partial": {
    severity: "warning",
    meaning: "A kind that status asks for could not be read, so less is known",
    source: ours,
  },
} as const satisfies Readonly<Record<string, FindingKind>>;
