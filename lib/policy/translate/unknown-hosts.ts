import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { CalicoPolicy, CalicoPolicySet } from "../calico/model.ts";
import type { Selector } from "../selector/selector.ts";
import type { World } from "../space/world.ts";
import { translationFindings } from "./findings.ts";

const named = 3;

/**
 * Policies that would also apply to host endpoints, of which nobody knows whether there are any (POL064): one finding for all.
 * Nothing where the inventory is known, or where host endpoints stand beside the policies: then each policy is told by itself.
 *
 * Source: Calico 3.32, reference HostEndpoint: a GlobalNetworkPolicy selects host endpoints by their own labels.
 */
export function unknownHosts(set: CalicoPolicySet, world: World): readonly Finding[] {
  if (world.isInventoryKnown || set.hostEndpoints.length > 0) return [];
  const policies = set.policies.filter(mayMeanHosts);
  const [first] = policies;
  if (first === undefined) return [];
  const names = policies.slice(0, named).map((policy) => printIdentity(policy.identity));
  const more = policies.length > named ? ` and ${policies.length - named} more` : "";
  return [
    {
      code: "POL064",
      severity: translationFindings.POL064.severity,
      message: `${names.join(", ")}${more} would also apply to host endpoints: what is written is for pods alone`,
      where: whereOf(first.identity, first.position, "spec.selector"),
      reason: "without the cluster's objects nobody knows whether there are host endpoints with such labels",
      remedy:
        "look with kubectl get hostendpoints.crd.projectcalico.org, or give the cluster's objects with --inventory",
      data: { policies: policies.map((policy) => printIdentity(policy.identity)) },
    },
  ];
}

/** Host endpoints have labels of their own alone: no namespace, no service account. */
function mayMeanHosts(policy: CalicoPolicy): boolean {
  return policy.identity.kind === "GlobalNetworkPolicy" && !policy.isStaged && hasOwnLabelsOnly(policy.appliesTo);
}

function hasOwnLabelsOnly(selector: Selector): boolean {
  if ("operand" in selector) return hasOwnLabelsOnly(selector.operand);
  if ("operands" in selector) return selector.operands.every(hasOwnLabelsOnly);
  return !("key" in selector) || selector.key.startsWith("pod:");
}
