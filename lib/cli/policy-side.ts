import type { Checked, Finding } from "../core/finding.ts";
import type { RawObject } from "../inventory/inventory.ts";
import { readCalicoPolicies } from "../policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../policy/cilium/read-cilium-policies.ts";
import type { PolicySide } from "../policy/prove/policy-side.ts";
import type { World } from "../policy/space/world.ts";
import { fillIn, namesWithTemplates, type Variables } from "./template-variables.ts";

/** One side of a comparison: its objects, how it was named on the command line, and values of variables in it. */
export interface GivenSide {
  readonly objects: readonly RawObject[];
  readonly name: string;
  readonly variables: Variables;
}

const policyKind = /NetworkPolicy$/u;
const policyGroup = /(?:^|\.)(?:projectcalico\.org|cilium\.io|networking\.k8s\.io|extensions)$/u;

/**
 * The engine that a set of objects is written for, with its policies. Kubernetes NetworkPolicies belong to either; a set of
 * nothing else is read as Calico reads them. Findings: `cli/two-engines`, `cli/no-policies`, and those of the readers.
 */
export function policySideOf({ objects, name, variables }: GivenSide, world: World): Checked<PolicySide> {
  const isOf = (group: string): boolean =>
    objects.some((object) => object.apiVersion.split("/")[0]?.endsWith(group) === true);
  const [hasCalico, hasCilium] = [isOf("projectcalico.org"), isOf("cilium.io")];
  if (hasCalico && hasCilium) return { value: undefined, findings: [twoEngines(name)] };
  const missing = objects.some(isPolicy) ? [] : [noPolicies(name)];
  if (hasCilium) {
    const read = readCiliumPolicies(
      objects.map((raw) => fillIn(raw, variables)),
      world.cilium,
    );
    return {
      value: { engine: "cilium", policies: read.value ?? { rules: [], cidrGroups: [] } },
      findings: [...missing, ...read.findings],
    };
  }
  const read = readCalicoPolicies(objects, { variables });
  const policies = read.value ?? { tiers: [], policies: [], networkSets: [], hostEndpoints: [], profiles: [] };
  return { value: { engine: "calico", policies }, findings: [...missing, ...read.findings] };
}

/** Whether an object decides traffic, for whichever engine. */
export function isPolicy({ apiVersion, kind }: RawObject): boolean {
  return policyKind.test(kind) && policyGroup.test(apiVersion.split("/")[0] ?? "");
}

/**
 * Names of the Cilium policies that hold variables without a value: they may stand where no reader looks, in the name of a
 * DNS rule. Calico's reader tells its own by field, so they are not named here.
 */
export function unresolvedPolicies({ objects, variables }: GivenSide): readonly string[] {
  const ours = objects.filter((raw) => isPolicy(raw) && !raw.apiVersion.includes("projectcalico.org"));
  return namesWithTemplates(ours.map((raw) => fillIn(raw, variables)));
}

function noPolicies(name: string): Finding {
  return {
    code: "cli/no-policies",
    severity: "warning",
    message: `${name} holds no policy, so everything is allowed there`,
    where: { file: name },
    reason: "a folder that was named by mistake looks the same",
    remedy: "name the folder that holds the policies, unless none is what is meant",
  };
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
