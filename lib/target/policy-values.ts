import type { TargetContext } from "./target-context.ts";
import { byPhase, type Decision, rule, set, type ValueRule } from "./value-rule.ts";

function migrationMode(context: TargetContext): Decision {
  switch (context.continuity.effective) {
    case "exact":
    case "bridge":
      return set(
        "default",
        "policy holds from the first migrated pod on; switched on later it leaves a hole of seconds to a minute",
      );
    case "audit":
      return set(
        "default",
        "verdicts are computed and only reported (policyAuditMode), so that they can be read before they count",
      );
    case "off":
      return set(
        "never",
        "the plan asks for no policy while both networks run; nothing is computed and nothing is reported",
      );
  }
}

/** When Cilium decides, and whether it acts on it. */
export const enforcementRules: readonly ValueRule[] = [
  rule("policyEnforcementMode", (context, phase) =>
    byPhase(
      phase,
      migrationMode(context),
      set("default", "pods that a policy selects are closed but for what it allows"),
    ),
  ),
  rule("policyAuditMode", (context, phase) => {
    const audits = context.continuity.effective === "audit";
    return byPhase(
      phase,
      set(audits, audits ? "denied packets pass and are reported as AUDIT in Hubble" : "a denied packet is dropped"),
      set(false, "a denied packet is dropped"),
    );
  }),
];
