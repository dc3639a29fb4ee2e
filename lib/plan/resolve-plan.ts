import { normaliseCIDR } from "../core/cidr.ts";
import { ownNamespace } from "../core/own-namespace.ts";
import type { WrittenPrefixes } from "./check-addresses.ts";
import { executorModes } from "./executor-modes.ts";
import type { ExecutorName, Plan, RollMode } from "./plan.ts";
import type { ParsedPlanFile } from "./plan-schema.ts";
import { ClusterAPISchema, KuredSchema, SystemUpgradeControllerSchema } from "./roll-schema.ts";

/** The resolved form of a plan that the schema accepted: defaults filled in, prefixes in canonical form where they are valid. */
export function resolvePlan(parsed: ParsedPlanFile, file: string): Plan {
  const { target, waves, roll } = parsed.spec;
  return {
    name: parsed.metadata.name,
    file,
    spec: {
      ...parsed.spec,
      target: { ...target, podCIDRs: target.podCIDRs.map(canonicalCIDR) },
      reservedCIDRs: parsed.spec.reservedCIDRs.map(canonicalCIDR),
      waves: { ...waves, exclude: waves.exclude },
      roll: {
        ...goldpingerDefault(parsed),
        ...executorDefaults(roll.executor),
        ...roll,
        mode: roll.mode ?? defaultMode(roll.executor),
      },
    },
    stages: parsed.stages,
  };
}

/** Where the plan's own Goldpinger answers; what the user wrote stands. */
function goldpingerDefault({ spec }: ParsedPlanFile): Pick<Plan["spec"]["roll"], "goldpinger"> {
  return spec.observability.goldpinger
    ? { goldpinger: { url: `http://goldpinger.${ownNamespace}:8080`, healthyAnswers: 3 } }
    : {};
}

/** The chosen executor's own settings are always there; those of others only where they were written. */
function executorDefaults(
  executor: Plan["spec"]["roll"]["executor"],
): Pick<Plan["spec"]["roll"], "systemUpgradeController" | "kured" | "clusterAPI"> {
  switch (executor) {
    case "system-upgrade-controller":
      return { systemUpgradeController: SystemUpgradeControllerSchema.parse({}) };
    case "kured":
      return { kured: KuredSchema.parse({}) };
    case "cluster-api":
      return { clusterAPI: ClusterAPISchema.parse({}) };
    default:
      return {};
  }
}

function defaultMode(executor: ExecutorName): RollMode {
  return executorModes[executor].modes[0] ?? "evict";
}

function canonicalCIDR(text: string): string {
  return normaliseCIDR(text) ?? text;
}

/** The prefixes as the user wrote them, for findings about their form. */
export function writtenPrefixes(parsed: ParsedPlanFile): WrittenPrefixes {
  return { podCIDRs: parsed.spec.target.podCIDRs, reservedCIDRs: parsed.spec.reservedCIDRs };
}
