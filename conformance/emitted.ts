import type { JsonObject } from "../lib/core/json.ts";
import { readCalicoPolicies } from "../lib/policy/calico/read-calico-policies.ts";
import type { World } from "../lib/policy/space/world.ts";
import { translatePolicies } from "../lib/policy/translate/translate-policies.ts";
import type { Translation } from "../lib/policy/translate/translation.ts";
import { rawObjects } from "../test/policy/support/objects.ts";

/** What stands in the cluster beside each other after the translation. */
export interface Emitted {
  readonly objects: readonly JsonObject[];
  /** Every policy is exact or carved; otherwise nothing may open. */
  readonly isExact: boolean;
}

/**
 * What we emit for a world, with the Kubernetes policies that stay as they are; `undefined` where the reader or the
 * translator refuses a policy, so that there is nothing to compare.
 */
export function emittedFor(world: World, objects: readonly JsonObject[]): Emitted | undefined {
  const { value, findings } = readCalicoPolicies(rawObjects(objects));
  if (value === undefined || findings.some((finding) => finding.severity === "error")) return undefined;
  const own = objects.filter((object) => String(object["apiVersion"]).startsWith("networking.k8s.io/"));
  // A Kubernetes policy that names pods by address means something else in Cilium: the plan tells it (POL031), nobody mends it.
  if (JSON.stringify(own).includes("ipBlock")) return undefined;
  const translation = translatePolicies(value, world, {});
  const told = [...translation.findings, ...translation.policies.flatMap((policy) => policy.findings)];
  if (translation.policies.some((policy) => policy.result === "refused")) return undefined;
  const isExact =
    translation.policies.every((policy) => policy.result === "exact" || policy.result === "carved") &&
    !told.some((finding) => finding.severity === "error");
  return { objects: [...outputsOf(translation), ...own], isExact };
}

/** What we emit for the policies that have a translation, where others have none: enough to be parsed, not to be compared. */
export function emittedInPart(world: World, objects: readonly JsonObject[]): readonly JsonObject[] {
  const { value } = readCalicoPolicies(rawObjects(objects));
  return value === undefined ? [] : outputsOf(translatePolicies(value, world, {}));
}

function outputsOf({ policies }: Translation): JsonObject[] {
  return policies.flatMap((policy) => policy.outputs.map((output) => output.object));
}
