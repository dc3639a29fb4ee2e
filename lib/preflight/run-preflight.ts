import { compareFindings, type Finding } from "../core/finding.ts";
import { catalogue } from "./catalogue.ts";
import type { PreflightContext } from "./catalogue-entry.ts";

/**
 * Runs every check of the catalogue: what would break a migration of this cluster by this plan, before anything is touched.
 *
 * Questions that other rooms answer are not asked again, see `answeredBy` in the catalogue; what no inventory can tell
 * is listed by `notChecked`. Exceptions of the plan are applied afterwards, by `applyAcceptances`.
 * Findings: `preflight/<id>` of every row with a check, in printing order.
 */
export function runPreflight(context: PreflightContext): readonly Finding[] {
  return catalogue
    .flatMap((entry) => (entry.kind === "check" ? entry.check(context, entry) : []))
    .sort(compareFindings);
}
