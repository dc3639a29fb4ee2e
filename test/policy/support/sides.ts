import type { JsonObject } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import type { CiliumSettings } from "../../../lib/policy/space/world.ts";
import { rawObjects } from "./objects.ts";

/** Objects as Calico enforces them; throws when the reader gives nothing. */
export function calicoSide(objects: readonly JsonObject[]): PolicySide {
  const { value } = readCalicoPolicies(rawObjects(objects));
  if (value === undefined) throw new Error("the objects were not read");
  return { engine: "calico", policies: value };
}

/** Objects as Cilium enforces them; throws when one is refused, unless `isLenient`. */
export function ciliumSide(objects: readonly JsonObject[], settings: CiliumSettings, isLenient = false): PolicySide {
  const { value, findings } = readCiliumPolicies(rawObjects(objects), settings);
  const refused = findings.filter(({ severity }) => severity === "error");
  if (value === undefined || (refused.length > 0 && !isLenient))
    throw new Error(`the objects were refused: ${refused.map(({ message }) => message).join("; ")}`);
  return { engine: "cilium", policies: value };
}
