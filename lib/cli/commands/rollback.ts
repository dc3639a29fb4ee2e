import { rollbackStage } from "../../delivery/next-stage.ts";
import type { ExitCode } from "../exit-code.ts";
import { type MoveOptions, moveStage } from "../move-stage.ts";
import type { Streams } from "../streams.ts";

/** `metachron rollback STAGE`: a forward move with objects of its own. */
export function rollback(operands: readonly string[], options: MoveOptions, streams: Streams): Promise<ExitCode> {
  const [stageId = ""] = operands;
  return moveStage((plan, migration) => rollbackStage(plan, migration.stages, stageId), options, streams);
}
