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
 * Findings: `target/override-breaks-invariant` once per override and reason, `target/override-waits-for-final`,
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
      refusals.push(...broken.map((invariant) => ({ leaf, phase, invariant })));
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
    const key = `${refusal.leaf.path.join(".")} ${refusal.invariant.why}`;
    groups.set(key, [...(groups.get(key) ?? []), refusal]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { leaf, invariant } = first;
    const path = leaf.path.join(".");
    const waits = invariant.otherwise === "wait" && group.every((refusal) => refusal.phase === "migration");
    const phases = [...new Set(group.map((refusal) => phaseText[refusal.phase]))].join(" and ");
    const shown = `${path}: ${JSON.stringify(leaf.value)}`;
    return [
      findingOf(waits ? "target/override-waits-for-final" : "target/override-breaks-invariant", {
        message: waits
          ? `${shown} waits for the final values`
          : `${shown} is refused ${phases}; allowed is ${invariant.allowed}`,
        where: { file: context.plan.file, field: `spec.target.values.${path}` },
        reason: invariant.why,
        remedy: waits
          ? "nothing to do; it is in the values of 800-finalise"
          : invariant.instead === undefined
            ? "take it out of spec.target.values"
            : `take it out of spec.target.values and use ${invariant.instead}`,
        data: { path, value: leaf.value, phases: group.map((refusal) => refusal.phase), kept: keptOf(invariant) },
      }),
    ];
  });
}

const phaseText: Readonly<Record<ValuesPhase, string>> = {
  migration: "while both networks run",
  final: "in the final values",
};

function keptOf(invariant: ValueInvariant): JsonValue {
  return invariant.allowed;
}

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
