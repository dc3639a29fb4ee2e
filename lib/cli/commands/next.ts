import { nextStage, retryStage } from "../../delivery/next-stage.ts";
import type { ExitCode } from "../exit-code.ts";
import { type MoveOptions, moveStage } from "../move-stage.ts";
import type { Streams } from "../streams.ts";

interface NextOptions extends MoveOptions {
  /** Stage whose Job has failed, and whose reason is gone. */
  readonly retry?: string;
}

/** `metachron next`: closes the open stage, or opens the next one; with `--retry STAGE`, runs that stage's Job again. */
export function next(_operands: readonly string[], options: NextOptions, streams: Streams): Promise<ExitCode> {
  const { retry } = options;
  return moveStage(
    (plan, migration, context) =>
      retry === undefined ? nextStage(plan, migration.stages, context) : retryStage(plan, migration.stages, retry),
    options,
    streams,
  );
}
