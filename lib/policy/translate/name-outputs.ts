import type { Finding } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { SourcePolicy } from "./order-plan.ts";
import { policyFinding } from "./policy-findings.ts";

/** The name of a policy's output, and what there is to say about it. */
export interface OutputName {
  readonly name: string;
  readonly findings: readonly Finding[];
}

/**
 * A name for the output of every policy: its own, without the tier in front; `<tier>-<name>` where two policies of
 * different tiers would have the same (POL013), and a number behind it where that is taken, too.
 */
export function nameOutputs(sources: readonly SourcePolicy[]): ReadonlyMap<SourcePolicy, OutputName> {
  const taken = new Map<string, SourcePolicy>();
  const names = new Map<SourcePolicy, OutputName>();
  // The default tier first: its names are the ones that people use.
  const ordered = [
    ...sources.filter((source) => source.tier.name === "default"),
    ...sources.filter((source) => source.tier.name !== "default"),
  ];
  for (const source of ordered) {
    if (source.isFixed) continue;
    const { identity, baseName } = source.policy;
    const scope = identity.namespace ?? "";
    const own = baseName ?? identity.name;
    const other = taken.get(`${scope}/${own}`);
    const name = other === undefined ? own : freeName(source, scope, own, taken);
    taken.set(`${scope}/${name}`, source);
    names.set(source, { name, findings: other === undefined ? [] : [renamed(source, other, own, name)] });
  }
  return names;
}

function freeName(source: SourcePolicy, scope: string, own: string, taken: ReadonlyMap<string, SourcePolicy>): string {
  const base = `${source.tier.name}-${own}`;
  let name = base;
  for (let number = 2; taken.has(`${scope}/${name}`); number += 1) name = `${base}-${number}`;
  return name;
}

function renamed(source: SourcePolicy, other: SourcePolicy, own: string, name: string): Finding {
  const identity = printIdentity(source.policy.identity);
  return policyFinding(
    source.policy,
    "POL013",
    `${identity} is called ${name} in Cilium, because ${printIdentity(other.policy.identity)} is called ${own} there`,
    {
      field: "metadata.name",
      reason: "Calico keeps the names of each tier apart; Cilium has no tiers",
      remedy: "nothing to do, or rename one of them at the source",
    },
  );
}
