import { startJudge } from "./judge.ts";
import { playRounds } from "./policy-rounds.ts";
import { judgeVectors } from "./policy-vectors.ts";

// One question to the engines about the tree that this file lies in: `vectors` or `rounds`. Ends with 1 where they disagree.

/** Flow verdicts of one trial, played in parts so that it ends at the first part that disagrees. */
const verdicts = 200_000;
const part = 40_000;

async function disagrees(): Promise<boolean> {
  for (let at = 0; at < verdicts; at += part) {
    const { disagreements } = await playRounds(judge, 1 + at, part);
    if (disagreements.length > 0) return true;
  }
  return false;
}

const judge = startJudge(process.env["METACHRON_POLICY_JUDGE"] ?? "");
try {
  if (process.argv[2] === "vectors") {
    const { failures } = await judgeVectors(judge);
    process.exitCode = failures.length === 0 ? 0 : 1;
  } else {
    process.exitCode = (await disagrees()) ? 1 : 0;
  }
} finally {
  await judge.close();
}
