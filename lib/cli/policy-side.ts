import type { Checked, Finding } from "../core/finding.ts";
import type { RawObject } from "../inventory/inventory.ts";
import { readCalicoPolicies } from "../policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../policy/cilium/read-cilium-policies.ts";
import type { PolicySide } from "../policy/prove/policy-side.ts";
import type { World } from "../policy/space/world.ts";

/**
 * The engine that a set of objects is written for, with its policies. Kubernetes NetworkPolicies belong to either; a set of
 * nothing else is read as Calico reads them. Findings: `cli/two-engines`, and those of the readers.
 */
export function policySideOf(objects: readonly RawObject[], name: string, world: World): Checked<PolicySide> {
  const isOf = (group: string): boolean =>
    objects.some((object) => object.apiVersion.split("/")[0]?.endsWith(group) === true);
  const [hasCalico, hasCilium] = [isOf("projectcalico.org"), isOf("cilium.io")];
  if (hasCalico && hasCilium) return { value: undefined, findings: [twoEngines(name)] };
  if (hasCilium) {
    const read = readCiliumPolicies(objects, world.cilium);
    return {
      value: { engine: "cilium", policies: read.value ?? { rules: [], cidrGroups: [] } },
      findings: read.findings,
    };
  }
  const read = readCalicoPolicies(objects);
  const policies = read.value ?? { tiers: [], policies: [], networkSets: [], hostEndpoints: [], profiles: [] };
  return { value: { engine: "calico", policies }, findings: read.findings };
}

function twoEngines(name: string): Finding {
  return {
    code: "cli/two-engines",
    severity: "error",
    message: `${name} holds policies of Calico and of Cilium`,
    where: { file: name },
    reason: "one side of a comparison is what one engine enforces",
    remedy: "put them into two folders and name one with --before, the other with --after",
  };
}
