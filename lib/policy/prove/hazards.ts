import type { Cause, Verdict } from "./evaluate.ts";
import type { PolicySide } from "./policy-side.ts";

/** The ways in which an ordered policy set changes its meaning when it loses its order. Numbers as in reference policy 3.3. */
export type HazardId = "H1" | "H2" | "H3" | "H4" | "H6";

/**
 * The known hazard behind a difference between Calico and Cilium, by the causes on both sides; `undefined` where none is
 * recognised, and for other pairs of engines.
 *
 * H1 an Allow stood before a Deny; H2 a Pass did; H3 an earlier tier ended before a later one could allow; H4 a packet fell
 * through to the profile while another rule had switched default deny on; H6 a Kubernetes policy allowed before a Deny.
 */
export function hazardOf(
  verdicts: { readonly before: Verdict; readonly after: Verdict },
  before: PolicySide,
  after: PolicySide,
): HazardId | undefined {
  if (before.engine !== "calico" || after.engine !== "cilium") return undefined;
  const { policies, tiers } = before.policies;
  const isDenied = !verdicts.after.isAllowed;
  if (isDenied && isDenyRule(verdicts.after.cause)) {
    if (verdicts.before.cause.kind === "profile") return "H2";
    if (verdicts.before.cause.kind !== "rule") return undefined;
    const isKubernetes = policies[verdicts.before.cause.ref.policy]?.origin === "KubernetesNetworkPolicy";
    return isKubernetes ? "H6" : "H1";
  }
  if (isDenied) {
    const { kind } = verdicts.before.cause;
    return verdicts.after.cause.kind === "default-deny" && (kind === "profile" || kind === "no-policy")
      ? "H4"
      : undefined;
  }
  const { cause } = verdicts.before;
  if (cause.kind !== "end-of-tier" || verdicts.after.cause.kind !== "rule") return undefined;
  const isWall = policies.some(({ tier }) => tiers.findIndex(({ name }) => name === tier) > cause.tier);
  return isWall ? "H3" : undefined;
}

function isDenyRule(cause: Cause): boolean {
  return cause.kind === "rule" && /Deny\[/u.test(cause.ref.field);
}
