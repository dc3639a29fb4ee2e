import { printIdentity } from "../../core/identity.ts";
import type { Cause, RuleEntry } from "./order-plan.ts";

/** A rule as messages name it: `ingress[2]`; the end of a tier where the entry stands for one. */
export function printRule(entry: RuleEntry): string {
  return entry.rule.index < 0 ? `the end of tier ${entry.owner.tier.name}` : `${entry.direction}[${entry.rule.index}]`;
}

/** A rule with its policy: `GlobalNetworkPolicy/deny-all ingress[0]`. */
export function printRuleOf(entry: RuleEntry): string {
  const policy = printIdentity(entry.owner.policy.identity);
  return entry.rule.index < 0 ? `${policy} at ${printRule(entry)}` : `${policy} ${printRule(entry)}`;
}

/** The causes of a change, each rule once, the first few by name. */
export function printCauses(causes: readonly Cause[], own: RuleEntry): string {
  const names = [
    ...new Set(causes.map(({ entry }) => (entry.owner === own.owner ? printRule(entry) : printRuleOf(entry)))),
  ];
  if (names.length <= 4) return names.join(", ");
  return `${names.slice(0, 3).join(", ")} and ${names.length - 3} more rules`;
}

/** Why rule order forces a change, by hazard (reference policy 3.3). */
export const hazardReasons: Readonly<Record<Cause["hazard"], string>> = {
  H1: "Calico takes the first rule that matches; in Cilium a deny beats every allow",
  H2: "a Pass hands its flows to the next tier; Cilium has no tiers",
  H3: "an earlier tier decides first; Cilium has no tiers",
  H4: "what is passed to the end is allowed by the pods' profile; in Cilium it needs an allow",
  H6: "a Kubernetes NetworkPolicy allows at order 1000; in Cilium a deny beats it",
};
