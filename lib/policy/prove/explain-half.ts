import { type Where, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { World } from "../space/world.ts";
import { decideFlow, type FlowDecision, type FlowPoint } from "./decide-flow.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import { decisionOf } from "./printing.ts";
import type { Decision } from "./proof.ts";

/** One rule that had a chance to decide. */
export interface RuleLookedAt {
  /** `NetworkPolicy/a/p ingress[1]`. */
  readonly rule: string;
  readonly where: Where;
  readonly action: "allow" | "deny" | "pass" | "log";
  readonly isMatch: boolean;
}

/** What one side says of one half, and what it looked at: every rule of every policy that selects the pod, in order. */
export interface HalfDecision extends Decision {
  readonly lookedAt: readonly RuleLookedAt[];
}

/** What one side makes of one half of a flow, with every rule that it looks at. */
export function explainHalf(side: PolicySide, world: World, flow: FlowPoint): HalfDecision {
  const decision = decideFlow(side, world, flow);
  return { ...decisionOf(decision.verdict, side, flow.subject), lookedAt: rulesLookedAt(side, decision, flow.half) };
}

function rulesLookedAt(side: PolicySide, decision: FlowDecision, half: Half): RuleLookedAt[] {
  const isMatch = (policy: number, field: string): boolean =>
    decision.matching.some((ref) => ref.policy === policy && ref.field === field);
  if (side.engine === "none") return [];
  return decision.selected.flatMap((place) =>
    side.engine === "calico"
      ? oncePerRule(calicoRules(side, place, half, isMatch))
      : ciliumRules(side, place, half, isMatch),
  );
}

/** A rule of a Kubernetes policy may have been read as several, one for each kind of port. */
function oncePerRule(rules: readonly RuleLookedAt[]): RuleLookedAt[] {
  const byRule = new Map<string, RuleLookedAt>();
  for (const looked of rules) {
    const known = byRule.get(looked.rule);
    byRule.set(looked.rule, known === undefined ? looked : { ...known, isMatch: known.isMatch || looked.isMatch });
  }
  return [...byRule.values()];
}

type Match = (policy: number, field: string) => boolean;

function calicoRules(
  side: Extract<PolicySide, { readonly engine: "calico" }>,
  place: number,
  half: Half,
  isMatch: Match,
): RuleLookedAt[] {
  const policy = side.policies.policies[place];
  return (policy?.[half] ?? []).flatMap((rule) => {
    if (policy === undefined) return [];
    const field = `${half}[${rule.index}]`;
    return [
      {
        rule: `${printIdentity(policy.identity)} ${field}`,
        where: whereOf(policy.identity, { ...policy.position, ...rule.position }, `spec.${field}`),
        action:
          rule.action === "Allow" ? "allow" : rule.action === "Deny" ? "deny" : rule.action === "Pass" ? "pass" : "log",
        isMatch: isMatch(place, field),
      },
    ];
  });
}

function ciliumRules(
  side: Extract<PolicySide, { readonly engine: "cilium" }>,
  place: number,
  half: Half,
  isMatch: Match,
): RuleLookedAt[] {
  const rule = side.policies.rules[place];
  if (rule === undefined) return [];
  const path = rule.path ?? "spec";
  const prefix = path === "spec" ? "" : `${path}.`;
  const denySection = half === "ingress" ? "ingressDeny" : "egressDeny";
  return ([denySection, half] as const).flatMap((section) =>
    rule[section].map((element) => {
      const field = `${section}[${element.index}]`;
      const inside = `${path}.${field}`;
      return {
        rule: `${printIdentity(rule.identity)} ${prefix}${field}`,
        where: whereOf(rule.identity, rule.locate?.(inside) ?? rule.position, inside),
        action: section === half ? ("allow" as const) : ("deny" as const),
        isMatch: isMatch(place, field),
      };
    }),
  );
}
