import type { Finding } from "../core/finding.ts";
import type { JsonValue } from "../core/json.ts";
import { findingOf } from "./findings.ts";
import { requiredInvariants, type ValueInvariant, valueInvariants } from "./invariants.ts";
import { unknownValues } from "./known-values.ts";
import type { ReasonedValue, ValuesPhase } from "./target.ts";
import type { TargetContext } from "./target-context.ts";
import { isOnPath, leavesOf, putValue, type ValueLeaf } from "./value-tree.ts";

interface Refusal {
  readonly leaf: ValueLeaf;
  readonly phase: ValuesPhase;
  readonly invariant: ValueInvariant;
  /** What stands there instead; absent when nothing does. */
  readonly kept: JsonValue | undefined;
}

/** The values of both phases after the plan's overrides. */
export interface MergedValues {
  readonly migration: readonly ReasonedValue[];
  readonly final: readonly ReasonedValue[];
  readonly findings: readonly Finding[];
}

/**
 * Puts the plan's own Helm values over those of each phase; the ones that would break the migration stay out.
 *
 * Shape: `values` are the phases' values in their order, `required` what translated policies need. An override that
 * breaks an invariant of a phase leaves that phase's value as it is.
 * Findings: `target/override-breaks-invariant` once per override, `target/override-waits-for-final`,
 * `target/unknown-value`.
 */
export function mergeOverrides(
  context: TargetContext,
  values: Readonly<Record<ValuesPhase, readonly ReasonedValue[]>>,
  required: readonly ReasonedValue[],
): MergedValues {
  const leaves = leavesOf(context.plan.spec.target.values);
  const invariants = [...valueInvariants, ...requiredInvariants(required)];
  const refusals: Refusal[] = [];
  const merge = (phase: ValuesPhase): ReasonedValue[] => {
    let merged = [...values[phase]];
    for (const leaf of leaves) {
      const broken = brokenBy(leaf, phase, invariants, values[phase], context);
      const kept = values[phase].find((value) => value.path.join(".") === leaf.path.join("."))?.value;
      refusals.push(...broken.map((invariant) => ({ leaf, phase, invariant, kept })));
      if (broken.length === 0) merged = putValue(merged, { ...leaf, why: overrideReason(leaf, values[phase]) });
    }
    return merged;
  };
  const migration = merge("migration");
  const final = merge("final");
  return { migration, final, findings: [...refusalFindings(refusals, context), ...unknownFindings(context)] };
}

function overrideReason(leaf: ValueLeaf, values: readonly ReasonedValue[]): string {
  const ours = values.find((value) => isOnPath(value.path, leaf.path));
  const replaced = ours === undefined ? "" : `, in place of ${JSON.stringify(ours.value)} (${ours.why})`;
  return `from spec.target.values of the plan${replaced}`;
}

function brokenBy(
  leaf: ValueLeaf,
  phase: ValuesPhase,
  invariants: readonly ValueInvariant[],
  values: readonly ReasonedValue[],
  context: TargetContext,
): ValueInvariant[] {
  return invariants.filter((invariant) => {
    if (!invariant.phases.includes(phase) || !isOnPath(invariant.path, leaf.path)) return false;
    // A value above or below the invariant's own place takes that place away, whatever it is.
    if (invariant.path.length !== leaf.path.length) return true;
    const ours = values.find((value) => value.path.join(".") === invariant.path.join("."))?.value;
    return !invariant.isAllowed({ context, value: leaf.value, ours });
  });
}

function refusalFindings(refusals: readonly Refusal[], context: TargetContext): Finding[] {
  const groups = new Map<string, Refusal[]>();
  for (const refusal of refusals) {
    const path = refusal.leaf.path.join(".");
    groups.set(path, [...(groups.get(path) ?? []), refusal]);
  }
  return [...groups].map(([path, group]) => refusalFinding(path, group, context));
}

function refusalFinding(path: string, group: readonly Refusal[], context: TargetContext): Finding {
  const waits = group.every(({ invariant, phase }) => invariant.otherwise === "wait" && phase === "migration");
  const value = group[0]?.leaf.value ?? null;
  const kept = group[0]?.kept;
  const phases = [...new Set(group.map((refusal) => refusal.phase))];
  const reasons = [...new Set(group.map(({ invariant }) => `${invariant.why} (allowed: ${invariant.allowed})`))];
  const instead = group.find(({ invariant }) => invariant.instead !== undefined)?.invariant.instead;
  const shown = `${path}: ${JSON.stringify(value)}`;
  const where = { file: context.plan.file, field: `spec.target.values.${path}` };
  const data = { path, value, phases, ...(kept !== undefined && { kept }) };
  const reason = reasons.join("; ");
  if (waits)
    return findingOf("target/override-waits-for-final", {
      message: `${shown} waits for the final values`,
      where,
      reason,
      remedy: "nothing to do: it is among the values that are applied when every pod is on Cilium",
      data,
    });
  return findingOf("target/override-breaks-invariant", {
    message: `${shown} is refused ${phases.map((phase) => phaseText[phase]).join(" and ")}${kept === undefined ? "" : `; ${JSON.stringify(kept)} stays`}`,
    where,
    reason,
    remedy: `take it out of spec.target.values${instead === undefined ? "" : ` and use ${instead}`}`,
    data,
  });
}

const phaseText: Readonly<Record<ValuesPhase, string>> = {
  migration: "while both networks run",
  final: "in the final values",
};

function unknownFindings(context: TargetContext): Finding[] {
  return unknownValues(context.minor, context.plan.spec.target.values).map(({ path, nearest }) => {
    const shown = path.join(".");
    return findingOf("target/unknown-value", {
      message: `the chart of Cilium ${context.minor} reads no value ${shown}`,
      where: { file: context.plan.file, field: `spec.target.values.${shown}` },
      reason: "Helm takes unknown values without a word, and nothing happens",
      remedy:
        nearest === undefined
          ? "take it out, or put agent settings without a value of their own under extraConfig"
          : `write ${nearest} if that is meant`,
      data: { path: shown, ...(nearest !== undefined && { nearest }) },
    });
  });
}
