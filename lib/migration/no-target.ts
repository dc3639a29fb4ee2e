import type { Plan } from "../plan/plan.ts";
import type { CiliumValues, TargetPlan } from "../target/target.ts";

/** The target of a plan that leads to no Cilium: everything empty. */
export function noTarget(plan: Plan): TargetPlan {
  const values = (phase: CiliumValues["phase"]): CiliumValues => ({
    phase,
    version: plan.spec.target.version,
    values: {},
    reasons: [],
    text: "",
  });
  const requested = plan.spec.policies.continuity;
  return {
    migration: values("migration"),
    final: values("final"),
    podCIDRs: [],
    podCIDRMaskSize: {},
    tunnelPort: 0,
    nodeConfigDefaults: {},
    nodeConfigReasons: [],
    continuity: { requested, effective: requested, needsMirrors: false, sourcePrefixes: [], conditions: [] },
    namespace: "kube-system",
    findings: [],
  };
}
