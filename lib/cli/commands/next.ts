import { nextStage } from "../../delivery/next-stage.ts";
import type { ExitCode } from "../exit-code.ts";
import { type MoveOptions, moveStage } from "../move-stage.ts";
import type { Streams } from "../streams.ts";

/** `metachron next`: closes the open stage, or opens the next one. */
export function next(_operands: readonly string[], options: MoveOptions, streams: Streams): Promise<ExitCode> {
  return moveStage((plan, migration, context) => nextStage(plan, migration.stages, context), options, streams);
}
