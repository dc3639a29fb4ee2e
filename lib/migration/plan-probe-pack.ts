import { getIn, getStringMap } from "../core/json.ts";
import { type Inventory, objectsOf } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import { planProbes } from "../policy/probe/plan-probes.ts";
import type { ProbePack } from "../policy/probe/probe-pack.ts";
import type { EagerService } from "../policy/probe/stand-ins.ts";
import type { SourceDetection } from "../source/source.ts";
import type { TargetPlan } from "../target/target.ts";
import { type PlannedPolicies, plannedSides, worldFor } from "./plan-policies.ts";

/**
 * The probe pack of a migration. Absent where the plan wants none, where the source has no policy, and where the inventory
 * holds no Service: then nobody can say which pods get traffic before they are ready.
 */
export function planProbePack(
  planned: PlannedPolicies,
  input: {
    readonly plan: Plan;
    readonly inventory: Inventory;
    readonly source: SourceDetection;
    readonly target: TargetPlan;
  },
): ProbePack | undefined {
  const { plan, inventory, source, target } = input;
  const services = objectsOf(inventory, "Service");
  if (!plan.spec.policies.probes || planned.set.policies.length === 0 || services.length === 0) return undefined;
  const sides = plannedSides(planned, inventory, worldFor(inventory, source, target)).value;
  if (sides === undefined) return undefined;
  const eagerServices = services.flatMap((service): EagerService[] => {
    const selector = getStringMap(service.object, "spec", "selector");
    const isEager =
      getIn(service.object, "spec", "publishNotReadyAddresses") === true ||
      service.annotations["service.alpha.kubernetes.io/tolerate-unready-endpoints"] === "true";
    if (!isEager || Object.keys(selector).length === 0) return [];
    return [{ namespace: service.namespace ?? "", name: service.name, selector }];
  });
  return planProbes({ ...sides, eagerServices });
}
