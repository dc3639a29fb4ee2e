import type { Finding } from "../core/finding.ts";
import type { Acceptance, Plan } from "../plan/plan.ts";

/**
 * Lowers the findings that a person accepted in the plan, and says which exceptions match nothing.
 *
 * An accepted finding keeps its code and its texts and becomes `info`; `data.accepted` tells who, why, until when and
 * what its severity was. An exception matches by code and by the object of the finding's place, or by `*`; the first
 * one that matches counts. `until` is compared with nothing: there is no clock here.
 * Findings: the given ones in their order, then `preflight/acceptance-unused` for each exception that matches nothing.
 */
export function applyAcceptances(
  findings: readonly Finding[],
  acceptances: readonly Acceptance[],
  plan: Plan,
): readonly Finding[] {
  const used = new Set<Acceptance>();
  const told = findings.map((finding) => {
    const matching = acceptances.filter((acceptance) => matches(acceptance, finding));
    for (const acceptance of matching) used.add(acceptance);
    const [first] = matching;
    return first === undefined || finding.severity === "info" ? finding : accepted(finding, first);
  });
  const unused = acceptances.filter((acceptance) => !used.has(acceptance));
  return [...told, ...unused.map((acceptance) => unusedFinding(acceptance, plan))];
}

function matches(acceptance: Acceptance, finding: Finding): boolean {
  if (acceptance.code !== finding.code) return false;
  return acceptance.object === "*" || acceptance.object === finding.where?.object;
}

function accepted(finding: Finding, { by, reason, until }: Acceptance): Finding {
  return {
    ...finding,
    severity: "info",
    data: {
      ...finding.data,
      accepted: { by, reason, ...(until !== undefined && { until }), severity: finding.severity },
    },
  };
}

function unusedFinding(acceptance: Acceptance, plan: Plan): Finding {
  const { preflight, policies } = plan.spec;
  const inPreflight = preflight.accept.indexOf(acceptance);
  const inPolicies = policies.accept.indexOf(acceptance);
  const field =
    inPreflight >= 0 ? `spec.preflight.accept[${inPreflight}]` : `spec.policies.accept[${Math.max(inPolicies, 0)}]`;
  return {
    code: "preflight/acceptance-unused",
    severity: "warning",
    message: `the exception for ${acceptance.code} at ${acceptance.object} matches no finding`,
    where: { file: plan.file, field },
    reason:
      "an exception that matches nothing may be misspelt, or what it accepted is gone; it would match again unseen",
    remedy: "take it out, or write the code and the object as the finding prints them",
    data: { acceptedCode: acceptance.code, object: acceptance.object, by: acceptance.by },
  };
}
