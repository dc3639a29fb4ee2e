import { exitCodes } from "../../roll/exit-codes.ts";
import type { ActiveSituation } from "./situation.ts";

/** Why a stage's Job failed. */
export interface Failure {
  /** Exit code of the Job's script; absent where it could not say one. */
  readonly exitCode?: number;
  /** What the script said; empty where it could not say anything. */
  readonly message: string;
  readonly meaning: string;
  readonly remedy: string;
}

/** Reads the failure out of the marker's message (`exit 50: …`), else out of the Job's condition. */
export function failureOf({ status, job }: ActiveSituation): Failure {
  const said = /^exit (?<code>\d+): (?<text>.*)$/su.exec(status.message);
  const code = Number(said?.groups?.["code"]);
  const known = exitCodes[code];
  // A Job that its deadline ended was told to stop: code 70, and the deadline is the reason.
  if (known !== undefined && !(code === 70 && job?.reason === "DeadlineExceeded"))
    return { exitCode: code, message: said?.groups?.["text"] ?? "", ...known };
  const message = said?.groups?.["text"] ?? status.message;
  if (job?.reason === "DeadlineExceeded")
    return {
      message,
      meaning: "the Job reached its deadline: it waited for something that did not come",
      remedy: "See in the log what it waited for",
    };
  return {
    message,
    meaning: `the Job ended without a word in its marker${job?.reason === undefined ? "" : ` (${job.reason})`}`,
    remedy: "See whether its pod was killed or never started (kubectl -n metachron describe jobs,pods)",
  };
}
