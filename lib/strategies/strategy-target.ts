import type { Plan } from "../plan/plan.ts";
import type { SourceDetection } from "../source/source.ts";
import type { TargetPlan } from "../target/target.ts";
import { waitingValues } from "../target/waiting-values.ts";

/** The plan as the target room has to read it: where two networks never share a cluster there is nothing to bridge. */
export function planForTarget(plan: Plan): Plan {
  if (plan.spec.strategy === "live") return plan;
  return { ...plan, spec: { ...plan.spec, policies: { ...plan.spec.policies, continuity: "off" } } };
}

/**
 * The source as the target room has to see it: on the nodes of a second cluster it never runs, so there are no devices to leave
 * out and no port to keep clear of. Its pool stays, because clusters that are ever to be meshed must not overlap.
 */
export function sourceForTarget(plan: Plan, source: SourceDetection): SourceDetection {
  if (plan.spec.strategy !== "blue-green") return source;
  const { tunnelPort: _, vni: __, mtu: ___, uplinks: ____, ...facts } = source.facts;
  return { ...source, facts: { ...facts, encapsulation: "none", devices: [], daemonSets: [], companions: [] } };
}

/** The values that the first installation gets with the plan's strategy. */
export function targetOfStrategy(plan: Plan, target: TargetPlan): TargetPlan {
  switch (plan.spec.strategy) {
    case "live":
      return target;
    case "in-place":
      return { ...target, migration: waitingValues(target.final, plan.name) };
    case "blue-green":
      return { ...target, migration: target.final };
  }
}
