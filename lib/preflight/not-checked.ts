import { catalogue } from "./catalogue.ts";
import type { PreflightContext } from "./catalogue-entry.ts";

/** A question that the inventory does not answer. */
export interface NotChecked {
  readonly id: string;
  /** Why the inventory does not tell, and what depends on the answer. */
  readonly why: string;
  /** The command that would tell. */
  readonly command: string;
}

/** What could not be checked for this cluster, in the order of the catalogue, each with the command that would tell. */
export function notChecked(context: PreflightContext): readonly NotChecked[] {
  return catalogue.flatMap((entry) =>
    entry.kind === "not-checked" && entry.applies(context)
      ? [{ id: entry.id, why: entry.why, command: entry.command(context) }]
      : [],
  );
}
