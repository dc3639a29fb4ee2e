import { applyStageAgain, nextStage, retryStage } from "../../delivery/next-stage.ts";
import type { ExitCode } from "../exit-code.ts";
import { type MoveOptions, moveStage } from "../move-stage.ts";
import type { Streams } from "../streams.ts";

interface NextOptions extends MoveOptions {
  /** Stage whose Job has failed, and whose reason is gone. */
  readonly retry?: string;
  /** Stage that is done and shall be applied again, with what it holds today. */
  readonly again?: string;
}

/**
 * `metachron next`: closes the open stage, or opens the next one; with `--retry STAGE`, runs that stage's Job again; with
 * `--again STAGE`, applies one again that is done.
 */
export function next(_operands: readonly string[], options: NextOptions, streams: Streams): Promise<ExitCode> {
  const { retry, again } = options;
  return moveStage(
    (plan, { stages }, context) => {
      if (again !== undefined) return applyStageAgain(plan, stages, again);
      return retry === undefined ? nextStage(plan, stages, context) : retryStage(plan, stages, retry);
    },
    options,
    streams,
  );
}
