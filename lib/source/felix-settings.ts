import { getBoolean, getNumber, getString, type JsonValue } from "../core/json.ts";
import { readVariable, type Workload } from "./workload.ts";

/** See Calico, Felix configuration: iptablesBackend, iptablesRefreshInterval, defaultEndpointToHostAction. */
export interface FelixSettings {
  readonly iptablesBackend?: string;
  readonly iptablesRefreshInterval?: string;
  readonly defaultEndpointToHostAction?: string;
}

/** Reads them from the agents' variables, then from FelixConfigurations. */
export function readFelixSettings(
  felix: readonly (JsonValue | undefined)[],
  agents: readonly Workload[],
): FelixSettings {
  const fields = ["iptablesBackend", "iptablesRefreshInterval", "defaultEndpointToHostAction"] as const;
  const told = fields.flatMap((field) => {
    const variable = firstVariable(agents, `FELIX_${field.toUpperCase()}`);
    const value = variable ?? felix.map((spec) => getString(spec, field)).find((one) => one !== undefined);
    return value === undefined ? [] : [[field, value] as const];
  });
  return Object.fromEntries(told);
}

/** A variable of the first agent that has it. */
export function firstVariable(agents: readonly Workload[], name: string): string | undefined {
  return agents.map((agent) => readVariable(agent, name)).find((value) => value !== undefined);
}

/** Whether a setting of Felix is on anywhere. */
export function anyTrue(
  felix: readonly (JsonValue | undefined)[],
  field: string,
  agents: readonly Workload[],
  variable: string,
): boolean {
  const told = felix.map((spec) => getBoolean(spec, field)).filter((value) => value !== undefined);
  // A variable of the agent wins over the resource (Calico, configuring Felix: environment before datastore).
  const word = firstVariable(agents, variable)?.toLowerCase();
  if (word !== undefined && word !== "") return ["true", "1", "yes", "y", "t"].includes(word);
  return told.includes(true);
}

/** A number among Felix' settings; `undefined` when nothing tells. */
export function numberOf(
  felix: readonly (JsonValue | undefined)[],
  field: string,
  agents: readonly Workload[],
  variable: string,
): number | undefined {
  const word = firstVariable(agents, variable);
  if (word !== undefined && /^\d+$/u.test(word)) return Number(word);
  return felix.map((spec) => getNumber(spec, field)).find((value) => value !== undefined);
}
